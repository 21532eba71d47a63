//! The simulated cluster says what its words promise, as the parsers read it.
#![allow(
    clippy::string_slice,
    clippy::unwrap_used,
    reason = "a test fails where it meets what it does not expect"
)]

mod common {
    pub(crate) mod sim;
}

use std::collections::BTreeMap;

use common::sim::{Cluster, Link, Server};
use redis_cluster_exporter::model::failure::ReadError;
use redis_cluster_exporter::model::migration::{End, Progress};
use redis_cluster_exporter::model::node::{Direction, Health, NodeRow, Role};
use redis_cluster_exporter::model::slots::SlotSet;
use redis_cluster_exporter::model::snapshot::NodeSnapshot;
use redis_cluster_exporter::parse::{self, Tables};
use redis_cluster_exporter::probes::{ProbeId, SETTINGS};

fn snapshots(cluster: &Cluster) -> BTreeMap<String, NodeSnapshot> {
    let mut tables = Tables::default();
    let replies = cluster.replies();
    let read = |(name, replies)| (name, parse::snapshot(replies, &mut tables));
    let snapshots: BTreeMap<_, _> = cluster.names().into_iter().zip(&replies).map(read).collect();
    for (name, snapshot) in &snapshots {
        if let Ok(view) = &snapshot.nodes {
            assert_eq!(view.myself, cluster.id(name), "{name}");
        }
    }
    snapshots
}

fn row<'a>(cluster: &Cluster, viewer: &'a NodeSnapshot, name: &str) -> &'a NodeRow {
    viewer.nodes.as_ref().unwrap().table.row(cluster.id(name)).unwrap()
}

fn state_ok(snapshot: &NodeSnapshot) -> bool {
    snapshot.cluster.as_ref().unwrap().state_ok
}

#[test]
fn a_healthy_cluster_answers_everything_and_agrees() {
    for (primaries, replicas) in [(3, 1), (3, 0), (5, 3)] {
        let cluster = Cluster::healthy(primaries, replicas);
        let snapshots = snapshots(&cluster);
        assert_eq!(snapshots.len(), usize::from(primaries * (1 + replicas)));
        let first = &snapshots["m1"];
        let mut owned = SlotSet::new();
        for (name, node) in &snapshots {
            node.outcome.clone().unwrap();
            let view = node.nodes.as_ref().unwrap();
            assert_eq!(view.table, first.nodes.as_ref().unwrap().table, "{name}");
            assert!(view.open_slots.is_empty() && view.links_down.is_empty(), "{name}");
            assert!(state_ok(node), "{name}");
            assert_eq!(node.cluster.as_ref().unwrap().known_nodes, snapshots.len() as u64);
            assert_eq!(node.cluster.as_ref().unwrap().size, u64::from(primaries));
            assert_eq!(node.links.as_ref().unwrap().inbound, snapshots.len() as u64 - 1);
            assert_eq!(node.settings.as_ref().unwrap().0.len(), SETTINGS.len());
            assert_eq!(node.clock.as_ref().unwrap().server, node.asked_at);
            assert_eq!(node.migrations, Err(ReadError::Unsupported));
            let replication = node.replication.as_ref().unwrap();
            let own = view.own_row().unwrap();
            assert_eq!(own.role, Some(replication.role), "{name}");
            let expected = if replication.role == Role::Primary { usize::from(replicas) } else { 0 };
            assert_eq!(replication.replicas.len(), expected, "{name}");
            assert_eq!(own.slots.is_empty(), replication.role == Role::Replica, "{name}");
            assert!(owned.intersection(&own.slots).is_empty(), "{name}");
            owned = owned.union(&own.slots);
        }
        assert_eq!(owned, SlotSet::all());
    }
}

#[test]
fn replicas_share_the_shard_and_history_of_their_primary() {
    let cluster = Cluster::healthy(2, 2);
    let snapshots = snapshots(&cluster);
    let shard = |name: &str| snapshots[name].shard_id.clone().unwrap();
    let replid = |name: &str| snapshots[name].replication.clone().unwrap().replid;
    assert_eq!(shard("m1"), shard("r1_2"));
    assert_ne!(shard("m1"), shard("m2"));
    assert_eq!(replid("m2"), replid("r2_1"));
    assert_ne!(replid("m1"), replid("m2"));
}

#[test]
fn processes_fail_each_in_its_way() {
    let cluster = Cluster::healthy(3, 1)
        .kill("m1")
        .hang("m2")
        .loading("m3")
        .busy("r1")
        .refuse("r2", ProbeId::ConfigGet, "NOPERM no")
        .hide("r3");
    let snapshots = snapshots(&cluster);
    let kind = |name: &str| snapshots[name].outcome.clone().map_err(|error| error.kind());
    assert_eq!(kind("m1"), Err("connect"));
    assert_eq!(kind("m2"), Err("timeout"));
    assert_eq!(kind("m3"), Err("loading"));
    assert!(snapshots["m3"].is_loading());
    assert_eq!(snapshots["m3"].info.as_ref().unwrap().get("loading"), Some("1"));
    assert_eq!(kind("r1"), Err("busy"));
    assert_eq!(kind("r2"), Ok(()));
    assert!(matches!(&snapshots["r2"].settings, Err(ReadError::Failed(e)) if e.kind() == "denied"));
    assert_eq!(kind("r3"), Err("connect"));
    assert_eq!(snapshots["r2"].nodes.as_ref().unwrap().links_down, [cluster.id("m1")]);
}

#[test]
fn views_differ_only_where_told() {
    let cluster = Cluster::healthy(3, 1).seen_from("m2", "m1", Health::Suspected).claims("r1", 0..=99);
    let seen = snapshots(&cluster);
    assert_eq!(row(&cluster, &seen["m2"], "m1").health, Health::Suspected);
    assert_eq!(row(&cluster, &seen["m3"], "m1").health, Health::Alive);
    assert_eq!(seen["m2"].cluster.as_ref().unwrap().fields.get("cluster_slots_pfail"), Some("5461"));
    assert_eq!(row(&cluster, &seen["r1"], "r1").slots.to_string(), "0-99");
    assert_eq!(row(&cluster, &seen["r1"], "r1").role, Some(Role::Primary));
    assert_eq!(seen["r1"].replication.as_ref().unwrap().role, Role::Primary);
    assert_eq!(row(&cluster, &seen["m1"], "r1").role, Some(Role::Replica));
    assert_eq!(seen["m3"].nodes.as_ref().unwrap().table, seen["m1"].nodes.as_ref().unwrap().table);
}

#[test]
fn a_split_is_failed_to_the_majority_and_suspected_by_the_rest() {
    let cluster = Cluster::healthy(3, 1).split(&["m1", "r2"]);
    let seen = snapshots(&cluster);
    assert_eq!(row(&cluster, &seen["m2"], "m1").health, Health::Failed);
    assert_eq!(row(&cluster, &seen["r3"], "r2").health, Health::Failed);
    assert_eq!(row(&cluster, &seen["m1"], "m3").health, Health::Suspected);
    assert_eq!(row(&cluster, &seen["m1"], "r2").health, Health::Alive);
    assert_eq!(seen["m1"].nodes.as_ref().unwrap().links_down.len(), 4);
    assert!(!state_ok(&seen["m1"]));
    let healed = snapshots(&cluster.claims("r1", 0..=5460));
    assert!(healed["r1"].nodes.as_ref().unwrap().own_row().unwrap().is_voter());
}

#[test]
fn strangers_do_not_know_each_other() {
    let seen = snapshots(&Cluster::healthy(3, 1).strangers(&["m1"]));
    assert_eq!(seen["m1"].nodes.as_ref().unwrap().table.rows.len(), 1);
    assert_eq!(seen["m2"].nodes.as_ref().unwrap().table.rows.len(), 5);
}

#[test]
fn a_promoted_replica_owns_the_slots_everywhere() {
    let dead = Cluster::healthy(3, 1).kill("m1").promote("r1");
    let seen = snapshots(&dead);
    let (new, old) = (row(&dead, &seen["m3"], "r1"), row(&dead, &seen["m3"], "m1"));
    assert_eq!((new.role, new.slots.len(), new.config_epoch), (Some(Role::Primary), 5461, 4));
    assert_eq!((old.role, old.slots.len(), old.health), (Some(Role::Primary), 0, Health::Failed));
    assert!(state_ok(&seen["m3"]));
    let asked = Cluster::healthy(3, 2).promote("r1_1");
    let seen = snapshots(&asked);
    assert_eq!(row(&asked, &seen["m3"], "m1").primary, Some(asked.id("r1_1")));
    assert_eq!(row(&asked, &seen["m3"], "r1_2").primary, Some(asked.id("r1_1")));
    assert_eq!(seen["r1_1"].replication.as_ref().unwrap().replicas.len(), 2);
}

#[test]
fn slots_move_by_all_three_mechanisms() {
    let cluster = Cluster::healthy(3, 1).open_slot(100, "m1", "m2").key_count("m1", 100, 40);
    let seen = snapshots(&cluster);
    let open = |name: &str| {
        let open = &seen[name].nodes.as_ref().unwrap().open_slots;
        open.iter().map(|o| (o.slot, o.direction, o.peer)).collect::<Vec<_>>()
    };
    assert_eq!(open("m1"), [(100, Direction::Migrating, cluster.id("m2"))]);
    assert_eq!(open("m2"), [(100, Direction::Importing, cluster.id("m1"))]);
    assert_eq!(seen["m1"].key_counts, [(100, 40)]);
    for (server, running, done) in
        [(Server::Valkey9, "snapshotting", "success"), (Server::Redis84, "send-bulk-and-stream", "completed")]
    {
        for (state, progress) in [(running, Progress::Running), (done, Progress::Succeeded)] {
            let cluster = Cluster::healthy(3, 1).server(server).atomic("m1", "m2", 0..=199, state);
            let seen = snapshots(&cluster);
            let [out] = &seen["m1"].migrations.as_ref().unwrap()[..] else { panic!("one entry") };
            let [into] = &seen["m2"].migrations.as_ref().unwrap()[..] else { panic!("one entry") };
            assert_eq!((out.end, into.end), (End::Source, End::Target));
            assert_eq!((&out.name, out.progress), (&into.name, progress));
            assert_eq!((out.source, out.target), (Some(cluster.id("m1")), Some(cluster.id("m2"))));
            assert_eq!(out.slots.to_string(), "0-199");
            assert_eq!(out.is_open(), progress == Progress::Running);
            assert_eq!(seen["m3"].migrations, Ok(Vec::new()));
        }
    }
}

#[test]
fn values_come_once_and_as_given() {
    let cluster = Cluster::healthy(3, 1)
        .info("m1", "used_memory", "5")
        .info("m1", "brand_new_field", "7")
        .cluster_info("m1", "cluster_stats_messages_fail_sent", "9")
        .setting("m1", "maxmemory", "123")
        .offset("m1", 500)
        .offset("r1", 480)
        .link("r2", Link::Down { seconds: 77 })
        .link("r3", Link::Syncing)
        .epoch("m2", 9)
        .unassign(0..=100)
        .assign("m2", 200..=300)
        .hostname("m3", "c.example");
    let seen = snapshots(&cluster);
    let info = seen["m1"].info.as_ref().unwrap();
    assert_eq!((info.get("used_memory"), info.get("brand_new_field")), (Some("5"), Some("7")));
    let mut keys: Vec<_> = info.iter().map(|(key, _)| key).collect();
    let all = keys.len();
    keys.sort_unstable();
    keys.dedup();
    assert_eq!(keys.len(), all, "a key stands twice");
    assert!(all > 180, "{all} lines");
    assert!(
        seen["m1"].cluster.as_ref().unwrap().messages().any(|(kind, _, count)| (kind, count) == ("fail", 9))
    );
    assert_eq!(seen["m1"].settings.as_ref().unwrap().get("maxmemory"), Some("123"));
    let replication = |name: &str| seen[name].replication.clone().unwrap();
    assert_eq!(replication("m1").replicas[0].acked_offset, 480);
    assert_eq!((replication("m1").offset, replication("r1").offset), (Some(500), Some(480)));
    assert_eq!(replication("r2").link.unwrap().down_seconds, Some(77));
    assert!(replication("r3").link.unwrap().sync_in_progress);
    assert!(replication("m2").replicas.is_empty());
    assert_eq!(row(&cluster, &seen["r1"], "m2").config_epoch, 9);
    assert_eq!(row(&cluster, &seen["r1"], "m1").slots.to_string(), "101-199 301-5460");
    assert_eq!(row(&cluster, &seen["r1"], "m2").slots.to_string(), "200-300 5461-10921");
    assert_eq!(row(&cluster, &seen["r1"], "m3").hostname.as_deref(), Some("c.example"));
    assert!(!state_ok(&seen["r1"]));
}

#[test]
fn renaming_changes_ids_and_addresses_and_nothing_else() {
    let one = Cluster::healthy(3, 1).claims("r1", 0..=9);
    let other = one.clone().renamed(7);
    assert_ne!(one.id("m1"), other.id("m1"));
    assert_ne!(one.address("m1"), other.address("m1"));
    let (before, after) = (snapshots(&one), snapshots(&other));
    for name in one.names() {
        assert_eq!(row(&one, &before["r1"], &name).slots, row(&other, &after["r1"], &name).slots);
        assert_eq!(row(&other, &after["r1"], &name).address, Some(other.address(&name)));
    }
}
