//! Reachable nodes know different sets of node ids: a CLUSTER FORGET that reached only some, two clusters that have
//! forgotten each other for good (no flag shows anywhere), or a replica that no table names and that still
//! replicates.
//!
//! Handshakes do not count, and neither does a node that is alone, owns nothing and is known to nobody: it was
//! reset, or put in another's place. Entries without an address, and failed ones without slots, do not travel by
//! gossip: nodes that joined later never learn of them (`ghost_nodes`). A connected replica is held against the
//! tables by address, and, since behind NAT the primary shows another address than the announced one, also by
//! number: it counts only where more are connected than are known.

use std::collections::{BTreeMap, BTreeSet};

use super::{Check, Context, Needs, minutes, runbook};
use crate::model::address::Address;
use crate::model::finding::{Finding, Outcome, Severity, Subject, Value};
use crate::model::node::{NodeId, NodeTable};
use crate::model::snapshot::ConnectedReplica;
use crate::model::view::Member;

pub(super) static CHECK: Check = Check {
    code: "membership_disagrees",
    severity: Severity::P2,
    hold: minutes(2),
    summary: "Reachable nodes know different sets of nodes.",
    since: "0.1.0",
    explains: &["nodes_unexpected"],
    runbook: runbook!("membership_disagrees"),
    needs: Needs::Node,
    look,
};

fn look(context: &Context<'_>) -> Outcome {
    let ghosts = ghosts(context);
    let mut sets: BTreeMap<BTreeSet<NodeId>, Vec<usize>> = BTreeMap::new();
    for held in &context.view.tables {
        sets.entry(ids(&held.table, &ghosts)).or_default().extend(&held.viewers);
    }
    let Some(reference) = context.view.reference.as_deref().map(|table| ids(table, &ghosts)) else {
        return context.verdict(Vec::new());
    };
    sets.values_mut().for_each(|viewers| viewers.sort_unstable());
    let mut others: Vec<_> = sets.iter().filter(|(known, _)| **known != reference).collect();
    others.sort_by(|a, b| a.1.cmp(b.1));
    let others = others.into_iter();
    let mut findings: Vec<Finding> =
        others.map(|(known, viewers)| disagreement(context, &reference, known, viewers)).collect();
    let announced = context.view.members.iter().filter_map(|member| member.announced.as_ref()).collect();
    let members = context.view.members.iter();
    findings.extend(members.filter_map(|member| unknown_replica(context, member, &announced)));
    context.verdict(findings)
}

/// The ids that a table names, without handshakes and ghosts.
fn ids(table: &NodeTable, ghosts: &BTreeSet<NodeId>) -> BTreeSet<NodeId> {
    let named = table.rows.iter().filter(|row| !row.handshake).map(|row| row.id);
    named.filter(|id| !ghosts.contains(id)).collect()
}

fn ghosts(context: &Context<'_>) -> BTreeSet<NodeId> {
    let is_ghost = |m: &&Member| m.announced.is_none() || (m.failed && !context.view.votes(m.id));
    context.view.members.iter().filter(is_ghost).map(|member| member.id).collect()
}

fn disagreement(
    context: &Context<'_>,
    reference: &BTreeSet<NodeId>,
    known: &BTreeSet<NodeId>,
    viewers: &[usize],
) -> Finding {
    let odd: Vec<&Member> = viewers.iter().filter_map(|at| context.view.members.get(*at)).collect();
    let labels = |ids: Vec<&NodeId>| {
        let mut labels: Vec<_> = ids.into_iter().map(|id| context.label(*id)).collect();
        labels.sort();
        labels.iter().map(Value::from).collect()
    };
    let lacking: Vec<Value> = labels(reference.difference(known).collect());
    let extra: Vec<Value> = labels(known.difference(reference).collect());
    let names = |values: &[Value]| values.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ");
    let mut parts = Vec::new();
    if !lacking.is_empty() {
        parts.push(format!("without {}", names(&lacking)));
    }
    if !extra.is_empty() {
        parts.push(format!("with {}, unknown to the others", names(&extra)));
    }
    let viewers: Vec<&str> = odd.iter().map(|member| &*member.label).collect();
    let summary = format!(
        "{} know{} {} nodes where most know {}: {}",
        viewers.join(", "),
        if viewers.len() == 1 { "s" } else { "" },
        known.len(),
        reference.len(),
        parts.join("; ")
    );
    let mut finding = Finding::new(Subject::nodes(odd.iter().map(|member| member.label.clone())), summary)
        .with("known", Value::Count(known.len() as u64))
        .with("known_by_most", Value::Count(reference.len() as u64))
        .with("missing_here", lacking)
        .with("only_here", extra)
        .with("disjoint", known.is_disjoint(reference));
    for member in odd.first().copied().into_iter().chain(context.any_node()) {
        finding = finding.run(context.cli(member, "CLUSTER NODES"));
    }
    finding
}

fn unknown_replica(
    context: &Context<'_>,
    primary: &Member,
    announced: &BTreeSet<&Address>,
) -> Option<Finding> {
    let replication = primary.said.as_ref()?.replication.as_ref().ok()?;
    // A port of 0 is a tool that reads the stream; a replica that syncs on two channels has two lines.
    let connected: BTreeMap<(&str, u16), &ConnectedReplica> = replication
        .replicas
        .iter()
        .filter(|replica| replica.port != 0)
        .map(|replica| ((&*replica.ip, replica.port), replica))
        .collect();
    let followers = context.view.followers(primary.id).count();
    if connected.len() <= followers {
        return None;
    }
    let is_known = |(ip, port): &(&str, u16)| announced.contains(&Address::new(ip, *port));
    let strange: Vec<_> = connected.iter().filter(|(address, _)| !is_known(address)).collect();
    if strange.is_empty() {
        return None;
    }
    let addresses: Vec<String> = strange.iter().map(|((ip, port), _)| format!("{ip}:{port}")).collect();
    let states = strange.iter().zip(&addresses);
    let states = states.map(|((_, replica), at)| (at.clone(), Value::from(replica.state.as_str())));
    let summary = format!("{} feeds a replica that no node knows: {}", primary.label, addresses.join(", "));
    Some(
        Finding::new(Subject::node(primary), summary)
            .with("unknown_replicas", states.collect::<Vec<_>>())
            .with("connected", Value::Count(connected.len() as u64))
            .with("known", Value::Count(followers as u64))
            .run(context.cli(primary, "INFO replication"))
            .run(context.cli(primary, "CLIENT LIST TYPE replica")),
    )
}
