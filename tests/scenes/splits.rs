//! Bus links cut while every client port stays open: a partition, and a true split brain with writes on both sides.

use super::bus::Bus;
use super::stage::{About, Stage, Table, set};
use crate::common::real::{Cluster, await_that};

pub(crate) fn scene(table: &Table) {
    let cluster = Cluster::of(3, 1).node_timeout_ms(2000).boot();
    let bus = Bus::around(&cluster);
    let stage = Stage::of(&cluster, table);
    let (cut, heir) = (cluster.primary(0), cluster.replica(0));

    // The replica is cut off with its primary, so nobody takes the slots over.
    let mut act = stage.act("partition without overlap");
    bus.cut_off(&[cut, heir]);
    act.names("partitioned", About::Any);
    act.may(&["failover_stalled", "replica_link_down", "replica_orphaned", "nodes_unexpected"]);
    act.names("node_suspected", About::Node(cut));
    act.names("node_suspected", About::Node(heir));
    act.may(&["node_failed", "slots_uncovered", "slot_maps_disagree", "failover_not_ready"]);
    act.may(&["replicas_missing", "commands_refused", "view_incomplete", "gossip_rate_high", "ghost_nodes"]);
    act.heals();
    bus.join();
    act.clears();

    // The one that is cut off does not notice: a majority has failed it and promoted its replica by then.
    set(&cluster, cut, "cluster-node-timeout", "60000");
    let mut act = stage.act("true split brain");
    act.names("config_drift", About::Node(cut));
    bus.cut_off(&[cut]);
    act.names("split_brain", About::Whole);
    act.names("failover_happened", About::Shard);
    for side in [cut, heir] {
        await_that("each side takes writes", || cluster.cli(side, &["SET", "{06S}split", side]) == "OK");
    }
    act.may(&["node_suspected", "node_failed", "slots_uncovered", "slot_maps_disagree", "partitioned"]);
    act.may(&["failover_not_ready", "replicas_missing", "commands_refused", "failover_stalled"]);
    act.may(&["replica_link_down", "replica_orphaned", "config_risky", "gossip_rate_high", "ghost_nodes"]);
    act.heals();
    set(&cluster, cut, "cluster-node-timeout", "2000");
    bus.join();
    act.clears();
    assert_eq!(cluster.cli(heir, &["GET", "{06S}split"]), heir, "the side with the majority keeps its write");
}
