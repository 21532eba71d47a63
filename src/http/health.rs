//! Whether the poll loops turn. Pure but for reading the newest frames.

use std::sync::Arc;
use std::time::{Duration, Instant};

use super::Published;
use crate::model::time::Timestamp;

/// Intervals without a first frame after which a loop stands still; as [`Frame::is_stale`](crate::frame::Frame::is_stale) for the later ones.
const PATIENCE: u32 = 3;

/// A poll loop that stands still.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stalled {
    /// The cluster.
    pub cluster: Arc<str>,
    /// How long ago its last frame was taken, or the loop started where there was none yet.
    pub silent: Duration,
}

/// The loops that have published nothing for three intervals. A frame's age is by the wall clock `now`; a loop that
/// published nothing yet counts from its start, by the monotonic clock `at`.
pub fn stalled(clusters: &[Published], now: Timestamp, at: Instant) -> Vec<Stalled> {
    clusters.iter().filter_map(|cluster| silent(cluster, now, at)).collect()
}

fn silent(cluster: &Published, now: Timestamp, at: Instant) -> Option<Stalled> {
    let (silent, stalled) = match cluster.frame() {
        Some(frame) => (now.since(frame.view.at), frame.is_stale(now)),
        None => {
            let silent = at.saturating_duration_since(cluster.since);
            (silent, silent > cluster.interval * PATIENCE)
        }
    };
    stalled.then(|| Stalled { cluster: Arc::clone(&cluster.name), silent })
}

/// The clusters whose first frame is still to come.
pub fn awaited(clusters: &[Published]) -> Vec<Arc<str>> {
    clusters.iter().filter(|c| c.frame().is_none()).map(|c| Arc::clone(&c.name)).collect()
}
