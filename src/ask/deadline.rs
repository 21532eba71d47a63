//! The one instant by which an ask is over.

use std::pin::pin;
use std::time::{Duration, Instant};

use crate::alarms::Alarms;
use crate::model::failure::AskError;

/// By when everything must be done, and how long that was from the beginning.
#[derive(Clone, Copy, Debug)]
pub(super) struct Deadline<'a> {
    at: Instant,
    after: Duration,
    alarms: &'a Alarms,
}

impl<'a> Deadline<'a> {
    pub(super) fn after(begun: Instant, after: Duration, alarms: &'a Alarms) -> Self {
        Self { at: begun + after, after, alarms }
    }

    /// Time that is left.
    pub(super) fn left(self) -> Duration {
        self.at.saturating_duration_since(Instant::now())
    }

    /// The time an ask has from its beginning.
    pub(super) fn whole(self) -> Duration {
        self.after
    }

    /// What `step` gives, or a timeout that says what was going on.
    pub(super) async fn over<T>(
        self,
        during: &'static str,
        step: impl Future<Output = T>,
    ) -> Result<T, AskError> {
        self.alarms.within(self.at, pin!(step)).await.map_err(|_| self.missed(during))
    }

    /// The timeout itself.
    pub(super) fn missed(self, during: &'static str) -> AskError {
        AskError::Timeout { during, after_ms: self.after.as_millis() as u64 }
    }
}
