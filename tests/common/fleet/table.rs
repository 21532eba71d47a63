//! What the nodes of one cluster show of it: CLUSTER NODES, CLUSTER LINKS, the counts of CLUSTER INFO. The texts are made
//! once; an answer is a copy with the viewer's own mark and its own ping and pong times.

use std::io::Write as _;
use std::net::SocketAddr;

use super::{Act, Shape};

/// Slots of a cluster.
const SLOTS: usize = 16_384;
/// Digits of milliseconds since the Unix epoch.
const DIGITS: usize = 13;
/// A pong is at most half a node timeout of 15 s old, in milliseconds.
const OLDEST_PONG: u64 = 7_500;

/// Who is who in a cluster; the same for all of its nodes.
pub(super) struct Layout {
    pub(super) shape: Shape,
    /// Where the nodes listen.
    pub(super) addresses: Vec<SocketAddr>,
    /// Their ids.
    pub(super) ids: Vec<String>,
    /// The two links of each node to a peer, as CLUSTER LINKS of that peer shows them.
    pub(super) links: Vec<Vec<u8>>,
    /// When the servers were started, microseconds since the Unix epoch.
    pub(super) started: u64,
}

impl Layout {
    pub(super) fn new(shape: Shape, addresses: Vec<SocketAddr>, started: u64) -> Self {
        let ids: Vec<String> = addresses.iter().map(|address| digest(&address.to_string())).collect();
        let links = ids.iter().map(|id| links_to(id, started / 1000)).collect();
        Self { shape, addresses, ids, links, started }
    }

    /// The primary of a node: itself if it is one.
    pub(super) fn shard(&self, node: usize) -> usize {
        node % self.shape.primaries
    }

    pub(super) fn is_primary(&self, node: usize) -> bool {
        node < self.shape.primaries
    }

    /// The replicas of a primary.
    pub(super) fn replicas(&self, primary: usize) -> impl Iterator<Item = usize> {
        let primaries = self.shape.primaries;
        (1..=self.shape.replicas).map(move |copy| copy * primaries + primary)
    }

    /// How many slots a shard has.
    pub(super) fn slots(&self, primary: usize) -> usize {
        let (first, last) = self.range(primary);
        last + 1 - first
    }

    /// First and last slot of a shard.
    fn range(&self, primary: usize) -> (usize, usize) {
        let bound = |number: usize| number * SLOTS / self.shape.primaries;
        (bound(primary), bound(primary + 1) - 1)
    }
}

/// 40 hexadecimal digits that belong to a name.
pub(super) fn digest(name: &str) -> String {
    let mut state = name
        .bytes()
        .fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x100_0000_01b3));
    let mut word = || {
        state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (state ^ (state >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed ^ (mixed >> 27)
    };
    format!("{:016x}{:016x}{:08x}", word(), word(), word() as u32)
}

fn links_to(id: &str, created: u64) -> Vec<u8> {
    let link = |direction: &str, allocated: u64| {
        format!(
            "*12\r\n$9\r\ndirection\r\n${}\r\n{direction}\r\n$4\r\nnode\r\n$40\r\n{id}\r\n$11\r\ncreate-time\r\n\
             :{created}\r\n$6\r\nevents\r\n$1\r\nr\r\n$21\r\nsend-buffer-allocated\r\n:{allocated}\r\n\
             $16\r\nsend-buffer-used\r\n:0\r\n",
            direction.len()
        )
    };
    (link("to", 4512) + &link("from", 0)).into_bytes()
}

/// One line as a table shows it.
struct Row {
    node: usize,
    primary: Option<usize>,
    slots: Option<(usize, usize)>,
    epoch: usize,
    suspected: bool,
}

/// What CLUSTER INFO counts in a table.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Counts {
    pub(super) known: usize,
    pub(super) size: usize,
    pub(super) assigned: usize,
    pub(super) suspected: usize,
}

/// A rendered table, as a peer that is not in it would show it.
pub(super) struct Table {
    text: Vec<u8>,
    lines: Vec<Line>,
    pub(super) counts: Counts,
}

/// Where in the text one line stands, and what in it depends on the viewer.
struct Line {
    node: usize,
    begins: usize,
    /// Where `myself,` goes.
    flags: usize,
    pong: usize,
}

impl Table {
    /// The table of one node that does this.
    pub(super) fn of(layout: &Layout, viewer: usize, act: Act) -> Self {
        let mut rows: Vec<Row> = (0..layout.shape.nodes()).map(|node| row(layout, node)).collect();
        match act {
            Act::Sound | Act::Silent => {}
            Act::Suspects(node) => rows[node].suspected = true,
            Act::Forgets(node) => rows.retain(|row| row.node != node),
            Act::Outdated(node) => rows[node].epoch -= 1,
            Act::Promoted => promote(&mut rows, viewer, layout.shard(viewer)),
        }
        let mut table =
            Self { text: Vec::new(), lines: Vec::with_capacity(rows.len()), counts: count(&rows) };
        rows.iter().for_each(|row| table.push(layout, row));
        table
    }

    fn push(&mut self, layout: &Layout, row: &Row) {
        let text = &mut self.text;
        let (begins, address) = (text.len(), layout.addresses[row.node]);
        let bus = address.port().saturating_add(10_000);
        write!(text, "{} {address}@{bus} ", layout.ids[row.node]).unwrap();
        let flags = text.len();
        text.extend(if row.primary.is_some() { &b"slave"[..] } else { b"master" });
        text.extend(if row.suspected { &b",fail? "[..] } else { b" " });
        text.extend(row.primary.map_or("-", |primary| &layout.ids[primary]).as_bytes());
        text.extend(b" 0 ");
        let pong = text.len();
        write!(text, "{:0DIGITS$} {} connected", 0, row.epoch).unwrap();
        match row.slots {
            Some((first, last)) if first == last => writeln!(text, " {first}").unwrap(),
            Some((first, last)) => writeln!(text, " {first}-{last}").unwrap(),
            None => text.push(b'\n'),
        }
        self.lines.push(Line { node: row.node, begins, flags, pong });
    }

    /// CLUSTER NODES of `viewer` at `now`, microseconds. It begins with the viewer's own line: real tables have each
    /// their own order.
    pub(super) fn write(&self, viewer: usize, now: u64, out: &mut Vec<u8>) {
        let own = self.lines.iter().position(|line| line.node == viewer).unwrap();
        let line = &self.lines[own];
        const MYSELF: &[u8] = b"myself,";
        write!(out, "${}\r\n", self.text.len() + MYSELF.len()).unwrap();
        let begins = out.len();
        out.extend(&self.text[line.begins..line.flags]);
        out.extend(MYSELF);
        out.extend(&self.text[line.flags..]);
        out.extend(&self.text[..line.begins]);
        let millis = now / 1000;
        for other in &self.lines {
            let at = if other.node >= viewer {
                begins + other.pong - line.begins + MYSELF.len()
            } else {
                begins + MYSELF.len() + self.text.len() - line.begins + other.pong
            };
            let age = (viewer as u64 * 7919 + other.node as u64 * 104_729 + millis / 64) % OLDEST_PONG;
            put(&mut out[at..at + DIGITS], millis - age);
        }
        out.extend(b"\r\n");
    }
}

/// Writes a number in decimal digits.
fn put(place: &mut [u8], mut number: u64) {
    for digit in place.iter_mut().rev() {
        *digit = b'0' + (number % 10) as u8;
        number /= 10;
    }
}

fn row(layout: &Layout, node: usize) -> Row {
    let shard = layout.shard(node);
    let is_primary = layout.is_primary(node);
    Row {
        node,
        primary: (!is_primary).then_some(shard),
        slots: is_primary.then(|| layout.range(shard)),
        epoch: shard + 1,
        suspected: false,
    }
}

fn promote(rows: &mut [Row], replica: usize, primary: usize) {
    assert_ne!(replica, primary, "only a replica can be promoted");
    let epoch = rows.iter().map(|row| row.epoch).max().unwrap() + 1;
    for row in rows.iter_mut().filter(|row| row.primary == Some(primary)) {
        row.primary = Some(replica);
        row.epoch = epoch;
    }
    rows[replica].primary = None;
    rows[replica].epoch = epoch;
    rows[replica].slots = rows[primary].slots.take();
    rows[primary].primary = Some(replica);
    rows[primary].epoch = epoch;
}

fn count(rows: &[Row]) -> Counts {
    let mut counts = Counts { known: rows.len(), ..Counts::default() };
    for (row, (first, last)) in rows.iter().filter_map(|row| Some((row, row.slots?))) {
        let slots = last + 1 - first;
        counts.size += 1;
        counts.assigned += slots;
        counts.suspected += if row.suspected { slots } else { 0 };
    }
    counts
}
