//! The command `check`: judges once and says so, from live nodes or from capture directories.

#![allow(clippy::disallowed_methods, reason = "part of the shell: waits between two polls")]

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use crate::capture::{self, CaptureError};
use crate::config::Config;
use crate::frame::{self, Frame, Setup};
use crate::history::History;
use crate::model::time::Timestamp;
use crate::poll::{Neighbours, Poller};
use crate::probes::Replies;
use crate::self_metrics::SelfMetrics;

/// Judges every configured cluster: two polls, an interval apart, so that rates and what must be confirmed can be
/// told; all keys are counted before each.
pub async fn live(config: &Config) -> Vec<Frame> {
    let names = config.clusters.iter().map(|cluster| Arc::clone(&cluster.name));
    let counts = SelfMetrics::new(names, Timestamp::default());
    let neighbours = Neighbours::default();
    let pollers = config.clusters.iter().map(|cluster| {
        let history = History::default();
        let counts = counts.cluster(&cluster.name);
        Poller::new(cluster, config.poll, history, counts, neighbours.clone()).with_all_links()
    });
    let mut pollers: Vec<Poller> = pollers.collect();
    for poller in &mut pollers {
        poller.poll().await;
        poller.sweep_all().await;
    }
    tokio::time::sleep(config.poll.interval).await;
    let mut frames = Vec::with_capacity(pollers.len());
    for mut poller in pollers {
        frames.push(poller.poll().await);
    }
    frames
}

/// Judges recorded polls of one cluster, oldest first, and returns the last frame.
///
/// # Errors
/// A directory is not a capture.
pub fn recorded(setup: &Setup, directories: &[PathBuf]) -> Result<Option<Frame>, CaptureError> {
    let mut history = History::default();
    let mut last = None;
    for directory in directories {
        let replies = read(directory)?;
        let at = replies.iter().map(|replies| replies.asked_at).max().unwrap_or_default();
        last = Some(frame::analyze(setup, &replies, &mut history, at, Duration::ZERO));
    }
    Ok(last)
}

fn read(directory: &Path) -> Result<Vec<Replies>, CaptureError> {
    Ok(capture::read(directory)?.into_iter().map(|(_, replies)| replies).collect())
}
