//! Nodes that die, hang and come back.

use super::act::{About, Act, evidence};
use super::stage::Stage;
use super::table::Table;
use super::truth::Truth;
use crate::common::real::Cluster;
use crate::common::real::{id, set};

/// Slot 0 is the first primary's.
const SLOT: u16 = 0;

/// With a replica for each primary.
pub(crate) fn with_replicas(table: &Table) {
    let cluster = Cluster::of(3, 1).node_timeout_ms(2000).boot();
    let truth = Truth::of(&[&cluster]);
    let stage = Stage::of(&cluster, table);
    let (primary, heir) = (cluster.primary(0), cluster.replica(0));

    let mut act = stage.act("primary killed, its replica there");
    cluster.kill(primary);
    act.shows(|| !truth.answers(primary));
    act.names("node_unreachable", About::Node(primary));
    act.may("slots_uncovered", "nobody serves its slots until the replica is elected");
    act.shows(|| truth.is_failed(primary));
    act.names("node_failed", About::Node(primary));
    act.may("replica_orphaned", "the replica follows a failed primary until it is elected");
    act.shows(|| truth.owns(heir, SLOT));
    let finding = act.names("failover_happened", About::Shard);
    assert_eq!((evidence(&finding, "before"), evidence(&finding, "after")), (primary.into(), heir.into()));
    act.names("replicas_missing", About::Node(heir));
    after_failover(&mut act);
    act.heals();
    cluster.start(primary);
    act.clears(|| truth.is_well());

    let (fed, lost) = (cluster.primary(1), cluster.replica(1));
    let mut act = stage.act("replica killed");
    cluster.kill(lost);
    act.shows(|| !truth.answers(lost));
    act.names("node_unreachable", About::Node(lost));
    act.shows(|| truth.is_suspected(lost));
    act.names("replicas_missing", About::Node(fed));
    act.shows(|| truth.is_failed(lost));
    act.names("node_failed", About::Node(lost));
    after_replica(&mut act);
    act.heals();
    cluster.start(lost);
    act.clears(|| truth.is_well());

    let mut act = stage.act("replica hung");
    cluster.stop(lost);
    act.shows(|| !truth.answers(lost));
    let finding = act.names("node_unreachable", About::Node(lost));
    assert_eq!(evidence(&finding, "error_kind"), "timeout");
    act.shows(|| truth.is_failed(lost));
    act.names("node_failed", About::Node(lost));
    act.names("replicas_missing", About::Node(fed));
    after_replica(&mut act);
    act.heals();
    cluster.resume(lost);
    act.clears(|| truth.is_well());

    let mut act = stage.act("primary hung, its replica there");
    let (hung, heir) = (cluster.primary(2), cluster.replica(2));
    cluster.stop(hung);
    act.shows(|| !truth.answers(hung));
    act.names("node_unreachable", About::Node(hung));
    act.may("slots_uncovered", "nobody serves its slots until the replica is elected");
    act.shows(|| truth.is_failed(hung));
    act.names("node_failed", About::Node(hung));
    act.shows(|| truth.owns(heir, 16383));
    act.names("failover_happened", About::Shard);
    act.names("replicas_missing", About::Node(heir));
    after_failover(&mut act);
    act.heals();
    cluster.resume(hung);
    act.clears(|| truth.is_well());

    let mut act = stage.act("all nodes gone");
    for node in cluster.nodes() {
        cluster.kill(node);
    }
    act.shows(|| cluster.nodes().iter().all(|node| !truth.answers(node)));
    act.names("cluster_unreachable", About::Whole);
    act.may("node_unreachable", "they die, and come back, one after the other");
    act.may("view_incomplete", "while they do, fewer than a majority answer");
    act.heals();
    for node in cluster.nodes() {
        cluster.start(node);
    }
    act.may("slots_uncovered", "some are back and miss the others");
    act.may("node_suspected", "those that are back are flagged until they are heard");
    act.may("quorum_lost", "those that are back first have not found each other yet");
    act.may("replicas_missing", "replicas ask for a full synchronisation, of one primary each");
    act.may("replica_link_down", "they do so once they know where their primary is");
    act.may("failover_not_ready", "until then they have nothing that could be promoted");
    act.clears(|| truth.is_well());
}

/// What a primary leaves behind that its replica has replaced, until it is back and follows that one.
fn after_failover(act: &mut Act<'_>) {
    act.may("slot_maps_disagree", "the new owner of the slots is known to one node after the other");
    act.may("ghost_nodes", "a primary that is failed and has lost its slots is a ghost until it comes back");
    act.may("node_suspected", "its peers flag it for a moment after it is back");
    act.may("replica_link_down", "back as a replica, it asks the new primary for what it lacks");
    act.may("failover_not_ready", "until it is in sync it could not be promoted");
}

/// What a replica that was away leaves behind for a moment.
fn after_replica(act: &mut Act<'_>) {
    act.may("failover_not_ready", "the one replica there is is suspected, then loads what it lacks");
    act.may("node_suspected", "its peers flag it for a moment after it is back");
    act.may("replica_link_down", "a moment passes until it is connected again");
}

/// Without any.
pub(crate) fn without_replicas(table: &Table) {
    let cluster = Cluster::of(3, 0).node_timeout_ms(2000).boot();
    let truth = Truth::of(&[&cluster]);
    let stage = Stage::of(&cluster, table);
    let (first, second, third) = (cluster.primary(0), cluster.primary(1), cluster.primary(2));

    let mut act = stage.act("primary killed, no replica");
    cluster.kill(third);
    act.shows(|| !truth.answers(third));
    act.names("node_unreachable", About::Node(third));
    act.shows(|| truth.is_suspected(third));
    act.names("slots_uncovered", About::Node(third));
    act.shows(|| truth.is_failed(third));
    act.names("node_failed", About::Node(third));
    act.heals();
    cluster.start(third);
    act.may("node_suspected", "a primary that nobody replaced stays failed for twice the node timeout");
    act.clears(|| truth.is_well());

    let mut act = stage.act("two of three voters killed");
    cluster.kill(third);
    cluster.kill(second);
    act.shows(|| !truth.answers(second) && !truth.answers(third));
    act.names("view_incomplete", About::Whole);
    act.names("node_unreachable", About::Node(second));
    act.shows(|| truth.suspects(first, second) && truth.suspects(first, third));
    act.names("quorum_lost", About::Whole);
    act.may("slots_uncovered", "nobody serves their slots");
    act.heals();
    cluster.start(third);
    cluster.start(second);
    act.may("node_suspected", "those that are back are flagged until they are heard");
    act.clears(|| truth.is_well());

    let mut act = stage.act("slot unassigned everywhere, full coverage");
    for node in cluster.nodes() {
        cluster.cli(node, &["CLUSTER", "DELSLOTS", "100"]);
    }
    let is_free = |node: &String| truth.rows(node).iter().all(|row| !row.slots.contains(&100));
    act.shows(|| cluster.nodes().iter().all(is_free));
    let finding = act.names("slots_uncovered", About::Whole);
    assert_eq!(
        (evidence(&finding, "reason"), evidence(&finding, "slots")),
        ("unassigned".into(), "100".into())
    );
    act.may("slot_maps_disagree", "one node after the other lets go of it");
    act.may("nodes_unexpected", "until all have, they count slots differently");
    act.heals();
    assert_eq!(cluster.cli(first, &["CLUSTER", "ADDSLOTS", "100"]), "OK");
    act.clears(|| truth.is_well());

    let mut act = stage.act("full coverage turned off on one node after the other");
    for node in cluster.nodes() {
        set(&cluster, node, "cluster-require-full-coverage", "no");
    }
    act.may("config_drift", "some nodes have it and others not");
    act.heals();
    act.clears(|| truth.is_well());

    let mut act = stage.act("slot let go by its owner only, no full coverage");
    assert_eq!(cluster.cli(first, &["CLUSTER", "DELSLOTS", "100"]), "OK");
    act.shows(|| !truth.owns(first, 100));
    act.names("slots_uncovered", About::Whole);
    act.names("slot_maps_disagree", About::Node(first));
    act.may("nodes_unexpected", "the others count a slot more");
    act.heals();
    assert_eq!(cluster.cli(first, &["CLUSTER", "ADDSLOTS", "100"]), "OK");
    act.clears(|| truth.is_well());

    // Servers that have this command tell each other whom they forget.
    if cluster.cli(first, &["CLUSTER", "MYSHARDID"]).len() == 40 {
        return;
    }
    let mut act = stage.act("one of three forgotten by one");
    let gone = id(&cluster, third);
    assert_eq!(cluster.cli(first, &["CLUSTER", "FORGET", &gone]), "OK");
    act.shows(|| truth.rows(first).len() == 2);
    act.names("membership_disagrees", About::Node(first));
    act.may("slot_maps_disagree", "without the node its slots have no owner there");
    act.may("nodes_unexpected", "and are not counted as assigned");
    act.heals();
    // The node that forgets bans the other for a minute, unless it is told otherwise.
    cluster.meet(third);
    act.may("ghost_nodes", "a handshake is under way");
    act.clears(|| truth.is_well());
}
