//! Instants and spans. The shell reads the clock; the core only computes with what it was given.

use std::fmt;
use std::time::Duration;

/// An instant: microseconds since the Unix epoch, by the exporter's clock unless a field says otherwise.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Timestamp(pub u64);

impl Timestamp {
    /// From whole and fractional seconds since the Unix epoch; negative and non-finite values become the epoch.
    pub fn from_seconds(seconds: f64) -> Self {
        Self((seconds * 1e6).max(0.0) as u64)
    }

    /// Seconds since the Unix epoch.
    pub fn as_seconds(self) -> f64 {
        self.0 as f64 / 1e6
    }

    /// `self - earlier` in seconds; negative if `earlier` is later.
    pub fn seconds_since(self, earlier: Self) -> f64 {
        (self.0 as i64).wrapping_sub(earlier.0 as i64) as f64 / 1e6
    }

    /// The span from `earlier` to `self`, zero if `earlier` is later.
    pub fn since(self, earlier: Self) -> Duration {
        Duration::from_micros(self.0.saturating_sub(earlier.0))
    }

    /// This instant moved by `by`.
    #[must_use]
    pub fn plus(self, by: Duration) -> Self {
        Self(self.0.saturating_add(by.as_micros() as u64))
    }
}

impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:.3}", self.as_seconds())
    }
}
