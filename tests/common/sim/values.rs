//! What a node of a simulated cluster says of itself: INFO, migrations, settings, links.

#[path = "../settings.rs"]
mod settings;

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::sync::Arc;

use redis_cluster_exporter::model::node::NodeId;
use redis_cluster_exporter::model::reply::Reply;

use super::render::Shared;
use super::{Atomic, Cluster, Link, Node, Server, node_id};
use settings::SOUND;

/// INFO of a Redis 7.2 primary at rest, without the lines of its replication section.
const INFO: &str = include_str!("info.txt");

impl Cluster {
    pub(super) fn info_text(&self, name: &str, shared: &Shared) -> String {
        let node = &self.nodes[name];
        let mut changed = BTreeMap::from([
            ("run_id".to_owned(), node_id(name, 2).to_string()),
            ("tcp_port".to_owned(), node.address.port.to_string()),
            ("server_time_usec".to_owned(), self.clock_of(node).0.to_string()),
        ]);
        let version = match self.server {
            Server::Redis72 => "7.2.6",
            Server::Redis84 => "8.4.0",
            Server::Valkey9 => "7.2.4\r\nserver_name:valkey\r\nvalkey_version:9.1.2",
        };
        changed.insert("redis_version".to_owned(), version.to_owned());
        changed.extend(node.info.iter().cloned());
        let (before, after) = INFO.split_once("# Replication\n").unwrap();
        let replication = self.replication(name, shared);
        let middle = std::iter::once("# Replication").chain(replication.lines());
        let mut text = String::with_capacity(INFO.len() + 2048);
        for line in before.lines().chain(middle).chain(after.lines()) {
            match line.split_once(':').and_then(|(key, _)| changed.remove_entry(key)) {
                Some((key, value)) => write!(text, "{key}:{value}\r\n").unwrap(),
                None => write!(text, "{line}\r\n").unwrap(),
            }
        }
        for (key, value) in changed {
            write!(text, "{key}:{value}\r\n").unwrap();
        }
        text
    }

    fn replication(&self, name: &str, shared: &Shared) -> String {
        let node = &self.nodes[name];
        let own = self.seen(name, name);
        let mut text = String::new();
        if let Some(primary) = &own.primary {
            let address = &self.nodes[primary].address;
            let (status, io, sync) = match node.link {
                Link::Up => ("up", 1, 0),
                Link::Down { .. } => ("down", -1, 0),
                Link::Syncing => ("down", -1, 1),
            };
            let offset = if node.link == Link::Syncing { -1 } else { node.offset as i64 };
            write!(
                text,
                "role:slave\nmaster_host:{}\nmaster_port:{}\nmaster_link_status:{status}\n\
                 master_last_io_seconds_ago:{io}\nmaster_sync_in_progress:{sync}\n\
                 slave_read_repl_offset:{offset}\nslave_repl_offset:{offset}\n",
                address.host, address.port
            )
            .unwrap();
            if let Link::Down { seconds } = node.link {
                writeln!(text, "master_link_down_since_seconds:{seconds}").unwrap();
            }
            text.push_str("slave_priority:100\nslave_read_only:1\nreplica_announced:1\n");
        } else {
            text.push_str("role:master\n");
        }
        let replicas = shared.replicas.get(name).map(Vec::as_slice).unwrap_or_default();
        writeln!(text, "connected_slaves:{}", replicas.len()).unwrap();
        for (number, replica) in replicas.iter().enumerate() {
            let replica = &self.nodes[replica];
            let (host, port) = (&replica.address.host, replica.address.port);
            let offset = replica.offset;
            writeln!(text, "slave{number}:ip={host},port={port},state=online,offset={offset},lag=0").unwrap();
        }
        let replid = node_id(own.primary.as_deref().unwrap_or(name), 3);
        write!(
            text,
            "master_failover_state:no-failover\nmaster_replid:{replid}\nmaster_replid2:{:040}\n\
             master_repl_offset:{}\nsecond_repl_offset:-1\nrepl_backlog_active:1\nrepl_backlog_size:1048576\n\
             repl_backlog_first_byte_offset:1\nrepl_backlog_histlen:{}\n",
            0,
            node.offset,
            node.offset.min(1_048_576)
        )
        .unwrap();
        text
    }

    pub(super) fn migrations(&self, node: &Node, shared: &Shared) -> Arc<Reply> {
        if node.migrations.is_empty() {
            return shared.empty.clone();
        }
        let entry = |(number, atomic)| self.migration(node, number, atomic);
        Arc::new(Reply::Array(node.migrations.iter().enumerate().map(entry).collect()))
    }

    fn migration(&self, node: &Node, number: usize, atomic: &Atomic) -> Reply {
        let source = self.nodes[&atomic.source].id;
        let gives = node.id == source;
        let name = node_id(&format!("{}{}{number}", atomic.source, atomic.target), 4).to_string();
        let (target, slots) = (self.nodes[&atomic.target].id.to_string(), atomic.slots.to_string());
        let (source, state) = (source.to_string(), atomic.state.as_str());
        let millis = (self.at.0 / 1000) as i64;
        let ended = matches!(state, "success" | "failed" | "cancelled" | "completed" | "canceled");
        let words = |words: &[(&str, &str)]| -> Vec<Reply> {
            words.iter().flat_map(|(key, value)| [bulk(key), bulk(value)]).collect()
        };
        let numbers = |numbers: &[(&str, i64)]| -> Vec<Reply> {
            numbers.iter().flat_map(|(key, number)| [bulk(key), Reply::Int(*number)]).collect()
        };
        Reply::Array(if self.server == Server::Valkey9 {
            let operation = if gives { "EXPORT" } else { "IMPORT" };
            let mut map = words(&[("name", &name), ("operation", operation), ("slot_ranges", &slots)]);
            map.extend(words(&[("target_node", &target), ("source_node", &source)]));
            let time = millis / 1000;
            map.extend(numbers(&[
                ("create_time", time - 60),
                ("last_update_time", time),
                ("last_ack_time", time),
            ]));
            map.extend(words(&[("state", state), ("message", "")]));
            map.extend(numbers(&[("cow_size", 0), ("remaining_repl_size", 0)]));
            map
        } else {
            let operation = if gives { "migrate" } else { "import" };
            let mut map = words(&[("id", &name), ("slots", &slots), ("source", &source), ("dest", &target)]);
            map.extend(words(&[("operation", operation), ("state", state), ("last_error", "")]));
            let start = millis - 60_000;
            let end = if ended { millis } else { -1 };
            map.extend(numbers(&[("retries", 0), ("create_time", start), ("start_time", start)]));
            map.extend(numbers(&[("end_time", end), ("write_pause_ms", 0)]));
            map
        })
    }
}

pub(super) fn bulk(value: impl ToString) -> Reply {
    Reply::Bulk(value.to_string().into_bytes())
}

/// Two links to every peer, all at rest. Parsers only sum them up, so all nodes may give the same ones.
pub(super) fn links(nodes: usize) -> Reply {
    let link = |direction: &str, peer: usize| {
        let id: NodeId = node_id(&peer.to_string(), 5);
        Reply::Array(vec![
            bulk("direction"),
            bulk(direction),
            bulk("node"),
            bulk(id),
            bulk("create-time"),
            Reply::Int(1_760_000_000_000),
            bulk("events"),
            bulk("r"),
            bulk("send-buffer-allocated"),
            Reply::Int(4096),
            bulk("send-buffer-used"),
            Reply::Int(0),
        ])
    };
    Reply::Array((1..nodes).flat_map(|peer| [link("to", peer), link("from", peer)]).collect())
}

pub(super) fn settings(node: &Node) -> Reply {
    let value = |key: &str, usual: &str| node.settings.get(key).cloned().unwrap_or_else(|| usual.to_owned());
    Reply::Array(SOUND.iter().flat_map(|(key, usual)| [bulk(key), bulk(value(key, usual))]).collect())
}
