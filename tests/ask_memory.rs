//! What a hostile node can make us hold: alone in its process, since it reads the peak of the whole.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test fails by panicking")]
#![cfg(target_os = "linux")]

mod common {
    pub(crate) mod asking;
    pub(crate) mod fake_node;
}

use std::time::Duration;

use common::asking::{Asker, cluster, kind};
use common::fake_node::{FakeNode, Fault};

/// Peak of resident memory, in KiB.
fn peak() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find(|line| line.starts_with("VmHWM:")).unwrap();
    line.split_whitespace().nth(1).unwrap().parse().unwrap()
}

#[tokio::test]
async fn endless_replies_cost_less_than_forty_megabytes() {
    let node = FakeNode::healthy().spawn().await;
    Asker::of(node.target()).ask().await;
    for fault in [Fault::EndlessBulk, Fault::MillionElements, Fault::Nesting] {
        let before = peak();
        let node = FakeNode::healthy().fault(fault).spawn().await;
        let replies = Asker::patient(cluster(), node.target(), Duration::from_secs(20)).ask().await;
        assert_ne!(kind(&replies), "none");
        let grown = peak() - before;
        println!("{fault:?}: {grown} KiB, {}", replies.failure.unwrap());
        assert!(grown < 40 << 10, "{fault:?} made us hold {grown} KiB");
    }
}
