//! This exporter cannot ask a node that is not failed by quorum. Where its peers hold it for alive the fault is
//! ours: the way to it, its client port, the credentials. Where some of them suspect it and no majority agrees,
//! that is said.
//!
//! A node that is failed is the business of `node_failed`, one without an address that of `ghost_nodes`. A node
//! that is loading answers, as far as it can; one that refuses a right is the business of `view_incomplete`. A node
//! that died is suspected after its node timeout and failed soon after, within the hold.

use super::{Check, Context, Needs, minutes, runbook};
use crate::model::failure::AskError;
use crate::model::finding::{Finding, Outcome, Severity, Subject, Value};
use crate::model::node::Health;
use crate::model::view::Member;

pub(super) static CHECK: Check = Check {
    code: "node_unreachable",
    severity: Severity::P2,
    hold: minutes(1),
    summary: "A node that is not failed does not answer this exporter.",
    since: "0.1.0",
    explains: &[],
    runbook: runbook!("node_unreachable"),
    needs: Needs::Node,
    look,
};

fn look(context: &Context<'_>) -> Outcome {
    let members = context.view.members.iter();
    Outcome::of(members.filter_map(|member| judge(context, member)).collect())
}

fn judge(context: &Context<'_>, member: &Member) -> Option<Finding> {
    let error = member.error()?;
    let answers = matches!(error, AskError::Loading(_) | AskError::Denied(_));
    if answers || member.failed || member.said.as_ref().is_some_and(|said| said.is_loading()) {
        return None;
    }
    let vouching = context.view.seen_by(member.id).filter(|(_, row)| row.health == Health::Alive).count();
    let suspecting = context.accusers(member.id, |health| health != Health::Alive);
    let word = match (vouching, suspecting.count) {
        (vouching, 0) => format!("{vouching} peers hold it for alive"),
        (0, suspecting) => format!("{suspecting} peers suspect it and it is not failed by quorum"),
        (vouching, suspecting) => format!("{suspecting} peers suspect it, {vouching} hold it for alive"),
    };
    let mut finding = Finding::new(
        Subject::node(member),
        format!("{} does not answer this exporter ({error}); {word}", member.label),
    )
    .with("error_kind", error.kind())
    .with("error", error.to_string())
    .with("held_alive_by", Value::Count(vouching as u64))
    .with("suspected_by", suspecting.labels())
    .with_some("and_more", suspecting.unnamed())
    .run(context.cli(member, "PING"));
    if let Some(node) = context.any_node() {
        finding = finding.run(context.cli(node, "CLUSTER NODES"));
    }
    Some(finding)
}
