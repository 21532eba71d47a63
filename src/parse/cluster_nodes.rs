//! CLUSTER NODES: one line per node,
//! `<id> <ip>:<port>@<bus port>[,<hostname>] <flags> <primary|-> <ping> <pong> <epoch> <link> [slots…] [[open slots]…]`.
//!
//! N nodes each send N lines, and in a healthy cluster all of them say the same. So the columns that are topology
//! are hashed first, without regard to the order of lines and to the viewer; rows are built only for a table that
//! was not seen before. Ping and pong times and link states change every second and are not topology.

use std::hash::Hasher;
use std::sync::Arc;

use super::kept::Kept;
use crate::model::address::Address;
use crate::model::failure::ParseError;
use crate::model::node::{Direction, Health, NodeId, NodeRow, NodeTable, OpenSlot, Role, Viewpoint};
use crate::model::reply::Reply;
use crate::model::slots::SlotSet;
use crate::model::time::Timestamp;

/// Tables by fingerprint.
pub(super) type ByFingerprint = Kept<u64, Arc<NodeTable>>;

/// The columns of one line, still text.
struct Line<'a> {
    id: &'a [u8],
    address: &'a [u8],
    /// Without `myself`.
    flags: &'a [u8],
    myself: bool,
    primary: &'a [u8],
    /// All of these as they stand in the line, `myself` with them.
    head: &'a [u8],
    epoch: &'a [u8],
    connected: bool,
    pong: &'a [u8],
    /// Slots, then open slots in brackets.
    slots: &'a [u8],
}

impl<'a> Line<'a> {
    fn split(line: &'a [u8]) -> Option<Self> {
        let ends = spaces(line);
        let column = |number: usize| {
            let begins = number.checked_sub(1).map_or(0, |before| ends[before] + 1);
            line.get(begins..ends[number]).filter(|word| !word.is_empty())
        };
        let (id, address, flags, primary) = (column(0)?, column(1)?, column(2)?, column(3)?);
        let (_ping, pong, epoch, link) = (column(4)?, column(5)?, column(6)?, column(7)?);
        let head = &line[..ends[3]];
        let (myself, flags) = match flags.strip_prefix(MYSELF) {
            Some(others) => (true, others.strip_prefix(b",").unwrap_or(others)),
            None => (false, flags),
        };
        let connected = link == b"connected";
        let slots = line.get(ends[7] + 1..).unwrap_or_default();
        Some(Self { id, address, flags, myself, primary, head, epoch, connected, pong, slots })
    }

    /// Where the open slots begin. They stand last, and few lines have any.
    fn brackets(&self) -> usize {
        let first = || memchr::memchr(b'[', self.slots);
        self.slots.last().filter(|last| **last == b']').and_then(|_| first()).unwrap_or(self.slots.len())
    }

    /// Slots without the part in brackets, which only the node itself shows.
    fn owned(&self) -> &'a [u8] {
        self.slots[..self.brackets()].trim_ascii_end()
    }

    fn open(&self) -> &'a [u8] {
        &self.slots[self.brackets()..]
    }

    /// `fail?` or `fail`.
    fn is_flagged(&self) -> bool {
        let usual = matches!(self.flags, b"master" | b"slave");
        !usual && self.flags.split(|byte| *byte == b',').any(|flag| matches!(flag, b"fail" | b"fail?"))
    }

    /// Milliseconds since the Unix epoch, by the server's clock.
    fn last_pong(&self) -> Timestamp {
        let millis = std::str::from_utf8(self.pong).ok().and_then(|text| text.parse::<u64>().ok());
        Timestamp(millis.unwrap_or(0).saturating_mul(1000))
    }

    /// Hash over the columns that are topology; lines are added up, so that their order does not matter.
    fn hash(&self) -> u64 {
        let mut hash = fixed_hasher();
        if self.myself {
            // As the others show it.
            hash.write(&[self.id, self.address, self.flags, self.primary].join(&b' '));
        } else {
            hash.write(self.head);
        }
        for column in [self.epoch, self.owned()] {
            hash.write_u8(b' ');
            hash.write(column);
        }
        hash.finish()
    }
}

const MYSELF: &[u8] = b"myself";

/// Where the first eight spaces stand; the end of the line for those that are not there. Eight bytes at a time: N nodes
/// tell N lines each.
fn spaces(line: &[u8]) -> [usize; 8] {
    const SPACES: u64 = u64::from_le_bytes([b' '; 8]);
    const SEVEN_BITS: u64 = u64::from_le_bytes([0x7f; 8]);
    let mut ends = [line.len(); 8];
    let mut places = ends.iter_mut();
    let (words, rest) = line.as_chunks::<8>();
    for (at, word) in words.iter().enumerate() {
        let other = u64::from_le_bytes(*word) ^ SPACES;
        // The high bit of each byte that is no other than a space.
        let mut found = !(((other & SEVEN_BITS) + SEVEN_BITS) | other | SEVEN_BITS);
        while found != 0 {
            let Some(place) = places.next() else { return ends };
            *place = at * 8 + found.trailing_zeros() as usize / 8;
            found &= found - 1;
        }
    }
    let rest = rest.iter().enumerate().filter(|(_, byte)| **byte == b' ');
    places.zip(rest).for_each(|(place, (at, _))| *place = words.len() * 8 + at);
    ends
}

/// The same on every machine and in every run.
fn fixed_hasher() -> impl Hasher {
    use std::hash::BuildHasher;
    foldhash::quality::FixedState::with_seed(0).build_hasher()
}

/// Reads the reply; the table is taken from `tables` if it is there.
pub(super) fn cluster_nodes(
    reply: &Reply,
    told_at: Timestamp,
    tables: &mut ByFingerprint,
) -> Result<Viewpoint, ParseError> {
    let text = reply.bytes().ok_or_else(|| ParseError::new("a bulk reply", "CLUSTER NODES"))?;
    let mut fingerprint = 0u64;
    let mut view = None;
    let (mut links_down, mut last_pongs) = (Vec::new(), Vec::new());
    for (number, line) in lines(text) {
        let line = split(number, line)?;
        fingerprint = fingerprint.wrapping_add(line.hash());
        if line.myself {
            view = Some((id(number, line.id)?, open_slots(line.open())));
        } else if !line.connected {
            links_down.push(id(number, line.id)?);
        }
        if line.is_flagged() {
            last_pongs.push((id(number, line.id)?, line.last_pong()));
        }
    }
    let (myself, open_slots) =
        view.ok_or_else(|| ParseError::new("a line flagged myself", "CLUSTER NODES"))?;
    let table = match tables.get(&fingerprint) {
        Some(table) => table,
        None => {
            let table = Arc::new(table(text, fingerprint, tables.any())?);
            tables.keep(fingerprint, table)
        }
    };
    links_down.sort_unstable();
    last_pongs.sort_unstable();
    Ok(Viewpoint { told_at, myself, table, open_slots, links_down, last_pongs })
}

fn lines(text: &[u8]) -> impl Iterator<Item = (usize, &[u8])> {
    let mut begins = 0;
    let lines = memchr::memchr_iter(b'\n', text).chain([text.len()]).map(move |end| {
        let line = &text[std::mem::replace(&mut begins, end + 1)..end];
        line.strip_suffix(b"\r").unwrap_or(line)
    });
    lines.enumerate().filter(|(_, line)| !line.is_empty())
}

fn split(number: usize, line: &[u8]) -> Result<Line<'_>, ParseError> {
    Line::split(line).ok_or_else(|| at("eight columns", number, line))
}

fn at(what: &'static str, number: usize, bytes: &[u8]) -> ParseError {
    ParseError::new(what, format!("line {}: {}", number + 1, String::from_utf8_lossy(bytes)))
}

fn id(number: usize, text: &[u8]) -> Result<NodeId, ParseError> {
    NodeId::parse(text).ok_or_else(|| at("a node id of 40 hexadecimal digits", number, text))
}

fn table(text: &[u8], fingerprint: u64, other: Option<&NodeTable>) -> Result<NodeTable, ParseError> {
    let mut rows = Vec::new();
    for (number, line) in lines(text) {
        let row = row(number, &split(number, line)?)?;
        rows.push(match other.and_then(|other| other.row(row.id)) {
            Some(same) => sharing(row, same),
            None => row,
        });
    }
    rows.sort_by_key(|row: &NodeRow| row.id);
    rows.dedup_by_key(|row| row.id);
    let mut hash = fixed_hasher();
    for row in rows.iter().filter(|row| !row.slots.is_empty()) {
        hash.write(row.id.bytes());
        row.slots.words().iter().for_each(|word| hash.write_u64(*word));
    }
    Ok(NodeTable { slot_map: hash.finish(), rows, fingerprint })
}

/// The row with what it has in common with that of the same node in another table. While a failover makes its way through a
/// cluster every node has a table of its own, and two kilobytes for the slots of each primary in each would be many.
fn sharing(mut row: NodeRow, other: &NodeRow) -> NodeRow {
    if row.slots == other.slots {
        row.slots = other.slots.clone();
    }
    if row.address == other.address {
        row.address.clone_from(&other.address);
    }
    if row.hostname == other.hostname {
        row.hostname.clone_from(&other.hostname);
    }
    row
}

fn row(number: usize, line: &Line<'_>) -> Result<NodeRow, ParseError> {
    let flag = |name: &[u8]| line.flags.split(|byte| *byte == b',').any(|flag| flag == name);
    let (address, bus_port, hostname) = address(line.address)
        .ok_or_else(|| at("an address host:port@busport[,hostname]", number, line.address))?;
    let number_of = |text: &[u8]| std::str::from_utf8(text).ok()?.parse::<u64>().ok();
    Ok(NodeRow {
        id: id(number, line.id)?,
        address: address.filter(|_| !flag(b"noaddr")),
        bus_port,
        hostname,
        role: match (flag(b"master"), flag(b"slave") || flag(b"replica")) {
            (true, _) => Some(Role::Primary),
            (false, true) => Some(Role::Replica),
            (false, false) => None,
        },
        health: match (flag(b"fail"), flag(b"fail?")) {
            (true, _) => Health::Failed,
            (false, true) => Health::Suspected,
            (false, false) => Health::Alive,
        },
        handshake: flag(b"handshake"),
        nofailover: flag(b"nofailover"),
        primary: if line.primary == b"-" { None } else { Some(id(number, line.primary)?) },
        config_epoch: number_of(line.epoch).ok_or_else(|| at("a config epoch", number, line.epoch))?,
        slots: slots(line.owned()).ok_or_else(|| at("slots as n or n-m", number, line.owned()))?,
    })
}

type Addresses = (Option<Address>, u16, Option<Arc<str>>);

/// `ip:port@bus[,hostname[,…]]`; the port is split off at the last colon, since an IPv6 address stands bare.
fn address(text: &[u8]) -> Option<Addresses> {
    let text = std::str::from_utf8(text).ok()?;
    let mut parts = text.split(',');
    let endpoint = parts.next()?;
    let hostname = parts.next().filter(|name| !name.is_empty() && !name.contains('=')).map(Arc::from);
    let (endpoint, bus_port) = endpoint.split_once('@').unwrap_or((endpoint, "0"));
    let (host, port) = endpoint.rsplit_once(':')?;
    let port = port.parse().ok()?;
    let known = port != 0 || !host.is_empty();
    Some((known.then(|| Address::new(host, port)), bus_port.parse().ok()?, hostname))
}

fn slots(text: &[u8]) -> Option<SlotSet> {
    let text = std::str::from_utf8(text).ok()?;
    let mut slots = SlotSet::new();
    for word in text.split_ascii_whitespace() {
        match word.split_once('-') {
            Some((first, last)) => slots.insert_range(first.parse().ok()?, last.parse().ok()?),
            None => slots.insert(word.parse().ok()?),
        }
    }
    Some(slots)
}

/// `[slot->-id]` and `[slot-<-id]`. What does not look so is passed over: it would be a newer server's.
fn open_slots(text: &[u8]) -> Vec<OpenSlot> {
    let text = std::str::from_utf8(text).unwrap_or_default();
    let read = |word: &str| {
        let word = word.strip_prefix('[')?.strip_suffix(']')?;
        let (slot, direction, peer) = match word.split_once("->-") {
            Some((slot, peer)) => (slot, Direction::Migrating, peer),
            None => word.split_once("-<-").map(|(slot, peer)| (slot, Direction::Importing, peer))?,
        };
        Some(OpenSlot { slot: slot.parse().ok()?, direction, peer: NodeId::parse(peer.as_bytes())? })
    };
    let mut open: Vec<_> = text.split_ascii_whitespace().filter_map(read).collect();
    open.sort_unstable();
    open
}

#[cfg(test)]
mod tests {
    use super::*;

    const A: &str = "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa";
    const AT: Timestamp = Timestamp(7);
    const B: &str = "bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb";

    fn read(text: &str) -> Viewpoint {
        cluster_nodes(&Reply::Bulk(text.into()), AT, &mut ByFingerprint::default()).unwrap()
    }

    #[test]
    fn reads_open_slots_hostnames_and_ipv6() {
        let view = read(&format!(
            "{A} ::1:7000@17000,a.example myself,master - 0 0 3 connected 0-5 7 [5->-{B}] [9-<-{B}]\n\
             {B} :0@0 slave,noaddr,fail? {A} 5 6 3 disconnected\n"
        ));
        let own = view.own_row().unwrap();
        assert_eq!(own.address.as_ref().unwrap().to_string(), "[::1]:7000");
        assert_eq!(own.hostname.as_deref(), Some("a.example"));
        assert_eq!(own.slots.to_string(), "0-5 7");
        assert_eq!(view.open_slots.len(), 2);
        assert_eq!(view.open_slots[0].direction, Direction::Migrating);
        let other = &view.table.rows[1];
        assert_eq!((other.address.as_ref(), other.health), (None, Health::Suspected));
        assert_eq!(view.links_down, [other.id]);
    }

    #[test]
    fn order_viewer_and_times_do_not_change_the_table() {
        let mut tables = ByFingerprint::default();
        let one =
            format!("{A} a:1@2 myself,master - 0 0 3 connected 0-5\n{B} b:1@2 slave {A} 5 6 3 connected\n");
        let two = format!(
            "{B} b:1@2 myself,slave {A} 0 0 3 connected\n{A} a:1@2 master - 8 9 3 disconnected 0-5\n"
        );
        let one = cluster_nodes(&Reply::Bulk(one.into()), AT, &mut tables).unwrap();
        let two = cluster_nodes(&Reply::Bulk(two.into()), AT, &mut tables).unwrap();
        assert!(Arc::ptr_eq(&one.table, &two.table));
        assert_ne!(one.myself, two.myself);
    }

    #[test]
    fn spaces_are_found_at_every_place() {
        let bytes = [b' ', b'!', 0xa0, 0x1f, b'a', 0];
        for length in 0..40 {
            for start in 0..bytes.len() {
                let line: Vec<u8> =
                    (0..length).map(|at| bytes[(start + at * (at + 3) / 2) % bytes.len()]).collect();
                let found = line.iter().enumerate().filter(|(_, byte)| **byte == b' ').map(|(at, _)| at);
                let expected: Vec<usize> = found.chain(std::iter::repeat(length)).take(8).collect();
                assert_eq!(spaces(&line).as_slice(), expected, "{line:?}");
            }
        }
    }

    #[test]
    fn a_table_shares_what_has_not_changed_with_another() {
        let mut tables = ByFingerprint::default();
        let text = |epoch: u8, last: u8| {
            format!(
                "{A} a:1@2 myself,master - 0 0 {epoch} connected 0-5\n{B} b:1@2 master - 5 6 7 connected 6-{last}\n"
            )
        };
        let mut read =
            |text: String| cluster_nodes(&Reply::Bulk(text.into()), AT, &mut tables).unwrap().table;
        let (one, other) = (read(text(3, 8)), read(text(4, 9)));
        assert_eq!([one.rows[0].config_epoch, other.rows[0].config_epoch], [3, 4]);
        assert!(one.rows[0].slots.is_shared_with(&other.rows[0].slots));
        assert_eq!([&one.rows[1].slots, &other.rows[1].slots].map(ToString::to_string), ["6-8", "6-9"]);
        assert_eq!(one.rows[1].address, other.rows[1].address);
    }

    #[test]
    fn says_what_is_wrong_where() {
        let text = format!("{A} a:1@2 myself,master - 0 0 3 connected 0-5\n{B} b:1@2 slave\n");
        let error = cluster_nodes(&Reply::Bulk(text.into()), AT, &mut ByFingerprint::default()).unwrap_err();
        assert_eq!(error.what, "eight columns");
        assert!(error.at.starts_with("line 2"), "{error}");
    }
}
