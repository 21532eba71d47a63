//! The clocks of two nodes differ by more than the limit. Expiry times are absolute and travel with keys: what a failover
//! or a migration moves to a node whose clock is ahead expires early, and behind late.
//!
//! Each answer was written between the question and its last byte, both by this exporter's clock: that bounds a node's
//! difference from it. INFO tells the time with every poll and TIME with every slow one; the bounds of all of them hold
//! together, widened by what clocks drift, until one excludes the others: then a clock was set, and it stands alone. Two
//! nodes differ for certain by the gap between their bounds; slow answers widen the bounds and never make a difference.

use super::context::Node;
use super::{Check, Context, Needs, minutes, runbook};
use crate::model::finding::{Finding, Outcome, Severity, Subject, Value, seconds};

pub(super) static CHECK: Check = Check {
    code: "clock_skew",
    severity: Severity::P3,
    hold: minutes(10),
    summary: "The clocks of the nodes differ.",
    since: "0.1.0",
    explains: &[],
    runbook: runbook!("clock_skew"),
    needs: Needs::Node,
    look,
};

/// The least and the most that a node's clock is ahead of the exporter's, in seconds.
struct Bounds<'a> {
    node: Node<'a>,
    low: f64,
    high: f64,
}

fn look(context: &Context<'_>) -> Outcome {
    let clocks: Vec<Bounds<'_>> = context.nodes().filter_map(|node| bounds(context, node)).collect();
    if clocks.len() < 2 {
        return Outcome::Unknown(format!(
            "{} nodes tell their clock, and it takes two to compare",
            clocks.len()
        ));
    }
    let ahead = clocks.iter().max_by(|a, b| a.low.total_cmp(&b.low));
    let behind = clocks.iter().min_by(|a, b| a.high.total_cmp(&b.high));
    let (Some(ahead), Some(behind)) = (ahead, behind) else { return Outcome::Clear };
    let difference = ahead.low - behind.high;
    if difference <= context.limits.clock_skew_seconds {
        return Outcome::Clear;
    }
    let summary = format!(
        "the clock of {} is at least {} ahead of that of {}, more than {}",
        ahead.node.member.label,
        seconds(difference),
        behind.node.member.label,
        seconds(context.limits.clock_skew_seconds)
    );
    let against_us = clocks.iter().map(|clock| {
        let middle = f64::midpoint(clock.low, clock.high);
        (clock.node.member.label.to_string(), Value::Text(format!("{middle:+.3} s")))
    });
    let labels = [ahead, behind].map(|clock| clock.node.member.label.clone());
    Outcome::Firing(vec![
        Finding::new(Subject::nodes(labels), summary)
            .with("ahead", &ahead.node.member.label)
            .with("behind", &behind.node.member.label)
            .with("difference", Value::Seconds(difference))
            .with("limit", Value::Seconds(context.limits.clock_skew_seconds))
            .with("against_exporter", against_us.collect::<Vec<_>>())
            .run(context.cli(ahead.node.member, "TIME"))
            .run(context.cli(behind.node.member, "TIME")),
    ])
}

fn bounds<'a>(context: &Context<'_>, node: Node<'a>) -> Option<Bounds<'a>> {
    let (low, high) = context.past.clocks.get(node.at).copied().flatten()?.bounds();
    Some(Bounds { node, low, high })
}
