//! A simulated cluster. A scenario is a healthy cluster and the few words that change it; what comes out is reply
//! text, so that a scenario runs through the same parsers as a real server's replies.
//!
//! Primaries are called m1, m2, …; with one replica each these are r1, r2, …, with more r1_1, r1_2, …, r2_1, ….
//! Every node has a row that all nodes show. `told` changes what one node shows of another (or of itself), and
//! `everywhere` what all of them show.
#![allow(dead_code, reason = "each test binary uses its own part")]

mod changes;
mod render;
mod values;

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use redis_cluster_exporter::model::address::Address;
use redis_cluster_exporter::model::failure::AskError;
use redis_cluster_exporter::model::node::{Direction, Health, NodeId};
use redis_cluster_exporter::model::slots::{SLOT_COUNT, SlotSet};
use redis_cluster_exporter::model::time::Timestamp;
use redis_cluster_exporter::probes::ProbeId;

/// When the first poll of a scenario takes place.
pub(crate) const START: Timestamp = Timestamp(1_760_000_000_000_000);

/// Which server is played: INFO, and which commands it has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Server {
    Redis72,
    Redis84,
    Valkey9,
}

/// What one table shows of one node.
#[derive(Clone, Debug)]
pub(crate) struct Row {
    pub(crate) address: Option<Address>,
    pub(crate) hostname: Option<String>,
    /// Name of the primary it follows; `None` for a primary.
    pub(crate) primary: Option<String>,
    pub(crate) slots: SlotSet,
    pub(crate) epoch: u64,
    pub(crate) health: Health,
    pub(crate) link_up: bool,
    pub(crate) handshake: bool,
    pub(crate) nofailover: bool,
}

/// How a process answers.
#[derive(Clone, Debug, PartialEq)]
enum Process {
    Answers,
    Loading,
    Busy,
    Silent(AskError),
}

#[derive(Clone, Debug)]
struct Node {
    id: NodeId,
    /// Where the exporter reaches it; stays while rows change.
    address: Address,
    shard: String,
    process: Process,
    offset: u64,
    link: Link,
    late: Duration,
    /// Its clock is ahead of the exporter's by so much.
    ahead: Duration,
    open: Vec<(u16, Direction, String)>,
    migrations: Vec<Atomic>,
    info: Vec<(String, String)>,
    cluster_info: Vec<(String, String)>,
    settings: BTreeMap<String, String>,
    refused: BTreeMap<ProbeId, String>,
    key_counts: BTreeMap<u16, u64>,
    /// Names missing in its table.
    unknown: BTreeSet<String>,
}

/// A replica's link to its primary.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Link {
    Up,
    Down { seconds: u64 },
    Syncing,
}

/// One end of an atomic migration.
#[derive(Clone, Debug)]
struct Atomic {
    source: String,
    target: String,
    slots: SlotSet,
    state: String,
}

/// The cluster.
#[derive(Clone, Debug)]
pub(crate) struct Cluster {
    at: Timestamp,
    server: Server,
    current_epoch: u64,
    nodes: BTreeMap<String, Node>,
    rows: BTreeMap<String, Row>,
    /// By viewer, then by the node that is seen.
    told: BTreeMap<String, BTreeMap<String, Row>>,
}

/// The id of a name: the same in every run, and another one for every seed.
fn node_id(name: &str, seed: u64) -> NodeId {
    let mut state = name
        .bytes()
        .fold(seed ^ 0xcbf2_9ce4_8422_2325, |h, b| (h ^ u64::from(b)).wrapping_mul(0x100_0000_01b3));
    let mut text = String::new();
    while text.len() < 40 {
        state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (state ^ (state >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        text.push_str(&format!("{:016x}", mixed ^ (mixed >> 27)));
    }
    NodeId::parse(&text.as_bytes()[..40]).unwrap()
}

impl Cluster {
    /// `primaries` that share all slots evenly, with `replicas` each; nothing is wrong with it.
    pub(crate) fn healthy(primaries: u16, replicas: u16) -> Self {
        let mut cluster = Self {
            at: START,
            server: Server::Redis72,
            current_epoch: u64::from(primaries),
            nodes: BTreeMap::new(),
            rows: BTreeMap::new(),
            told: BTreeMap::new(),
        };
        let bound = |number: u16| (u32::from(number) * u32::from(SLOT_COUNT) / u32::from(primaries)) as u16;
        for number in 1..=primaries {
            let primary = format!("m{number}");
            cluster.insert(&primary, None, u64::from(number));
            cluster.row(&primary).slots.insert_range(bound(number - 1), bound(number) - 1);
        }
        for number in 1..=primaries {
            for copy in 1..=replicas {
                let name = if replicas == 1 { format!("r{number}") } else { format!("r{number}_{copy}") };
                cluster.insert(&name, Some(format!("m{number}")), u64::from(number));
            }
        }
        cluster
    }

    fn insert(&mut self, name: &str, primary: Option<String>, epoch: u64) {
        let number = self.nodes.len();
        let address = Address::new(&format!("10.0.{}.{}", number / 250, number % 250 + 1), 6379);
        let shard = primary.clone().unwrap_or_else(|| name.to_owned());
        let node = Node {
            id: node_id(name, 0),
            address: address.clone(),
            shard,
            process: Process::Answers,
            offset: 1_000_000,
            link: Link::Up,
            late: Duration::ZERO,
            ahead: Duration::ZERO,
            open: Vec::new(),
            migrations: Vec::new(),
            info: Vec::new(),
            cluster_info: Vec::new(),
            settings: BTreeMap::new(),
            refused: BTreeMap::new(),
            key_counts: BTreeMap::new(),
            unknown: BTreeSet::new(),
        };
        let row = Row {
            address: Some(address),
            hostname: None,
            primary,
            slots: SlotSet::new(),
            epoch,
            health: Health::Alive,
            link_up: true,
            handshake: false,
            nofailover: false,
        };
        self.nodes.insert(name.to_owned(), node);
        self.rows.insert(name.to_owned(), row);
    }

    fn row(&mut self, name: &str) -> &mut Row {
        self.rows.get_mut(name).unwrap_or_else(|| panic!("no node {name} in this cluster"))
    }

    fn node(&mut self, name: &str) -> &mut Node {
        self.nodes.get_mut(name).unwrap_or_else(|| panic!("no node {name} in this cluster"))
    }

    fn with(mut self, name: &str, change: impl FnOnce(&mut Node)) -> Self {
        change(self.node(name));
        self
    }

    /// The names, in the order of [`Cluster::replies`].
    pub(crate) fn names(&self) -> Vec<String> {
        self.nodes.keys().cloned().collect()
    }

    /// The id of a node.
    pub(crate) fn id(&self, name: &str) -> NodeId {
        self.nodes[name].id
    }

    /// Where the exporter reaches a node.
    pub(crate) fn address(&self, name: &str) -> Address {
        self.nodes[name].address.clone()
    }

    /// What `viewer` shows of `name`.
    pub(crate) fn seen(&self, viewer: &str, name: &str) -> &Row {
        self.told.get(viewer).and_then(|told| told.get(name)).unwrap_or(&self.rows[name])
    }

    /// Changes what every table shows of a node, also where single tables were changed before.
    pub(crate) fn everywhere(mut self, name: &str, change: impl Fn(&mut Row)) -> Self {
        change(self.row(name));
        self.told.values_mut().filter_map(|told| told.get_mut(name)).for_each(change);
        self
    }

    /// Changes what one table shows of a node.
    pub(crate) fn told(mut self, viewer: &str, name: &str, change: impl FnOnce(&mut Row)) -> Self {
        self.node(viewer);
        let shared = self.row(name).clone();
        change(self.told.entry(viewer.to_owned()).or_default().entry(name.to_owned()).or_insert(shared));
        self
    }

    /// The same cluster some time later.
    pub(crate) fn later(mut self, by: Duration) -> Self {
        self.at = self.at.plus(by);
        self
    }

    /// Another server; Redis 7.2 unless said.
    pub(crate) fn server(mut self, server: Server) -> Self {
        self.server = server;
        self
    }

    /// Other ids and addresses, everything else as it was.
    pub(crate) fn renamed(mut self, seed: u64) -> Self {
        let moved = |address: &mut Address| {
            let tail = address.host.strip_prefix("10.0").unwrap_or(&address.host).to_owned();
            *address = Address::new(&format!("10.{}{tail}", seed % 255 + 1), address.port);
        };
        for (name, node) in &mut self.nodes {
            node.id = node_id(name, seed);
            moved(&mut node.address);
        }
        let told = self.told.values_mut().flat_map(|told| told.values_mut());
        self.rows.values_mut().chain(told).filter_map(|row| row.address.as_mut()).for_each(moved);
        self
    }
}
