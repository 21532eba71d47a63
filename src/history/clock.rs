//! How far a server's clock is from ours, learned from the stamps of its replies.
//!
//! A reply that carries the server's time was written after we asked and before we had read it: every poll bounds
//! the difference of the clocks by its round trip. Bounds of many polls intersect; the quickest one pins the
//! difference, and a poll that was delayed on its way is then dated by the server's own clock.

use crate::model::time::Timestamp;

/// Clocks are trusted to drift apart by no more than this: 100 µs a second.
const DRIFT: f64 = 100e-6;
/// What a server's cached time may lag behind the moment of the reply, in microseconds.
const SLACK: f64 = 100.0;

/// Bounds of `server clock - our clock`, microseconds.
#[derive(Clone, Copy, Debug)]
pub(super) struct ClockOffset {
    low: f64,
    high: f64,
    at: Timestamp,
}

impl ClockOffset {
    /// What one exchange tells.
    pub(super) fn of(server: Timestamp, sent: Timestamp, received: Timestamp) -> Self {
        let difference = |ours: Timestamp| server.0 as f64 - ours.0 as f64;
        Self { low: difference(received) - SLACK, high: difference(sent) + SLACK, at: sent }
    }

    /// Both together; the newer one alone if they exclude each other, for then a clock was set.
    pub(super) fn and(self, newer: Self) -> Self {
        let widened = newer.at.seconds_since(self.at).abs() * DRIFT * 1e6;
        let low = newer.low.max(self.low - widened);
        let high = newer.high.min(self.high + widened);
        if low <= high { Self { low, high, at: newer.at } } else { newer }
    }

    /// A server's instant on our clock, never outside the exchange that told it.
    pub(super) fn ours(self, server: Timestamp, sent: Timestamp, received: Timestamp) -> Timestamp {
        let ours = server.0 as f64 - f64::midpoint(self.low, self.high);
        Timestamp((ours.max(0.0) as u64).clamp(sent.0, received.0.max(sent.0)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: u64 = 1_000_000;
    /// The server's clock is ahead by this.
    const AHEAD: u64 = 5 * SECOND;

    fn at(micros: u64) -> Timestamp {
        Timestamp(100 * SECOND + micros)
    }

    #[test]
    fn a_quick_exchange_dates_a_slow_one() {
        let quick = ClockOffset::of(at(AHEAD + 100), at(0), at(200));
        let (sent, written, received) = (at(SECOND), at(SECOND + 40_000), at(SECOND + 50_000));
        let server = Timestamp(written.0 + AHEAD);
        let both = quick.and(ClockOffset::of(server, sent, received));
        let error = both.ours(server, sent, received).seconds_since(written).abs();
        assert!(error < 0.000_3, "{error}");
    }

    #[test]
    fn a_clock_that_was_set_is_learned_anew() {
        let before = ClockOffset::of(at(AHEAD), at(0), at(100));
        let after = before.and(ClockOffset::of(at(SECOND), at(SECOND), at(SECOND + 100)));
        let dated = after.ours(at(2 * SECOND), at(2 * SECOND), at(2 * SECOND + 100));
        assert!(dated.seconds_since(at(2 * SECOND)) <= 0.000_1);
    }
}
