//! A node is close to its limit of connections: more than the limit's share of `maxclients` are taken, or connections
//! were rejected since the poll before. Clients, replicas and the links of the cluster bus share `maxclients`; when it
//! is reached this exporter is locked out too.

use super::context::{Node, Said};
use super::{Check, Context, Needs, minutes, runbook};
use crate::model::finding::{Finding, Outcome, Severity, Subject, Value};
use crate::model::info::Field;

pub(super) static CHECK: Check = Check {
    code: "clients_near_limit",
    severity: Severity::P2,
    hold: minutes(5),
    summary: "A node is close to its limit of client connections.",
    since: "0.1.0",
    explains: &[],
    runbook: runbook!("clients_near_limit"),
    needs: Needs::Node,
    look,
};

fn look(context: &Context<'_>) -> Outcome {
    context.each_node(|node| judge(context, node))
}

fn judge(context: &Context<'_>, node: Node<'_>) -> Said {
    let label = &node.member.label;
    let clients = node.unsigned(Field::new("connected_clients"));
    let limit = node.unsigned(Field::new("maxclients")).filter(|limit| *limit > 0);
    let (Some(clients), Some(limit)) = (clients, limit) else {
        return Said::Unknown(format!("{label} does not tell its clients"));
    };
    let replicas = node.unsigned(Field::new("connected_slaves")).unwrap_or(0);
    let bus = node.unsigned(Field::new("cluster_connections")).unwrap_or(0);
    let taken = clients.saturating_add(replicas).saturating_add(bus);
    let (share, allowed) = (taken as f64 / limit as f64, context.limits.clients_ratio);
    let rejected = context.rate(node, Field::new("rejected_connections"));
    let is_near = share > allowed;
    match rejected {
        Some(rejected) if !is_near && rejected <= 0.0 => return Said::Fine,
        None if !is_near => {
            return Said::Unknown(format!("rejections of {label} cannot be compared with an earlier poll"));
        }
        _ => {}
    }
    let mut summary = format!("{label} has {taken} of {limit} connections ({:.0} %)", share * 100.0);
    if is_near {
        summary.push_str(&format!(", more than {:.0} %", allowed * 100.0));
    }
    if let Some(rejected) = rejected.filter(|rejected| *rejected > 0.0) {
        summary.push_str(&format!(", and rejects {rejected:.1}/s"));
    }
    let finding = Finding::new(Subject::node(node.member), summary)
        .with("connections", Value::Count(taken))
        .with("maxclients", Value::Count(limit))
        .with("share", Value::Ratio(share))
        .with("limit", Value::Ratio(allowed))
        .with("clients", Value::Count(clients))
        .with("replicas", Value::Count(replicas))
        .with("bus_links", Value::Count(bus))
        .with_some("rejected", rejected.map(Value::PerSecond))
        .run(context.cli(node.member, "INFO clients"))
        .run(context.cli(node.member, "CLIENT LIST"));
    Said::Wrong(finding)
}
