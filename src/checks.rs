//! The table of what we conclude. One check per file: its doc comment, its row, and the function that looks.
//! Code = file name = label value = name of the runbook.
//!
//! A check sees one view, the past that matters to it, and its limits; it cannot fail. What a check needs before it may
//! say *clear* stands in its row ([`Needs`]), so that the judging rules are applied in one place: without the word of
//! a majority of the voting primaries a verdict about the cluster is *unknown*, and so is one about nodes of which none
//! answers.

mod big_keys;
mod bus_links_saturated;
mod cert_expiring;
mod clients_near_limit;
mod clock_skew;
mod cluster_unreachable;
mod clusters_merged;
mod commands_refused;
mod config_drift;
mod config_risky;
mod context;
mod epoch_collision;
mod eviction_pressure;
mod failover_happened;
mod failover_not_ready;
mod failover_stalled;
mod failure_domain_risk;
mod fragmentation_elevated;
mod fragmentation_high;
mod ghost_nodes;
mod gossip_rate_high;
mod load_imbalanced;
mod lua_memory_high;
mod membership_disagrees;
mod memory_exhaustion;
mod memory_swapping;
mod migration_slow;
mod migration_stalled;
mod migration_unsafe;
mod node_failed;
mod node_slow;
mod node_suspected;
mod node_unreachable;
mod nodes_unexpected;
mod orphaned_keys;
mod partitioned;
mod persistence_failing;
mod quorum_lost;
mod redirect_storm;
mod replica_link_down;
mod replica_orphaned;
mod replicas_missing;
mod replication_lag;
mod replication_lag_critical;
mod resync_loop;
mod shell;
mod slot_maps_disagree;
mod slots_imbalanced;
mod slots_uncovered;
mod split_brain;
mod too_few_primaries;
mod versions_mixed;
mod view_incomplete;

use std::collections::BTreeMap;
use std::time::Duration;

pub use context::Context;

use crate::model::finding::{Outcome, Severity};
use crate::model::time::Timestamp;

/// What must have answered before a check may judge.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Needs {
    /// Nothing: it judges silence itself.
    Nothing,
    /// At least one node.
    Node,
    /// A majority of the voting primaries.
    Majority,
}

/// One check.
#[derive(Debug)]
pub struct Check {
    /// Stable name; never reused.
    pub code: &'static str,
    /// How soon somebody must look, unless the configuration says otherwise.
    pub severity: Severity,
    /// How long it must fire before anybody is told: the alert's `for:`.
    pub hold: Duration,
    /// A state of the world, in one sentence without values.
    pub summary: &'static str,
    /// The version of this exporter that has it first.
    pub since: &'static str,
    /// Codes that this one explains while it fires: inhibited as alerts, folded under it on the status page.
    pub explains: &'static [&'static str],
    /// What to do, as Markdown.
    pub runbook: &'static str,
    /// What must have answered.
    pub needs: Needs,
    /// Looks.
    pub look: fn(&Context<'_>) -> Outcome,
}

/// All checks, by severity.
pub static CHECKS: [&Check; 51] = [
    &slots_uncovered::CHECK,
    &split_brain::CHECK,
    &quorum_lost::CHECK,
    &failover_stalled::CHECK,
    &commands_refused::CHECK,
    &memory_exhaustion::CHECK,
    &cluster_unreachable::CHECK,
    &clusters_merged::CHECK,
    &replication_lag::CHECK,
    &replication_lag_critical::CHECK,
    &replica_link_down::CHECK,
    &resync_loop::CHECK,
    &replicas_missing::CHECK,
    &replica_orphaned::CHECK,
    &failover_not_ready::CHECK,
    &nodes_unexpected::CHECK,
    &node_failed::CHECK,
    &node_unreachable::CHECK,
    &node_suspected::CHECK,
    &partitioned::CHECK,
    &slot_maps_disagree::CHECK,
    &membership_disagrees::CHECK,
    &epoch_collision::CHECK,
    &node_slow::CHECK,
    &fragmentation_high::CHECK,
    &memory_swapping::CHECK,
    &eviction_pressure::CHECK,
    &migration_stalled::CHECK,
    &migration_unsafe::CHECK,
    &orphaned_keys::CHECK,
    &redirect_storm::CHECK,
    &persistence_failing::CHECK,
    &clients_near_limit::CHECK,
    &bus_links_saturated::CHECK,
    &config_drift::CHECK,
    &view_incomplete::CHECK,
    &fragmentation_elevated::CHECK,
    &gossip_rate_high::CHECK,
    &migration_slow::CHECK,
    &slots_imbalanced::CHECK,
    &load_imbalanced::CHECK,
    &config_risky::CHECK,
    &failure_domain_risk::CHECK,
    &too_few_primaries::CHECK,
    &ghost_nodes::CHECK,
    &lua_memory_high::CHECK,
    &big_keys::CHECK,
    &versions_mixed::CHECK,
    &failover_happened::CHECK,
    &clock_skew::CHECK,
    &cert_expiring::CHECK,
];

/// What the configuration changes about a check.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Override {
    /// `false`: neither judged nor shown.
    pub enabled: Option<bool>,
    /// Another severity.
    pub severity: Option<Severity>,
}

/// What one check said of one view.
#[derive(Clone, Debug)]
pub struct Judgement {
    /// The row.
    pub check: &'static Check,
    /// The row's severity, or the configured one.
    pub severity: Severity,
    /// What it said.
    pub outcome: Outcome,
    /// Since when each finding holds, in their order.
    pub since: Vec<Timestamp>,
}

/// Asks every enabled check.
pub fn look(context: &Context<'_>, overrides: &BTreeMap<String, Override>) -> Vec<Judgement> {
    let judge = |check: &'static Check| {
        let change = overrides.get(check.code).copied().unwrap_or_default();
        let severity = change.severity.unwrap_or(check.severity);
        let enabled = change.enabled.unwrap_or(true);
        enabled.then(|| Judgement { check, severity, outcome: outcome(check, context), since: Vec::new() })
    };
    CHECKS.into_iter().filter_map(judge).collect()
}

fn outcome(check: &Check, context: &Context<'_>) -> Outcome {
    match check.needs {
        Needs::Nothing => (check.look)(context),
        Needs::Node if context.view.reachable() == 0 => Outcome::Unknown("no node answers".to_owned()),
        Needs::Majority if !context.has_majority() => Outcome::Unknown(context.minority()),
        Needs::Node | Needs::Majority => (check.look)(context),
    }
}

const fn seconds(n: u64) -> Duration {
    Duration::from_secs(n)
}

const fn minutes(n: u64) -> Duration {
    Duration::from_secs(60 * n)
}

const fn hours(n: u64) -> Duration {
    Duration::from_secs(3600 * n)
}

/// The runbook of a check, compiled in: without the file nothing builds.
macro_rules! runbook {
    ($code:literal) => {
        include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/docs/runbooks/", $code, ".md"))
    };
}
use runbook;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_are_unique_and_plain() {
        let mut codes: Vec<_> = CHECKS.iter().map(|check| check.code).collect();
        assert!(codes.iter().all(|code| code.bytes().all(|c| c.is_ascii_lowercase() || c == b'_')));
        codes.sort_unstable();
        codes.dedup();
        assert_eq!(codes.len(), CHECKS.len());
    }

    #[test]
    fn rows_stand_by_severity_and_explain_what_exists() {
        assert!(CHECKS.is_sorted_by_key(|check| check.severity));
        for check in CHECKS {
            for code in check.explains {
                assert!(CHECKS.iter().any(|other| other.code == *code), "{} explains {code}", check.code);
                assert_ne!(*code, check.code);
            }
        }
    }

    #[test]
    fn nothing_explains_itself_through_others() {
        let row = |code: &str| CHECKS.into_iter().find(|check| check.code == code).unwrap();
        for check in CHECKS {
            let mut reached = check.explains.to_vec();
            let mut next = 0;
            while let Some(code) = reached.get(next).copied() {
                let more = row(code).explains.iter().filter(|code| !reached.contains(code));
                reached.extend(more.copied().collect::<Vec<_>>());
                next += 1;
            }
            assert!(!reached.contains(&check.code), "{}", check.code);
        }
    }
}
