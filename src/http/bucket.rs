//! The bound on requests: a token every interval, as many at once as the bucket holds. Time is an argument.

use std::time::{Duration, Instant};

use crate::config::web_config::Rate;

/// Tokens, one for each request.
#[derive(Clone, Copy, Debug)]
pub(super) struct Bucket {
    rate: Rate,
    tokens: u32,
    /// When the last token came in, or would have.
    since: Instant,
}

impl Bucket {
    pub(super) fn full(rate: Rate, now: Instant) -> Self {
        Self { rate, tokens: rate.burst, since: now }
    }

    /// Takes a token.
    ///
    /// # Errors
    /// There is none; in how many seconds there will be one, at least 1.
    pub(super) fn take(&mut self, now: Instant) -> Result<(), u64> {
        let Rate { interval, burst } = self.rate;
        let elapsed = now.saturating_duration_since(self.since);
        let come = elapsed.as_nanos() / interval.as_nanos().max(1);
        if come >= u128::from(burst - self.tokens.min(burst)) {
            (self.tokens, self.since) = (burst, now);
        } else {
            let come = u32::try_from(come).unwrap_or(u32::MAX);
            self.tokens += come;
            self.since += interval * come;
        }
        if self.tokens == 0 {
            let wait = (self.since + interval).saturating_duration_since(now);
            return Err(wait.max(Duration::from_secs(1)).as_secs_f64().ceil() as u64);
        }
        self.tokens -= 1;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_burst_and_then_one_every_interval() {
        let start = Instant::now();
        let at = |millis| start + Duration::from_millis(millis);
        let mut bucket = Bucket::full(Rate { interval: Duration::from_millis(1500), burst: 2 }, start);
        assert_eq!(bucket.take(at(0)), Ok(()));
        assert_eq!(bucket.take(at(0)), Ok(()));
        assert_eq!(bucket.take(at(1)), Err(2));
        assert_eq!(bucket.take(at(1499)), Err(1));
        assert_eq!(bucket.take(at(1500)), Ok(()));
        // The time since the last token is not lost.
        assert_eq!(bucket.take(at(2999)), Err(1));
        assert_eq!(bucket.take(at(3000)), Ok(()));
        // No more than the burst, however long nobody came.
        assert_eq!([0; 3].map(|_| bucket.take(at(3_600_000))), [Ok(()), Ok(()), Err(2)]);
    }

    #[test]
    fn no_burst_lets_nobody_in() {
        let start = Instant::now();
        let mut bucket = Bucket::full(Rate { interval: Duration::from_secs(1), burst: 0 }, start);
        assert_eq!(bucket.take(start + Duration::from_secs(3600)), Err(1));
    }
}
