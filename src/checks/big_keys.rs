//! Keys exist that are larger than the limit: moving one with MIGRATE blocks both ends for as long as it takes, deleting
//! one may block, and no resharding can split it.
//!
//! INFO keysizes (Redis 8 and later) counts keys by size in powers of two. `strings_sizes` is always there; the sizes of
//! other types only where the server keeps them; their numbers of elements are no bytes and do not count. The range that
//! holds the limit counts if more than half of it lies above: with 10 MB that is 8.4 to 16.8 MB. Primaries only: a replica
//! has the same keys. Other servers do not tell: unknown.

use super::context::{Node, Said};
use super::{Check, Context, Needs, hours, runbook};
use crate::model::finding::{Finding, Outcome, Severity, Subject, Value, bytes};

pub(super) static CHECK: Check = Check {
    code: "big_keys",
    severity: Severity::P3,
    hold: hours(1),
    summary: "Keys exist that are too large to migrate well.",
    since: "0.1.0",
    explains: &[],
    runbook: runbook!("big_keys"),
    needs: Needs::Node,
    look,
};

fn look(context: &Context<'_>) -> Outcome {
    let primaries = context.nodes().filter(|node| node.member.is_primary());
    Said::join(primaries.map(|node| judge(context, node)))
}

fn judge(context: &Context<'_>, node: Node<'_>) -> Said {
    let Ok(info) = &node.said.info else {
        return Said::Unknown("no INFO".to_owned());
    };
    // An empty server writes the heading alone.
    if !info.has_section("Keysizes") {
        return Said::Unknown(format!("{} does not tell the sizes of its keys", node.member.label));
    }
    let limit = context.limits.big_key_bytes;
    let (mut big, mut largest, mut by_type) = (0u64, 0u64, Vec::new());
    for (name, bins) in info.with_prefix("db") {
        let Some((db, kind)) = name.split_once("_distrib_") else { continue };
        let Some(kind) = kind.strip_suffix("_sizes") else { continue };
        let over = bins.split(',').filter_map(bin).filter(|(from, _)| from.saturating_add(from / 2) >= limit);
        let (mut keys, mut most) = (0u64, 0);
        for (from, count) in over.filter(|(_, count)| *count > 0) {
            (keys, most) = (keys.saturating_add(count), from.max(most));
        }
        if keys > 0 {
            (big, largest) = (big.saturating_add(keys), largest.max(most));
            by_type.push((format!("db{db} {kind}"), Value::Count(keys)));
        }
    }
    if big == 0 {
        return Said::Fine;
    }
    let summary = format!(
        "{} holds {big} keys of about {} and more; the largest have {} to {}",
        node.member.label,
        bytes(limit),
        bytes(largest),
        bytes(largest.saturating_mul(2))
    );
    Said::Wrong(
        Finding::new(Subject::node(node.member), summary)
            .with("keys", Value::Count(big))
            .with("limit", Value::Bytes(limit))
            .with("largest_at_least", Value::Bytes(largest))
            .with("by_type", by_type)
            .run(context.cli(node.member, "--memkeys")),
    )
}

/// `512=3`, `8M=1`: keys of at least so many bytes and less than twice that.
fn bin(text: &str) -> Option<(u64, u64)> {
    let (from, count) = text.split_once('=')?;
    let digits = from.trim_end_matches(|c: char| c.is_ascii_alphabetic());
    let unit = from.strip_prefix(digits)?;
    let shift = match unit {
        "" => 0,
        "K" => 10,
        "M" => 20,
        "G" => 30,
        "T" => 40,
        _ => return None,
    };
    Some((digits.parse::<u64>().ok()?.checked_mul(1 << shift)?, count.trim().parse().ok()?))
}
