//! Two configured clusters that one MEET joins.

use super::stage::{About, LIMITS, Stage, Table, configuration};
use crate::common::real::Cluster;

pub(crate) fn scene(table: &Table) {
    let one = Cluster::of(3, 0).node_timeout_ms(3000).boot();
    let other = Cluster::of(3, 0).node_timeout_ms(3000).boot();
    let seeds = [("one", one.primary(0)), ("other", other.primary(0))];
    let stage = Stage::watching(&configuration(&seeds, LIMITS), table);
    stage.settle("two clusters");

    let mut act = stage.act("two clusters joined by one MEET");
    one.meet(other.primary(0));
    act.names("clusters_merged", About::Whole);
    // They hand each other their slots, the higher epochs win.
    act.may(&[
        "slot_maps_disagree",
        "membership_disagrees",
        "epoch_collision",
        "slots_imbalanced",
        "ghost_nodes",
    ]);
    act.may(&[
        "slots_uncovered",
        "split_brain",
        "too_few_primaries",
        "failure_domain_risk",
        "commands_refused",
    ]);
    act.may(&["partitioned", "view_incomplete", "quorum_lost", "failover_happened", "nodes_unexpected"]);
    act.may(&["replicas_missing", "replica_link_down", "replica_orphaned", "failover_not_ready"]);
    // There is no heal that could be waited for: primaries that lost all slots follow those of the other cluster.
}
