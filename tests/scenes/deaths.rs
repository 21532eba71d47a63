//! Nodes that die, hang and come back.

use super::stage::{About, Stage, Table, id, set};
use crate::common::real::Cluster;

/// With a replica for each primary.
pub(crate) fn with_replicas(table: &Table) {
    let cluster = Cluster::of(3, 1).node_timeout_ms(2000).boot();
    let stage = Stage::of(&cluster, table);
    let (primary, heir) = (cluster.primary(0), cluster.replica(0));

    let mut act = stage.act("primary killed, its replica there");
    cluster.kill(primary);
    act.names("failover_happened", About::Shard);
    act.names("node_failed", About::Node(primary));
    act.names("replicas_missing", About::Node(heir));
    act.may(&["node_unreachable", "slots_uncovered", "slot_maps_disagree", "failover_not_ready"]);
    act.may(&["ghost_nodes", "node_suspected"]);
    act.may(&["failover_stalled", "replica_link_down", "replica_orphaned", "commands_refused"]);
    act.heals();
    cluster.start(primary);
    act.clears();

    let lost = cluster.replica(1);
    let mut act = stage.act("replica killed");
    cluster.kill(lost);
    act.names("node_unreachable", About::Node(lost));
    act.names("replicas_missing", About::Node(cluster.primary(1)));
    act.names("node_failed", About::Node(lost));
    act.may(&["failover_not_ready", "node_suspected"]);
    act.heals();
    cluster.start(lost);
    act.clears();

    let mut act = stage.act("replica hung");
    cluster.stop(lost);
    act.names("node_unreachable", About::Node(lost));
    act.names("node_failed", About::Node(lost));
    act.may(&["failover_not_ready", "replicas_missing", "node_suspected"]);
    act.heals();
    cluster.resume(lost);
    act.clears();

    let mut act = stage.act("primary hung, its replica there");
    let hung = cluster.primary(2);
    cluster.stop(hung);
    act.names("node_unreachable", About::Node(hung));
    act.names("failover_happened", About::Shard);
    act.names("node_failed", About::Node(hung));
    act.may(&["slots_uncovered", "slot_maps_disagree", "failover_not_ready", "replicas_missing"]);
    act.may(&["replica_link_down", "commands_refused", "node_suspected", "replica_orphaned", "ghost_nodes"]);
    act.heals();
    cluster.resume(hung);
    act.clears();

    let mut act = stage.act("all nodes gone");
    for node in cluster.nodes() {
        cluster.kill(node);
    }
    act.names("cluster_unreachable", About::Whole);
    act.may(&["node_unreachable", "slots_uncovered", "quorum_lost", "view_incomplete", "replicas_missing"]);
    act.may(&["failover_not_ready", "node_failed", "replica_link_down", "replica_orphaned", "ghost_nodes"]);
    act.heals();
    for node in cluster.nodes() {
        cluster.start(node);
    }
    act.may(&["node_suspected", "partitioned", "slot_maps_disagree", "membership_disagrees", "node_slow"]);
    act.may(&["failover_happened", "failover_stalled", "commands_refused"]);
    act.clears();
}

/// Without any.
pub(crate) fn without_replicas(table: &Table) {
    let cluster = Cluster::of(3, 0).node_timeout_ms(2000).boot();
    let stage = Stage::of(&cluster, table);
    let (first, second, third) = (cluster.primary(0), cluster.primary(1), cluster.primary(2));

    let mut act = stage.act("primary killed, no replica");
    cluster.kill(third);
    act.names("slots_uncovered", About::Node(third));
    act.names("node_failed", About::Node(third));
    act.may(&["node_unreachable", "slot_maps_disagree", "commands_refused", "node_suspected"]);
    act.heals();
    cluster.start(third);
    act.clears();

    let mut act = stage.act("two of three voters killed");
    cluster.kill(third);
    cluster.kill(second);
    act.names("quorum_lost", About::Whole);
    act.names("view_incomplete", About::Any);
    act.names("node_unreachable", About::Node(second));
    act.may(&["slots_uncovered", "node_failed", "commands_refused"]);
    act.heals();
    cluster.start(third);
    cluster.start(second);
    act.may(&["slot_maps_disagree", "node_suspected", "partitioned", "membership_disagrees"]);
    act.clears();

    let mut act = stage.act("slot unassigned everywhere, full coverage");
    for node in cluster.nodes() {
        cluster.cli(node, &["CLUSTER", "DELSLOTS", "100"]);
    }
    act.names("slots_uncovered", About::Any);
    act.may(&["slot_maps_disagree", "commands_refused", "nodes_unexpected"]);
    act.heals();
    assert_eq!(cluster.cli(first, &["CLUSTER", "ADDSLOTS", "100"]), "OK");
    act.clears();

    for node in cluster.nodes() {
        set(&cluster, node, "cluster-require-full-coverage", "no");
    }
    stage.settle("full coverage is off");
    let mut act = stage.act("slot let go by its owner only, no full coverage");
    assert_eq!(cluster.cli(first, &["CLUSTER", "DELSLOTS", "100"]), "OK");
    act.names("slots_uncovered", About::Any);
    act.names("slot_maps_disagree", About::Any);
    act.may(&["nodes_unexpected"]);
    act.heals();
    assert_eq!(cluster.cli(first, &["CLUSTER", "ADDSLOTS", "100"]), "OK");
    act.clears();

    // Servers that have this command tell each other whom they forget.
    if cluster.cli(first, &["CLUSTER", "MYSHARDID"]).len() == 40 {
        return;
    }
    let mut act = stage.act("one of three forgotten by one");
    let gone = id(&cluster, third);
    assert_eq!(cluster.cli(first, &["CLUSTER", "FORGET", &gone]), "OK");
    act.names("membership_disagrees", About::Node(first));
    act.may(&["slot_maps_disagree", "slots_uncovered", "partitioned", "nodes_unexpected"]);
    act.heals();
    // The node that forgets bans the other for a minute, unless it is told otherwise.
    cluster.meet(third);
    act.clears();
}
