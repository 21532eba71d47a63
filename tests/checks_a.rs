//! The checks of slots, quorum, failover, membership and views: one scenario per check on a simulated cluster, its
//! guard, and where it cannot tell.
#![allow(clippy::unwrap_used, reason = "a test fails where it meets what it does not expect")]

mod common {
    pub(crate) mod captures;
    pub(crate) mod scenario;
    pub(crate) mod sim;
}

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use common::captures;
use common::scenario::{Judge, Verdicts, evidence, judge, judge_two};
use common::sim::{Cluster, Link};
use redis_cluster_exporter::model::failure::AskError;
use redis_cluster_exporter::model::node::Health;
use redis_cluster_exporter::probes::ProbeId;

/// The codes that are tested here.
const CODES: [&str; 21] = [
    "slots_uncovered",
    "split_brain",
    "quorum_lost",
    "failover_stalled",
    "cluster_unreachable",
    "clusters_merged",
    "replication_lag",
    "replica_orphaned",
    "failover_not_ready",
    "nodes_unexpected",
    "node_failed",
    "node_unreachable",
    "node_suspected",
    "partitioned",
    "slot_maps_disagree",
    "membership_disagrees",
    "epoch_collision",
    "view_incomplete",
    "too_few_primaries",
    "ghost_nodes",
    "failover_happened",
];

fn healthy() -> Cluster {
    Cluster::healthy(3, 1)
}

fn label(cluster: &Cluster, name: &str) -> String {
    cluster.address(name).to_string()
}

fn fires(verdicts: &Verdicts, codes: &[&str]) {
    assert_eq!(verdicts.firing_of(&CODES), codes);
}

/// Exactly these codes fire.
fn only(cluster: &Cluster, codes: &[&str]) -> Verdicts {
    let verdicts = judge(cluster);
    fires(&verdicts, codes);
    verdicts
}

fn later(cluster: &Cluster, seconds: u64) -> Cluster {
    cluster.clone().later(Duration::from_secs(seconds))
}

#[test]
fn a_healthy_cluster_is_silent_and_known() {
    for (primaries, replicas) in [(3, 0), (3, 1), (3, 2), (7, 1)] {
        let cluster = Cluster::healthy(primaries, replicas);
        let verdicts = judge_two(&cluster, &later(&cluster, 5));
        fires(&verdicts, &[]);
        for code in CODES {
            assert_eq!(verdicts.unknown(code), "", "{code}");
        }
    }
}

#[test]
fn nothing_is_clear_while_no_node_answers() {
    let dark = healthy().names().iter().fold(healthy(), |cluster, name| cluster.hide(name));
    let verdicts = judge_two(&healthy(), &dark);
    fires(&verdicts, &["cluster_unreachable", "view_incomplete"]);
    let finding = verdicts.finding("cluster_unreachable");
    assert_eq!(finding.summary, "none of 6 known nodes answers");
    assert_eq!(finding.commands.len(), 6);
    // With no other cluster configured there is nothing to have merged with.
    let told = ["cluster_unreachable", "view_incomplete", "clusters_merged"];
    for code in CODES.iter().filter(|code| !told.contains(code)) {
        assert_ne!(verdicts.unknown(code), "", "{code}");
    }
}

#[test]
fn a_minority_decides_nothing() {
    let cluster = healthy().hide("m1").hide("m2");
    let verdicts = only(&cluster, &["node_unreachable", "view_incomplete"]);
    for code in ["slots_uncovered", "quorum_lost", "failover_stalled", "partitioned", "epoch_collision"] {
        assert_eq!(verdicts.unknown(code), "only 1 of 3 voting primaries answered", "{code}");
    }
    let finding = &verdicts.findings("view_incomplete")[0];
    let silent = evidence(finding, "silent_voters");
    assert!(silent.contains(&label(&cluster, "m1")) && silent.contains("Connection refused"), "{silent}");
}

#[test]
fn nodes_that_refuse_us_rights_are_reached_all_the_same() {
    let denied = "NOPERM User monitor has no permissions to run the 'cluster|nodes' command";
    let names = healthy().names();
    let mute = names.iter().fold(healthy(), |c, name| c.refuse(name, ProbeId::ClusterNodes, denied));
    // Known before, or not even once.
    fires(&judge_two(&healthy(), &mute), &["view_incomplete"]);
    fires(&judge(&mute), &["view_incomplete"]);
}

#[test]
fn slots_uncovered() {
    let cluster = healthy().unassign(100..=199);
    let verdicts = only(&cluster, &["slots_uncovered"]);
    let finding = verdicts.finding("slots_uncovered");
    assert_eq!(evidence(finding, "slots"), "100-199");
    assert_eq!(evidence(finding, "reason"), "unassigned");
    assert_eq!(finding.summary, "100 slots (0.6 %) 100-199 without a live owner: assigned to no node");
    // A slot that changes hands while the nodes are asked is claimed by neither for one poll.
    let moving = |slot: u16| healthy().unassign(slot..=slot);
    assert!(judge_two(&moving(100), &moving(101)).is_clear("slots_uncovered"));
    assert!(!judge_two(&moving(100), &moving(100)).is_clear("slots_uncovered"));
    // No slots at all: no voters either, and that must not make it unknown.
    let verdicts = judge(&healthy().unassign(0..=16383));
    assert_eq!(evidence(verdicts.finding("slots_uncovered"), "count"), "16384");
    // Killed a moment ago, nobody has noticed.
    only(&healthy().kill("m1"), &["node_unreachable"]);
    // Failed by quorum: the heir is named.
    let dead = healthy().kill("m1").seen_by_all("m1", Health::Failed);
    let verdicts = judge(&dead);
    let finding = verdicts.finding("slots_uncovered");
    assert_eq!(evidence(finding, "reason"), "owner_failed");
    assert_eq!(evidence(finding, "replicas_that_could_take_over"), label(&dead, "r1"));
}

#[test]
fn split_brain() {
    let before = healthy().split(&["m1"]);
    let promoted = before.clone().claims("r1", 0..=5460);
    // One poll alone is all that a look from the command line has.
    assert_eq!(evidence(judge(&promoted).finding("split_brain"), "seen_in_polls_at_least"), "1");
    // A claim that the poll before did not show is none yet: a restarted old primary claims its slots for a moment.
    assert!(judge_two(&before, &promoted).findings("split_brain").is_empty());
    let verdicts = judge_two(&promoted, &later(&promoted, 5));
    let finding = verdicts.finding("split_brain");
    assert_eq!(evidence(finding, "winner"), label(&promoted, "r1"));
    assert_eq!(evidence(finding, "loser"), label(&promoted, "m1"));
    assert_eq!(evidence(finding, "slots"), "0-5460");
    assert!(finding.commands[0].ends_with("BGSAVE"), "{:?}", finding.commands);
    let claimants = evidence(finding, "claimants");
    assert!(claimants.contains("on_quorum_side: no"), "{claimants}");
}

#[test]
fn a_split_brain_shows_in_as_many_polls_as_are_wanted() {
    let split = healthy().split(&["m1"]).claims("r1", 0..=5460);
    let whole = healthy().split(&["m1"]);
    let mut judge = Judge::new();
    judge.setup.limits.split_brain_polls = 3;
    judge.poll(&whole);
    let firing: Vec<bool> = [&split, &split, &split, &whole, &split, &split]
        .map(|cluster| !judge.poll(cluster).findings("split_brain").is_empty())
        .to_vec();
    assert_eq!(firing, [false, false, true, false, false, false]);
}

#[test]
fn quorum_lost() {
    let dead = |cluster: Cluster, name: &str| cluster.kill(name).seen_by_all(name, Health::Suspected);
    let cluster = dead(dead(healthy(), "m1"), "m2");
    let verdicts = only(&cluster, &["quorum_lost", "node_unreachable", "view_incomplete"]);
    let finding = verdicts.finding("quorum_lost");
    assert_eq!(evidence(finding, "present"), label(&cluster, "m3"));
    assert_eq!(evidence(finding, "quorum"), "2");
    let missing = evidence(finding, "missing");
    assert!(
        missing.contains(&label(&cluster, "m1")) && missing.contains(&label(&cluster, "m2")),
        "{missing}"
    );
    // One of three is dead: two votes are left.
    assert_eq!(judge(&dead(healthy(), "m1")).firing_of(&["quorum_lost"]), [""; 0]);
    // We cannot ask one, and another is dead; the third vouches for the first.
    let cluster = dead(healthy(), "m1").hide("m2");
    let verdicts = judge(&cluster);
    assert_eq!(verdicts.unknown("quorum_lost"), "only 1 of 3 voting primaries answered");
    // All answer us, and no two primaries hold each other for alive.
    let apart = healthy().split(&["m1", "r1"]).split(&["m2", "r2"]).split(&["m3", "r3"]);
    let verdicts = judge(&apart);
    assert_eq!(verdicts.firing_of(&["quorum_lost", "partitioned"]), ["quorum_lost", "partitioned"]);
}

#[test]
fn failover_stalled() {
    let dead = healthy().kill("m1").seen_by_all("m1", Health::Failed).link("r1", Link::Down { seconds: 20 });
    let codes = ["slots_uncovered", "replica_orphaned", "node_failed"];
    only(&dead, &codes);
    // Two node timeouts and five seconds later still nobody was promoted.
    let mut judge = Judge::new();
    judge.poll(&dead);
    let verdicts = judge.poll(&later(&dead, 30));
    fires(&verdicts, &codes);
    let verdicts = judge.poll(&later(&dead, 40));
    let finding = verdicts.finding("failover_stalled");
    assert_eq!(evidence(finding, "waited"), "40 s");
    assert_eq!(evidence(finding, "patience"), "35 s");
    assert!(finding.summary.contains(&label(&dead, "r1")), "{}", finding.summary);
    // Kept from it, where it can be seen: at once.
    let barred = dead.clone().everywhere("r1", |row| row.nofailover = true);
    let verdicts = common::scenario::judge(&barred);
    let finding = verdicts.finding("failover_stalled");
    assert!(finding.summary.ends_with("cluster-replica-no-failover is set"), "{}", finding.summary);
    let old = healthy().kill("m1").seen_by_all("m1", Health::Failed);
    let verdicts = common::scenario::judge(&old.link("r1", Link::Down { seconds: 400 }));
    let replicas = evidence(verdicts.finding("failover_stalled"), "replicas");
    assert!(replicas.contains("its data is 7 min old"), "{replicas}");
    // Promoted, or nobody is left to promote.
    assert!(
        common::scenario::judge(&healthy().kill("m1").promote("r1")).findings("failover_stalled").is_empty()
    );
    let both = later(&dead.clone().kill("r1").seen_by_all("r1", Health::Failed), 0);
    assert!(judge_two(&both, &later(&both, 100)).findings("failover_stalled").is_empty());
}

#[test]
fn clusters_merged() {
    let cluster = healthy();
    let mut judge = Judge::new();
    let foreign: BTreeSet<_> = Cluster::healthy(3, 1)
        .renamed(9)
        .names()
        .iter()
        .map(|n| Cluster::healthy(3, 1).renamed(9).id(n))
        .collect();
    judge.others = vec![(Arc::from("other"), foreign.clone().into())];
    fires(&judge.poll(&cluster), &[]);
    let with_one: BTreeSet<_> = foreign.into_iter().chain([cluster.id("m2")]).collect();
    judge.others = vec![(Arc::from("other"), with_one.into())];
    let verdicts = judge.poll(&cluster);
    fires(&verdicts, &["clusters_merged"]);
    let finding = verdicts.finding("clusters_merged");
    assert_eq!(evidence(finding, "in_both"), label(&cluster, "m2"));
    assert_eq!(finding.summary, "1 of 6 nodes are also in cluster other, which has 7");
    assert_eq!(evidence(finding, "only_there").split(", ").count(), 6);
}

#[test]
fn replica_orphaned() {
    let gone = healthy().join("x1").told("r1", "r1", |row| row.primary = Some("x1".to_owned()));
    let gone = gone
        .names()
        .into_iter()
        .filter(|name| name != "x1")
        .fold(gone, |c, name| c.forget(&name, "x1"))
        .hide("x1");
    let verdicts = judge(&gone);
    let finding = verdicts.finding("replica_orphaned");
    assert_eq!(evidence(finding, "fate"), "the cluster does not know any more");
    // Its primary is failed, for the others: the two are on one side of a partition.
    let apart = healthy().split(&["m1", "r1"]);
    assert!(judge(&apart).findings("replica_orphaned").is_empty());
    let dead = healthy().kill("m1").seen_by_all("m1", Health::Failed).link("r1", Link::Down { seconds: 20 });
    assert_eq!(evidence(judge(&dead).finding("replica_orphaned"), "fate"), "is failed by quorum");
    // Foreign.
    let mut judge = Judge::new();
    judge.others = vec![(Arc::from("other"), Arc::new([gone.id("x1")].into()))];
    let verdicts = judge.poll(&gone);
    assert_eq!(evidence(verdicts.finding("replica_orphaned"), "fate"), "is a node of cluster other");
}

#[test]
fn failover_not_ready() {
    let down = healthy().link("r1", Link::Down { seconds: 30 });
    let verdicts = only(&down, &["failover_not_ready"]);
    let finding = verdicts.finding("failover_not_ready");
    assert_eq!(
        finding.summary,
        format!(
            "no replica of {} could be promoted now: {}: its link is down for 30 s",
            label(&down, "m1"),
            label(&down, "r1")
        )
    );
    let barred = healthy().everywhere("r1", |row| row.nofailover = true);
    only(&barred, &["failover_not_ready"]);
    only(&healthy().loading("r1"), &["failover_not_ready"]);
    // One of two is enough.
    // Nor is a link that is down because the primary is dead.
    only(&down.clone().kill("m1"), &["node_unreachable"]);
    only(&Cluster::healthy(3, 2).link("r1_1", Link::Down { seconds: 30 }), &[]);
    // No replica, or only a dead one: other checks.
    only(&Cluster::healthy(3, 0), &[]);
    only(&healthy().kill("r1").seen_by_all("r1", Health::Failed), &["node_failed"]);
    // Not asked: cannot tell, where every shard is so.
    let blind = healthy().hide("r1").hide("r2").hide("r3");
    let verdicts = only(&blind, &["node_unreachable"]);
    assert!(verdicts.unknown("failover_not_ready").ends_with("does not answer"));
}

#[test]
fn nodes_unexpected() {
    let mut judge = Judge::new();
    judge.setup.expect.nodes = Some(6);
    judge.setup.expect.primaries = Some(3);
    fires(&judge.poll(&healthy()), &[]);
    let verdicts = judge.poll(&healthy().join("x1"));
    fires(&verdicts, &["nodes_unexpected"]);
    let finding = verdicts.finding("nodes_unexpected");
    assert_eq!(finding.summary, "7 live nodes where 6 are expected");
    assert_eq!((evidence(finding, "expected"), evidence(finding, "seen")), ("6".into(), "7".into()));
    let dead = healthy().kill("r1").seen_by_all("r1", Health::Failed);
    assert_eq!(judge.poll(&dead).finding("nodes_unexpected").summary, "5 live nodes where 6 are expected");
    // Without expectations the size is nobody's business, but the slot counts must be one.
    only(&healthy().join("x1"), &[]);
    let odd = healthy().told("m1", "m1", |row| row.slots = [(0, 5459)].into_iter().collect());
    let verdicts = only(&odd, &["slots_uncovered", "nodes_unexpected", "slot_maps_disagree"]);
    let finding = verdicts.finding("nodes_unexpected");
    assert_eq!(
        finding.summary,
        "the nodes count assigned slots differently: 16383 by 1 nodes, 16384 by 5 nodes"
    );
}

#[test]
fn node_unreachable() {
    let cluster = healthy().hide("m2");
    let verdicts = only(&cluster, &["node_unreachable"]);
    let finding = verdicts.finding("node_unreachable");
    assert_eq!(evidence(finding, "error_kind"), "connect");
    assert_eq!(evidence(finding, "held_alive_by"), "5");
    only(&healthy().hang("r2"), &["node_unreachable"]);
    only(&healthy().silent("r2", AskError::Auth("WRONGPASS".to_owned())), &["node_unreachable"]);
    only(&healthy().busy("r2"), &["node_unreachable"]);
    // Failed is failed, and loading answers.
    only(&healthy().kill("r1").seen_by_all("r1", Health::Failed), &["node_failed"]);
    assert!(judge(&healthy().loading("r1")).findings("node_unreachable").is_empty());
}

#[test]
fn node_suspected() {
    let cluster = healthy().seen_from("m1", "m3", Health::Suspected).seen_from("m3", "m1", Health::Suspected);
    let verdicts = only(&cluster, &["node_suspected"]);
    let findings = verdicts.findings("node_suspected");
    assert_eq!(findings.len(), 2);
    assert_eq!(evidence(&findings[0], "suspected_by"), format!("{}: fail?", label(&cluster, "m3")));
    assert_eq!(evidence(&findings[0], "bus_port"), "16379");
    // Of very many accusers some are named and all are counted.
    let large = Cluster::healthy(20, 1).seen_by_all("m1", Health::Suspected);
    let verdicts = judge(&large);
    let finding = &verdicts.findings("node_suspected")[0];
    let begins =
        format!("{} answers this exporter, and 39 of 39 peers hold it for dead: ", label(&large, "m1"));
    assert!(finding.summary.starts_with(&begins), "{}", finding.summary);
    assert!(finding.summary.contains(", and 19 more; "), "{}", finding.summary);
    assert_eq!(evidence(finding, "suspected_by").split(", ").count(), 20);
    assert_eq!(evidence(finding, "and_more"), "19");
    // It does not answer us either.
    assert!(
        judge(&healthy().kill("m1").seen_by_all("m1", Health::Suspected))
            .findings("node_suspected")
            .is_empty()
    );
}

#[test]
fn partitioned() {
    let cluster = healthy().split(&["m1", "r1"]);
    let verdicts = judge(&cluster);
    fires(
        &verdicts,
        &["slots_uncovered", "failover_stalled", "node_failed", "node_suspected", "partitioned"],
    );
    let finding = verdicts.finding("partitioned");
    let side = |names: &[&str]| names.iter().map(|n| label(&cluster, n)).collect::<Vec<_>>().join(", ");
    assert_eq!(
        finding.summary,
        format!(
            "2 groups of nodes hold each other for dead: {{{}}} with quorum | {{{}}}",
            side(&["m2", "m3", "r2", "r3"]),
            side(&["m1", "r1"])
        )
    );
    // One side accuses, the other does not: it came back a moment ago.
    let back = healthy().seen_by_all("r1", Health::Failed);
    assert!(judge(&back).findings("partitioned").is_empty());
    // Two that alone cannot talk.
    let pair = healthy().seen_from("m1", "m3", Health::Suspected).seen_from("m3", "m1", Health::Suspected);
    assert!(judge(&pair).findings("partitioned").is_empty());
}

#[test]
fn slot_maps_disagree() {
    let cluster = healthy().told("r3", "m1", |row| row.slots = [(0, 99)].into_iter().collect()).told(
        "r3",
        "m2",
        |row| {
            row.slots = [(100, 10921)].into_iter().collect();
        },
    );
    let verdicts = only(&cluster, &["slot_maps_disagree"]);
    let finding = verdicts.finding("slot_maps_disagree");
    assert_eq!(evidence(finding, "slots"), "100-5460");
    assert!(evidence(finding, "owners_by_most").starts_with(&label(&cluster, "m1")));
    assert!(evidence(finding, "owners_by_these").starts_with(&label(&cluster, "m2")));
    assert_eq!(evidence(finding, "agreeing_nodes"), "5");
    // Tables may differ in everything else.
    let other = healthy().seen_from("r3", "m1", Health::Suspected);
    assert!(judge(&other).findings("slot_maps_disagree").is_empty());
}

#[test]
fn membership_disagrees() {
    let cluster = healthy().forget("m1", "r3").forget("r1", "r3");
    let verdicts = only(&cluster, &["membership_disagrees"]);
    let finding = verdicts.finding("membership_disagrees");
    assert_eq!(evidence(finding, "missing_here"), label(&cluster, "r3"));
    assert_eq!((evidence(finding, "known"), evidence(finding, "known_by_most")), ("5".into(), "6".into()));
    // A ghost does not travel by gossip: nodes that joined later do not know it.
    assert!(judge(&healthy().noaddr("r3").forget("m1", "r3")).findings("membership_disagrees").is_empty());
    // Two clusters that have forgotten each other.
    let apart = healthy().strangers(&["m1", "r1"]);
    let verdicts = judge(&apart);
    assert_eq!(evidence(verdicts.finding("membership_disagrees"), "disjoint"), "yes");
    assert!(verdicts.findings("partitioned").is_empty());
    // A replica that no table names and that still replicates.
    let fed = "ip=10.9.9.9,port=6379,state=online,offset=1000000,lag=0";
    let verdicts = judge(&healthy().info("m1", "slave1", fed).info("m1", "connected_slaves", "2"));
    fires(&verdicts, &["membership_disagrees"]);
    assert_eq!(
        evidence(verdicts.finding("membership_disagrees"), "unknown_replicas"),
        "10.9.9.9:6379: online"
    );
    // Behind NAT the primary shows another address than the announced one.
    let seen = "ip=10.9.9.9,port=40000,state=online,offset=1000000,lag=0";
    only(&healthy().info("m1", "slave0", seen), &[]);
    // A handshake is no member.
    only(&healthy().join("x1").hide("x1").everywhere("x1", |row| row.handshake = true), &["ghost_nodes"]);
}

#[test]
fn epoch_collision() {
    let cluster = healthy().epoch("m1", 3);
    let verdicts = only(&cluster, &["epoch_collision"]);
    let finding = verdicts.finding("epoch_collision");
    assert_eq!(
        finding.summary,
        format!("primaries {}, {} share configuration epoch 3", label(&cluster, "m1"), label(&cluster, "m3"))
    );
    assert_eq!(finding.commands.len(), 2);
    // New primaries without slots all begin at 0; replicas show their primary's epoch.
    only(&healthy().join("x1").join("x2"), &[]);
    let apart = healthy().strangers(&["m1", "r1"]).epoch("m1", 3);
    assert!(judge(&apart).findings("epoch_collision").is_empty());
}

#[test]
fn view_incomplete() {
    let noperm = "NOPERM User mon has no permissions to run the 'config|get' command";
    let cluster = healthy().refuse("m1", ProbeId::ConfigGet, noperm).refuse("m2", ProbeId::ConfigGet, noperm);
    let verdicts = only(&cluster, &["view_incomplete"]);
    let finding = verdicts.finding("view_incomplete");
    assert_eq!(evidence(finding, "acl"), "ACL SETUSER mon +config|get");
    assert_eq!(finding.subject.nodes.len(), 2);
    assert_eq!(finding.commands[0], "redis-cli -h 10.0.0.1 -p 6379 ACL SETUSER mon +config|get");
    let noperm = "NOPERM this user has no permissions to run the 'cluster|nodes' command";
    let verdicts = only(&healthy().refuse("r1", ProbeId::ClusterNodes, noperm), &["view_incomplete"]);
    assert_eq!(evidence(verdicts.finding("view_incomplete"), "acl"), "ACL SETUSER USER +cluster|nodes");
    // A server that does not have an optional command, or a right that we do not ask for.
    only(
        &healthy().refuse("m1", ProbeId::ClusterLinks, "ERR unknown subcommand 'LINKS'. Try CLUSTER HELP."),
        &[],
    );
    let noperm = "NOPERM User mon has no permissions to run the 'cluster|migration' command";
    only(&healthy().refuse("m1", ProbeId::MigrationStatus, noperm), &[]);
    let verdicts = judge(&healthy().refuse("m1", ProbeId::ClusterInfo, "ERR unknown command 'CLUSTER'"));
    assert!(verdicts.finding("view_incomplete").summary.contains("renamed"));
}

#[test]
fn ghost_nodes() {
    let cluster = healthy().noaddr("r3");
    let verdicts = judge(&cluster);
    fires(&verdicts, &["ghost_nodes"]);
    let finding = verdicts.finding("ghost_nodes");
    assert_eq!(evidence(finding, "why"), "no address (noaddr)");
    assert_eq!(finding.commands.len(), 5);
    let forget = format!("redis-cli -h 10.0.0.1 -p 6379 CLUSTER FORGET {}", cluster.id("r3"));
    assert_eq!(finding.commands[0], forget);
    // The old primary after a failover.
    let taken = healthy().kill("m1").promote("r1");
    let verdicts = only(&taken, &["node_failed", "ghost_nodes"]);
    assert_eq!(evidence(verdicts.finding("ghost_nodes"), "why"), "failed and without slots");
    // A failed replica is waited for.
    only(&healthy().kill("r1").seen_by_all("r1", Health::Failed), &["node_failed"]);
}

#[test]
fn too_few_primaries() {
    let verdicts = only(&Cluster::healthy(2, 1), &["too_few_primaries"]);
    let finding = verdicts.finding("too_few_primaries");
    assert_eq!(
        finding.summary,
        "2 primaries vote, fewer than 3: a failover takes 2 votes, so 0 of them may be lost"
    );
    let mut judge = Judge::new();
    judge.setup.limits.voting_primaries = 2;
    fires(&judge.poll(&Cluster::healthy(2, 1)), &[]);
}

#[test]
fn failover_happened() {
    let before = healthy();
    assert_eq!(judge(&before).unknown("failover_happened"), "the first poll shows no change");
    let after = healthy().promote("r1").later(Duration::from_secs(5));
    let mut judge = Judge::new();
    judge.poll(&before);
    let verdicts = judge.poll(&after);
    fires(&verdicts, &["failover_happened"]);
    let finding = verdicts.finding("failover_happened");
    assert_eq!(evidence(finding, "before"), label(&before, "m1"));
    assert_eq!(evidence(finding, "after"), label(&before, "r1"));
    fires(&judge.poll(&later(&after, 899)), &["failover_happened"]);
    fires(&judge.poll(&later(&after, 901)), &[]);
}

#[test]
fn node_failed() {
    let cluster = healthy().kill("r2").seen_by_all("r2", Health::Failed);
    let verdicts = only(&cluster, &["node_failed"]);
    let finding = verdicts.finding("node_failed");
    assert_eq!(evidence(finding, "role"), "replica");
    assert_eq!(evidence(finding, "answers"), "no");
    // The word of a minority of the voters.
    let one = healthy().kill("r2").seen_from("m1", "r2", Health::Failed);
    assert!(judge(&one).findings("node_failed").is_empty());
}

#[test]
fn replication_lag() {
    let cluster = healthy().offset("m1", 13_000_000).offset("r1", 1_000_000);
    let verdicts = only(&cluster, &["replication_lag"]);
    let finding = verdicts.finding("replication_lag");
    assert_eq!(evidence(finding, "lag"), "12.0 MB");
    assert_eq!(evidence(finding, "basis"), "its own offset");
    only(&healthy().offset("m1", 10_900_000).offset("r1", 1_000_000), &[]);
    // With the link down the difference is not the trouble.
    let down = cluster.clone().link("r1", Link::Down { seconds: 3 });
    assert!(judge(&down).findings("replication_lag").is_empty());
    // A replica that was asked one second later than a quick writer.
    let quick = |at: u64| {
        let cluster = healthy().offset("m1", at * 20_000_000).offset("r1", at * 20_000_000 + 20_000_000);
        cluster.asked_late("r1", Duration::from_secs(1)).later(Duration::from_secs(at))
    };
    let mut judge = Judge::new();
    (1..4).for_each(|at| drop(judge.poll(&quick(at))));
    fires(&judge.poll(&quick(4)), &[]);
}

#[test]
fn the_order_of_replies_changes_nothing() {
    for state in captures::states() {
        let mut replies: Vec<_> = state.nodes().into_iter().map(|(_, replies)| replies).collect();
        let one = Judge::new().replies(&replies);
        replies.reverse();
        let other = Judge::new().replies(&replies);
        for code in CODES {
            assert_eq!(one.outcome(code), other.outcome(code), "{state} {code}");
        }
    }
}

#[test]
fn other_ids_and_addresses_change_no_word_but_the_names() {
    let dead = healthy().kill("m1").seen_by_all("m1", Health::Failed);
    let broken = [
        dead.clone(),
        dead.kill("m2").seen_by_all("m2", Health::Suspected),
        healthy().split(&["m1", "r1"]),
        healthy().split(&["m1"]).claims("r1", 0..=5460),
        healthy().strangers(&["m1", "r1"]),
        healthy().forget("m1", "r3").forget("r1", "r2").epoch("m1", 3),
        healthy()
            .told("r3", "m1", |row| row.slots = [(0, 99)].into_iter().collect())
            .kill("m1")
            .promote("r1"),
    ];
    for cluster in broken {
        let texts = |cluster: &Cluster| {
            let verdicts = judge(cluster);
            let findings = CODES.iter().flat_map(|code| verdicts.findings(code).to_vec());
            findings.map(|finding| finding.summary.replace("10.8.", "10.0.")).collect::<Vec<_>>()
        };
        let (plain, renamed) = (texts(&cluster), texts(&cluster.clone().renamed(7)));
        assert!(!plain.is_empty());
        assert_eq!(plain, renamed);
    }
}
