//! One timer for many who wait: each timer that is set wakes the runtime through the kernel, and all nodes of a cluster
//! are asked at the same instant, with the same deadline.

#![allow(clippy::disallowed_methods, reason = "part of the shell: alarms go off by the clock")]

use std::pin::{Pin, pin};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use futures_util::FutureExt;
use futures_util::future::{Either, Shared, WeakShared, select};

type Timer = Pin<Box<dyn Future<Output = ()> + Send>>;

/// Goes off once, for everybody who waits for it.
type Alarm = Shared<Timer>;

/// Alarms whose instants are rounded up, so that what is due at about the same time shares one.
pub struct Alarms {
    /// Instants are rounded to whole steps from here.
    start: Instant,
    step: Duration,
    /// Gone with the last who waits for it: a timer that nobody needs any more would wake the process for nothing.
    last: Mutex<Option<(Instant, WeakShared<Timer>)>>,
}

impl std::fmt::Debug for Alarms {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Alarms").field("step", &self.step).finish_non_exhaustive()
    }
}

impl Alarms {
    /// Alarms that go off up to a `step` late.
    pub fn every(step: Duration) -> Self {
        Self { start: Instant::now(), step: step.max(Duration::from_millis(1)), last: Mutex::new(None) }
    }

    /// What `work` gives, if it is done by then; else it is given back as it stands.
    pub async fn within<F: Future + Unpin>(&self, at: Instant, work: F) -> Result<F::Output, F> {
        match select(work, pin!(self.at(at))).await {
            Either::Left((done, _)) => Ok(done),
            Either::Right(((), work)) => Err(work),
        }
    }

    fn at(&self, at: Instant) -> Alarm {
        let steps = at.saturating_duration_since(self.start).as_nanos().div_ceil(self.step.as_nanos());
        let at = self.start + Duration::from_nanos((steps * self.step.as_nanos()) as u64);
        let mut last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
        let same = last.as_ref().filter(|(due, _)| *due == at).and_then(|(_, alarm)| alarm.upgrade());
        same.unwrap_or_else(|| {
            let alarm = tokio::time::sleep_until(at.into()).boxed().shared();
            *last = alarm.downgrade().map(|alarm| (at, alarm));
            alarm
        })
    }
}

#[cfg(test)]
mod tests {
    use std::future::{pending, ready};

    use tokio::time::Instant as Virtual;

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn ends_what_waits_too_long_and_nothing_else() {
        let begun = Virtual::now();
        let alarms = Alarms { start: begun.into_std(), ..Alarms::every(Duration::from_millis(10)) };
        let at = begun.into_std() + Duration::from_millis(95);
        assert_eq!(alarms.within(at, ready(1)).await.ok(), Some(1));
        let both = tokio::join!(alarms.within(at, pending::<()>()), alarms.within(at, pending::<()>()));
        assert!(both.0.is_err() && both.1.is_err());
        let took = begun.elapsed();
        assert!(took >= Duration::from_millis(95) && took <= Duration::from_millis(101), "{took:?}");
        assert!(alarms.within(at, pending::<()>()).await.is_err(), "one that has gone off stays so");
    }

    #[tokio::test(start_paused = true)]
    async fn one_for_all_who_wait_and_gone_with_them() {
        let alarms = Alarms::every(Duration::from_millis(10));
        let at = Instant::now() + Duration::from_secs(1);
        let (first, second) = (alarms.at(at), alarms.at(at));
        assert!(first.ptr_eq(&second));
        drop(first);
        assert!(alarms.at(at).ptr_eq(&second));
        drop(second);
        let last = alarms.last.into_inner().expect("no panic");
        assert!(last.is_some_and(|(_, alarm)| alarm.upgrade().is_none()));
    }
}
