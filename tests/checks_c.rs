//! Migrations, settings, and what ages badly: a healthy cluster and one change, and what the checks then say.
#![allow(
    clippy::indexing_slicing,
    clippy::unwrap_used,
    reason = "a test fails where it meets what it does not expect"
)]

mod common {
    pub(crate) mod scenario;
    pub(crate) mod sim;
}

use std::sync::Arc;
use std::time::Duration;

use common::scenario::{Verdicts, evidence};
use common::sim::{Cluster, START, Server};
use redis_cluster_exporter::frame::{self, Setup};
use redis_cluster_exporter::history::History;
use redis_cluster_exporter::model::slots::SlotSet;
use redis_cluster_exporter::model::snapshot::{KeySweep, NodeSnapshot, SlotStat};
use redis_cluster_exporter::model::time::Timestamp;
use redis_cluster_exporter::probes::ProbeId;

const CODES: [&str; 16] = [
    "big_keys",
    "bus_links_saturated",
    "cert_expiring",
    "clock_skew",
    "config_drift",
    "config_risky",
    "failure_domain_risk",
    "gossip_rate_high",
    "load_imbalanced",
    "lua_memory_high",
    "migration_slow",
    "migration_stalled",
    "migration_unsafe",
    "orphaned_keys",
    "slots_imbalanced",
    "versions_mixed",
];
const POLL: Duration = Duration::from_secs(5);

/// Polls of one cluster, one after the other.
#[derive(Default)]
struct Watch {
    history: History,
    at: Option<Timestamp>,
}

impl Watch {
    fn poll(&mut self, cluster: &Cluster) -> Verdicts {
        self.poll_with(cluster, |_, _| {})
    }

    /// With what the simulated replies cannot say: the node's name and what was read of it.
    fn poll_with(&mut self, cluster: &Cluster, change: impl Fn(&str, &mut NodeSnapshot)) -> Verdicts {
        let at = self.at.map_or(START, |at| at.plus(POLL));
        self.poll_at(at, cluster, change)
    }

    fn poll_at(
        &mut self,
        at: Timestamp,
        cluster: &Cluster,
        change: impl Fn(&str, &mut NodeSnapshot),
    ) -> Verdicts {
        self.at = Some(at);
        let cluster = cluster.clone().later(at.since(START));
        let setup = Setup { cluster: Arc::from("c"), interval: POLL, ..Setup::default() };
        let took = Duration::from_millis(2);
        let History { tables, last, .. } = &mut self.history;
        let mut view = frame::look(&setup, &cluster.replies(), tables, last.as_deref(), at, took);
        for name in cluster.names() {
            let id = cluster.id(&name);
            let member = view.members.iter_mut().find(|member| member.id == id);
            if let Some(said) = member.and_then(|member| member.said.as_mut()) {
                change(&name, Arc::make_mut(said));
            }
        }
        Verdicts(frame::judge(&setup, view, &mut self.history, &[]))
    }
}

fn healthy() -> Cluster {
    Cluster::healthy(3, 1)
}

fn judge(cluster: &Cluster) -> Verdicts {
    Watch::default().poll(cluster)
}

fn judge_two(before: &Cluster, after: &Cluster) -> Verdicts {
    let mut watch = Watch::default();
    watch.poll(before);
    watch.poll(after)
}

fn everywhere(cluster: Cluster, change: impl Fn(Cluster, &str) -> Cluster) -> Cluster {
    let names = cluster.names();
    names.iter().fold(cluster, |cluster, name| change(cluster, name))
}

#[test]
fn a_healthy_cluster_is_silent() {
    for cluster in
        [healthy(), Cluster::healthy(3, 0), Cluster::healthy(8, 2), healthy().server(Server::Valkey9)]
    {
        let both = judge_two(&cluster, &cluster);
        assert_eq!(both.firing_of(&CODES), [""; 0]);
        assert!(both.is_clear("migration_stalled") && both.is_clear("gossip_rate_high"));
    }
}

#[test]
fn a_slot_open_at_one_end_is_stalled() {
    let source = judge(&healthy().migrating("m1", 300, "m2"));
    assert_eq!(source.firing_of(&CODES), ["migration_stalled"]);
    let finding = source.finding("migration_stalled");
    assert_eq!(evidence(finding, "reasons"), "only_source_open: 300");
    assert_eq!(
        finding.summary,
        "slots 300 from 10.0.0.1:6379 to 10.0.0.2:6379 do not get on: only 10.0.0.1:6379 has them open (300)"
    );
    let target = judge(&healthy().importing("m2", 300, "m1").key_count("m2", 300, 7));
    let finding = target.finding("migration_stalled");
    assert_eq!(evidence(finding, "reasons"), "only_target_open: 300");
    assert_eq!(evidence(finding, "keys_at_target"), "7");
    // A replica repeats the marker of its primary.
    let open = healthy().open_slot(300, "m1", "m2").migrating("r1", 300, "m2");
    assert_eq!(
        judge(&open).unknown("migration_stalled"),
        "how long slots have been open is not known on the first poll"
    );
    assert!(judge_two(&open, &open).is_clear("migration_stalled"));
}

#[test]
fn a_resharding_caught_between_two_commands_is_not_stalled() {
    let (first, second) = (healthy().importing("m2", 300, "m1"), healthy().migrating("m1", 301, "m2"));
    assert!(judge_two(&first, &second).is_clear("migration_stalled"));
    assert_eq!(judge_two(&second, &second).firing_of(&CODES), ["migration_stalled"]);
    let hidden = second.hide("m2");
    assert_eq!(judge(&hidden).firing_of(&CODES), [""; 0]);
    assert!(judge(&hidden).unknown("migration_stalled").contains("does not answer"));
}

#[test]
fn a_marker_on_a_former_owner_is_named() {
    let left = judge(&healthy().migrating("m1", 6000, "m2"));
    let finding = left.finding("migration_stalled");
    assert_eq!(evidence(finding, "reasons"), "left_on_former_owner: 6000");
}

#[test]
fn slots_open_for_long_are_slow_and_then_stalled() {
    let minutes = |n: u64| START.plus(Duration::from_secs(60 * n));
    let open = |keys| healthy().open_slot(300, "m1", "m2").key_count("m1", 300, keys);
    let mut watch = Watch::default();
    let keep = |_: &str, _: &mut NodeSnapshot| {};
    let first = watch.poll_at(minutes(0), &open(1000), keep);
    assert!(first.unknown("migration_slow").contains("first poll"));
    assert_eq!(watch.poll_at(minutes(4), &open(900), keep).firing_of(&CODES), [""; 0]);
    let slow = watch.poll_at(minutes(6), &open(800), keep);
    assert_eq!(slow.firing_of(&CODES), ["migration_slow"]);
    let finding = slow.finding("migration_slow");
    assert_eq!(
        (evidence(finding, "keys_remaining"), evidence(finding, "open_for")),
        ("800".into(), "6 min".into())
    );
    // Old, and still moving.
    watch.poll_at(minutes(14), &open(700), keep);
    assert_eq!(watch.poll_at(minutes(16), &open(700), keep).firing_of(&CODES), ["migration_slow"]);
    let stalled = watch.poll_at(minutes(20), &open(700), keep);
    assert_eq!(stalled.firing_of(&CODES), ["migration_stalled"]);
    assert_eq!(evidence(stalled.finding("migration_stalled"), "reasons"), "no_progress: 300");
    assert_eq!(evidence(stalled.finding("migration_stalled"), "keys_at_source"), "700");
    assert_eq!(watch.poll_at(minutes(21), &healthy(), keep).firing_of(&CODES), [""; 0]);
}

#[test]
fn an_atomic_migration_is_judged_by_both_logs() {
    for server in [Server::Valkey9, Server::Redis84] {
        let atomic = |state: &str| healthy().server(server).atomic("m1", "m2", 0..=199, state);
        let failed = judge(&atomic("failed"));
        assert_eq!(failed.firing_of(&CODES), ["migration_stalled"]);
        let finding = failed.finding("migration_stalled");
        assert_eq!(evidence(finding, "reasons"), "failed: 0-199");
        let log = if server == Server::Valkey9 { "GETSLOTMIGRATIONS" } else { "MIGRATION STATUS ALL" };
        assert!(finding.commands.iter().any(|command| command.contains(log)), "{finding:?}");
        for state in ["snapshotting", "success", "completed", "cancelled", "canceled"] {
            assert_eq!(judge(&atomic(state)).firing_of(&CODES), [""; 0], "{state}");
        }
        // What failed has been done since.
        let moved = atomic("failed").assign("m2", 0..=199);
        assert!(judge(&moved).is_clear("migration_stalled"));
    }
}

#[test]
fn an_atomic_migration_that_goes_silent_is_stalled_and_an_old_failure_is_not() {
    let cluster = healthy().server(Server::Valkey9).atomic("m1", "m2", 0..=199, "snapshotting");
    let heard = |seconds: u64| {
        move |_: &str, said: &mut NodeSnapshot| {
            for entry in said.migrations.iter_mut().flatten() {
                entry.last_heard = Some(Timestamp(START.0 - seconds * 1_000_000));
            }
        }
    };
    assert_eq!(Watch::default().poll_with(&cluster, heard(50)).firing_of(&CODES), [""; 0]);
    let silent = Watch::default().poll_with(&cluster, heard(70));
    assert_eq!(silent.firing_of(&CODES), ["migration_stalled"]);
    assert_eq!(evidence(silent.finding("migration_stalled"), "reasons"), "silent: 0-199");
    let failed = healthy().server(Server::Valkey9).atomic("m1", "m2", 0..=199, "failed");
    assert!(Watch::default().poll_with(&failed, heard(3700)).is_clear("migration_stalled"));
}

#[test]
fn an_atomic_migration_that_brings_nothing_is_silent_where_no_log_tells_of_acknowledgements() {
    const A_MINUTE: usize = 13;
    let cluster = || healthy().server(Server::Redis84).atomic("m1", "m2", 0..=199, "send-bulk-and-stream");
    let received = |bytes: usize| cluster().info("m2", "total_net_repl_input_bytes", &bytes.to_string());
    let mut watch = Watch::default();
    for bytes in 0..2 * A_MINUTE {
        assert_eq!(watch.poll(&received(bytes)).firing_of(&CODES), [""; 0], "it gets on");
    }
    for _ in 1..A_MINUTE {
        assert!(
            watch.poll(&received(2 * A_MINUTE - 1)).is_clear("migration_stalled"),
            "not yet for a minute"
        );
    }
    let silent = watch.poll(&received(2 * A_MINUTE - 1));
    assert_eq!(evidence(silent.finding("migration_stalled"), "reasons"), "silent: 0-199");
    assert!(watch.poll(&received(3 * A_MINUTE)).is_clear("migration_stalled"), "it goes on");
    // A target that does not answer gets nothing either.
    for _ in 0..A_MINUTE {
        watch.poll(&cluster().hang("m2"));
    }
    let hung = watch.poll(&cluster().hang("m2"));
    assert_eq!(evidence(hung.finding("migration_stalled"), "reasons"), "silent: 0-199");
    // One that answers and does not count cannot be judged.
    let mut watch = Watch::default();
    for _ in 0..2 * A_MINUTE {
        let mute = cluster().info("m2", "total_net_repl_input_bytes", "?");
        assert!(watch.poll(&mute).is_clear("migration_stalled"));
    }
}

#[test]
fn a_migration_into_a_full_node_is_unsafe() {
    let open = || healthy().open_slot(300, "m1", "m2").key_count("m1", 300, 10);
    let open = |used: &str| open().info("m2", "used_memory", used).info("m1", "db0", "keys=1000,expires=0");
    let full = open("850000000");
    let verdicts = judge_two(&full, &full);
    assert_eq!(verdicts.firing_of(&CODES), ["migration_unsafe"]);
    let finding = verdicts.finding("migration_unsafe");
    assert_eq!(evidence(finding, "used_ratio"), "0.85");
    assert_eq!(evidence(finding, "incoming"), "145.4 kB");
    assert_eq!(finding.subject.nodes, [Arc::from("10.0.0.2:6379")]);
    let roomy = open("700000000");
    assert!(judge_two(&roomy, &roomy).is_clear("migration_unsafe"));
    let cache = full.clone().info("m2", "maxmemory_policy", "allkeys-lru");
    assert!(judge_two(&cache, &cache).is_clear("migration_unsafe"));
    let hidden = full.hide("m2");
    assert!(judge(&hidden).unknown("migration_unsafe").contains("10.0.0.2:6379"));
    // More to come than a quarter of what is free.
    let large = open("700000000").info("m1", "used_memory_dataset", "20000000000");
    assert_eq!(evidence(judge_two(&large, &large).finding("migration_unsafe"), "free"), "300.0 MB");
}

#[test]
fn keys_outside_of_a_nodes_slots_are_orphans_once_confirmed() {
    let sweep = |keys: u64| {
        move |name: &str, said: &mut NodeSnapshot| {
            let counts = if name == "m1" { vec![(0, 100), (6000, 40)] } else { vec![] };
            let keys = if name == "m1" { keys } else { 0 };
            said.key_sweep = name.starts_with('m').then_some(KeySweep { keys, of: SlotSet::all(), counts });
        }
    };
    let cluster = healthy();
    let alone = Watch::default().poll_with(&cluster, sweep(140));
    assert_eq!(alone.firing_of(&CODES), ["orphaned_keys"]);
    let finding = alone.finding("orphaned_keys");
    assert_eq!((evidence(finding, "keys"), evidence(finding, "found_in")), ("40".into(), "6000".into()));
    assert_eq!(judge(&cluster).unknown("orphaned_keys"), "no node's keys have been counted yet");

    let mut watch = Watch::default();
    watch.poll_with(&cluster, sweep(100));
    assert!(watch.poll_with(&cluster, sweep(140)).unknown("orphaned_keys").contains("confirm"));
    assert_eq!(watch.poll_with(&cluster, sweep(139)).firing_of(&CODES), ["orphaned_keys"]);
    assert!(watch.poll_with(&cluster, sweep(100)).is_clear("orphaned_keys"));
    // Slots that came or went while they were counted: the keys of one slot stand in one of the numbers only.
    let counted = |last: u16| {
        move |name: &str, said: &mut NodeSnapshot| {
            let of: SlotSet = [(0, last)].into_iter().collect();
            said.key_sweep = (name == "m1").then_some(KeySweep { keys: 140, of, counts: vec![(0, 100)] });
        }
    };
    for moved in [5459, 5461] {
        let verdicts = Watch::default().poll_with(&cluster, counted(moved));
        assert_eq!(verdicts.unknown("orphaned_keys"), "no node's keys have been counted yet");
    }
    assert_eq!(Watch::default().poll_with(&cluster, counted(5460)).firing_of(&CODES), ["orphaned_keys"]);

    // Keys of a slot that nobody owns need no sweep, and say whose it was.
    let lost = healthy().unassign(400..=400).key_count("m1", 400, 40);
    let verdicts = judge(&lost);
    assert_eq!(verdicts.firing_of(&CODES), ["orphaned_keys"]);
    let finding = verdicts.finding("orphaned_keys");
    assert_eq!((evidence(finding, "keys"), evidence(finding, "found_in")), ("40".into(), "400".into()));
    let uncovered = verdicts.finding("slots_uncovered");
    assert_eq!(evidence(uncovered, "keys_held_by"), format!("{}: 40", lost.address("m1")));
    let kept = healthy().key_count("m1", 400, 40);
    assert_eq!(judge(&kept).firing_of(&CODES), [""; 0]);
    // The slot is being imported.
    let importing = cluster.open_slot(6000, "m2", "m1");
    assert!(Watch::default().poll_with(&importing, sweep(140)).is_clear("orphaned_keys"));
}

#[test]
fn a_full_link_buffer_is_named_and_an_unlimited_one_is_not() {
    let used = |name: &str, said: &mut NodeSnapshot| {
        let used = if name == "m1" { 900 } else { 0 };
        said.links.as_mut().unwrap().buffer_used_max = used;
    };
    let limited = everywhere(healthy(), |c, name| c.setting(name, "cluster-link-sendbuf-limit", "1000"));
    let verdicts = Watch::default().poll_with(&limited, used);
    assert_eq!(verdicts.firing_of(&CODES), ["bus_links_saturated"]);
    assert_eq!(evidence(verdicts.finding("bus_links_saturated"), "buffer_limit"), "1.0 kB");
    assert!(Watch::default().poll_with(&healthy(), used).is_clear("bus_links_saturated"));
    let closed = healthy().cluster_info("m2", "total_cluster_links_buffer_limit_exceeded", "3");
    assert_eq!(judge_two(&healthy(), &closed).firing_of(&CODES), ["bus_links_saturated"]);
    assert!(judge_two(&closed, &closed).is_clear("bus_links_saturated"));
    let mute = |cluster: Cluster, all: &str| {
        everywhere(cluster, |c, name| {
            let c = c.refuse(name, ProbeId::ClusterLinks, "ERR unknown subcommand 'LINKS'");
            c.info(name, "mem_cluster_links", all)
        })
    };
    assert!(judge(&mute(limited.clone(), "800")).unknown("bus_links_saturated").contains("bus links"));
    assert!(judge(&mute(limited, "799")).is_clear("bus_links_saturated"), "all together hold less");
    assert!(judge(&mute(healthy(), "800")).is_clear("bus_links_saturated"), "without a limit none is full");
}

#[test]
fn a_safety_setting_that_differs_is_drift_and_others_are_not() {
    let drift =
        judge(&healthy().setting("m2", "maxmemory-policy", "allkeys-lru").setting("r3", "appendonly", "yes"));
    assert_eq!(drift.firing_of(&CODES), ["config_drift"]);
    let finding = drift.finding("config_drift");
    assert_eq!(
        finding.summary,
        "settings differ: appendonly (no on 5 nodes, yes on 10.0.0.6:6379); \
         maxmemory-policy (allkeys-lru on 10.0.0.2:6379, noeviction on 5 nodes)"
    );
    assert_eq!(finding.subject.nodes, [Arc::from("10.0.0.2:6379"), Arc::from("10.0.0.6:6379")]);
    let own = healthy().setting("r1", "replica-priority", "0").setting("m1", "save", "");
    assert!(judge(&own.setting("r2", "cluster-replica-no-failover", "yes")).is_clear("config_drift"));
    let mute = everywhere(healthy(), |c, name| c.refuse(name, ProbeId::ConfigGet, "NOPERM no permissions"));
    assert!(judge(&mute).unknown("config_drift").contains("0 nodes"));
    assert!(judge(&mute).unknown("config_risky").contains("settings"));
}

#[test]
fn settings_that_hurt_are_told_with_what_to_set() {
    let fires = |cluster: Cluster, setting: &str| {
        let verdicts = judge_two(&cluster, &cluster);
        let finding = verdicts.finding("config_risky");
        assert!(finding.summary.contains(setting), "{}", finding.summary);
        assert!(evidence(finding, "settings").contains("costs"), "{finding:?}");
    };
    let all = |setting: &'static str, value: &'static str| {
        everywhere(healthy(), |cluster, name| cluster.setting(name, setting, value))
    };
    fires(all("cluster-node-timeout", "1000"), "cluster-node-timeout");
    fires(all("cluster-node-timeout", "90000"), "cluster-node-timeout");
    fires(all("cluster-replica-validity-factor", "0"), "cluster-replica-validity-factor");
    fires(
        all("client-output-buffer-limit", "normal 0 0 0 slave 100000 0 0 pubsub 0 0 0"),
        "client-output-buffer-limit",
    );
    fires(all("maxmemory", "0").info("m1", "used_memory_rss", "20000000000"), "maxmemory");
    for quiet in [
        all("maxmemory", "0"),
        all("cluster-node-timeout", "2000"),
        all("cluster-require-full-coverage", "no"),
        all("client-output-buffer-limit", "normal 0 0 0 slave 0 0 0 pubsub 0 0 0"),
    ] {
        assert!(judge_two(&quiet, &quiet).is_clear("config_risky"));
    }
}

#[test]
fn a_backlog_too_small_for_what_is_written_is_risky() {
    let written = |offset: u64| healthy().offset("m1", offset).offset("r1", offset);
    let mut watch = Watch::default();
    let quiet = (0..6).map(|n| watch.poll(&written(1_000_000 + n * 50_000)).is_clear("config_risky"));
    assert!(quiet.collect::<Vec<_>>().iter().all(|clear| *clear));
    let mut watch = Watch::default();
    let last = (0..6).map(|n| watch.poll(&written(1_000_000 + n * 500_000))).last().unwrap();
    assert_eq!(last.firing_of(&CODES), ["config_risky"]);
    let finding = last.finding("config_risky");
    assert!(
        finding
            .summary
            .contains("repl-backlog-size on 10.0.0.1:6379 (1.0 MB hold less than 60 s of writes, 6.0 MB)")
    );
}

#[test]
fn gossip_is_held_against_what_the_size_explains() {
    let sent = |kind: &str, count: u64| {
        let cluster =
            healthy().cluster_info("m1", "cluster_stats_messages_sent", &(5000 + count).to_string());
        cluster.cluster_info("m1", &format!("cluster_stats_messages_{kind}_sent"), &count.to_string())
    };
    // Bound for six nodes and 15 s: 3.33 per second.
    let high = judge_two(&sent("ping", 1000), &sent("ping", 1060));
    assert_eq!(high.firing_of(&CODES), ["gossip_rate_high"]);
    let finding = high.finding("gossip_rate_high");
    assert_eq!((evidence(finding, "rate"), evidence(finding, "bound")), ("12.0/s".into(), "3.3/s".into()));
    assert!(judge_two(&sent("ping", 1000), &sent("ping", 1045)).is_clear("gossip_rate_high"));
    assert!(judge_two(&sent("publish", 0), &sent("publish", 100_000)).is_clear("gossip_rate_high"));
    assert!(judge(&healthy()).unknown("gossip_rate_high").contains("long enough"));
}

#[test]
fn memory_of_scripts_is_summed() {
    let high = judge(&healthy().info("m3", "used_memory_vm_total", "4000000").info(
        "m3",
        "used_memory_scripts",
        "2000000",
    ));
    assert_eq!(high.firing_of(&CODES), ["lua_memory_high"]);
    assert_eq!(evidence(high.finding("lua_memory_high"), "memory"), "6.0 MB");
    assert!(judge(&healthy().info("m3", "used_memory_vm_total", "4900000")).is_clear("lua_memory_high"));
    let mute = everywhere(healthy(), |c, name| {
        c.info(name, "used_memory_vm_total", "?").info(name, "used_memory_lua", "?")
    });
    assert!(judge(&mute).unknown("lua_memory_high").contains("does not tell"));
}

#[test]
fn big_keys_are_counted_by_their_size_in_bytes() {
    let sizes = |bins: &str| {
        let empty = everywhere(healthy(), |c, name| c.info(name, "# Keysizes", "1"));
        empty.info("m1", "db0_distrib_strings_sizes", bins).info("r1", "db0_distrib_strings_sizes", bins)
    };
    let big = judge(&sizes("1=3,2K=5,8M=2,16M=1"));
    assert_eq!(big.firing_of(&CODES), ["big_keys"]);
    let finding = big.finding("big_keys");
    assert_eq!(
        (evidence(finding, "keys"), evidence(finding, "largest_at_least")),
        ("3".into(), "16.8 MB".into())
    );
    assert!(judge(&sizes("1=3,2K=5,4M=200")).is_clear("big_keys"));
    assert!(judge(&sizes("8=1").info("m1", "db0_distrib_lists_items", "16M=1")).is_clear("big_keys"));
    assert!(judge(&healthy()).unknown("big_keys").contains("sizes"));
}

#[test]
fn mixed_versions_are_listed() {
    let mixed = judge(&healthy().info("m1", "redis_version", "7.0.15"));
    assert_eq!(mixed.firing_of(&CODES), ["versions_mixed"]);
    assert_eq!(
        mixed.finding("versions_mixed").summary,
        "2 versions run in one cluster: redis 7.0.15 on 10.0.0.1:6379, redis 7.2.6 on 5 nodes"
    );
    let silent = everywhere(healthy(), Cluster::hide);
    assert_eq!(judge(&silent).unknown("versions_mixed"), "no node answers");
}

/// A healthy cluster, the clock of `m2` ahead by so many milliseconds.
fn ahead(millis: u64) -> Cluster {
    healthy().clock_ahead("m2", Duration::from_millis(millis))
}

/// Everything that `m2` was asked in this poll took a second.
fn slow_to_answer(name: &str, said: &mut NodeSnapshot) {
    if name == "m2" {
        said.took = Duration::from_secs(1);
        let clock = said.clock.as_mut().unwrap();
        clock.received = clock.sent.plus(said.took);
    }
}

#[test]
fn clocks_are_compared_beyond_the_round_trips() {
    let skewed = judge(&ahead(1500));
    assert_eq!(skewed.firing_of(&CODES), ["clock_skew"]);
    let finding = skewed.finding("clock_skew");
    assert_eq!(evidence(finding, "ahead"), "10.0.0.2:6379");
    assert!(judge(&ahead(900)).is_clear("clock_skew"));
    // Asked late and answered slowly: the clock may have been read at any time between.
    assert!(Watch::default().poll_with(&ahead(1500), slow_to_answer).is_clear("clock_skew"));
}

#[test]
fn what_quick_answers_told_of_a_clock_holds_for_slow_ones() {
    let mut watch = Watch::default();
    watch.poll(&ahead(1500));
    let slow = watch.poll_with(&ahead(1500), slow_to_answer);
    assert_eq!(slow.firing_of(&CODES), ["clock_skew"]);
    assert!(watch.poll(&ahead(0)).is_clear("clock_skew"), "it was set right");
}

/// INFO of no node tells the time.
fn mute(cluster: Cluster) -> Cluster {
    everywhere(cluster, |cluster, name| cluster.info(name, "server_time_usec", "?"))
}

#[test]
fn time_tells_the_clock_of_a_server_whose_info_does_not() {
    assert_eq!(judge(&mute(ahead(1500))).firing_of(&CODES), ["clock_skew"]);
    let refused =
        everywhere(mute(ahead(1500)), |c, name| c.refuse(name, ProbeId::Time, "NOPERM no permissions"));
    assert!(judge(&refused).unknown("clock_skew").contains("0 nodes"));
}

#[test]
fn an_answer_to_time_from_polls_ago_tells_of_then() {
    let mut watch = Watch::default();
    let first = watch.poll(&mute(healthy()));
    let m2 = first.0.view.member(healthy().id("m2")).unwrap();
    let told = m2.said.as_ref().unwrap().clock.clone();
    // Five seconds later the same answer stands, and is no clock that is behind by five seconds.
    let then = watch.poll_with(&mute(healthy()), |name, said| {
        if name == "m2" {
            said.clock = told.clone();
        }
    });
    assert!(then.is_clear("clock_skew"));
}

#[test]
fn a_certificate_near_its_end_is_named() {
    let ends = |days: u64| {
        move |_: &str, said: &mut NodeSnapshot| {
            said.certificate_ends.server = Some(START.plus(Duration::from_secs(days * 86400)));
        }
    };
    let soon = Watch::default().poll_with(&healthy(), |name, said| {
        ends(if name == "m1" { 3 } else { 300 })(name, said);
    });
    assert_eq!(soon.firing_of(&CODES), ["cert_expiring"]);
    assert_eq!(evidence(soon.finding("cert_expiring"), "remaining"), "3.0 d");
    assert!(Watch::default().poll_with(&healthy(), ends(15)).is_clear("cert_expiring"));
    let own = Watch::default().poll_with(&healthy(), |_, said| {
        said.certificate_ends.exporter = Some(START.plus(Duration::from_secs(86400)));
    });
    assert_eq!(own.firing_of(&CODES), ["cert_expiring"]);
    assert!(
        own.finding("cert_expiring").summary.starts_with("the exporter's own certificate ends in 24.0 h")
    );
    let told = |rest: &str, serial: &str| {
        let cluster = healthy().info("m1", "tls_client_cert_expires_in_seconds", rest);
        judge(&cluster.info("m1", "tls_client_cert_serial", serial))
    };
    assert_eq!(evidence(told("3600", "01A2").finding("cert_expiring"), "certificate"), "client");
    assert!(told("0", "none").is_clear("cert_expiring"));
    let mute = everywhere(healthy(), |c, name| c.info(name, "listener1", "name=tls,bind=*,port=6380"));
    assert!(judge(&mute).unknown("cert_expiring").contains("certificate"));
}

#[test]
fn uneven_slots_are_measured_against_the_mean() {
    let uneven = judge(&healthy().assign("m1", 5461..=7000));
    assert_eq!(uneven.firing_of(&CODES), ["slots_imbalanced"]);
    assert_eq!(evidence(uneven.finding("slots_imbalanced"), "above_mean"), "0.28");
    assert!(judge(&healthy().assign("m1", 5461..=6200).join("m4")).is_clear("slots_imbalanced"));
    assert!(judge(&healthy().hide("m1").hide("m2")).unknown("slots_imbalanced").contains("voting"));
}

#[test]
fn a_hot_shard_is_named_with_its_loads() {
    let loads = |bytes: &str, keys: &str| {
        everywhere(healthy(), |c, name| {
            c.info(name, "used_memory_dataset", "200000000").info(name, "db0", "keys=200000")
        })
        .info("m2", "used_memory_dataset", bytes)
        .info("m2", "db0", &format!("keys={keys},expires=0"))
    };
    let hot = Watch::default().poll_with(&loads("400000000", "600000"), |_, said| {
        said.slot_stats = Ok(vec![SlotStat { slot: 6000, keys: 90_000, cpu_micros: None }]);
    });
    assert_eq!(hot.firing_of(&CODES), ["load_imbalanced"]);
    let finding = hot.finding("load_imbalanced");
    assert!(
        finding.summary.contains("memory 400.0 MB (50 % above") && finding.summary.contains("keys 600000")
    );
    assert_eq!(evidence(finding, "hottest_slots"), "6000: keys: 90000");
    assert!(judge(&loads("220000000", "200000")).is_clear("load_imbalanced"));
    // An idle cluster.
    assert!(judge(&healthy().info("m2", "db0", "keys=90000")).is_clear("load_imbalanced"));
    assert!(judge(&loads("400000000", "1").hide("m1")).unknown("load_imbalanced").contains("2 of 3"));
    let commands = |count: &str| healthy().info("m3", "total_commands_processed", count);
    let busy = judge_two(&commands("0"), &commands("50000"));
    assert!(busy.finding("load_imbalanced").summary.contains("commands 10000.0/s"));
    let mut watch = Watch::default();
    watch.poll_with(&commands("0"), |_, _| ());
    let swept = watch.poll_with(&commands("50000"), |_, said| said.own_commands = 49_000);
    assert!(swept.is_clear("load_imbalanced"), "what the exporter asks is no load");
}

#[test]
fn a_host_or_zone_that_must_not_be_lost_is_named() {
    let at = |cluster: Cluster, name: &str, host: &str| {
        let host = host.to_owned();
        cluster.everywhere(name, move |row| {
            let address = row.address.as_mut().unwrap();
            address.host = Arc::from(host.as_str());
        })
    };
    let port = |cluster: Cluster, name: &str| {
        cluster.everywhere(name, |row| row.address.as_mut().unwrap().port = 6380)
    };
    let shared = judge(&port(at(healthy(), "r1", "10.0.0.1"), "r1"));
    assert_eq!(shared.firing_of(&CODES), ["failure_domain_risk"]);
    let finding = shared.finding("failure_domain_risk");
    assert_eq!(
        (evidence(finding, "place"), evidence(finding, "slots_lost")),
        ("10.0.0.1".into(), "0-5460".into())
    );
    let quorum = judge(&port(at(healthy(), "m2", "10.0.0.1"), "m2"));
    assert_eq!(evidence(quorum.finding("failure_domain_risk"), "quorum_lost"), "yes");
    assert!(judge(&port(at(healthy(), "r2", "10.0.0.1"), "r2")).is_clear("failure_domain_risk"));

    let zones = |of: fn(&str) -> &str| {
        everywhere(healthy(), move |c, name| c.info(name, "availability_zone", of(name)))
    };
    let bad = judge(&zones(|name| if name.ends_with('1') { "a" } else { "b" }));
    let places: Vec<String> = bad
        .outcome("failure_domain_risk")
        .findings()
        .iter()
        .map(|finding| evidence(finding, "place"))
        .collect();
    assert_eq!(places, ["a", "b"]);
    let good = zones(|name| match name {
        "m1" | "r3" => "a",
        "m2" | "r1" => "b",
        _ => "c",
    });
    assert!(judge(&good).is_clear("failure_domain_risk"));
    assert!(judge(&zones(|_| "a")).is_clear("failure_domain_risk"));
    let loopback = healthy().names().into_iter().fold(healthy(), |c, name| at(c, &name, "127.0.0.1"));
    assert!(judge(&loopback).is_clear("failure_domain_risk"));
    assert!(judge(&healthy().hide("m1").hide("m2")).unknown("failure_domain_risk").contains("voting"));
}
