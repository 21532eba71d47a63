//! A node cannot save its data: the last RDB save failed, or, where the AOF is on, its last write or rewrite did. What
//! the AOF once was does not count while it is off.
//!
//! With save points and `stop-writes-on-bgsave-error yes` a primary then refuses writes (MISCONF), and it does so after
//! a failed AOF write: `commands_refused` says whether anybody is hit.

use super::context::{Node, Said};
use super::{Check, Context, Needs, minutes, runbook};
use crate::model::finding::{Finding, Outcome, Severity, Subject, Value};
use crate::model::info::Field;

pub(super) static CHECK: Check = Check {
    code: "persistence_failing",
    severity: Severity::P2,
    hold: minutes(5),
    summary: "A node cannot save its data.",
    since: "0.1.0",
    explains: &[],
    runbook: runbook!("persistence_failing"),
    needs: Needs::Node,
    look,
};

/// What can fail, where it stands in INFO, and whether it belongs to the AOF.
const STATUS: [(&str, Field, bool); 3] = [
    ("RDB save", Field::new("rdb_last_bgsave_status"), false),
    ("AOF write", Field::new("aof_last_write_status"), true),
    ("AOF rewrite", Field::new("aof_last_bgrewrite_status"), true),
];

fn look(context: &Context<'_>) -> Outcome {
    context.each_node(|node| judge(context, node))
}

fn judge(context: &Context<'_>, node: Node<'_>) -> Said {
    let label = &node.member.label;
    if STATUS.iter().all(|(_, field, _)| node.text(*field).is_none()) {
        return Said::Unknown(format!("{label} does not tell how its last save went"));
    }
    let aof = node.text(Field::new("aof_enabled")) == Some("1");
    let counts = STATUS.iter().filter(|(_, _, of_aof)| aof || !of_aof);
    let failed = counts.filter(|(_, field, _)| node.text(*field).is_some_and(|status| status != "ok"));
    let failed: Vec<&str> = failed.map(|(what, _, _)| *what).collect();
    if failed.is_empty() {
        return Said::Fine;
    }
    let refuses = refuses_writes(node, &failed);
    let summary = format!(
        "the last {} of {label} failed{}",
        failed.join(" and the last "),
        if refuses == Some(true) { ": it refuses writes (MISCONF)" } else { "" }
    );
    let saved = node.said.last_save.as_ref().ok();
    let finding = Finding::new(Subject::node(node.member), summary)
        .with("failed", failed.iter().map(|what| Value::from(*what)).collect::<Vec<_>>())
        .with_some("refuses_writes", refuses)
        .with_some("last_save", saved.map(|saved| Value::Time(saved.as_seconds())))
        .with_some(
            "changes_since",
            node.unsigned(Field::new("rdb_changes_since_last_save")).map(Value::Count),
        )
        .with("aof", aof)
        .run(context.cli(node.member, "INFO persistence"))
        .run(context.cli(node.member, "CONFIG GET dir"));
    Said::Wrong(finding)
}

/// Whether the failure makes the node refuse writes, where its settings tell.
fn refuses_writes(node: Node<'_>, failed: &[&str]) -> Option<bool> {
    if !node.member.is_primary() {
        return Some(false);
    }
    if failed.contains(&"AOF write") {
        return Some(true);
    }
    let stops = node.setting("stop-writes-on-bgsave-error")? == "yes" && !node.setting("save")?.is_empty();
    Some(stops && failed.contains(&"RDB save"))
}
