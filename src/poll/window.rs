//! How much is asked at a time, without waiting for what hangs.

use std::sync::Arc;
use std::time::Duration;

use futures_util::stream::FuturesUnordered;
use futures_util::{Stream, StreamExt};
use tokio::sync::Semaphore;
use tokio::time::timeout;

/// Lets so much be done at a time, without waiting for what hangs.
#[derive(Clone, Debug)]
pub struct Window {
    places: Arc<Semaphore>,
    patience: Duration,
}

impl Window {
    /// So many places. What is not done after `patience` goes on, but gives its place to the next: what hangs costs no
    /// work, and those behind it must not wait until its end.
    pub fn new(places: usize, patience: Duration) -> Self {
        Self { places: Arc::new(Semaphore::new(places)), patience }
    }

    /// Does it once there is a place.
    pub(super) async fn run<F: Future + Unpin>(self, mut work: F) -> F::Output {
        // The window is never closed, so the place always comes.
        let place = self.places.acquire().await;
        match timeout(self.patience, &mut work).await {
            Ok(done) => done,
            Err(_) => {
                drop(place);
                work.await
            }
        }
    }

    /// Does all of these; gives what they give as they are done.
    pub(super) fn run_all<F: Future>(self, work: Vec<F>) -> impl Stream<Item = F::Output> {
        // Where there is a place for each, nobody needs to be timed.
        let window = (work.len() > self.places.available_permits()).then_some(self);
        let in_turn = |work: F| {
            let (window, work) = (window.clone(), Box::pin(work));
            async {
                match window {
                    Some(window) => window.run(work).await,
                    None => work.await,
                }
            }
        };
        work.into_iter().map(in_turn).collect::<FuturesUnordered<_>>()
    }
}

/// Runs all of these, and wakes only those that have something to do.
pub(super) async fn all_at_once<F: Future>(asks: Vec<F>) -> Vec<F::Output> {
    // Boxed: the socket that one waited for last keeps its waker, and with that the room of all that is not boxed.
    asks.into_iter().map(Box::pin).collect::<FuturesUnordered<_>>().collect().await
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};

    use tokio::time::{Instant, sleep};

    use super::*;

    const PATIENCE: Duration = Duration::from_millis(100);

    #[tokio::test(start_paused = true)]
    async fn those_behind_many_that_hang_wait_a_little() {
        let hung = Duration::from_secs(2);
        let ask = |number| async move {
            let took = if number < 900 { hung } else { Duration::from_millis(1) };
            sleep(took).await;
            number
        };
        let begun = Instant::now();
        let window = Window::new(64, PATIENCE);
        let mut done: Vec<_> = window.run_all((0..1000).map(ask).collect()).collect().await;
        done.sort_unstable();
        assert_eq!(done, (0..1000).collect::<Vec<_>>());
        // Fifteen windows full of hung ones went before the last.
        assert!(begun.elapsed() <= hung + 15 * PATIENCE, "{:?}", begun.elapsed());
    }

    #[tokio::test(start_paused = true)]
    async fn no_more_than_so_many_run_at_a_time() {
        let (now, most) = (AtomicUsize::new(0), AtomicUsize::new(0));
        let ask = |_| async {
            most.fetch_max(now.fetch_add(1, Relaxed) + 1, Relaxed);
            sleep(Duration::from_millis(5)).await;
            now.fetch_sub(1, Relaxed);
        };
        Window::new(64, PATIENCE).run_all((0..200).map(ask).collect()).collect::<Vec<_>>().await;
        assert_eq!(most.into_inner(), 64);
    }
}
