//! A simulated cluster, judged: which checks fire, with what evidence, and which cannot tell.
#![allow(dead_code, reason = "each test binary uses its own part")]

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use redis_cluster_exporter::frame::{self, Frame, Setup};
use redis_cluster_exporter::history::History;
use redis_cluster_exporter::model::finding::{Finding, Outcome, Value};
use redis_cluster_exporter::model::node::NodeId;
use redis_cluster_exporter::probes::Replies;

use super::sim::{Cluster, START};

/// Polls of one cluster in a row, and what was made of the last one.
pub(crate) struct Judge {
    pub(crate) setup: Setup,
    /// Ids of the nodes of other configured clusters.
    pub(crate) others: Vec<(Arc<str>, Arc<BTreeSet<NodeId>>)>,
    history: History,
}

impl Judge {
    pub(crate) fn new() -> Self {
        let setup = Setup { cluster: Arc::from("c"), interval: Duration::from_secs(5), ..Setup::default() };
        Self { setup, others: Vec::new(), history: History::default() }
    }

    /// One poll of a simulated cluster.
    pub(crate) fn poll(&mut self, cluster: &Cluster) -> Verdicts {
        self.replies(&cluster.replies())
    }

    /// One poll, as it was recorded.
    pub(crate) fn replies(&mut self, replies: &[Replies]) -> Verdicts {
        let at = replies.iter().map(|replies| replies.asked_at).max().unwrap_or(START);
        let took = Duration::from_millis(5);
        let view = frame::look(
            &self.setup,
            replies,
            &mut self.history.tables,
            self.history.last.as_deref(),
            at,
            took,
        );
        Verdicts(frame::judge(&self.setup, view, &mut self.history, &self.others))
    }
}

/// One poll, and no past.
pub(crate) fn judge(cluster: &Cluster) -> Verdicts {
    Judge::new().poll(cluster)
}

/// Two polls: the second with the first as its past.
pub(crate) fn judge_two(before: &Cluster, after: &Cluster) -> Verdicts {
    let mut judge = Judge::new();
    judge.poll(before);
    judge.poll(after)
}

/// What every check said.
pub(crate) struct Verdicts(pub(crate) Frame);

impl Verdicts {
    pub(crate) fn outcome(&self, code: &str) -> &Outcome {
        let found = self.0.judgements.iter().find(|judgement| judgement.check.code == code);
        &found.unwrap_or_else(|| panic!("no check {code}")).outcome
    }

    /// Codes that fire, in the order of the table.
    pub(crate) fn firing(&self) -> Vec<&'static str> {
        let firing = self.0.judgements.iter().filter(|j| !j.outcome.findings().is_empty());
        firing.map(|judgement| judgement.check.code).collect()
    }

    /// Those of these codes that fire.
    pub(crate) fn firing_of(&self, codes: &[&str]) -> Vec<&'static str> {
        self.firing().into_iter().filter(|code| codes.contains(code)).collect()
    }

    pub(crate) fn is_clear(&self, code: &str) -> bool {
        *self.outcome(code) == Outcome::Clear
    }

    pub(crate) fn findings(&self, code: &str) -> &[Finding] {
        self.outcome(code).findings()
    }

    /// The one finding of a code.
    pub(crate) fn finding(&self, code: &str) -> &Finding {
        match self.findings(code) {
            [one] => one,
            findings => panic!("{code} has {} findings: {:#?}", findings.len(), self.outcome(code)),
        }
    }

    /// Why a check cannot tell; empty if it can.
    pub(crate) fn unknown(&self, code: &str) -> &str {
        match self.outcome(code) {
            Outcome::Unknown(why) => why,
            _ => "",
        }
    }
}

/// A piece of evidence, as people read it; empty if it is not there.
pub(crate) fn evidence(finding: &Finding, name: &str) -> String {
    let found = finding.evidence.iter().find(|(known, _)| *known == name);
    found.map(|(_, value)| Value::to_string(value)).unwrap_or_default()
}
