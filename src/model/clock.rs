//! How far a server's clock is from ours, learned from the stamps of its replies.
//!
//! A reply that carries the server's time was written after we asked and before we had read it: every exchange bounds
//! the difference of the clocks by its round trip. Bounds of many exchanges intersect; the quickest one pins the
//! difference, and a poll that was delayed on its way is then dated by the server's own clock.

use super::time::Timestamp;

/// Clocks are trusted to drift apart by no more than this: 100 µs a second.
const DRIFT: f64 = 100e-6;
/// What a server's cached time may lag behind the moment of the reply, in microseconds.
const SLACK: f64 = 100.0;

/// What a server's clock showed when it wrote a reply, and when that can have been by ours.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ClockReading {
    /// The server's clock.
    pub server: Timestamp,
    /// When the question was sent.
    pub sent: Timestamp,
    /// When the last reply to what was sent with it had been read.
    pub received: Timestamp,
}

impl ClockReading {
    /// A server's instant on our clock by what is known of the two, never outside the exchange that told it.
    pub fn ours(&self, known: ClockOffset) -> Timestamp {
        let ours = self.server.0 as f64 - f64::midpoint(known.low, known.high);
        Timestamp((ours.max(0.0) as u64).clamp(self.sent.0, self.received.0.max(self.sent.0)))
    }
}

/// Bounds of a server's clock less ours.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ClockOffset {
    /// Microseconds, as `high`.
    low: f64,
    high: f64,
    at: Timestamp,
}

impl ClockOffset {
    /// What one exchange tells.
    pub fn of(reading: &ClockReading) -> Self {
        let difference = |ours: Timestamp| reading.server.0 as f64 - ours.0 as f64;
        Self {
            low: difference(reading.received) - SLACK,
            high: difference(reading.sent) + SLACK,
            at: reading.sent,
        }
    }

    /// Both together; the newer one alone if they exclude each other, for then a clock was set.
    #[must_use]
    pub fn and(self, newer: Self) -> Self {
        let known = self.by(newer.at);
        let (low, high) = (newer.low.max(known.low), newer.high.min(known.high));
        if low <= high { Self { low, high, at: newer.at } } else { newer }
    }

    /// What is left of it at another instant: clocks drift.
    #[must_use]
    pub fn by(self, at: Timestamp) -> Self {
        let widened = at.seconds_since(self.at).abs() * DRIFT * 1e6;
        Self { low: self.low - widened, high: self.high + widened, at }
    }

    /// The least and the most that the server's clock is ahead of ours, seconds.
    pub fn bounds(self) -> (f64, f64) {
        (self.low / 1e6, self.high / 1e6)
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
        let quick = ClockReading { server: at(AHEAD + 100), sent: at(0), received: at(200) };
        let written = at(SECOND + 40_000);
        let server = Timestamp(written.0 + AHEAD);
        let slow = ClockReading { server, sent: at(SECOND), received: at(SECOND + 50_000) };
        let both = ClockOffset::of(&quick).and(ClockOffset::of(&slow));
        let error = slow.ours(both).seconds_since(written).abs();
        assert!(error < 0.000_3, "{error}");
    }

    #[test]
    fn a_clock_that_was_set_is_learned_anew() {
        let exchange = |server, sent| ClockReading { server, sent, received: Timestamp(sent.0 + 100) };
        let before = ClockOffset::of(&exchange(at(AHEAD), at(0)));
        let after = before.and(ClockOffset::of(&exchange(at(SECOND), at(SECOND))));
        let dated = exchange(at(2 * SECOND), at(2 * SECOND)).ours(after);
        assert!(dated.seconds_since(at(2 * SECOND)) <= 0.000_1);
    }

    #[test]
    fn two_stamps_of_one_exchange_bound_it_from_both_sides() {
        // Written at its beginning and at its end: what lies between can be no part of the difference.
        let exchange = |server| ClockReading { server, sent: at(0), received: at(SECOND) };
        let (first, last) = (exchange(at(AHEAD + 1000)), exchange(at(AHEAD + SECOND - 1000)));
        let (low, high) = ClockOffset::of(&first).and(ClockOffset::of(&last)).bounds();
        assert!(low > 4.99 && low < 5.0 && high > 5.0 && high < 5.01, "{low} to {high}");
    }
}
