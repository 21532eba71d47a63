//! Bus links cut while every client port stays open: a partition, and a true split brain with writes on both sides.

use super::act::{About, evidence};
use super::bus::Bus;
use super::stage::Stage;
use super::table::Table;
use super::truth::Truth;
use crate::common::real::set;
use crate::common::real::{Cluster, await_that};

pub(crate) fn scene(table: &Table) {
    let cluster = Cluster::of(3, 1).node_timeout_ms(2000).boot();
    let truth = Truth::of(&[&cluster]);
    let bus = Bus::around(&cluster);
    let stage = Stage::of(&cluster, table);
    let (cut, heir) = (cluster.primary(0), cluster.replica(0));

    // The replica is cut off with its primary, so nobody takes the slots over.
    let mut act = stage.act("partition without overlap");
    let inside = [cut, heir];
    bus.cut_off(&inside);
    let others: Vec<&String> =
        cluster.nodes().iter().filter(|node| !inside.contains(&node.as_str())).collect();
    let apart =
        |one: &str| others.iter().all(|other| truth.suspects(one, other) && truth.suspects(other, one));
    act.shows(|| inside.iter().all(|one| apart(one)));
    act.names("partitioned", About::Whole);
    for node in inside {
        act.names("node_suspected", About::Node(node));
    }
    act.shows(|| truth.is_failed(cut));
    act.names("node_failed", About::Node(cut));
    act.names("slots_uncovered", About::Node(cut));
    act.may("failover_stalled", "its only replica is on the wrong side");
    act.may("gossip_rate_high", "nodes dial those whom they cannot reach ten times a second");
    act.heals();
    bus.join();
    act.clears(|| truth.is_well());

    // The one that is cut off does not notice: a majority has failed it and promoted its replica by then.
    let mut act = stage.act("true split brain");
    set(&cluster, cut, "cluster-node-timeout", "60000");
    act.shows(|| cluster.cli(cut, &["CONFIG", "GET", "cluster-node-timeout"]).ends_with("60000"));
    act.names("config_drift", About::Node(cut));
    bus.cut_off(&[cut]);
    act.shows(|| truth.is_failed(cut));
    act.names("node_failed", About::Node(cut));
    act.names("node_suspected", About::Node(cut));
    act.shows(|| truth.owns(cut, 0) && truth.owns(heir, 0));
    let finding = act.names("split_brain", About::Whole);
    assert_eq!((evidence(&finding, "winner"), evidence(&finding, "loser")), (heir.into(), cut.into()));
    assert_eq!(evidence(&finding, "slots"), "0-5460");
    act.names("failover_happened", About::Shard);
    act.names("slot_maps_disagree", About::Node(cut));
    for side in [cut, heir] {
        await_that("each side takes writes", || cluster.cli(side, &["SET", "{06S}split", side]) == "OK");
    }
    act.may("slots_uncovered", "its own side serves its slots, the others none until the election");
    act.may("replicas_missing", "neither of the two has a replica");
    act.may("gossip_rate_high", "nodes dial those whom they cannot reach ten times a second");
    act.heals();
    bus.join();
    set(&cluster, cut, "cluster-node-timeout", "2000");
    act.may("replica_link_down", "the loser loads everything anew");
    act.may("failover_not_ready", "until it has it could not be promoted");
    act.clears(|| truth.is_well());
    assert_eq!(cluster.cli(heir, &["GET", "{06S}split"]), heir, "the side with the majority keeps its write");
}
