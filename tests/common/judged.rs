//! Recorded states as frames: the way of every poll, at the instant at which the state was recorded.
#![allow(dead_code, reason = "each test binary uses its own part")]

use std::sync::Arc;
use std::time::Duration;

use redis_cluster_exporter::frame::{self, Frame, Setup};
use redis_cluster_exporter::history::History;
use redis_cluster_exporter::http::classic;
use redis_cluster_exporter::metrics;
use redis_cluster_exporter::model::address::Naming;
use redis_cluster_exporter::probes::Replies;

use super::captures::State;
use super::samples::Samples;

/// The name that the tests give to every cluster.
pub(crate) const CLUSTER: &str = "recorded";

/// One poll with these replies, begun when the first node was asked.
pub(crate) fn poll(replies: &[Replies]) -> Arc<Frame> {
    let interval = Duration::from_secs(5);
    let setup = Setup { cluster: Arc::from(CLUSTER), naming: Naming::default(), interval };
    let at = replies.iter().map(|replies| replies.asked_at).min().unwrap();
    Arc::new(frame::analyze(&setup, replies, &mut History::default(), at, Duration::from_millis(40)))
}

/// The frame of one poll of a recorded state.
pub(crate) fn judged(state: &State) -> Arc<Frame> {
    poll(&state.nodes().into_iter().map(|(_, replies)| replies).collect::<Vec<_>>())
}

/// What is exported of a frame while it is fresh: text 0.0.4.
pub(crate) fn exposition(frame: &Arc<Frame>) -> String {
    classic::from_openmetrics(&metrics::encode(&[Arc::clone(frame)], frame.view.at))
}

/// The same, read.
pub(crate) fn samples(frame: &Arc<Frame>) -> Samples {
    Samples::parse(&exposition(frame)).unwrap()
}
