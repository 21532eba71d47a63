//! A node holds far more memory than it uses: the fragmentation ratio is above the limit **and** the bytes lost are
//! more than `fragmentation_bytes` and more than `fragmentation_used_ratio` of what is used. An empty healthy node has
//! a ratio of 3 to 5: the ratio alone says nothing.
//!
//! Not judged while the node loads or a child process saves, when RSS grows for other reasons. The evidence splits what
//! is lost: between objects in the allocator's pages (active defragmentation helps), in pages that the allocator keeps
//! (MEMORY PURGE), outside the allocator (a restart, after a failover).

use super::context::{Node, Said};
use super::{Check, Context, Needs, minutes, runbook};
use crate::model::finding::{Finding, Outcome, Severity, Subject, Value, bytes};
use crate::model::info::Field;

pub(super) static CHECK: Check = Check {
    code: "fragmentation_high",
    severity: Severity::P2,
    hold: minutes(15),
    summary: "Memory fragmentation is high, in ratio and in bytes.",
    since: "0.1.0",
    explains: &["fragmentation_elevated"],
    runbook: runbook!("fragmentation_high"),
    needs: Needs::Node,
    look,
};

/// Lines of INFO that are 1 while the node reads its dataset or has a child process.
const FORKING: [Field; 6] = [
    Field::new("loading"),
    Field::new("async_loading"),
    Field::new("rdb_bgsave_in_progress"),
    Field::new("aof_rewrite_in_progress"),
    Field::new("module_fork_in_progress"),
    Field::new("slot_migration_fork_in_progress"),
];

fn look(context: &Context<'_>) -> Outcome {
    context.each_node(|node| judge(context, node, context.limits.fragmentation_ratio))
}

/// Judges one node by this ratio.
pub(super) fn judge(context: &Context<'_>, node: Node<'_>, limit: f64) -> Said {
    let label = &node.member.label;
    if FORKING.iter().any(|field| node.text(*field) == Some("1")) {
        return Said::Unknown(format!("{label} is loading or has a child process"));
    }
    let ratio = node.number(Field::new("mem_fragmentation_ratio"));
    let lost = node.number(Field::new("mem_fragmentation_bytes"));
    let used = node.number(Field::new("used_memory"));
    let (Some(ratio), Some(lost), Some(used)) = (ratio, lost, used) else {
        return Said::Unknown(format!("{label} does not tell its fragmentation"));
    };
    let least =
        (context.limits.fragmentation_bytes as f64).max(context.limits.fragmentation_used_ratio * used);
    if ratio <= limit || lost <= least {
        return Said::Fine;
    }
    let split = Split::of(node);
    let (lost, least, used) = (lost as u64, least as u64, used as u64);
    let summary = format!(
        "{label} holds {} more than the {} that it uses (ratio {ratio:.2}, more than {limit:.2}): {}",
        bytes(lost),
        bytes(used),
        split.remedy()
    );
    let finding = Finding::new(Subject::node(node.member), summary)
        .with("ratio", Value::Ratio(ratio))
        .with("limit", Value::Ratio(limit))
        .with("lost", Value::Bytes(lost))
        .with("lost_limit", Value::Bytes(least))
        .with("used", Value::Bytes(used))
        .with("between_objects", Value::Bytes(split.between_objects))
        .with("kept_by_allocator", Value::Bytes(split.kept))
        .with("outside_allocator", Value::Bytes(split.outside))
        .with("remedy", split.remedy())
        .run(context.cli(node.member, "MEMORY DOCTOR"))
        .run(context.cli(node.member, split.command()));
    Said::Wrong(finding)
}

/// Where the lost bytes are.
struct Split {
    between_objects: u64,
    kept: u64,
    outside: u64,
    /// The server does not see what is between objects: it cannot move them either.
    is_blind: bool,
}

impl Split {
    fn of(node: Node<'_>) -> Self {
        let field = |name: Field| node.unsigned(name).unwrap_or(0);
        // Servers built with the system's allocator write 0 bytes here, whatever there is.
        let told = field(Field::new("allocator_frag_bytes"));
        let active = field(Field::new("allocator_active"));
        let between_objects = active.saturating_sub(field(Field::new("allocator_allocated"))).max(told);
        let kept = field(Field::new("allocator_rss_bytes"));
        let outside = field(Field::new("rss_overhead_bytes"));
        Self { between_objects, kept, outside, is_blind: told == 0 }
    }

    fn remedy(&self) -> &'static str {
        let most = self.between_objects.max(self.kept).max(self.outside);
        match most {
            0 => "where, the server does not tell",
            most if most == self.between_objects && self.is_blind => {
                "between objects; this build cannot defragment: fail over, then restart it"
            }
            most if most == self.between_objects => "between objects: active defragmentation helps",
            most if most == self.kept => "in pages that the allocator keeps: MEMORY PURGE helps",
            _ => "outside the allocator: fail over, then restart it",
        }
    }

    fn command(&self) -> &'static str {
        let others = self.kept.max(self.outside);
        match self.between_objects > others && !self.is_blind {
            true => "CONFIG GET activedefrag",
            false if self.kept >= self.outside && self.kept > self.between_objects => "MEMORY PURGE",
            false => "INFO memory",
        }
    }
}
