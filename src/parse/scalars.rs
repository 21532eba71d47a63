//! Replies of one value.

use crate::model::clock::ClockReading;
use crate::model::failure::ParseError;
use crate::model::reply::Reply;
use crate::model::time::Timestamp;

/// Text.
pub(super) fn text(reply: &Reply) -> Result<&str, ParseError> {
    reply.text().ok_or_else(|| ParseError::new("text", format!("{reply:?}")))
}

/// An integer of zero or more: SLOWLOG LEN, COUNTKEYSINSLOT.
pub(super) fn count(reply: &Reply) -> Result<u64, ParseError> {
    let number = reply.int().and_then(|n| u64::try_from(n).ok());
    number.ok_or_else(|| ParseError::new("an integer of zero or more", format!("{reply:?}")))
}

/// Whole seconds since the Unix epoch: LASTSAVE.
pub(super) fn unix_seconds(reply: &Reply) -> Result<Timestamp, ParseError> {
    count(reply).map(|seconds| Timestamp(seconds.saturating_mul(1_000_000)))
}

/// TIME: seconds and microseconds.
pub(super) fn time(reply: &Reply, sent: Timestamp, received: Timestamp) -> Result<ClockReading, ParseError> {
    let parts = reply.array().unwrap_or_default();
    let [seconds, micros] = parts else {
        return Err(ParseError::new("[seconds, microseconds]", format!("{reply:?}")));
    };
    let server = Timestamp(count(seconds)?.saturating_mul(1_000_000).saturating_add(count(micros)?));
    Ok(ClockReading { server, sent, received })
}
