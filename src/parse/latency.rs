//! LATENCY LATEST: an array of `[event, unix seconds, latest ms, max ms]`, with more columns at newer versions.

use crate::model::failure::ParseError;
use crate::model::reply::Reply;
use crate::model::snapshot::LatencyEvent;
use crate::model::time::Timestamp;

/// The events, ascending by name.
pub(super) fn latest(reply: &Reply) -> Result<Vec<LatencyEvent>, ParseError> {
    let events = reply.array().ok_or_else(|| ParseError::new("an array", "LATENCY LATEST"))?;
    let read = |event: &Reply| {
        let [name, at, latest, max, ..] = event.array()? else { return None };
        let number = |reply: &Reply| u64::try_from(reply.int()?).ok();
        Some(LatencyEvent {
            event: name.text()?.to_owned(),
            at: Timestamp(number(at)?.saturating_mul(1_000_000)),
            latest_ms: number(latest)?,
            max_ms: number(max)?,
        })
    };
    let wanted = || ParseError::new("[event, time, latest, max]", "LATENCY LATEST");
    let mut events: Vec<_> = events.iter().map(read).collect::<Option<_>>().ok_or_else(wanted)?;
    events.sort_by(|a, b| a.event.cmp(&b.event));
    Ok(events)
}
