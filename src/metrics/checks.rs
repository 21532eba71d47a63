//! What the checks say. A verdict never vanishes: every enabled check has a series from the first poll on.

use std::collections::BTreeSet;

use super::Read::{Cluster, ClusterBy};
use super::{EmitLabels, Metric, Num};
use crate::frame::Frame;
use crate::model::finding::Outcome;

pub(super) static ROWS: &[Metric] = &[
    Metric::gauge(
        "check_firing",
        "1 if the check fires, for every enabled check, always",
        ClusterBy(&["check", "severity"], |f, emit| {
            for judgement in &f.judgements {
                let firing = matches!(judgement.outcome, Outcome::Firing(_));
                let labels = [("check", judgement.check.code), ("severity", judgement.severity.as_str())];
                emit(&labels, firing.into());
            }
        }),
    ),
    Metric::gauge(
        "check_unknown",
        "1 if the check cannot judge: neither firing nor clear",
        ClusterBy(&["check"], |f, emit| {
            for judgement in &f.judgements {
                let unknown = matches!(judgement.outcome, Outcome::Unknown(_));
                emit(&[("check", judgement.check.code)], unknown.into());
            }
        }),
    ),
    Metric::gauge(
        "finding",
        "1 while it fires, one per subject; redis_shard and redis_node are empty where the subject is not one shard or \
         not one node",
        ClusterBy(&["check", "severity", "redis_shard", "redis_node"], |f, emit| {
            findings(f, emit);
        }),
    ),
    Metric::gauge(
        "findings_dropped",
        "Findings without a series of their own, since there are more than 200",
        Cluster(|f| Some(findings(f, &mut |_, _| ()).into())),
    ),
];

/// Series of findings that one cluster may have.
const MOST: usize = 200;

/// Emits what fits, each set of labels once; returns how many did not fit.
fn findings(frame: &Frame, emit: &mut EmitLabels<'_>) -> usize {
    let mut told = BTreeSet::new();
    let mut dropped = 0;
    for judgement in &frame.judgements {
        for finding in judgement.outcome.findings() {
            let subject = &finding.subject;
            let node = if let [node] = &subject.nodes[..] { node } else { "" };
            let shard = subject.shard.as_deref().unwrap_or_default();
            if told.contains(&(judgement.check.code, shard, node)) {
                continue;
            }
            if told.len() == MOST {
                dropped += 1;
                continue;
            }
            told.insert((judgement.check.code, shard, node));
            let labels = [
                ("check", judgement.check.code),
                ("severity", judgement.severity.as_str()),
                ("redis_shard", shard),
                ("redis_node", node),
            ];
            emit(&labels, Num::U(1));
        }
    }
    dropped
}
