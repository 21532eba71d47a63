//! Every recorded state, judged by every check. The states of one name are alike in all versions.
#![allow(clippy::unwrap_used, reason = "a test fails where it meets what it does not expect")]

mod common {
    pub(crate) mod captures;
    pub(crate) mod scenario;
    pub(crate) mod sim;
}

use std::collections::{BTreeMap, BTreeSet};

use common::captures::{self, State};
use common::scenario::{Judge, Verdicts};

/// What fires in the recorded states, polled twice; in all others nothing does. A code with a question mark fires in
/// some versions only: settings differ wherever one had been set by hand, in this state or in one before it, and what
/// one state leaves behind (a marker on a slot, keys) stays for those after it.
const RECORDED: [(&str, &str); 51] = [
    ("asm_failed", "migration_stalled"),
    ("asm_target_killed", "node_unreachable migration_stalled"),
    ("bgsave_failed", "persistence_failing config_drift"),
    ("busy_script", "node_unreachable config_drift"),
    ("client_pause_all", "node_unreachable config_drift"),
    ("clients_near_max", "clients_near_limit config_drift"),
    ("config_mismatch", "failover_not_ready config_drift"),
    (
        "delslots_owner_only",
        "slots_uncovered nodes_unexpected slot_maps_disagree migration_stalled? orphaned_keys",
    ),
    ("empty_master", "config_drift"),
    ("forgotten_10s", "membership_disagrees"),
    ("forgotten_1s", "membership_disagrees"),
    ("ghost_failed_node", "node_failed config_drift? ghost_nodes"),
    ("handshake_pending", "membership_disagrees ghost_nodes"),
    ("manual_failover_done", "config_drift"),
    ("master_fail_no_failover", "slots_uncovered failover_stalled replica_orphaned node_failed"),
    ("master_failed_over", "replicas_missing node_failed ghost_nodes"),
    ("master_hung_1s", "node_unreachable"),
    ("master_hung_failed_over", "replicas_missing node_failed ghost_nodes"),
    ("master_killed_1s", "failover_not_ready node_unreachable config_drift"),
    ("master_pfail", "slots_uncovered failover_not_ready node_unreachable config_drift"),
    ("maxmemory_reached", "memory_exhaustion config_drift"),
    ("mem_frag", "config_drift"),
    ("mig_dest_claims", "migration_stalled?"),
    ("mig_half_importing", "migration_stalled"),
    ("mig_half_migrating", "migration_stalled"),
    ("noaddr_ghost_stays", "config_drift? ghost_nodes"),
    ("noaddr_replaced", "replicas_missing config_drift? ghost_nodes"),
    ("orphan_keys_moved", "migration_stalled? orphaned_keys"),
    ("orphan_keys_stable", "orphaned_keys"),
    ("partial_partition", "node_suspected"),
    ("partition_masters_2_1", "slots_uncovered failover_stalled node_failed node_suspected partitioned"),
    ("partition_shard_isolated", "slots_uncovered failover_stalled node_failed node_suspected partitioned"),
    ("quorum_lost", "quorum_lost node_unreachable view_incomplete"),
    ("replica_full_sync_disk", "replica_link_down replicas_missing failover_not_ready"),
    ("replica_full_sync_diskless", "replica_link_down replicas_missing failover_not_ready"),
    ("replica_full_sync_dual", "replica_link_down replicas_missing failover_not_ready"),
    ("replica_full_sync_loading", "replica_link_down replicas_missing failover_not_ready"),
    ("replica_isolated", "node_failed node_suspected partitioned"),
    ("replica_killed", "replicas_missing node_failed"),
    ("replica_lag_bandwidth_later", "replication_lag_critical"),
    ("replica_lag_sigstop", "replication_lag node_unreachable"),
    ("replica_link_down_auth", "replica_link_down replicas_missing failover_not_ready"),
    ("replica_link_down_net", "replica_link_down replicas_missing failover_not_ready"),
    ("shard_dead", "slots_uncovered node_failed"),
    ("slot_conflict_settled", "migration_stalled?"),
    (
        "split_brain_active",
        "split_brain replicas_missing node_failed node_suspected slot_maps_disagree config_drift",
    ),
    ("split_brain_healed", "config_drift config_risky"),
    (
        "split_brain_minority_failed",
        "split_brain replicas_missing node_failed node_suspected partitioned slot_maps_disagree config_drift config_risky",
    ),
    (
        "split_brain_permanent",
        "split_brain replicas_missing nodes_unexpected slot_maps_disagree membership_disagrees config_drift",
    ),
    ("uncovered_full_no", "slots_uncovered migration_stalled? orphaned_keys?"),
    ("uncovered_full_yes", "slots_uncovered migration_stalled? orphaned_keys"),
];

/// Views of one moment, in which anything may be seen that is over in the next: holds keep it quiet.
fn is_transient(state: &State) -> bool {
    state.name.ends_with("_instant") || state.name.ends_with("_first_ms")
}

/// The state polled twice, and judged both times.
fn judged(state: &State) -> [Verdicts; 2] {
    let replies: Vec<_> = state.nodes().into_iter().map(|(_, replies)| replies).collect();
    let mut judge = Judge::new();
    [judge.replies(&replies), judge.replies(&replies)]
}

#[test]
fn every_recorded_state_is_judged_as_it_was_made() {
    let expected: BTreeMap<&str, &str> = RECORDED.into_iter().collect();
    let (mut named, mut told, mut wrong) = (BTreeSet::new(), BTreeSet::new(), Vec::new());
    for state in captures::states().iter().filter(|state| !is_transient(state)) {
        let codes = expected.get_key_value(&*state.name);
        let codes: Vec<&str> = codes.map_or("", |(_, codes)| codes).split_whitespace().collect();
        named.insert(state.name.clone());
        let [_, verdicts] = judged(state);
        let firing = verdicts.firing();
        let may = |code: &str| codes.iter().any(|known| known.trim_end_matches('?') == code);
        told.extend(firing.iter().map(|code| (state.name.clone(), (*code).to_owned())));
        if !firing.iter().all(|code| may(code))
            || !codes.iter().all(|code| code.ends_with('?') || firing.contains(code))
        {
            wrong.push(format!("{state}: {}", firing.join(" ")));
        }
    }
    assert!(wrong.is_empty(), "judged otherwise:\n{}", wrong.join("\n"));
    for (name, codes) in RECORDED {
        assert!(named.contains(name), "{name} was not recorded");
        for code in codes.split_whitespace().map(|code| code.trim_end_matches('?')) {
            assert!(told.contains(&(name.to_owned(), code.to_owned())), "{code} never fires in {name}");
        }
    }
}

#[test]
fn healthy_is_silent_in_every_version() {
    let mut versions = BTreeSet::new();
    for state in captures::states().into_iter().filter(|state| state.name.starts_with("healthy")) {
        for verdicts in judged(&state) {
            assert!(verdicts.firing().is_empty(), "{state}: {:?}", verdicts.firing());
        }
        versions.insert(state.server);
    }
    assert!(versions.len() > 5, "{versions:?}");
}
