//! What wears a node or its replication out: each check on a healthy cluster plus one change, what looks alike and
//! must stay silent, and what cannot be told.
#![allow(clippy::unwrap_used, reason = "a test fails where it meets what it does not expect")]

mod common {
    pub(crate) mod scenario;
    pub(crate) mod sim;
}

use std::sync::Arc;
use std::time::Duration;

use common::scenario::Verdicts;
use common::sim::{Cluster, Link, START};
use redis_cluster_exporter::frame::{self, Setup};
use redis_cluster_exporter::history::History;
use redis_cluster_exporter::model::address::Address;
use redis_cluster_exporter::model::finding::{Finding, Value};
use redis_cluster_exporter::model::limits::{Expect, Limits};
use redis_cluster_exporter::model::node::Health;
use redis_cluster_exporter::model::reply::Reply;
use redis_cluster_exporter::probes::{ProbeId, Replies};

const CODES: [&str; 14] = [
    "commands_refused",
    "memory_exhaustion",
    "replication_lag_critical",
    "replica_link_down",
    "resync_loop",
    "replicas_missing",
    "node_slow",
    "fragmentation_high",
    "fragmentation_elevated",
    "memory_swapping",
    "eviction_pressure",
    "redirect_storm",
    "persistence_failing",
    "clients_near_limit",
];

const INTERVAL: Duration = Duration::from_secs(5);

/// One change to how a node's replies are made, beyond what the simulated cluster has words for.
type Twist<'a> = &'a dyn Fn(&Cluster, &mut Vec<Replies>);

fn watch_as(setup: &Setup, polls: &[Cluster], twist: Twist<'_>) -> Verdicts {
    let mut history = History::default();
    let mut last = None;
    for (poll, cluster) in (0..).zip(polls) {
        let cluster = cluster.clone().later(INTERVAL * poll);
        let mut replies = cluster.replies();
        twist(&cluster, &mut replies);
        let at = START.plus(INTERVAL * poll);
        last = Some(frame::analyze(setup, &replies, &mut history, at, Duration::from_millis(5)));
    }
    Verdicts(last.unwrap())
}

fn setup() -> Setup {
    Setup { cluster: Arc::from("c"), interval: INTERVAL, ..Setup::default() }
}

/// Polls one after the other, and judges the last.
fn watch(polls: &[Cluster]) -> Verdicts {
    watch_as(&setup(), polls, &|_, _| ())
}

fn judge(cluster: &Cluster) -> Verdicts {
    watch(std::slice::from_ref(cluster))
}

fn judge_two(before: &Cluster, after: &Cluster) -> Verdicts {
    watch(&[before.clone(), after.clone()])
}

fn healthy() -> Cluster {
    Cluster::healthy(3, 1)
}

fn evidence<'a>(finding: &'a Finding, name: &str) -> &'a Value {
    let found = finding.evidence.iter().find(|(key, _)| *key == name);
    &found.unwrap_or_else(|| panic!("no {name} in {finding:#?}")).1
}

fn label(cluster: &Cluster, name: &str) -> String {
    cluster.address(name).to_string()
}

fn map<const N: usize>(pairs: [(&str, Value); N]) -> Value {
    Value::Map(pairs.into_iter().map(|(key, value)| (key.to_owned(), value)).collect())
}

#[test]
fn nothing_fires_on_a_healthy_cluster() {
    for cluster in [healthy(), Cluster::healthy(3, 0), Cluster::healthy(5, 2)] {
        assert_eq!(judge(&cluster).firing_of(&CODES), [""; 0]);
        let verdicts = judge_two(&cluster, &cluster);
        for code in CODES {
            assert!(verdicts.is_clear(code), "{code}: {:?}", verdicts.outcome(code));
        }
    }
}

#[test]
fn commands_are_refused() {
    let refusing = healthy()
        .info("m1", "errorstat_OOM", "count=50")
        .info("m1", "errorstat_CLUSTERDOWN", "count=5")
        .info("m1", "errorstat_WRONGTYPE", "count=900");
    let verdicts = judge_two(&healthy().info("m1", "errorstat_OOM", "count=40"), &refusing);
    assert_eq!(verdicts.firing_of(&CODES), ["commands_refused"]);
    let finding = verdicts.finding("commands_refused");
    assert_eq!(finding.summary, "10.0.0.1:6379 refuses commands: 1.0/s CLUSTERDOWN, 2.0/s OOM");
    let refused = map([("CLUSTERDOWN", Value::PerSecond(1.0)), ("OOM", Value::PerSecond(2.0))]);
    assert_eq!(*evidence(finding, "refused"), refused);
    assert_eq!(finding.commands[1], "redis-cli -h 10.0.0.1 -p 6379 INFO memory");

    assert!(judge_two(&refusing, &refusing).is_clear("commands_refused"), "refused some time before");
    assert!(judge(&refusing).unknown("commands_refused").contains("earlier poll"));
    let disabled = Cluster::healthy(1, 0).info("m1", "errorstat_ERRORSTATS_DISABLED", "count=1");
    judge_two(&disabled, &disabled).unknown("commands_refused");
    let restarted = Cluster::healthy(1, 0).info("m1", "errorstat_OOM", "count=3").info("m1", "run_id", "new");
    judge_two(&Cluster::healthy(1, 0), &restarted).unknown("commands_refused");
}

#[test]
fn our_own_ping_is_no_refused_command() {
    let error = "MISCONF Redis is configured to save RDB snapshots";
    let count = |n: u64| {
        let errors = healthy().refuse("m1", ProbeId::Ping, error).info("m1", "total_error_replies", "9");
        errors.info("m1", "errorstat_MISCONF", &format!("count={n}"))
    };
    assert!(judge_two(&count(7), &count(8)).is_clear("commands_refused"));
    let verdicts = judge_two(&count(7), &count(13));
    let refused = map([("MISCONF", Value::PerSecond(1.0))]);
    assert_eq!(*evidence(verdicts.finding("commands_refused"), "refused"), refused);
}

#[test]
fn memory_runs_out_under_maxmemory() {
    let full = healthy().info("m2", "used_memory", "900013472");
    let verdicts = judge(&full);
    assert_eq!(verdicts.firing_of(&CODES), ["memory_exhaustion"]);
    let finding = verdicts.finding("memory_exhaustion");
    assert_eq!(
        finding.summary,
        "10.0.0.2:6379 uses 900.0 MB of its maxmemory of 1.0 GB (90 %, more than 80 %) and may evict nothing \
         (noeviction): at 100 % it refuses writes"
    );
    assert_eq!(*evidence(finding, "used"), Value::Bytes(900_000_000), "less what is not counted");
    assert_eq!(*evidence(finding, "share"), Value::Ratio(0.9));

    let cache = full.clone().info("m2", "maxmemory_policy", "allkeys-lru");
    assert!(judge(&cache).is_clear("memory_exhaustion"), "a cache sits at its maxmemory");
    let buffers = full.clone().info("m2", "mem_not_counted_for_evict", "200000000");
    assert!(judge(&buffers).is_clear("memory_exhaustion"), "replica buffers are not counted");
    assert!(
        judge(&healthy().info("r2", "used_memory", "900000000")).is_clear("memory_exhaustion"),
        "a replica"
    );
    let volatile = full.info("m2", "maxmemory_policy", "volatile-lru");
    assert!(judge(&volatile).is_clear("memory_exhaustion"), "keys with a TTL can go");
    let eternal =
        volatile.info("m2", "db0", "keys=9,expires=0").info("m2", "db0_distrib_strings_sizes", "1=9");
    assert_eq!(judge(&eternal).firing_of(&CODES), ["memory_exhaustion"]);
    let mute = Cluster::healthy(1, 0).info("m1", "used_memory", "");
    assert!(judge(&mute).unknown("memory_exhaustion").contains("does not tell its memory"));
}

#[test]
fn memory_of_a_host_runs_out() {
    let crowd = |rss: &str, one_host: bool| {
        let names = healthy().names();
        names.iter().zip(1..).fold(healthy(), |cluster, (name, port)| {
            let cluster = cluster.info(name, "maxmemory", "0").info(name, "used_memory_rss", rss);
            let cluster = cluster.info(name, "used_memory", rss).info(name, "mem_fragmentation_ratio", "1.0");
            cluster.everywhere(name, |row| {
                let address = row.address.as_mut().unwrap();
                if one_host {
                    *address = Address::new("127.0.0.1", 7000 + port);
                }
            })
        })
    };
    let verdicts = judge(&crowd("4000000000", true));
    assert_eq!(verdicts.firing_of(&CODES), ["memory_exhaustion"]);
    let finding = verdicts.finding("memory_exhaustion");
    assert_eq!(
        finding.summary,
        "6 nodes on localhost hold 24.0 GB of its memory of 25.3 GB (95 %, more than 80 %)"
    );
    assert_eq!(finding.subject.nodes.len(), 6);
    assert!(judge(&crowd("4000000000", false)).is_clear("memory_exhaustion"), "six hosts");
    assert!(judge(&crowd("3000000000", true)).is_clear("memory_exhaustion"));

    let mut tight = setup();
    tight.limits = Limits { host_memory_bytes: Some(4_500_000_000), ..Limits::default() };
    let verdicts = watch_as(&tight, &[crowd("4000000000", false)], &|_, _| ());
    assert_eq!(verdicts.outcome("memory_exhaustion").findings().len(), 6, "a pod has what the limit says");
    let blind = Cluster::healthy(1, 0).info("m1", "maxmemory", "0").info("m1", "total_system_memory", "0");
    assert!(judge(&blind).unknown("memory_exhaustion").contains("is not told"));
}

#[test]
fn a_replica_is_too_far_behind() {
    let lagging = |lag: u64| healthy().offset("m1", 900_000_000).offset("r1", 900_000_000 - lag);
    let verdicts = judge(&lagging(600_000));
    assert_eq!(verdicts.firing_of(&CODES), ["replication_lag_critical"]);
    let finding = verdicts.finding("replication_lag_critical");
    assert_eq!(
        finding.summary,
        format!(
            "replica {} is 600.0 kB (0 ms) behind its primary and will need a full sync if the link breaks: more \
             than 524.3 kB of the 1.0 MB of the backlog",
            label(&healthy(), "r1")
        )
    );
    assert_eq!(*evidence(finding, "backlog_size"), Value::Bytes(1_048_576));
    assert_eq!(*evidence(finding, "lag"), Value::Bytes(600_000));

    let roomy = |lag: u64| lagging(lag).info("m1", "repl_backlog_size", "1000000000");
    assert_eq!(judge(&roomy(60_000_000)).firing_of(&CODES), ["replication_lag_critical"], "50 MB");
    let buffer = judge(&roomy(40_000_000));
    assert!(buffer.is_clear("replication_lag_critical"), "no buffer limit below the backlog counts");
    let limit = "normal 0 0 0 slave 0 64000000 60 pubsub 0 0 0";
    let backlog = roomy(40_000_000).setting("m1", "client-output-buffer-limit", limit);
    let backlog = backlog.info("m1", "repl_backlog_size", "50000000");
    let finding = judge(&backlog).finding("replication_lag_critical").clone();
    assert_eq!(*evidence(&finding, "output_buffer"), Value::Bytes(64_000_000), "the soft limit alone is set");

    assert!(judge(&lagging(400_000)).is_clear("replication_lag_critical"));
    let down = lagging(60_000_000).link("r1", Link::Down { seconds: 9 });
    assert!(judge(&down).is_clear("replication_lag_critical"), "replica_link_down says it");
    let alone = Cluster::healthy(1, 1).hide("m1");
    assert!(judge(&alone).unknown("replication_lag_critical").contains("its primary does not tell"));
}

#[test]
fn a_fresh_backlog_has_lost_nothing() {
    // 14 bytes of a history of 28: half of what is there, nothing of what fits.
    let young = healthy().offset("m1", 28).offset("r1", 14).info("m1", "repl_backlog_histlen", "28");
    assert!(judge(&young).is_clear("replication_lag_critical"));
}

#[test]
fn a_replica_has_lost_its_link() {
    let down = healthy().link("r1", Link::Down { seconds: 42 });
    let verdicts = judge(&down);
    assert_eq!(verdicts.firing_of(&CODES), ["replica_link_down", "replicas_missing"]);
    let finding = verdicts.finding("replica_link_down");
    assert_eq!(finding.summary, "replica 10.0.0.4:6379 has no link to 10.0.0.1:6379 for 42 s");
    assert_eq!(*evidence(finding, "down"), Value::Seconds(42.0));
    assert_eq!(*evidence(finding, "sync_in_progress"), Value::Flag(false));

    let syncing = |read: &str| healthy().link("r1", Link::Syncing).info("r1", "master_sync_read_bytes", read);
    assert!(judge_two(&syncing("1000"), &syncing("2000")).is_clear("replica_link_down"), "it gets on");
    let stuck = judge_two(&syncing("2000"), &syncing("2000"));
    assert!(stuck.finding("replica_link_down").summary.ends_with("a full sync is in progress, 2.0 kB read"));
    let loading = |loaded: &str| {
        healthy().link("r1", Link::Down { seconds: 9 }).loading("r1").info(
            "r1",
            "loading_loaded_bytes",
            loaded,
        )
    };
    assert!(judge_two(&loading("1000"), &loading("2000")).is_clear("replica_link_down"));
    assert!(judge(&healthy().kill("r1")).is_clear("replica_link_down"), "it does not answer");
    let orphan = judge(&healthy().kill("m1").link("r1", Link::Down { seconds: 9 }));
    assert_eq!(orphan.firing_of(&CODES), [""; 0], "its primary does not answer");
    let mute = Cluster::healthy(1, 0).info("m1", "role", "?");
    judge(&mute).unknown("replica_link_down");
}

/// `polls` of a cluster in which the full synchronisations of m1 go like this.
fn resyncs(counts: &[u64]) -> Vec<Cluster> {
    counts.iter().map(|count| healthy().info("m1", "sync_full", &count.to_string())).collect()
}

#[test]
fn replicas_resynchronise_again_and_again() {
    let verdicts = watch(&resyncs(&[1, 2, 3, 4]));
    assert_eq!(verdicts.firing_of(&CODES), ["resync_loop"]);
    let finding = verdicts.finding("resync_loop");
    assert_eq!(*evidence(finding, "full_resyncs"), Value::Count(3));
    assert_eq!(*evidence(finding, "primary"), Value::from("10.0.0.1:6379"));
    assert!(finding.subject.shard.is_some() && finding.subject.nodes.is_empty());
    assert!(finding.commands.iter().any(|command| command.ends_with("CONFIG GET repl-backlog-size")));

    assert!(watch(&resyncs(&[1, 2, 3, 3])).is_clear("resync_loop"), "two are no loop");
    assert!(watch(&resyncs(&[9, 1, 1])).is_clear("resync_loop"), "a restart");
    judge(&healthy()).unknown("resync_loop");
    let old = Duration::from_secs(1000);
    let mut polls = resyncs(&[1, 2, 3, 4, 4]);
    polls[4] = polls[4].clone().later(old);
    let setup = Setup { interval: INTERVAL, ..Setup::default() };
    let mut history = History::default();
    let mut last = None;
    for (poll, cluster) in (0..).zip(polls) {
        let at = START.plus(INTERVAL * poll + if poll == 4 { old } else { Duration::ZERO });
        last = Some(frame::analyze(&setup, &cluster.replies(), &mut history, at, INTERVAL));
    }
    assert!(Verdicts(last.unwrap()).is_clear("resync_loop"), "out of the window");
}

#[test]
fn a_rolling_restart_is_no_resync_loop() {
    let poll = |lives: [u32; 3], syncs: u64| {
        let cluster = Cluster::healthy(3, 3).info("m1", "sync_full", &syncs.to_string());
        (1..).zip(lives).fold(cluster, |cluster, (copy, life)| {
            cluster.info(&format!("r1_{copy}"), "run_id", &format!("life{life}"))
        })
    };
    let restarts = [poll([1, 1, 1], 3), poll([2, 1, 1], 4), poll([2, 2, 1], 5), poll([2, 2, 2], 6)];
    assert!(watch(&restarts).is_clear("resync_loop"));
    let crashes = [1, 2, 3, 4, 5].map(|life| poll([life, 1, 1], 2 + u64::from(life)));
    assert_eq!(watch(&crashes).firing_of(&CODES), ["resync_loop"], "one replica, again and again");
}

#[test]
fn replicas_are_cut_off_for_their_output_buffer() {
    let poll = |syncs: u64, cut: u64| {
        let cluster = healthy().info("m1", "sync_full", &syncs.to_string());
        cluster.info("m1", "client_output_buffer_limit_disconnections", &cut.to_string())
    };
    let verdicts = watch(&[poll(1, 0), poll(1, 1), poll(2, 1), poll(2, 1)]);
    assert_eq!(verdicts.firing_of(&CODES), ["resync_loop"]);
    let finding = verdicts.finding("resync_loop");
    assert_eq!(*evidence(finding, "cut_off_for_output_buffer"), Value::Count(1));
    assert!(watch(&[poll(1, 0), poll(1, 5), poll(1, 9)]).is_clear("resync_loop"), "subscribers were cut off");
    let apart = watch(&[poll(1, 0), poll(1, 5), poll(1, 5), poll(1, 5), poll(2, 5)]);
    assert!(apart.is_clear("resync_loop"), "no replica among them");
}

#[test]
fn a_primary_lacks_replicas() {
    let killed = healthy().kill("r1").seen_by_all("r1", Health::Failed);
    let verdicts = judge(&killed);
    assert_eq!(verdicts.firing_of(&CODES), ["replicas_missing"]);
    let finding = verdicts.finding("replicas_missing");
    assert_eq!(
        finding.summary,
        "primary 10.0.0.1:6379 has 0 connected replicas, should have 1 at least: 10.0.0.4:6379 is failed"
    );
    assert_eq!(*evidence(finding, "connected"), Value::Count(0));
    assert_eq!(*evidence(finding, "missing"), map([("10.0.0.4:6379", Value::from("is failed"))]));

    let more = Setup { expect: Expect { replicas_per_primary: Some(2), ..Expect::default() }, ..setup() };
    let findings = watch_as(&more, &[healthy()], &|_, _| ());
    assert_eq!(findings.outcome("replicas_missing").findings().len(), 3);
    let none = Setup { expect: Expect { replicas_per_primary: Some(1), ..Expect::default() }, ..setup() };
    let findings = watch_as(&none, &[Cluster::healthy(3, 0)], &|_, _| ());
    assert_eq!(findings.outcome("replicas_missing").findings().len(), 3, "expected, none there");

    assert!(judge(&Cluster::healthy(3, 0)).is_clear("replicas_missing"), "by design");
    assert!(judge(&healthy().hide("r1")).is_clear("replicas_missing"), "its peers see it");
    assert!(judge(&healthy().join("m4")).is_clear("replicas_missing"), "it has no slots yet");
    let two = Cluster::healthy(3, 2).kill("r1_1").seen_by_all("r1_1", Health::Failed);
    assert!(judge(&two).is_clear("replicas_missing"), "the other one is there");
    assert!(judge(&healthy().kill("m1").kill("m2")).unknown("replicas_missing").contains("only 1 of 3"));
}

#[test]
fn a_node_is_slow() {
    let slow = |cluster: &Cluster, replies: &mut Vec<Replies>, name: &str, response| {
        let at = cluster.names().iter().position(|known| known == name).unwrap();
        replies[at].response = response;
    };
    let late = |millis| {
        watch_as(&setup(), &[healthy()], &move |cluster, replies| {
            slow(cluster, replies, "m3", Some(Duration::from_millis(millis)));
        })
    };
    let verdicts = late(1500);
    assert_eq!(verdicts.firing_of(&CODES), ["node_slow"]);
    let finding = verdicts.finding("node_slow");
    assert_eq!(finding.summary, "10.0.0.3:6379 took 2 s to answer PING, more than 1 s");
    assert_eq!(*evidence(finding, "response"), Value::Seconds(1.5));
    assert_eq!(*evidence(finding, "critical"), Value::Flag(false));
    assert_eq!(*evidence(finding, "nodes_slow"), Value::Count(1));
    assert_eq!(*evidence(late(5500).finding("node_slow"), "critical"), Value::Flag(true));
    assert!(late(900).is_clear("node_slow"));
    assert!(judge(&healthy().hang("m3")).is_clear("node_slow"), "it does not answer at all");
    let mute = |cluster: &Cluster, replies: &mut Vec<Replies>| slow(cluster, replies, "m1", None);
    watch_as(&setup(), &[Cluster::healthy(1, 0)], &mute).unknown("node_slow");
}

fn fragmented(ratio: &str, bytes: &str) -> Cluster {
    healthy().info("m1", "mem_fragmentation_ratio", ratio).info("m1", "mem_fragmentation_bytes", bytes)
}

#[test]
fn memory_is_fragmented() {
    let outside = fragmented("2.50", "300000000").info("m1", "rss_overhead_bytes", "290000000");
    let verdicts = judge(&outside);
    assert_eq!(verdicts.firing_of(&CODES), ["fragmentation_high", "fragmentation_elevated"]);
    let finding = verdicts.finding("fragmentation_high");
    assert_eq!(
        finding.summary,
        "10.0.0.1:6379 holds 300.0 MB more than the 200.0 MB that it uses (ratio 2.50, more than 1.50): outside the \
         allocator: fail over, then restart it"
    );
    assert_eq!(*evidence(finding, "lost_limit"), Value::Bytes(100_000_000));
    let inside = fragmented("2.50", "300000000").info("m1", "allocator_frag_bytes", "280000000");
    let remedy = "between objects: active defragmentation helps";
    assert_eq!(*evidence(judge(&inside).finding("fragmentation_high"), "remedy"), Value::from(remedy));
    let blind = inside.info("m1", "allocator_frag_bytes", "0").info("m1", "allocator_active", "299000000");
    let remedy = "between objects; this build cannot defragment: fail over, then restart it";
    assert_eq!(*evidence(judge(&blind).finding("fragmentation_high"), "remedy"), Value::from(remedy));

    assert_eq!(judge(&fragmented("1.40", "110000000")).firing_of(&CODES), ["fragmentation_elevated"]);
    assert_eq!(judge(&fragmented("4.60", "15000000")).firing_of(&CODES), [""; 0], "an empty node");
    let large = fragmented("1.60", "150000000").info("m1", "used_memory", "1600000000");
    let large = large.info("m1", "maxmemory", "0");
    assert_eq!(judge(&large).firing_of(&CODES), [""; 0], "less than 10 % of what is used");
    for busy in ["rdb_bgsave_in_progress", "aof_rewrite_in_progress", "slot_migration_fork_in_progress"] {
        assert_eq!(
            judge(&fragmented("2.50", "300000000").info("m1", busy, "1")).firing_of(&CODES),
            [""; 0],
            "{busy}"
        );
    }
    let saving = Cluster::healthy(1, 0).info("m1", "rdb_bgsave_in_progress", "1");
    assert!(judge(&saving).unknown("fragmentation_high").contains("child process"));
    assert!(judge(&saving).unknown("fragmentation_elevated").contains("child process"));
}

#[test]
fn memory_is_swapped_out() {
    let node = |used: &str, ratio: &str| {
        let cluster = healthy().info("m1", "used_memory", used).info("m1", "maxmemory", "0");
        cluster.info("m1", "mem_fragmentation_ratio", ratio).info("m1", "used_memory_rss", "1400000000")
    };
    let verdicts = judge(&node("2000000000", "0.70"));
    assert_eq!(verdicts.firing_of(&CODES), ["memory_swapping"]);
    let finding = verdicts.finding("memory_swapping");
    assert_eq!(*evidence(finding, "ratio"), Value::Ratio(0.7));
    assert_eq!(*evidence(finding, "resident"), Value::Bytes(1_400_000_000));
    assert_eq!(judge(&node("900000000", "0.70")).firing_of(&CODES), [""; 0], "too small to tell");
    assert_eq!(judge(&node("2000000000", "0.95")).firing_of(&CODES), [""; 0]);
    assert_eq!(judge(&node("2000000000", "0.70").info("m1", "loading", "1")).firing_of(&CODES), [""; 0]);
    judge(&Cluster::healthy(1, 0).info("m1", "loading", "1")).unknown("memory_swapping");
}

/// m1 as a cache: policy, evicted keys, hits, misses.
fn cache(policy: &str, evicted: u64, hits: u64, misses: u64) -> Cluster {
    let cluster = healthy().info("m1", "maxmemory_policy", policy);
    let cluster = cluster.info("m1", "evicted_keys", &evicted.to_string());
    let cluster = cluster.info("m1", "keyspace_hits", &hits.to_string());
    cluster.info("m1", "keyspace_misses", &misses.to_string())
}

#[test]
fn keys_are_evicted_that_are_needed() {
    let lru = |evicted, hits, misses| cache("volatile-lru", evicted, hits, misses);
    let verdicts = judge_two(&lru(0, 900, 100), &lru(50, 950, 150));
    assert_eq!(verdicts.firing_of(&CODES), ["eviction_pressure"]);
    let finding = verdicts.finding("eviction_pressure");
    assert_eq!(
        finding.summary,
        "10.0.0.1:6379 evicts 10.0 keys/s at its maxmemory of 1.0 GB: 50.0 % of reads find their key, 90.0 % did before"
    );
    assert_eq!(*evidence(finding, "hit_rate"), Value::Ratio(0.5));
    assert!(
        judge_two(&lru(0, 900, 100), &lru(50, 990, 110)).is_clear("eviction_pressure"),
        "as good as before"
    );
    assert!(judge_two(&lru(50, 900, 100), &lru(50, 950, 150)).is_clear("eviction_pressure"), "none evicted");

    let allkeys = judge_two(&cache("allkeys-lru", 0, 0, 0), &cache("allkeys-lru", 50, 0, 0));
    let finding = allkeys.finding("eviction_pressure");
    assert_eq!(*evidence(finding, "keys_without_ttl"), Value::Count(16727 - 1654));
    let mortal = |evicted| cache("allkeys-lru", evicted, 900, 100).info("m1", "db0", "keys=5,expires=5");
    assert!(judge_two(&mortal(0), &mortal(50)).is_clear("eviction_pressure"), "all keys have a TTL");
    let first = Cluster::healthy(1, 0).info("m1", "maxmemory_policy", "allkeys-lru");
    assert!(judge(&first).unknown("eviction_pressure").contains("earlier poll"));
    assert!(judge(&first.info("m1", "maxmemory", "0")).is_clear("eviction_pressure"), "it never evicts");
}

fn redirecting(moved: u64, ask: u64) -> Cluster {
    let cluster = healthy().info("m1", "errorstat_MOVED", &format!("count={moved}"));
    cluster.info("m1", "errorstat_ASK", &format!("count={ask}"))
}

#[test]
fn a_node_redirects_without_end() {
    let verdicts = judge_two(&redirecting(0, 0), &redirecting(1000, 500));
    assert_eq!(verdicts.firing_of(&CODES), ["redirect_storm"]);
    let finding = verdicts.finding("redirect_storm");
    assert_eq!(finding.summary, "primary 10.0.0.1:6379 redirects 300 commands/s, more than 100/s");
    assert_eq!(*evidence(finding, "moved"), Value::PerSecond(200.0));
    assert_eq!(*evidence(finding, "ask"), Value::PerSecond(100.0));

    assert!(
        judge_two(&redirecting(0, 0), &redirecting(300, 100)).is_clear("redirect_storm"),
        "some always are"
    );
    let changed = [
        redirecting(0, 0),
        redirecting(0, 0).assign("m2", 0..=99),
        redirecting(9000, 0).assign("m2", 0..=99),
    ];
    assert!(watch(&changed).is_clear("redirect_storm"), "slots have just moved");
    let open = |moved, ask| redirecting(moved, ask).open_slot(5, "m1", "m2").key_count("m1", 5, 10);
    let asking = judge_two(&open(0, 0), &open(0, 9000));
    assert!(asking.is_clear("redirect_storm"), "an open slot asks");
    assert!(judge(&redirecting(9000, 0)).unknown("redirect_storm").contains("long enough"));
}

#[test]
fn saving_fails() {
    let failed = healthy().info("m1", "rdb_last_bgsave_status", "err");
    let verdicts = judge(&failed);
    assert_eq!(verdicts.firing_of(&CODES), ["persistence_failing"]);
    let finding = verdicts.finding("persistence_failing");
    assert_eq!(finding.summary, "the last RDB save of 10.0.0.1:6379 failed: it refuses writes (MISCONF)");
    assert_eq!(*evidence(finding, "failed"), Value::List(vec![Value::from("RDB save")]));
    let tolerant = judge(&failed.setting("m1", "stop-writes-on-bgsave-error", "no"));
    assert_eq!(*evidence(tolerant.finding("persistence_failing"), "refuses_writes"), Value::Flag(false));
    let replica = judge(&healthy().info("r1", "rdb_last_bgsave_status", "err"));
    assert_eq!(*evidence(replica.finding("persistence_failing"), "refuses_writes"), Value::Flag(false));

    let aof = healthy().info("m1", "aof_last_write_status", "err");
    assert!(judge(&aof).is_clear("persistence_failing"), "the AOF is off");
    let verdicts = judge(&aof.info("m1", "aof_enabled", "1").info("m1", "aof_last_bgrewrite_status", "err"));
    let finding = verdicts.finding("persistence_failing");
    assert!(
        finding.summary.starts_with("the last AOF write and the last AOF rewrite of 10.0.0.1:6379 failed")
    );
    let saving = judge(&healthy().info("m1", "rdb_bgsave_in_progress", "1"));
    assert!(saving.is_clear("persistence_failing"), "it is still at it");
    let cut = |_: &Cluster, replies: &mut Vec<Replies>| {
        let info = replies[0].answers.iter_mut().find(|answer| answer.probe == ProbeId::Info).unwrap();
        let Reply::Bulk(text) = &*info.reply else { panic!("INFO is text") };
        let text =
            String::from_utf8(text.clone()).unwrap().replace("rdb_last_", "x_").replace("aof_last_", "x_");
        info.reply = Arc::new(Reply::Bulk(text.into_bytes()));
    };
    watch_as(&setup(), &[Cluster::healthy(1, 0)], &cut).unknown("persistence_failing");
}

#[test]
fn clients_come_near_the_limit() {
    let crowded = healthy().info("m1", "connected_clients", "7990");
    let verdicts = judge(&crowded);
    assert_eq!(verdicts.firing_of(&CODES), ["clients_near_limit"]);
    let finding = verdicts.finding("clients_near_limit");
    assert_eq!(finding.summary, "10.0.0.1:6379 has 8001 of 10000 connections (80 %), more than 80 %");
    assert_eq!(*evidence(finding, "connections"), Value::Count(8001), "clients, one replica, ten bus links");
    let rejecting = healthy().info("m1", "rejected_connections", "10");
    let verdicts = judge_two(&healthy(), &rejecting);
    assert_eq!(verdicts.firing_of(&CODES), ["clients_near_limit"]);
    assert_eq!(*evidence(verdicts.finding("clients_near_limit"), "rejected"), Value::PerSecond(2.0));

    assert!(judge_two(&rejecting, &rejecting).is_clear("clients_near_limit"), "rejected some time before");
    let busy = healthy().info("m1", "connected_clients", "7989");
    assert!(judge_two(&busy, &busy).is_clear("clients_near_limit"));
    assert!(judge(&healthy()).unknown("clients_near_limit").contains("earlier poll"));
}
