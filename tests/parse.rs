//! Every recorded state through every parser, held against an independent, naive reading of the same files.
#![allow(
    clippy::string_slice,
    clippy::unwrap_used,
    reason = "a test fails where it meets what it does not expect"
)]

mod common {
    pub(crate) mod captures;
    pub(crate) mod naive;
}

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, LazyLock};

use common::captures::{self, State};
use common::naive::{Files, NaiveRow};
use redis_cluster_exporter::capture::resp;
use redis_cluster_exporter::model::failure::{AskError, ReadError};
use redis_cluster_exporter::model::migration::{End, Migration, Progress};
use redis_cluster_exporter::model::node::{Direction, Health, NodeRow, Role};
use redis_cluster_exporter::model::reply::Reply;
use redis_cluster_exporter::model::snapshot::{BusDirection, NodeSnapshot};
use redis_cluster_exporter::model::time::Timestamp;
use redis_cluster_exporter::parse::{self, Tables};
use redis_cluster_exporter::probes::{ProbeId, Replies, SETTINGS};

/// One node of one recorded state.
struct Case {
    state: Arc<State>,
    name: String,
    replies: Replies,
    snapshot: NodeSnapshot,
    files: Files,
}

impl std::fmt::Display for Case {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}/{}", self.state, self.name)
    }
}

/// Every node of every state; the tables are shared within a state, as in a poll.
static CASES: LazyLock<Vec<Case>> = LazyLock::new(|| {
    let mut cases = Vec::new();
    for state in captures::states().into_iter().map(Arc::new) {
        let mut tables = Tables::default();
        for (name, replies) in state.nodes() {
            let snapshot = parse::snapshot(&replies, &mut tables);
            let files = Files::new(state.dir.join(&name));
            cases.push(Case { state: state.clone(), name, replies, snapshot, files });
        }
    }
    assert_eq!(cases.len(), 2316, "nodes recorded");
    cases
});

fn for_every_node(look: impl FnMut(&Case)) {
    CASES.iter().for_each(look);
}

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
    let (mut acknowledged, mut without_offset) = (0, 0);
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
                let own = number("slave_repl_offset").filter(|offset| *offset > 1);
                assert_eq!(replication.offset, own, "{case}");
                without_offset += usize::from(own.is_none());
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
    assert!(without_offset > 0, "no replica without an offset was recorded");
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

fn same_row(row: &NodeRow, naive: &NaiveRow) -> Result<(), String> {
    let flag = |name: &str| naive.flags.iter().any(|flag| flag == name);
    let role = if flag("master") {
        Some(Role::Primary)
    } else if flag("slave") {
        Some(Role::Replica)
    } else {
        None
    };
    let health = if flag("fail") {
        Health::Failed
    } else if flag("fail?") {
        Health::Suspected
    } else {
        Health::Alive
    };
    let address = row.address.as_ref().map(|address| (address.host.to_string(), address.port));
    let checks = [
        ("id", row.id.to_string() == naive.id),
        ("address", address == naive.address),
        ("bus port", row.bus_port == naive.bus_port),
        ("host name", row.hostname.as_deref() == naive.hostname.as_deref()),
        ("role", row.role == role),
        ("health", row.health == health),
        ("handshake", row.handshake == flag("handshake")),
        ("nofailover", row.nofailover == flag("nofailover")),
        ("primary", row.primary.map(|id| id.to_string()) == naive.primary),
        ("epoch", row.config_epoch == naive.epoch),
        ("slots", row.slots.iter().eq(naive.slots.iter().copied())),
    ];
    let wrong = checks.iter().find(|(_, same)| !same);
    wrong.map_or(Ok(()), |(column, _)| Err(format!("{column}: {row:?}")))
}

#[test]
fn cluster_nodes_has_every_column() {
    let mut kinds = BTreeMap::new();
    for_every_node(|case| {
        let Ok(view) = &case.snapshot.nodes else { return };
        let mut naive = case.files.rows();
        naive.sort_by(|a, b| a.id.cmp(&b.id));
        assert_eq!(view.table.rows.len(), naive.len(), "{case}");
        for (row, naive) in view.table.rows.iter().zip(&naive) {
            same_row(row, naive).unwrap_or_else(|wrong| panic!("{case} {wrong} {naive:?}"));
            let mut seen = |kind, is: bool| *kinds.entry(kind).or_insert(0) += usize::from(is);
            seen("ipv6", naive.address.as_ref().is_some_and(|(host, _)| host.contains(':')));
            seen("hostname", naive.hostname.is_some());
            seen("noaddr", naive.address.is_none());
            seen("handshake", row.handshake);
            seen("nofailover", row.nofailover);
            seen("suspected", row.health == Health::Suspected);
            seen("failed", row.health == Health::Failed);
        }
        let own = naive.iter().find(|row| row.flags.contains(&"myself".to_owned())).unwrap();
        assert_eq!(view.myself.to_string(), own.id, "{case}");
        let open: Vec<String> = view
            .open_slots
            .iter()
            .map(|open| match open.direction {
                Direction::Migrating => format!("[{}->-{}]", open.slot, open.peer),
                Direction::Importing => format!("[{}-<-{}]", open.slot, open.peer),
            })
            .collect();
        assert_eq!(open, own.open, "{case}");
        *kinds.entry("open").or_insert(0) += open.len();
        let down = naive.iter().filter(|row| !row.connected && row.id != own.id).map(|row| row.id.clone());
        let links_down: Vec<_> = view.links_down.iter().map(ToString::to_string).collect();
        assert_eq!(links_down, down.collect::<Vec<_>>(), "{case}");
    });
    for (kind, count) in &kinds {
        assert!(*count > 0, "no {kind} row was recorded: {kinds:?}");
    }
}

#[test]
fn equal_tables_have_equal_fingerprints_and_only_they() {
    for state in captures::states() {
        let mut tables = Tables::default();
        let mut by_content: BTreeMap<String, u64> = BTreeMap::new();
        let mut by_fingerprint: BTreeMap<u64, String> = BTreeMap::new();
        for (name, replies) in state.nodes() {
            let Ok(view) = parse::snapshot(&replies, &mut tables).nodes else { continue };
            let mut rows = Files::new(state.dir.join(&name)).rows();
            rows.sort_by(|a, b| a.id.cmp(&b.id));
            let content: String = rows.iter().map(NaiveRow::topology).collect();
            let fingerprint = *by_content.entry(content.clone()).or_insert(view.table.fingerprint);
            assert_eq!(fingerprint, view.table.fingerprint, "{state}/{name}: equal tables");
            let known = by_fingerprint.entry(fingerprint).or_insert_with(|| content.clone());
            assert_eq!(*known, content, "{state}/{name}: different tables");
        }
    }
}

/// What the recorder said is true of the nodes themselves.
#[test]
fn ids_and_addresses_agree_with_the_truth() {
    let mut compared = 0;
    for_every_node(|case| {
        let truth = &case.state.truth["nodes"][&case.name];
        assert!(truth["addr"].is_string(), "{case}: not in the truth");
        let Ok(view) = &case.snapshot.nodes else { return };
        let own = view.own_row().unwrap();
        assert_eq!(truth["id"], own.id.to_string(), "{case}");
        assert_eq!(case.snapshot.target.to_string().replace(['[', ']'], ""), truth["addr"], "{case}");
        compared += 1;
        // Where a node announces another address than it is asked at, or does not know its own yet.
        let differs =
            ["announce_nat", "noaddr_replaced", "noaddr_ghost_stays"].contains(&case.state.name.as_str());
        let address = own.address.as_ref().unwrap().to_string().replace(['[', ']'], "");
        assert!(differs || truth["addr"] == address, "{case}: {address}, not {}", truth["addr"]);
    });
    assert_eq!(compared, 2229);
}

/// `flags_seen`: by viewer, what each of its rows is flagged with beside the role.
#[test]
fn flags_and_open_slots_agree_with_what_was_observed() {
    let (mut flags, mut open) = (0, 0);
    for state in captures::states() {
        let ids: BTreeMap<String, String> = state.truth["nodes"]
            .as_object()
            .unwrap()
            .iter()
            .filter_map(|(name, node)| Some((node["id"].as_str()?.to_owned(), name.clone())))
            .collect();
        let name_of = |id: String| ids.get(&id).cloned().unwrap_or_else(|| id.chars().take(8).collect());
        let mut said = Vec::new();
        for (viewer, replies) in state.nodes() {
            let Ok(view) = parse::snapshot(&replies, &mut Tables::default()).nodes else { continue };
            let mut found = serde_json::Map::new();
            for row in &view.table.rows {
                let words = [
                    (row.handshake, "handshake"),
                    (row.health == Health::Suspected, "fail?"),
                    (row.health == Health::Failed, "fail"),
                    (row.address.is_none(), "noaddr"),
                    (row.nofailover, "nofailover"),
                ];
                let words: Vec<_> = words.iter().filter(|(is, _)| *is).map(|(_, word)| *word).collect();
                if !words.is_empty() {
                    found.insert(name_of(row.id.to_string()), words.join(",").into());
                }
            }
            let observed = &state.truth["observed"]["flags_seen"][&viewer];
            let observed = observed.as_object().cloned().unwrap_or_default();
            flags += observed.len();
            assert_eq!(found, observed, "{state}/{viewer}");
            said.extend(view.open_slots.iter().map(|slot| {
                let (word, peer) = match slot.direction {
                    Direction::Migrating => ("migrating to", slot.peer),
                    Direction::Importing => ("importing from", slot.peer),
                };
                format!("{viewer}: slot {} {word} {}", slot.slot, name_of(peer.to_string()))
            }));
        }
        let observed = state.truth["observed"]["open_slots"].as_array().cloned().unwrap_or_default();
        let observed: BTreeSet<_> = observed.iter().map(|line| line.as_str().unwrap().to_owned()).collect();
        assert_eq!(said.into_iter().collect::<BTreeSet<_>>(), observed, "{state}");
        open += observed.len();
    }
    assert!(flags > 500 && open > 30, "{flags} flags, {open} open slots observed");
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
            assert_eq!(clock.0, words[0] * 1_000_000 + words[1], "{case}");
            // Recorder and server ran on one machine, so the clocks differ by the way there only.
            let asked = case.replies.answer(ProbeId::Time).unwrap().asked_at;
            assert!(clock.seconds_since(asked).abs() < 5.0, "{case}");
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

fn same_migration(read: &Migration, naive: &BTreeMap<String, String>) -> Result<(), String> {
    let valkey = naive.contains_key("slot_ranges");
    let [name, slots, source, target, message] = if valkey {
        ["name", "slot_ranges", "source_node", "target_node", "message"]
    } else {
        ["id", "slots", "source", "dest", "last_error"]
    };
    // A Valkey replica tells of the migrations of its primary without their ends.
    let map = |key: &str| naive.get(key).cloned().unwrap_or_default();
    let number = |key: &str| naive.get(key).and_then(|n| n.parse::<i64>().ok());
    let unit = if valkey { 1_000_000 } else { 1_000 };
    let progress = match naive["state"].as_str() {
        "success" | "completed" => Progress::Succeeded,
        "failed" => Progress::Failed,
        "cancelled" | "canceled" => Progress::Cancelled,
        _ => Progress::Running,
    };
    let end = if naive["operation"].eq_ignore_ascii_case("import") { End::Target } else { End::Source };
    let ended = if valkey { progress != Progress::Running } else { number("end_time") != Some(-1) };
    let checks = [
        ("name", read.name == naive[name]),
        ("slots", read.slots.to_string() == naive[slots]),
        ("source", read.source.map(|id| id.to_string()).unwrap_or_default() == map(source)),
        ("target", read.target.map(|id| id.to_string()).unwrap_or_default() == map(target)),
        ("end", read.end == end),
        ("progress", read.progress == progress),
        ("state", read.state == naive["state"]),
        ("message", read.message == naive[message]),
        ("created", read.created.map(|t| t.0 as i64) == number("create_time").map(|t| t * unit)),
        ("last heard", read.last_heard.is_some() == valkey),
        ("ended", read.ended == ended),
    ];
    let wrong = checks.iter().find(|(_, same)| !same);
    wrong.map_or(Ok(()), |(field, _)| Err(format!("{field}: {read:?}, not {naive:?}")))
}

#[test]
fn atomic_migrations_are_read_at_both_ends() {
    let mut states = BTreeSet::new();
    for_every_node(|case| {
        let Ok(log) = &case.snapshot.migrations else { return };
        let valkey = case.state.server.starts_with("valkey");
        let stem = if valkey { "CLUSTER_GETSLOTMIGRATIONS" } else { "CLUSTER_MIGRATION_STATUS_ALL" };
        let naive = case.files.arrays(stem);
        assert_eq!(log.len(), naive.len(), "{case}");
        for (read, words) in log.iter().zip(naive) {
            let map = words.chunks(2).map(|pair| (pair[0].clone(), pair[1].clone())).collect();
            same_migration(read, &map).unwrap_or_else(|wrong| panic!("{case} {wrong}"));
            states.insert((valkey, format!("{:?}", read.progress), format!("{:?}", read.end)));
        }
    });
    assert!(states.len() >= 10, "recorded: {states:?}");
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
