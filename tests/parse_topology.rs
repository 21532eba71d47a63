//! CLUSTER NODES and atomic migrations of every recorded state, held against a naive reading of the same files and
//! against what the recorder knew.
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

use common::captures;
use common::cases::for_every_node;
use common::naive::{Files, NaiveRow};
use redis_cluster_exporter::model::migration::{End, Migration, Progress};
use redis_cluster_exporter::model::node::{Direction, Health, NodeRow, Role};
use redis_cluster_exporter::parse::{self, Tables};

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
