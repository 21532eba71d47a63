//! Slots on the move, in the text of `check`: no finding as long as they get on, but what somebody who looks at the
//! cluster wants to be told.

use crate::frame::Frame;
use crate::model::finding::seconds;
use crate::model::migration::OpenMigration;
use crate::model::node::NodeId;

/// Every open migration in a line: slots, both ends, mechanism, age, keys left at the source.
pub(super) fn lines(frame: &Frame) -> impl Iterator<Item = String> {
    frame.past.migrations.iter().map(|open| {
        let slots = if open.slots.is_empty() { "slots".to_owned() } else { format!("slots {}", open.slots) };
        let [source, target] = [open.source, open.target].map(|id| end(frame, id).unwrap_or("?".to_owned()));
        let keys =
            open.keys_remaining.map_or_else(String::new, |keys| format!(", {keys} keys at the source"));
        let (by, open) = (open.mechanism.as_str(), seconds(age(frame, open)));
        format!("{slots} from {source} to {target} by {by}, open for {open}{keys}")
    })
}

fn end(frame: &Frame, id: Option<NodeId>) -> Option<String> {
    let id = id?;
    Some(frame.view.member(id).map_or_else(|| id.to_string(), |member| member.label.to_string()))
}

/// Seconds.
fn age(frame: &Frame, open: &OpenMigration) -> f64 {
    open.since.map_or(0.0, |since| frame.view.at.seconds_since(since).max(0.0))
}
