//! What is exported of the recorded states: the text itself, and its agreement with what is true in them.
#![allow(
    clippy::unwrap_used,
    clippy::string_slice,
    clippy::disallowed_methods,
    reason = "a test fails where it meets what it does not expect, and knows whether it runs in CI"
)]

mod common {
    pub(crate) mod captures;
    pub(crate) mod golden;
    pub(crate) mod judged;
    pub(crate) mod naive;
    #[allow(dead_code, unreachable_pub, reason = "shared with other test programs")]
    pub(crate) mod samples;
    pub(crate) mod sim;
}

use std::sync::Arc;

use common::captures::State;
use redis_cluster_exporter::frame::Frame;
use redis_cluster_exporter::model::address::Naming;

/// The frame of one poll of a recorded state.
fn judged(state: &State) -> Arc<Frame> {
    let replies: Vec<_> = state.nodes().into_iter().map(|(_, replies)| replies).collect();
    common::judged::frame_of(&replies, Naming::default(), 1)
}

mod states {
    mod exposition;
    mod findings;
    mod truth;
}
