//! CLUSTER LINKS: an array of flat maps, two per peer.

use crate::model::failure::ParseError;
use crate::model::reply::Reply;
use crate::model::snapshot::BusLinks;

/// Sums the links; keys that a version does not have count as zero.
pub(super) fn links(reply: &Reply) -> Result<BusLinks, ParseError> {
    let links = reply.array().ok_or_else(|| ParseError::new("an array", "CLUSTER LINKS"))?;
    let mut sums = BusLinks::default();
    for link in links {
        for (key, value) in link.pairs() {
            match key {
                "direction" if value.text() == Some("to") => sums.outbound += 1,
                "direction" if value.text() == Some("from") => sums.inbound += 1,
                "send-buffer-allocated" => {
                    sums.buffer_allocated = sums.buffer_allocated.saturating_add(number(value));
                }
                "send-buffer-used" => {
                    sums.buffer_used = sums.buffer_used.saturating_add(number(value));
                    sums.buffer_used_max = sums.buffer_used_max.max(number(value));
                }
                _ => {}
            }
        }
    }
    Ok(sums)
}

fn number(value: &Reply) -> u64 {
    value.int().map_or(0, |n| n.max(0) as u64)
}
