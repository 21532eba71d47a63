//! Series of the checks: there from the first poll on, whatever happens, and never too many.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use redis_cluster_exporter::checks::{CHECKS, Override};
use redis_cluster_exporter::frame::{self, Frame, Setup};
use redis_cluster_exporter::history::History;
use redis_cluster_exporter::model::address::Naming;
use redis_cluster_exporter::model::finding::{Outcome, Severity};

use crate::common::captures::states;
use crate::common::judged::{frame_of, samples};
use crate::common::samples::Samples;
use crate::common::sim::{Cluster, Link};

/// Series of findings that a cluster may have.
const MOST: usize = 200;

fn value(samples: &Samples, name: &str, code: &str) -> f64 {
    samples.value(&format!("rediscluster_{name}"), &[("check", code)])
}

/// Every check has its two series, and they say what was judged.
fn agrees(frame: &Arc<Frame>, what: &str) {
    let samples = samples(frame);
    assert_eq!(samples.all("rediscluster_check_firing", &[]).count(), CHECKS.len(), "{what}");
    assert_eq!(samples.all("rediscluster_check_unknown", &[]).count(), CHECKS.len(), "{what}");
    for judgement in &frame.judgements {
        let code = judgement.check.code;
        let said = (value(&samples, "check_firing", code), value(&samples, "check_unknown", code));
        let wanted = match judgement.outcome {
            Outcome::Clear => (0.0, 0.0),
            Outcome::Firing(_) => (1.0, 0.0),
            Outcome::Unknown(_) => (0.0, 1.0),
        };
        assert_eq!(said, wanted, "{what}: {code}");
        let any = samples.all("rediscluster_finding", &[("check", code)]).count() > 0;
        assert_eq!(any, said.0 > 0.0, "{what}: {code}");
    }
    assert_eq!(samples.value("rediscluster_findings_dropped", &[]), 0.0, "{what}");
}

#[test]
fn every_check_has_its_series_from_the_first_poll_on() {
    let mut nothing = Cluster::healthy(3, 1);
    for name in nothing.names() {
        nothing = nothing.hide(&name);
    }
    agrees(&frame_of(&nothing.replies(), Naming::default(), 1), "no node answers");
    for state in states() {
        agrees(&crate::judged(&state), &state.to_string());
    }
}

#[test]
fn a_check_that_is_turned_off_has_none_and_severities_can_be_changed() {
    let off = Override { enabled: Some(false), severity: None };
    let less = Override { enabled: None, severity: Some(Severity::P3) };
    let overrides = [("node_failed".to_owned(), off), ("slots_uncovered".to_owned(), less)].into();
    let setup =
        Setup { cluster: Arc::from("c"), interval: Duration::from_secs(5), overrides, ..Setup::default() };
    let replies = Cluster::healthy(3, 1).unassign(0..=0).replies();
    let at = replies[0].asked_at;
    let frame = frame::analyze(&setup, &replies, &mut History::default(), at, Duration::ZERO);
    let samples = samples(&Arc::new(frame));
    assert_eq!(samples.find("rediscluster_check_firing", &[("check", "node_failed")]), None);
    for name in ["check_firing", "finding"] {
        let labels = [("check", "slots_uncovered"), ("severity", "P3")];
        assert_eq!(samples.value(&format!("rediscluster_{name}"), &labels), 1.0);
    }
}

#[test]
fn findings_beyond_the_bound_are_counted() {
    let mut cluster = Cluster::healthy(80, 1);
    for name in cluster.names().into_iter().filter(|name| name.starts_with('r')) {
        cluster = cluster.link(&name, Link::Down { seconds: 4000 });
    }
    let frame = frame_of(&cluster.replies(), Naming::default(), 1);
    let mut subjects = BTreeSet::new();
    for judgement in &frame.judgements {
        for finding in judgement.outcome.findings() {
            let nodes = &finding.subject.nodes;
            let node = if nodes.len() == 1 { nodes.first().cloned() } else { None };
            subjects.insert((judgement.check.code, finding.subject.shard.clone(), node));
        }
    }
    assert!(subjects.len() > MOST, "{} subjects", subjects.len());
    let samples = samples(&frame);
    assert_eq!(samples.all("rediscluster_finding", &[]).count(), MOST);
    assert_eq!(samples.value("rediscluster_findings_dropped", &[]) as usize, subjects.len() - MOST);
}
