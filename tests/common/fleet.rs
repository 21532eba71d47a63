//! A fleet: clusters of a size that no machine for tests holds of real servers. Every node listens at a loopback address
//! of its own, counts what it is asked, and answers as a Redis 7.0 would: each table from its own viewpoint, counters and
//! offsets that grow from one question to the next, nothing in it that a check would find.
//!
//! ```ignore
//! let fleet = Fleet::start(Shape { clusters: 1, primaries: 500, replicas: 1 }, 0);
//! …
//! fleet.act(17, Act::Suspects(3));
//! ```
//!
//! Nodes are numbered through all clusters; in a cluster primaries come first, then a replica of each, and so on.
#![allow(dead_code, reason = "each test binary uses its own part")]
#![allow(clippy::disallowed_methods, reason = "plays servers, which have clocks and threads")]
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a test ends where it meets what it does not expect"
)]

mod answers;
mod info;
mod serve;
#[path = "settings.rs"]
mod settings;
mod table;

use std::io::Result;
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::{SystemTime, UNIX_EPOCH};

use tokio::sync::oneshot;

use table::{Layout, Table};

/// How many clusters, and what each is made of.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Shape {
    pub(crate) clusters: usize,
    /// Of each cluster.
    pub(crate) primaries: usize,
    /// Of each primary.
    pub(crate) replicas: usize,
}

impl Shape {
    /// Nodes of one cluster.
    pub(crate) fn nodes(self) -> usize {
        self.primaries * (1 + self.replicas)
    }
}

/// What one node shows otherwise than its peers. Others are meant by their number in the cluster.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Act {
    /// Nothing.
    Sound,
    /// It flags that node `fail?`: its CLUSTER INFO tells of a primary, and does not of a replica.
    Suspects(usize),
    /// Its table does not hold that node: its CLUSTER INFO tells.
    Forgets(usize),
    /// Its table shows that primary with the epoch before: its CLUSTER INFO does not tell.
    Outdated(usize),
    /// A replica that has taken over its primary's slots, on its own word: INFO tells, CLUSTER INFO does not.
    Promoted,
    /// It reads and does not answer.
    Silent,
}

/// What a node was asked, and how many bytes it answered.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Heard {
    pub(crate) commands: u64,
    /// `INFO`: one with every poll.
    pub(crate) infos: u64,
    /// `CLUSTER NODES`
    pub(crate) tables: u64,
    pub(crate) bytes: u64,
}

/// The nodes, until it is dropped.
pub(crate) struct Fleet {
    shape: Shape,
    nodes: Vec<Arc<Node>>,
    server: Option<(oneshot::Sender<()>, JoinHandle<()>)>,
}

/// One node.
struct Node {
    /// Its number in its cluster.
    number: usize,
    layout: Arc<Layout>,
    /// Its place in the fleet: no two nodes carry the same load.
    place: usize,
    shown: Mutex<(Act, Arc<Table>)>,
    heard: Mutex<Heard>,
}

impl Fleet {
    /// Listens at `port` of one address for each node; at a free port of each if it is 0.
    ///
    /// # Errors
    /// An address is taken, or too few files may be open.
    pub(crate) fn start(shape: Shape, port: u16) -> Result<Self> {
        let listen = |place: usize| TcpListener::bind((address(place), port));
        let listeners = (0..shape.clusters * shape.nodes()).map(listen).collect::<Result<Vec<_>>>()?;
        let addresses = listeners.iter().map(TcpListener::local_addr).collect::<Result<Vec<_>>>()?;
        let started = now();
        let mut nodes = Vec::with_capacity(addresses.len());
        for addresses in addresses.chunks(shape.nodes()) {
            let layout = Arc::new(Layout::new(shape, addresses.to_vec(), started));
            let table = Arc::new(Table::of(&layout, 0, Act::Sound));
            for number in 0..shape.nodes() {
                let shown = Mutex::new((Act::Sound, Arc::clone(&table)));
                let (layout, heard) = (Arc::clone(&layout), Mutex::default());
                nodes.push(Arc::new(Node { number, layout, place: nodes.len(), shown, heard }));
            }
        }
        let (stop, stopped) = oneshot::channel();
        let served: Vec<_> = listeners.into_iter().zip(nodes.iter().cloned()).collect();
        let thread = std::thread::spawn(move || serve::until(stopped, served));
        Ok(Self { shape, nodes, server: Some((stop, thread)) })
    }

    /// How many clusters of what.
    pub(crate) fn shape(&self) -> Shape {
        self.shape
    }

    /// Where a node listens.
    pub(crate) fn address(&self, node: usize) -> SocketAddr {
        let node = &self.nodes[node];
        node.layout.addresses[node.number]
    }

    /// From now on a node does this.
    pub(crate) fn act(&self, node: usize, act: Act) {
        let node = &self.nodes[node];
        let table = Arc::new(Table::of(&node.layout, node.number, act));
        *node.shown.lock().unwrap() = (act, table);
    }

    /// What a node has heard since the fleet was started.
    pub(crate) fn heard(&self, node: usize) -> Heard {
        *self.nodes[node].heard.lock().unwrap()
    }

    /// What all nodes have heard since the fleet was started.
    pub(crate) fn heard_by_all(&self) -> Heard {
        let mut sum = Heard::default();
        self.nodes.iter().for_each(|node| sum.add(*node.heard.lock().unwrap()));
        sum
    }
}

impl Heard {
    fn add(&mut self, more: Self) {
        self.commands += more.commands;
        self.infos += more.infos;
        self.tables += more.tables;
        self.bytes += more.bytes;
    }
}

impl Node {
    fn shown(&self) -> (Act, Arc<Table>) {
        self.shown.lock().unwrap().clone()
    }
}

impl Drop for Fleet {
    fn drop(&mut self) {
        let Some((stop, thread)) = self.server.take() else { return };
        drop(stop);
        assert!(thread.join().is_ok() || std::thread::panicking(), "the fleet failed");
    }
}

/// One address for each node: nothing is shared but the machine.
fn address(place: usize) -> Ipv4Addr {
    let byte = |number: usize| u8::try_from(number).unwrap();
    Ipv4Addr::new(127, 64 + byte(place / 62_500), byte(place / 250 % 250), byte(place % 250 + 1))
}

/// Microseconds since the Unix epoch.
fn now() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_micros() as u64
}
