//! Whether the poll loops turn. Pure but for reading the newest frames.

use std::sync::Arc;
use std::time::{Duration, Instant};

use super::Published;
use crate::model::time::Timestamp;

/// Intervals without a frame after which a loop stands still.
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
    let silent = |cluster: &Published| match cluster.polled() {
        Some(polled) => now.since(polled.at),
        None => at.saturating_duration_since(cluster.since),
    };
    clusters
        .iter()
        .map(|cluster| (cluster, silent(cluster)))
        .filter(|(cluster, silent)| *silent > cluster.interval * PATIENCE)
        .map(|(cluster, silent)| Stalled { cluster: Arc::clone(&cluster.name), silent })
        .collect()
}

/// The clusters whose first frame is still to come.
pub fn awaited(clusters: &[Published]) -> Vec<Arc<str>> {
    clusters.iter().filter(|c| c.polled().is_none()).map(|c| Arc::clone(&c.name)).collect()
}
