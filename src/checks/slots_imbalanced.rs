//! One primary owns more slots than the mean of all that own any, by more than the limit. A primary that owns none is new
//! or about to leave, and does not count. What slots hold differs: `load_imbalanced` looks at that.

use super::shell::shell_word;
use super::{Check, Context, Needs, hours, runbook};
use crate::model::finding::{Finding, Outcome, Severity, Subject, Value};
use crate::model::view::Member;

pub(super) static CHECK: Check = Check {
    code: "slots_imbalanced",
    severity: Severity::P3,
    hold: hours(6),
    summary: "Slots are spread unevenly over the primaries.",
    since: "0.1.0",
    explains: &[],
    runbook: runbook!("slots_imbalanced"),
    needs: Needs::Majority,
    look,
};

fn look(context: &Context<'_>) -> Outcome {
    let members = context.view.members.iter();
    let owners: Vec<&Member> =
        members.filter(|member| member.is_primary() && !member.slots.is_empty()).collect();
    let Some(largest) = owners.iter().max_by_key(|owner| owner.slots.len()) else {
        return Outcome::Unknown("no primary owns slots".to_owned());
    };
    let total: u32 = owners.iter().map(|owner| owner.slots.len()).sum();
    let mean = f64::from(total) / owners.len() as f64;
    let above = f64::from(largest.slots.len()) / mean - 1.0;
    if above <= context.limits.slots_imbalance_ratio {
        return Outcome::Clear;
    }
    let summary = format!(
        "{} owns {} slots, {:.0} % more than the mean of {mean:.0} over {} primaries",
        largest.label,
        largest.slots.len(),
        above * 100.0,
        owners.len()
    );
    let slots = owners.iter().map(|owner| (owner.label.to_string(), Value::Count(owner.slots.len().into())));
    Outcome::Firing(vec![
        Finding::new(Subject::cluster(), summary)
            .with("above_mean", Value::Ratio(above))
            .with("limit", Value::Ratio(context.limits.slots_imbalance_ratio))
            .with("mean", Value::Count(mean as u64))
            .with("slots", slots.collect::<Vec<_>>())
            .run(format!("redis-cli --cluster info {}", shell_word(&largest.label)))
            .run(format!("redis-cli --cluster rebalance {} --cluster-simulate", shell_word(&largest.label))),
    ])
}
