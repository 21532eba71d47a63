//! Full resynchronisations of the last hour.

use crate::model::past::{Past, Resync};
use crate::model::view::ClusterView;

/// Remembered for so long, in seconds.
const WINDOW: f64 = 3600.0;

/// What was seen.
#[derive(Clone, Debug, Default)]
pub(super) struct Resyncs {
    seen: Vec<Resync>,
}

impl Resyncs {
    /// Adds what the primaries gave since the view before; a restarted server begins at zero.
    pub(super) fn fold(&mut self, view: &ClusterView, past: &Past) -> Vec<Resync> {
        for member in &view.members {
            let full = |said: &crate::model::snapshot::NodeSnapshot| {
                said.info.as_ref().ok()?.get("sync_full")?.parse::<u64>().ok()
            };
            let Some(previous) = past.previous.as_ref().and_then(|before| before.member(member.id)) else {
                continue;
            };
            let before = previous.said.as_deref().and_then(full);
            let now = member.said.as_deref().and_then(full);
            let (Some(before), Some(now)) = (before, now) else { continue };
            if now > before {
                self.seen.push(Resync { at: view.at, shard: member.shard.clone(), count: now - before });
            }
        }
        self.seen.retain(|resync| view.at.seconds_since(resync.at) < WINDOW);
        self.seen.clone()
    }
}
