//! A primary that owns slots is alive, but none of its replicas could be promoted now: link down, data older than
//! the validity factor allows, loading, never synced, or kept from it by `cluster-replica-no-failover`. Its next
//! failure will leave its slots without an owner.
//!
//! A primary without any living replica is the business of `replicas_missing`, one that is failed that of
//! `failover_stalled`. A link that is down because the primary does not answer keeps nobody from taking over. A
//! replica that this exporter cannot ask while its peers vouch for it proves nothing.

use super::context::{Promotion, Said};
use super::{Check, Context, Needs, minutes, runbook};
use crate::model::finding::{Finding, Outcome, Severity, Subject, Value, seconds};
use crate::model::view::Member;

pub(super) static CHECK: Check = Check {
    code: "failover_not_ready",
    severity: Severity::P2,
    hold: minutes(5),
    summary: "No replica of a shard could be promoted now.",
    since: "0.1.0",
    explains: &[],
    runbook: runbook!("failover_not_ready"),
    needs: Needs::Majority,
    look,
};

fn look(context: &Context<'_>) -> Outcome {
    let owners = context.view.voters().filter_map(|row| context.view.member(row.id));
    Said::join(owners.filter(|owner| !owner.failed).map(|owner| judge(context, owner)))
}

fn judge(context: &Context<'_>, primary: &Member) -> Said {
    let mut reasons = Vec::new();
    for replica in context.replicas_of(primary).filter(|replica| !replica.failed) {
        match context.promotion(replica) {
            Promotion::Unknown => return Said::Unknown(format!("replica {} does not answer", replica.label)),
            Promotion::Blocked(why) => reasons.push((replica, why)),
            Promotion::Possible => match link_trouble(replica).filter(|_| primary.is_up()) {
                Some(why) => reasons.push((replica, why)),
                None => return Said::Fine,
            },
        }
    }
    if reasons.is_empty() {
        return Said::Fine;
    }
    let words: Vec<String> =
        reasons.iter().map(|(replica, why)| format!("{}: {why}", replica.label)).collect();
    let summary = format!("no replica of {} could be promoted now: {}", primary.label, words.join("; "));
    let map = reasons.iter().map(|(replica, why)| (replica.label.to_string(), Value::from(why.as_str())));
    let mut finding = Finding::new(Subject::node(primary), summary)
        .with("slots", primary.slots.clone())
        .with("replicas", map.collect::<Vec<_>>());
    for (replica, _) in reasons {
        finding = finding.run(context.cli(replica, "INFO replication"));
    }
    Said::Wrong(finding)
}

fn link_trouble(replica: &Member) -> Option<String> {
    let link = replica.said.as_ref()?.replication.as_ref().ok()?.link.as_ref()?;
    if link.up {
        return None;
    }
    let down = link.down_seconds.map(|down| format!(" for {}", seconds(down as f64))).unwrap_or_default();
    let doing = if link.sync_in_progress { ", in full sync" } else { "" };
    Some(format!("its link is down{down}{doing}"))
}
