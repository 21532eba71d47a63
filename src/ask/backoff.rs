//! How long a node that cannot be connected to is left alone.

use std::time::Duration;

const LONGEST: Duration = Duration::from_secs(10);

/// The pause after so many failures in a row. None after the first: most are over by the next poll. From then on
/// it doubles from one second to ten, but no further than `longest`, and `random` (from 0 to 1) takes away up to half of
/// it, so that the nodes of a rack that comes back are not all dialled at once.
pub(super) fn pause(failures: u32, longest: Duration, random: f64) -> Duration {
    if failures < 2 {
        return Duration::ZERO;
    }
    let doubled = Duration::from_secs(1 << (failures - 2).min(4));
    doubled.min(LONGEST).min(longest).mul_f64(1.0 - random.clamp(0.0, 1.0) / 2.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_retry_comes_with_the_next_poll() {
        assert_eq!(pause(0, LONGEST, 0.0), Duration::ZERO);
        assert_eq!(pause(1, LONGEST, 0.0), Duration::ZERO);
    }

    #[test]
    fn doubles_up_to_ten_seconds() {
        let seconds: Vec<u64> = (2..10).map(|failures| pause(failures, LONGEST, 0.0).as_secs()).collect();
        assert_eq!(seconds, [1, 2, 4, 8, 10, 10, 10, 10]);
        assert_eq!(pause(u32::MAX, LONGEST, 0.0), LONGEST);
    }

    #[test]
    fn chance_takes_at_most_half() {
        assert_eq!(pause(7, LONGEST, 1.0), Duration::from_secs(5));
        assert_eq!(pause(7, LONGEST, 0.5), Duration::from_millis(7_500));
        assert_eq!(pause(7, Duration::from_millis(750), 0.0), Duration::from_millis(750));
    }
}
