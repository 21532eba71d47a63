//! The nodes that answer fall into groups that hold each other for dead, while this exporter reaches all of them.
//!
//! Groups join wherever two nodes hold each other for alive, so two nodes that alone cannot talk make no partition
//! (`node_suspected` names them). Both sides must accuse the other: a node that just came back is flagged for a
//! while by peers that it holds for alive; one side that has not noticed yet shows as `node_suspected`, and as
//! `split_brain` once both own the slots. Nodes that do not know each other are the business of
//! `membership_disagrees`.

use super::{Check, Context, Needs, runbook, seconds};
use crate::model::finding::{Finding, Outcome, Severity, Subject, Value};
use crate::model::node::{Health, NodeRow};
use crate::model::view::{ClusterView, Member};

pub(super) static CHECK: Check = Check {
    code: "partitioned",
    severity: Severity::P2,
    hold: seconds(30),
    summary: "The nodes fall into groups that hold each other for dead.",
    since: "0.1.0",
    explains: &["node_suspected", "slot_maps_disagree"],
    runbook: runbook!("partitioned"),
    needs: Needs::Node,
    look,
};

fn look(context: &Context<'_>) -> Outcome {
    let groups: Vec<Vec<&Member>> =
        context.view.groups.iter().map(|group| named(context.view, group)).collect();
    let hostile = |(at, one): (usize, &Vec<&Member>)| {
        let mut others = groups.iter().enumerate().filter(|(n, _)| *n != at);
        others.any(|(_, other)| accuses(one, other) && accuses(other, one))
    };
    let sides: Vec<&Vec<&Member>> =
        groups.iter().enumerate().filter(|side| hostile((side.0, side.1))).map(|(_, group)| group).collect();
    let finding = (!sides.is_empty()).then(|| finding(context, &sides));
    context.verdict(finding.into_iter().collect())
}

fn named<'a>(view: &'a ClusterView, group: &[usize]) -> Vec<&'a Member> {
    group.iter().filter_map(|at| view.members.get(*at)).collect()
}

fn accuses(one: &[&Member], other: &[&Member]) -> bool {
    let dead = |row: &NodeRow| row.health != Health::Alive;
    let tables = || one.iter().filter_map(|member| member.viewpoint());
    tables().any(|view| other.iter().any(|them| view.table.row(them.id).is_some_and(dead)))
}

fn finding(context: &Context<'_>, sides: &[&Vec<&Member>]) -> Finding {
    let view = context.view;
    let votes = |member: &&&Member| view.voters().any(|row| row.id == member.id);
    let mut words = Vec::new();
    let mut groups = Vec::new();
    for side in sides {
        let labels: Vec<&str> = side.iter().map(|member| &*member.label).collect();
        let voters = side.iter().filter(votes).count();
        let has_quorum = voters >= view.quorum();
        words.push(format!("{{{}}}{}", labels.join(", "), if has_quorum { " with quorum" } else { "" }));
        groups.push(Value::Map(vec![
            ("nodes".to_owned(), Value::List(labels.into_iter().map(Value::from).collect())),
            ("voters".to_owned(), Value::Count(voters as u64)),
            ("quorum".to_owned(), Value::Flag(has_quorum)),
        ]));
    }
    let cut_off = sides.iter().skip(1).flat_map(|side| side.iter().map(|member| member.label.clone()));
    let mut finding = Finding::new(
        Subject::nodes(cut_off),
        format!("{} groups of nodes hold each other for dead: {}", sides.len(), words.join(" | ")),
    )
    .with("groups", groups)
    .with("voters", Value::Count(view.voters().count() as u64))
    .with("quorum", Value::Count(view.quorum() as u64));
    for member in sides.iter().filter_map(|side| side.first()) {
        finding = finding.run(context.cli(member, "CLUSTER NODES"));
    }
    finding
}
