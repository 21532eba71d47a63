//! The command `capture`: writes what every node replies, as a bug report or a fixture.

use std::path::Path;
use std::sync::Arc;

use crate::capture::{self, CaptureError, Disguise};
use crate::config::Config;
use crate::history::History;
use crate::model::time::Timestamp;
use crate::poll::{Neighbours, Poller};
use crate::self_metrics::SelfMetrics;

/// Polls every configured cluster once and writes a folder per node into `out`, or per cluster and node if there are
/// several; returns how many nodes were written.
///
/// # Errors
/// A folder or file cannot be written; folders that are there already are never written over.
pub async fn capture(config: &Config, out: &Path, anonymise: bool) -> Result<usize, CaptureError> {
    let names = config.clusters.iter().map(|cluster| Arc::clone(&cluster.name));
    let counts = SelfMetrics::new(names, Timestamp::default());
    let mut written = 0;
    for cluster in &config.clusters {
        let own = counts.cluster(&cluster.name);
        let poller = Poller::new(cluster, config.poll, History::default(), own, Neighbours::default());
        let (mut replies, _) = poller.with_all_links().keeping_replies().gather().await;
        if anonymise {
            Disguise::of(&replies).apply(&mut replies);
        }
        let several = config.clusters.len() > 1;
        let dir = if several { out.join(&*cluster.name) } else { out.to_owned() };
        written += capture::write(&dir, &replies)?;
    }
    Ok(written)
}
