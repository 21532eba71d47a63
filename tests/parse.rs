//! Every recorded state through every parser, held against an independent, naive reading of the same files.
//! CLUSTER NODES and migrations have a file of their own.
#![allow(
    clippy::string_slice,
    clippy::unwrap_used,
    reason = "a test fails where it meets what it does not expect"
)]

mod common {
    pub(crate) mod captures;
    pub(crate) mod cases;
    pub(crate) mod naive;
}

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use common::captures;
use common::cases::for_every_node;
use redis_cluster_exporter::model::clock::ClockOffset;
use redis_cluster_exporter::model::failure::{AskError, Read, ReadError};
use redis_cluster_exporter::model::info::Info;
use redis_cluster_exporter::model::node::Role;
use redis_cluster_exporter::model::reply::Reply;
use redis_cluster_exporter::model::snapshot::{BusDirection, BusLinks, NodeSnapshot};
use redis_cluster_exporter::model::time::Timestamp;
use redis_cluster_exporter::parse::{self, Tables};
use redis_cluster_exporter::probes::{ProbeId, SETTINGS};
use redis_cluster_exporter::resp;

/// Every part of a snapshot: the probe it comes from, and why it is not there.
fn parts(snapshot: &NodeSnapshot) -> Vec<(ProbeId, Option<&ReadError>)> {
    vec![
        (ProbeId::Info, snapshot.info.as_ref().err()),
        (ProbeId::Info, snapshot.replication.as_ref().err()),
        (ProbeId::ClusterInfo, snapshot.cluster.as_ref().err()),
        (ProbeId::ClusterNodes, snapshot.nodes.as_ref().err()),
        (ProbeId::ShardId, snapshot.shard_id.as_ref().err()),
        (ProbeId::ClusterLinks, snapshot.links.as_ref().err()),
        (ProbeId::ConfigGet, snapshot.settings.as_ref().err()),
        (ProbeId::LastSave, snapshot.last_save.as_ref().err()),
        (ProbeId::Time, snapshot.clock.as_ref().err()),
        (ProbeId::SlowlogLen, snapshot.slowlog_length.as_ref().err()),
        (ProbeId::LatencyLatest, snapshot.latency.as_ref().err()),
        (ProbeId::CommandStats, snapshot.command_stats.as_ref().err()),
        (ProbeId::LatencyStats, snapshot.latency_stats.as_ref().err()),
    ]
}

/// Whether a server has the command. 6.2 answers the unknown section `latencystats` with nothing, and recorded was
/// `CONFIG GET *`, which it answers too.
fn has(server: &str, probe: ProbeId) -> bool {
    match probe {
        ProbeId::ClusterLinks => server != "redis-6.2.16",
        ProbeId::ShardId => !["redis-6.2.16", "redis-7.0.15"].contains(&server),
        ProbeId::SlotMigrations => server == "valkey-9.1.2",
        ProbeId::MigrationStatus => server == "redis-8.6.3",
        // Not recorded, and no probe of every poll.
        ProbeId::SlotStats | ProbeId::CountKeysInSlot | ProbeId::DbSize => false,
        _ => true,
    }
}

#[test]
fn a_part_is_there_exactly_where_its_reply_is_sound() {
    for_every_node(|case| {
        for (probe, error) in parts(&case.snapshot) {
            let reply = case.replies.answer(probe).map(|answer| &*answer.reply);
            let wanted = match (reply, &case.replies.failure) {
                (Some(Reply::Error { .. }), _) if !has(&case.state.server, probe) => Some("unsupported"),
                (Some(Reply::Error { .. }), _) | (None, Some(_)) => Some("failed"),
                (Some(_), _) => None,
                (None, None) => Some("not asked"),
            };
            let found = error.map(|error| match error {
                ReadError::Failed(_) => "failed",
                ReadError::Unsupported => "unsupported",
                ReadError::NotAsked => "not asked",
                ReadError::Malformed(_) => "malformed",
            });
            assert_eq!(found, wanted, "{case} {probe:?}: {error:?}");
        }
    });
}

#[test]
fn every_server_answers_in_health_what_it_has() {
    let mut servers = BTreeSet::new();
    for state in captures::states().iter().filter(|state| state.name == "healthy") {
        servers.insert(state.server.clone());
        for (name, replies) in state.nodes() {
            let snapshot = parse::snapshot(&replies, &mut Tables::default());
            assert_eq!(snapshot.outcome, Ok(()), "{state}/{name}");
            for probe in ProbeId::ALL {
                let answer = replies.answer(probe);
                let sound = answer.is_some_and(|a| !matches!(&*a.reply, Reply::Error { .. }));
                assert_eq!(sound, has(&state.server, probe), "{state}/{name} {probe:?}: {answer:?}");
                assert!(answer.is_none_or(|a| probe.row().shape.fits(&a.reply)), "{state}/{name} {probe:?}");
            }
            let migrates =
                has(&state.server, ProbeId::SlotMigrations) || has(&state.server, ProbeId::MigrationStatus);
            let expected = if migrates { Ok(()) } else { Err(ReadError::Unsupported) };
            assert_eq!(snapshot.migrations.map(drop), expected, "{state}/{name}");
        }
    }
    assert_eq!(servers.len(), 11, "{servers:?}");
}

#[test]
fn an_outcome_says_why_a_node_did_not_answer() {
    let mut kinds = BTreeMap::new();
    for_every_node(|case| {
        let outcome = case.snapshot.outcome.as_ref();
        let kind = outcome.err().map(AskError::kind);
        *kinds.entry(kind.unwrap_or("ok")).or_insert(0) += 1;
        let only_meta = case.files.names() == ["_meta.json"];
        let truth = &case.state.truth["observed"]["no_usable_topology_from"][&case.name];
        match kind {
            Some("connect") => assert!(only_meta && truth == "ConnectionRefusedError", "{case}: {truth}"),
            Some("timeout") => assert!(only_meta && truth == "TimeoutError", "{case}: {truth}"),
            _ => assert!(!only_meta, "{case}: {outcome:?}"),
        }
    });
    // 36 nodes of the clusters of 30 and 100 nodes were asked for their topology only.
    let expected = BTreeMap::from([
        ("busy", 4),
        ("connect", 56),
        ("loading", 2),
        ("ok", 2193),
        ("protocol", 36),
        ("timeout", 25),
    ]);
    assert_eq!(kinds, expected);
}

#[test]
fn info_has_every_line() {
    let mut lines = 0;
    for_every_node(|case| {
        for (stem, info) in [
            ("INFO", case.snapshot.info.as_deref().ok()),
            ("INFO_commandstats", case.snapshot.command_stats.as_deref().ok()),
            ("INFO_latencystats", case.snapshot.latency_stats.as_deref().ok()),
            ("CLUSTER_INFO", case.snapshot.cluster.as_ref().ok().map(|cluster| &cluster.fields)),
        ] {
            let Some(info) = info else { continue };
            let naive = case.files.fields(stem);
            assert_eq!(info.iter().collect::<Vec<_>>(), naive.pairs(), "{case} {stem}");
            for (key, value) in naive.pairs() {
                assert_eq!(info.get(key), Some(value), "{case} {stem} {key}");
            }
            lines += naive.pairs().len();
        }
    });
    assert!(lines > 400_000, "{lines} lines");
}

#[test]
fn replication_is_read_by_role() {
    let (mut acknowledged, mut unsynced) = (0, 0);
    for_every_node(|case| {
        let Ok(replication) = &case.snapshot.replication else { return };
        let info = case.files.fields("INFO");
        let number = |key: &str| info.get(key).and_then(|text| text.parse::<u64>().ok());
        assert_eq!(
            info.get("role"),
            Some(if replication.role == Role::Primary { "master" } else { "slave" })
        );
        assert_eq!(Some(replication.replid.as_str()), info.get("master_replid"), "{case}");
        assert_eq!(Some(replication.replid2.as_str()), info.get("master_replid2"), "{case}");
        assert_eq!(replication.second_offset, number("second_repl_offset"), "{case}");
        assert_eq!(replication.server_time.map(|t| t.0), number("server_time_usec"), "{case}");
        assert!(replication.server_time.is_some(), "{case}");
        match (&replication.link, replication.role) {
            (None, Role::Primary) => assert_eq!(replication.offset, number("master_repl_offset"), "{case}"),
            (Some(link), Role::Replica) => {
                let own = number("slave_repl_offset");
                assert_eq!(replication.offset, own, "{case}");
                unsynced += usize::from(own.is_none_or(|offset| offset <= 1));
                assert_eq!(link.up, info.get("master_link_status") == Some("up"), "{case}");
                assert_eq!(link.sync_in_progress, info.get("master_sync_in_progress") == Some("1"), "{case}");
                assert_eq!(link.last_io_seconds, number("master_last_io_seconds_ago"), "{case}");
                assert_eq!(link.down_seconds, number("master_link_down_since_seconds"), "{case}");
            }
            (link, role) => panic!("{case}: {role:?} with {link:?}"),
        }
        let read: Vec<String> = replication
            .replicas
            .iter()
            .map(|r| {
                let (ip, port, state) = (&r.ip, r.port, &r.state);
                format!(
                    "ip={ip},port={port},state={state},offset={},lag={}",
                    r.acked_offset, r.ack_age_seconds
                )
            })
            .collect();
        let lines = info.pairs().into_iter().filter(|(key, _)| {
            key.strip_prefix("slave").is_some_and(|number| number.bytes().all(|b| b.is_ascii_digit()))
        });
        let naive: Vec<String> =
            lines.map(|(_, line)| line.split(',').take(5).collect::<Vec<_>>().join(",")).collect();
        assert_eq!(read, naive, "{case}");
        acknowledged += read.len();
    });
    assert!(acknowledged > 900, "{acknowledged} lines slaveN");
    assert!(unsynced > 0, "no replica before its first sync was recorded");
}

#[test]
fn cluster_info_agrees_with_what_was_observed() {
    for_every_node(|case| {
        let Ok(cluster) = &case.snapshot.cluster else { return };
        let observed = &case.state.truth["observed"]["cluster_state"][&case.name];
        let state = if cluster.state_ok { "ok" } else { "fail" };
        let (known, size) = (cluster.known_nodes, cluster.size);
        let read =
            format!("{state} known={known} size={size} epoch={}/{}", cluster.my_epoch, cluster.current_epoch);
        assert_eq!(observed, &read, "{case}");
        let fields = case.files.fields("CLUSTER_INFO");
        let active = fields.get("cluster_slot_migration_active_tasks").map(|n| n.parse().unwrap());
        assert_eq!(cluster.active_migrations, active, "{case}");
        for (way, suffix) in [(BusDirection::Sent, "_sent"), (BusDirection::Received, "_received")] {
            let total: u64 = cluster.messages().filter(|m| m.1 == way).map(|m| m.2).sum();
            let written =
                fields.get(&format!("cluster_stats_messages{suffix}")).map_or(0, |n| n.parse().unwrap());
            assert_eq!(total, written, "{case}{suffix}: the types must add up to the server's own total");
        }
    });
}

#[test]
fn links_are_summed() {
    let mut links = 0;
    for_every_node(|case| {
        let Ok(sums) = &case.snapshot.links else { return };
        let words = case.files.words("CLUSTER_LINKS");
        let values =
            |key: &str| words.windows(2).filter(|w| w[0] == key).map(|w| w[1].clone()).collect::<Vec<_>>();
        let numbers = |key| values(key).iter().map(|n| n.parse::<u64>().unwrap()).collect::<Vec<_>>();
        let ways = values("direction");
        assert_eq!(sums.outbound, ways.iter().filter(|way| *way == "to").count() as u64, "{case}");
        assert_eq!(sums.inbound, ways.iter().filter(|way| *way == "from").count() as u64, "{case}");
        assert_eq!(sums.buffer_allocated, numbers("send-buffer-allocated").iter().sum::<u64>(), "{case}");
        assert_eq!(sums.buffer_used, numbers("send-buffer-used").iter().sum::<u64>(), "{case}");
        assert_eq!(
            sums.buffer_used_max,
            numbers("send-buffer-used").into_iter().max().unwrap_or(0),
            "{case}"
        );
        links += ways.len();
    });
    assert!(links > 20_000, "{links} links");
}

#[test]
fn links_stand_where_they_were_not_asked_for_unless_what_was_wrong_has_passed_or_the_process_is_another() {
    let mut stood = 0;
    for_every_node(|case| {
        if case.snapshot.links.is_err() || case.state.server != "valkey-8.0.1" {
            return;
        }
        let mut replies = case.replies.clone();
        replies.answers.retain(|answer| answer.probe != ProbeId::ClusterLinks);
        let now = |before| {
            let now = parse::snapshot_after(&replies, &mut Tables::default(), Some(&before));
            let fared = now.probes.iter().any(|fared| fared.probe == ProbeId::ClusterLinks.row().name);
            (now.links, fared)
        };
        let with = |links: Read<BusLinks>| NodeSnapshot { links, ..case.snapshot.clone() };
        let failed = |error| Err(ReadError::Failed(error));
        for links in [
            case.snapshot.links.clone(),
            Err(ReadError::Unsupported),
            failed(AskError::Denied("NOPERM".to_owned())),
        ] {
            assert_eq!(now(with(links.clone())), (links, true), "{case}");
        }
        let not_asked = (Err(ReadError::NotAsked), false);
        for passing in [AskError::Loading("LOADING".to_owned()), AskError::Connect("refused".to_owned())] {
            assert_eq!(now(with(failed(passing))), not_asked, "{case}");
        }
        let info = Ok(Arc::new(Info::new("run_id:another\r\n")));
        assert_eq!(now(NodeSnapshot { info, ..case.snapshot.clone() }), not_asked, "{case}");
        stood += 1;
    });
    assert!(stood > 0);
}

#[test]
fn settings_are_the_named_ones() {
    for_every_node(|case| {
        let Ok(settings) = &case.snapshot.settings else { return };
        let words = case.files.words("CONFIG_GET_all");
        let mut naive: Vec<_> = words.chunks(2).map(|pair| (pair[0].clone(), pair[1].clone())).collect();
        naive.sort();
        assert_eq!(settings.0, naive, "{case}");
        assert!(naive.iter().all(|(name, _)| SETTINGS.contains(&name.as_str())), "{case}");
        // 6.2 has no cluster-port and no cluster-link-sendbuf-limit.
        let missing = if case.state.server == "redis-6.2.16" { 3 } else { 0 };
        assert!(naive.len() >= SETTINGS.len() - missing, "{case}: {} settings", naive.len());
    });
}

#[test]
fn single_values_are_read() {
    let mut counts = 0;
    for_every_node(|case| {
        let snapshot = &case.snapshot;
        let integer = |stem: &str| case.files.integer(stem);
        let seconds = |seconds: u64| Timestamp(seconds * 1_000_000);
        assert_eq!(snapshot.last_save.clone().ok(), integer("LASTSAVE").map(seconds), "{case}");
        assert_eq!(snapshot.slowlog_length.clone().ok(), integer("SLOWLOG_LEN"), "{case}");
        if let Ok(clock) = snapshot.clock {
            let words: Vec<u64> = case.files.words("TIME").iter().map(|n| n.parse().unwrap()).collect();
            assert_eq!(clock.server.0, words[0] * 1_000_000 + words[1], "{case}");
            // Recorder and server ran on one machine: there is but one clock, written down to the millisecond.
            let (low, high) = ClockOffset::of(&clock).bounds();
            assert!(low < 0.002 && high > -0.002, "{case}: {low} to {high}");
        }
        if let Ok(id) = &snapshot.shard_id {
            assert_eq!(**id, *case.files.text("CLUSTER_MYSHARDID").unwrap(), "{case}");
        }
        for (slot, keys) in &snapshot.key_counts {
            assert_eq!(Some(*keys), integer(&format!("CLUSTER_COUNTKEYSINSLOT_{slot}")), "{case}");
            counts += 1;
        }
        let Ok(latency) = &snapshot.latency else { return };
        let read: BTreeSet<Vec<String>> = latency
            .iter()
            .map(|e| {
                let at = e.at.0 / 1_000_000;
                vec![e.event.clone(), at.to_string(), e.latest_ms.to_string(), e.max_ms.to_string()]
            })
            .collect();
        let naive = case.files.arrays("LATENCY_LATEST").into_iter();
        assert_eq!(read, naive.map(|words| words[..4].to_vec()).collect(), "{case}");
    });
    assert!(counts > 500, "{counts} key counts");
}

/// What servers say when they refuse, by the name of the recorded situation.
#[test]
fn refusals_are_told_apart() {
    let kind_of = |situation: &str| match situation {
        s if s.starts_with("noauth_") || s.contains("wrongpass") => "auth",
        "auth2_unknown_user" | "auth_disabled_user" => "auth",
        s if s.starts_with("noperm_") => "denied",
        s if s.starts_with("loading_") => "loading",
        s if s.starts_with("busy_") => "busy",
        "maxclients" | "protected_mode_denied" => "rejected",
        s if s.starts_with("standalone_") || s.starts_with("unknown_") => "unsupported",
        "client_no_touch" | "client_setinfo" => "unsupported",
        _ => "protocol",
    };
    let mut kinds: BTreeMap<&str, usize> = BTreeMap::new();
    for (server, situation, bytes) in captures::errors() {
        if bytes.first() != Some(&b'-') {
            continue;
        }
        // A server that turns a client away writes one line, and some add more lines.
        let end = bytes.windows(2).position(|pair| pair == b"\r\n").unwrap() + 2;
        let Ok(Reply::Error { code, text }) = resp::parse(&bytes[..end]) else {
            panic!("{server}/{situation} is no error reply")
        };
        let kind = AskError::from_reply(&code, &text).kind();
        assert_eq!(kind, kind_of(&situation), "{server}/{situation}: {code} {text}");
        *kinds.entry(kind).or_default() += 1;
    }
    let found: Vec<_> = kinds.keys().copied().collect();
    let all = ["auth", "busy", "denied", "loading", "protocol", "rejected", "unsupported"];
    assert_eq!(found, all, "{kinds:?}");
}
