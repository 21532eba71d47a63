//! CLUSTER SLOT-STATS: an array of `[slot, flat map]`.

use crate::model::failure::ParseError;
use crate::model::reply::Reply;
use crate::model::snapshot::SlotStat;

/// The slots in the server's order.
pub(super) fn slot_stats(reply: &Reply) -> Result<Vec<SlotStat>, ParseError> {
    let slots = reply.array().ok_or_else(|| ParseError::new("an array", "CLUSTER SLOT-STATS"))?;
    slots.iter().map(slot_stat).collect()
}

fn slot_stat(entry: &Reply) -> Result<SlotStat, ParseError> {
    let wanted = || ParseError::new("[slot, statistics]", "CLUSTER SLOT-STATS");
    let [slot, statistics] = entry.array().ok_or_else(wanted)? else { return Err(wanted()) };
    let slot = slot.int().and_then(|slot| u16::try_from(slot).ok()).ok_or_else(wanted)?;
    let number = |name: &str| {
        let value = statistics.pairs().find(|(key, _)| *key == name).and_then(|(_, value)| value.int());
        value.and_then(|value| u64::try_from(value).ok())
    };
    Ok(SlotStat { slot, keys: number("key-count").unwrap_or(0), cpu_micros: number("cpu-usec") })
}
