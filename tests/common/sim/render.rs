//! A simulated cluster as the replies of its nodes: which are answered, and what they say of the cluster.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::sync::Arc;
use std::time::Duration;

use redis_cluster_exporter::model::address::Target;
use redis_cluster_exporter::model::node::{Direction, Health};
use redis_cluster_exporter::model::reply::Reply;
use redis_cluster_exporter::model::slots::{SLOT_COUNT, SlotSet};
use redis_cluster_exporter::model::snapshot::CertificateEnds;
use redis_cluster_exporter::model::time::Timestamp;
use redis_cluster_exporter::probes::{Answer, Every, ProbeId, Replies};

use super::values::{bulk, links, settings};
use super::{Cluster, Link, Node, Process, Row, Server};

const TOOK: Duration = Duration::from_micros(900);
const RESPONSE: Duration = Duration::from_micros(200);
/// What all nodes share, made once.
pub(super) struct Shared {
    /// Lines of CLUSTER NODES as peers show them, by name.
    lines: BTreeMap<String, String>,
    /// The counts of CLUSTER INFO for a table in which nothing differs.
    counts: Counts,
    pub(super) replicas: BTreeMap<String, Vec<String>>,
    links: Arc<Reply>,
    pub(super) empty: Arc<Reply>,
}

#[derive(Clone, Copy, Default)]
struct Counts {
    assigned: u32,
    pfail: u32,
    fail: u32,
    known: usize,
    size: usize,
    reachable: usize,
}

impl Cluster {
    /// What every node replies to one poll, in the order of the names.
    pub(crate) fn replies(&self) -> Vec<Replies> {
        let shared = self.shared();
        self.nodes.keys().map(|name| self.node_replies(name, &shared)).collect()
    }

    /// What one node replies.
    pub(crate) fn replies_of(&self, name: &str) -> Replies {
        self.node_replies(name, &self.shared())
    }

    fn shared(&self) -> Shared {
        let mut replicas: BTreeMap<String, Vec<String>> = BTreeMap::new();
        for (name, node) in &self.nodes {
            let answers = !matches!(node.process, Process::Silent(_));
            if let Some(primary) =
                self.seen(name, name).primary.clone().filter(|_| answers && node.link == Link::Up)
            {
                replicas.entry(primary).or_default().push(name.clone());
            }
        }
        Shared {
            lines: self.rows.iter().map(|(name, row)| (name.clone(), self.line(name, row, None))).collect(),
            counts: count(self.rows.values()),
            replicas,
            links: Arc::new(links(self.nodes.len())),
            empty: Arc::new(Reply::Array(Vec::new())),
        }
    }

    fn node_replies(&self, name: &str, shared: &Shared) -> Replies {
        let node = &self.nodes[name];
        let target = Target::Tcp(node.address.clone());
        let asked_at = self.at.plus(node.late);
        if let Process::Silent(why) = &node.process {
            return Replies::failed(target, asked_at, TOOK, why.clone());
        }
        let asked = ProbeId::ALL.into_iter().filter(|probe| probe.row().every != Every::OptIn);
        let answer = |probe| Answer { probe, asked_at, took: TOOK, reply: self.reply(name, probe, shared) };
        let key_count = |(slot, keys): (&u16, &u64)| (*slot, Reply::Int(*keys as i64));
        Replies {
            target,
            asked_at,
            response: Some(RESPONSE),
            took: TOOK,
            failure: None,
            answers: asked.map(answer).collect(),
            key_counts: node.key_counts.iter().map(key_count).collect(),
            sweep: None,
            certificate_ends: CertificateEnds::default(),
            commands: 0,
        }
    }

    fn reply(&self, name: &str, probe: ProbeId, shared: &Shared) -> Arc<Reply> {
        let node = &self.nodes[name];
        if let Some(error) = self.refusal(node, probe) {
            return Arc::new(Reply::error(&error));
        }
        let text = |text: String| Arc::new(Reply::Bulk(text.into_bytes()));
        let at = self.clock_of(node).0;
        match probe {
            ProbeId::Ping => Arc::new(Reply::Status("PONG".to_owned())),
            ProbeId::Info => text(self.info_text(name, shared)),
            ProbeId::ClusterInfo => text(self.cluster_info_text(name, shared)),
            ProbeId::ClusterNodes => text(self.nodes_text(name, shared)),
            ProbeId::ShardId => text(super::node_id(&node.shard, 1).to_string()),
            ProbeId::SlotMigrations | ProbeId::MigrationStatus => self.migrations(node, shared),
            ProbeId::ClusterLinks => shared.links.clone(),
            ProbeId::ConfigGet => Arc::new(settings(node)),
            ProbeId::LastSave => Arc::new(Reply::Int((at / 1_000_000) as i64 - 100)),
            ProbeId::Time => Arc::new(Reply::Array(vec![bulk(at / 1_000_000), bulk(at % 1_000_000)])),
            ProbeId::SlowlogLen => Arc::new(Reply::Int(0)),
            ProbeId::LatencyLatest => shared.empty.clone(),
            ProbeId::SlotStats => shared.empty.clone(),
            ProbeId::CountKeysInSlot | ProbeId::DbSize => Arc::new(Reply::Int(0)),
            ProbeId::CommandStats => text("# Commandstats\r\n".to_owned()),
            ProbeId::LatencyStats => text("# Latencystats\r\n".to_owned()),
        }
    }

    /// What the node's clock shows when it is asked.
    pub(super) fn clock_of(&self, node: &Node) -> Timestamp {
        self.at.plus(node.late).plus(node.ahead)
    }

    fn refusal(&self, node: &Node, probe: ProbeId) -> Option<String> {
        let answered_while_loading = matches!(
            probe,
            ProbeId::Info
                | ProbeId::ConfigGet
                | ProbeId::LastSave
                | ProbeId::Time
                | ProbeId::SlowlogLen
                | ProbeId::LatencyLatest
        );
        let missing = match probe {
            ProbeId::SlotMigrations if self.server != Server::Valkey9 => Some("GETSLOTMIGRATIONS"),
            ProbeId::SlotStats if !matches!(self.server, Server::Valkey9 | Server::Redis84) => {
                Some("SLOT-STATS")
            }
            ProbeId::MigrationStatus if self.server != Server::Redis84 => Some("MIGRATION"),
            _ => None,
        };
        match &node.process {
            Process::Busy => Some("BUSY Redis is busy running a script.".to_owned()),
            Process::Loading if !answered_while_loading => {
                Some("LOADING Redis is loading the dataset in memory".to_owned())
            }
            _ => node
                .refused
                .get(&probe)
                .cloned()
                .or_else(|| Some(format!("ERR unknown subcommand '{}'. Try CLUSTER HELP.", missing?))),
        }
    }

    /// One line of CLUSTER NODES; `own` holds the open slots of the asked node on its own line.
    fn line(&self, name: &str, row: &Row, own: Option<&str>) -> String {
        let node = &self.nodes[name];
        let mut flags = Vec::new();
        flags.extend(own.map(|_| "myself"));
        match &row.primary {
            _ if row.handshake => flags.push("handshake"),
            Some(_) => flags.push("slave"),
            None => flags.push("master"),
        }
        match row.health {
            Health::Alive => {}
            Health::Suspected => flags.push("fail?"),
            Health::Failed => flags.push("fail"),
        }
        flags.extend(row.address.is_none().then_some("noaddr"));
        flags.extend(row.nofailover.then_some("nofailover"));
        let address = row.address.as_ref().map_or(":0@0".to_owned(), |address| {
            format!("{}:{}@{}", address.host, address.port, address.port.saturating_add(10_000))
        });
        let hostname = row.hostname.as_ref().map(|host| format!(",{host}")).unwrap_or_default();
        let primary =
            row.primary.as_ref().map_or("-".to_owned(), |primary| self.nodes[primary].id.to_string());
        let ping = if row.link_up { 0 } else { self.at.0 / 1000 - 500 };
        let link = if row.link_up || own.is_some() { "connected" } else { "disconnected" };
        let pong = self.at.0 / 1000 - 1000;
        let mut line = format!(
            "{} {address}{hostname} {} {primary} {ping} {pong} {} {link}",
            node.id,
            flags.join(","),
            row.epoch
        );
        if !row.slots.is_empty() {
            write!(line, " {}", row.slots).unwrap();
        }
        line.push_str(own.unwrap_or_default());
        line.push('\n');
        line
    }

    /// The table of one node. It begins with another node on every one, as real tables have each their own order.
    fn nodes_text(&self, viewer: &str, shared: &Shared) -> String {
        let node = &self.nodes[viewer];
        let told = self.told.get(viewer);
        let mut text = String::with_capacity(shared.lines.len() * 140);
        let (before, after): (Vec<_>, Vec<_>) = self.rows.keys().partition(|name| name.as_str() < viewer);
        for name in after.into_iter().chain(before).filter(|name| !node.unknown.contains(*name)) {
            if name == viewer {
                text.push_str(&self.line(name, self.seen(viewer, name), Some(&self.open_slots(node))));
            } else if let Some(row) = told.and_then(|told| told.get(name)) {
                text.push_str(&self.line(name, row, None));
            } else {
                text.push_str(&shared.lines[name]);
            }
        }
        text
    }

    fn open_slots(&self, node: &Node) -> String {
        let mut text = String::new();
        for (slot, direction, peer) in &node.open {
            let arrow = if *direction == Direction::Migrating { "->-" } else { "-<-" };
            write!(text, " [{slot}{arrow}{}]", self.nodes[peer].id).unwrap();
        }
        text
    }

    fn counts(&self, viewer: &str, shared: &Shared) -> Counts {
        let unknown = &self.nodes[viewer].unknown;
        if unknown.is_empty() && !self.told.contains_key(viewer) {
            return shared.counts;
        }
        let known = self.rows.keys().filter(|name| !unknown.contains(*name));
        count(known.map(|name| self.seen(viewer, name)))
    }

    /// The node's verdict follows from its own table, as a server with `cluster-require-full-coverage yes` draws it.
    fn cluster_info_text(&self, viewer: &str, shared: &Shared) -> String {
        let counts = self.counts(viewer, shared);
        let own = self.seen(viewer, viewer);
        let covered = counts.assigned == u32::from(SLOT_COUNT) && counts.fail == 0;
        let ok = covered && counts.reachable > counts.size / 2;
        let primary = own.primary.as_ref().map_or(own, |primary| self.seen(viewer, primary));
        let mut lines: Vec<(String, String)> = [
            ("cluster_state", if ok { "ok" } else { "fail" }.to_owned()),
            ("cluster_slots_assigned", counts.assigned.to_string()),
            ("cluster_slots_ok", (counts.assigned.saturating_sub(counts.pfail + counts.fail)).to_string()),
            ("cluster_slots_pfail", counts.pfail.to_string()),
            ("cluster_slots_fail", counts.fail.to_string()),
            ("cluster_known_nodes", counts.known.to_string()),
            ("cluster_size", counts.size.to_string()),
            ("cluster_current_epoch", self.current_epoch.to_string()),
            ("cluster_my_epoch", primary.epoch.to_string()),
            ("cluster_stats_messages_ping_sent", "1000".to_owned()),
            ("cluster_stats_messages_pong_sent", "1010".to_owned()),
            ("cluster_stats_messages_sent", "2010".to_owned()),
            ("cluster_stats_messages_ping_received", "1010".to_owned()),
            ("cluster_stats_messages_pong_received", "1000".to_owned()),
            ("cluster_stats_messages_received", "2010".to_owned()),
            ("total_cluster_links_buffer_limit_exceeded", "0".to_owned()),
        ]
        .map(|(key, value)| (key.to_owned(), value))
        .to_vec();
        put(&mut lines, &self.nodes[viewer].cluster_info);
        lines.iter().map(|(key, value)| format!("{key}:{value}\r\n")).collect()
    }
}

/// What CLUSTER INFO counts in a table.
fn count<'a>(rows: impl Iterator<Item = &'a Row>) -> Counts {
    let mut counts = Counts::default();
    let mut assigned = SlotSet::new();
    for row in rows {
        counts.known += 1;
        let slots = row.slots.len();
        if slots == 0 || row.primary.is_some() {
            continue;
        }
        assigned = assigned.union(&row.slots);
        counts.size += 1;
        match row.health {
            Health::Alive => counts.reachable += 1,
            Health::Suspected => counts.pfail += slots,
            Health::Failed => counts.fail += slots,
        }
    }
    counts.assigned = assigned.len();
    counts
}

/// Puts changed lines in place of those of the same key, or at the end.
fn put(lines: &mut Vec<(String, String)>, changed: &[(String, String)]) {
    for (key, value) in changed {
        match lines.iter_mut().find(|(old, _)| old == key) {
            Some((_, old)) => old.clone_from(value),
            None => lines.push((key.clone(), value.clone())),
        }
    }
}
