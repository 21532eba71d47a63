//! How many nodes are asked at a time, without waiting for those that hang.

use std::sync::Arc;
use std::time::Duration;

use futures_util::stream::FuturesUnordered;
use futures_util::{Stream, StreamExt};
use tokio::sync::Semaphore;
use tokio::time::timeout;

/// Runs all of these, `places` of them at a time; gives what they give as they are done. One that is not done after
/// `patience` goes on, but gives its place to the next: what hangs costs no work, and those behind it must not wait
/// until its end.
pub(super) fn in_window<F: Future>(
    asks: Vec<F>,
    places: usize,
    patience: Duration,
) -> impl Stream<Item = F::Output> {
    let window = Arc::new(Semaphore::new(places));
    let in_turn = |ask: F| {
        let (window, mut ask) = (Arc::clone(&window), Box::pin(ask));
        async move {
            // The window is never closed, so the place always comes.
            let place = window.acquire().await;
            match timeout(patience, &mut ask).await {
                Ok(done) => done,
                Err(_) => {
                    drop(place);
                    ask.await
                }
            }
        }
    };
    asks.into_iter().map(in_turn).collect::<FuturesUnordered<_>>()
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
        let mut done: Vec<_> = in_window((0..1000).map(ask).collect(), 64, PATIENCE).collect().await;
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
        in_window((0..200).map(ask).collect(), 64, PATIENCE).collect::<Vec<_>>().await;
        assert_eq!(most.into_inner(), 64);
    }
}
