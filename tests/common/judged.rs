//! Replies as frames and as text: the way of every poll.
#![allow(dead_code, reason = "each test binary uses its own part")]

use std::sync::Arc;
use std::time::Duration;

use redis_cluster_exporter::frame::{self, Frame, Setup};
use redis_cluster_exporter::history::History;
use redis_cluster_exporter::metrics::{self, Format};
use redis_cluster_exporter::model::address::Naming;
use redis_cluster_exporter::probes::Replies;
use redis_cluster_exporter::status::report;

use super::samples::Samples;

/// The name that the tests give to every cluster.
pub(crate) const CLUSTER: &str = "recorded";

/// The last one of so many polls with these replies; the first one began when the first node was asked.
pub(crate) fn frame_of(replies: &[Replies], naming: Naming, polls: u32) -> Arc<Frame> {
    let interval = Duration::from_secs(5);
    let setup = Setup { cluster: Arc::from(CLUSTER), naming, interval, ..Setup::default() };
    let first = replies.iter().map(|replies| replies.asked_at).min().unwrap();
    let mut history = History::default();
    let poll = |number| {
        let at = first.plus(interval * number);
        frame::analyze(&setup, replies, &mut history, at, Duration::from_millis(40))
    };
    Arc::new((0..polls).map(poll).last().unwrap())
}

/// What is exported of a frame while it is fresh: text 0.0.4.
pub(crate) fn exposition(frame: &Arc<Frame>) -> String {
    metrics::encode(&[Arc::clone(frame)], frame.view.at, Format::Classic)
}

/// The same, read strictly: what is no exposition, or has a series twice, is a failure of the test.
pub(crate) fn samples(frame: &Arc<Frame>) -> Samples {
    let text = exposition(frame);
    assert!(text == exposition(frame), "one frame, two texts");
    Samples::parse(&text).unwrap_or_else(|error| panic!("{error}"))
}

/// What the second one of two polls with these replies is exported as. The reports are made of it too.
pub(crate) fn exposition_of(replies: &[Replies]) -> String {
    let frame = frame_of(replies, Naming::default(), 2);
    samples(&frame);
    let json = report::json(std::iter::once(&*frame)).to_string();
    let codes = frame.judgements.iter().filter(|judgement| !judgement.outcome.findings().is_empty());
    let text = report::text(std::iter::once(&*frame));
    for code in codes.map(|judgement| judgement.check.code) {
        assert!(text.contains(code) && json.contains(code), "{code} is in no report");
    }
    exposition(&frame)
}
