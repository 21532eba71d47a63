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

    /// Date and time of day in UTC with milliseconds, by RFC 3339: `2026-11-22T17:51:29.448Z`. Leap seconds do not
    /// exist in Unix time.
    pub fn utc(self) -> String {
        let seconds = self.0 / 1_000_000;
        let (year, month, day) = civil_date(seconds / 86_400);
        let (hour, minute, second) = (seconds / 3600 % 24, seconds / 60 % 60, seconds % 60);
        let millisecond = self.0 / 1000 % 1000;
        format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}.{millisecond:03}Z")
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

/// Year, month and day of a count of days since 1970-01-01, in the Gregorian calendar.
fn civil_date(days: u64) -> (u64, u64, u64) {
    // The leap day is the last day of a year that begins on 1 March; 400 of these years always have as many days.
    const CYCLE: u64 = 146_097;
    const MARCH_OF_YEAR_0: u64 = 719_468;
    let days = days + MARCH_OF_YEAR_0;
    let (cycle, day) = (days / CYCLE, days % CYCLE);
    // A day off for each leap day before it makes years of 365 days: every 4th year has one, not the 100th, the 400th.
    let year = (day - day / 1460 + day / 36_524 - day / (CYCLE - 1)) / 365;
    let day = day - (365 * year + year / 4 - year / 100);
    // From March on, months of 31, 30, 31, 30, 31 days, again and again: 153 days in five.
    let month = (5 * day + 2) / 153;
    let day = day - (153 * month + 2) / 5 + 1;
    let (month, january_or_february) = if month < 10 { (month + 3, 0) } else { (month - 9, 1) };
    (400 * cycle + year + january_or_february, month, day)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn instants_in_utc() {
        for (microseconds, wanted) in [
            (0, "1970-01-01T00:00:00.000Z"),
            (951_782_399_999_999, "2000-02-28T23:59:59.999Z"),
            (951_782_400_000_000, "2000-02-29T00:00:00.000Z"),
            (1_795_369_889_448_999, "2026-11-22T17:51:29.448Z"),
            (4_107_542_399_000_000, "2100-02-28T23:59:59.000Z"),
            (4_107_542_400_000_000, "2100-03-01T00:00:00.000Z"),
            (253_402_300_799_999_000, "9999-12-31T23:59:59.999Z"),
        ] {
            assert_eq!(Timestamp(microseconds).utc(), wanted);
        }
        assert!(Timestamp(u64::MAX).utc().ends_with(".551Z"));
    }

    /// Day by day over two cycles of 400 years, against counting.
    #[test]
    fn every_day_follows_the_one_before() {
        let (mut year, mut month, mut day) = (1970, 1, 1);
        for days in 0..2 * 146_097 {
            assert_eq!(civil_date(days), (year, month, day), "day {days}");
            let leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
            let last = match month {
                2 => 28 + u64::from(leap),
                4 | 6 | 9 | 11 => 30,
                _ => 31,
            };
            (year, month, day) = match (month, day) {
                (12, 31) => (year + 1, 1, 1),
                (_, day) if day == last => (year, month + 1, 1),
                _ => (year, month, day + 1),
            };
        }
    }
}
