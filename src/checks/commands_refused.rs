//! Clients are being answered CLUSTERDOWN, OOM, MISCONF or NOREPLICAS: the error counts of a node (INFO errorstats)
//! rose since the poll before. A failover makes CLUSTERDOWN for some seconds: the hold is for that.
//!
//! Under MISCONF servers refuse PING too, this exporter's own among them: one PING per poll is not counted. Pings of
//! other monitors cannot be told apart.

use super::context::{Node, Said};
use super::{Check, Context, Needs, minutes, runbook};
use crate::model::finding::{Finding, Outcome, Severity, Subject, Value};
use crate::model::info::Field;

pub(super) static CHECK: Check = Check {
    code: "commands_refused",
    severity: Severity::P1,
    hold: minutes(1),
    summary: "Clients are being refused: CLUSTERDOWN, OOM, MISCONF or NOREPLICAS.",
    since: "0.1.0",
    explains: &[],
    runbook: runbook!("commands_refused"),
    needs: Needs::Node,
    look,
};

/// Error, its count, and what tells more about it.
const KINDS: [(&str, Field, &str); 4] = [
    ("CLUSTERDOWN", Field::new("errorstat_CLUSTERDOWN"), "CLUSTER INFO"),
    ("OOM", Field::new("errorstat_OOM"), "INFO memory"),
    ("MISCONF", Field::new("errorstat_MISCONF"), "INFO persistence"),
    ("NOREPLICAS", Field::new("errorstat_NOREPLICAS"), "INFO replication"),
];

fn look(context: &Context<'_>) -> Outcome {
    context.each_node(|node| judge(context, node))
}

fn judge(context: &Context<'_>, node: Node<'_>) -> Said {
    let label = &node.member.label;
    let mut refused = Vec::new();
    for (kind, field, command) in KINDS {
        let Some((count, span)) = context.errors(node, field) else {
            return Said::Unknown(format!("error counts of {label} cannot be compared with an earlier poll"));
        };
        let own = u64::from(kind == "MISCONF" && ping_was_refused(node));
        if count > own {
            refused.push((kind, (count - own) as f64 / span, command));
        }
    }
    if refused.is_empty() {
        return Said::Fine;
    }
    let rates: Vec<String> = refused.iter().map(|(kind, rate, _)| format!("{rate:.1}/s {kind}")).collect();
    let summary = format!("{label} refuses commands: {}", rates.join(", "));
    let rates = refused.iter().map(|(kind, rate, _)| ((*kind).to_owned(), Value::PerSecond(*rate)));
    let mut finding =
        Finding::new(Subject::node(node.member), summary).with("refused", rates.collect::<Vec<_>>());
    for (_, _, command) in &refused {
        finding = finding.run(context.cli(node.member, command));
    }
    Said::Wrong(finding.run(context.cli(node.member, "INFO errorstats")))
}

fn ping_was_refused(node: Node<'_>) -> bool {
    node.said.probes.iter().any(|probe| probe.probe == "ping" && probe.up == Some(false))
}
