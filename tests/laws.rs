//! Laws of slot sets, of CLUSTER NODES as it is written and read, of whole frames, and of what is judged of them.
#![allow(
    clippy::string_slice,
    clippy::unwrap_used,
    reason = "a test fails where it meets what it does not expect"
)]

mod common {
    pub(crate) mod judged;
    #[allow(dead_code, unreachable_pub, reason = "shared with other test programs")]
    pub(crate) mod samples;
    pub(crate) mod sim;
}

mod law {
    mod checks;
    mod frames;
}

use std::sync::Arc;
use std::time::Duration;

use proptest::collection::{btree_map, vec};
use proptest::option;
use proptest::prelude::*;
use proptest::sample::{Index, select};
use redis_cluster_exporter::model::address::{Address, Target};
use redis_cluster_exporter::model::node::{Direction, Health, NodeId, NodeRow, OpenSlot, Role, Viewpoint};
use redis_cluster_exporter::model::reply::Reply;
use redis_cluster_exporter::model::slots::SlotSet;
use redis_cluster_exporter::model::snapshot::CertificateEnds;
use redis_cluster_exporter::model::time::Timestamp;
use redis_cluster_exporter::parse::{self, Tables};
use redis_cluster_exporter::probes::{Answer, ProbeId, Replies};

/// So many cases, or as many as `PROPTEST_CASES` says.
fn config(cases: u32) -> ProptestConfig {
    let default = ProptestConfig::default();
    let cases = if std::env::var_os("PROPTEST_CASES").is_some() { default.cases } else { cases };
    // Nothing is written beside the sources: a failing case is printed whole.
    ProptestConfig { cases, failure_persistence: None, ..default }
}

// Slots.

fn ranges() -> impl Strategy<Value = Vec<(u16, u16)>> {
    // Also numbers that are no slots, and ranges that run backwards.
    let near = prop_oneof![0..130u16, 8190..8200u16, 16370..16400u16, any::<u16>()];
    vec((near.clone(), near), 0..6)
}

fn naive(ranges: &[(u16, u16)]) -> [bool; 16384] {
    std::array::from_fn(|slot| ranges.iter().any(|(first, last)| (*first..=*last).contains(&(slot as u16))))
}

fn same(set: &SlotSet, naive: &[bool; 16384]) -> Result<(), TestCaseError> {
    let slots: Vec<u16> = (0..16384).filter(|slot| naive[usize::from(*slot)]).collect();
    prop_assert_eq!(set.iter().collect::<Vec<_>>(), &slots[..]);
    prop_assert_eq!(set.len() as usize, slots.len());
    prop_assert_eq!(set.is_empty(), slots.is_empty());
    for slot in [0, 1, 63, 64, 8191, 8192, 16383] {
        prop_assert_eq!(set.contains(slot), naive[usize::from(slot)]);
    }
    prop_assert!(!set.contains(16384) && !set.contains(u16::MAX));
    prop_assert_eq!(set.ranges().into_iter().collect::<SlotSet>(), set.clone());
    let text = set.to_string();
    let words = text.split(' ').filter(|word| !word.is_empty());
    let read = words.map(|word| word.split_once('-').unwrap_or((word, word)));
    let read: SlotSet = read.map(|(first, last)| (first.parse().unwrap(), last.parse().unwrap())).collect();
    prop_assert_eq!(&read, set);
    // Ranges are as long as they can be: two of them never touch.
    prop_assert!(set.ranges().windows(2).all(|pair| pair[0].1 + 1 < pair[1].0));
    Ok(())
}

proptest! {
    #![proptest_config(config(48))]

    #[test]
    fn a_slot_set_is_a_set_of_slots(a in ranges(), b in ranges()) {
        let (left, right) = (naive(&a), naive(&b));
        let (set, other): (SlotSet, SlotSet) = (a.into_iter().collect(), b.into_iter().collect());
        same(&set, &left)?;
        same(&set.union(&other), &std::array::from_fn(|slot| left[slot] || right[slot]))?;
        same(&set.intersection(&other), &std::array::from_fn(|slot| left[slot] && right[slot]))?;
        same(&set.difference(&other), &std::array::from_fn(|slot| left[slot] && !right[slot]))?;
        let mut one_by_one = SlotSet::new();
        (0..16384).filter(|slot| left[usize::from(*slot)]).for_each(|slot| one_by_one.insert(slot));
        prop_assert_eq!(one_by_one, set);
    }
}

// CLUSTER NODES.

fn address() -> impl Strategy<Value = Option<Address>> {
    let host = select(vec!["10.0.0.1", "::1", "2001:db8::7", "", "172.18.0.250"]);
    option::weighted(0.9, (host, 1..=u16::MAX).prop_map(|(host, port)| Address::new(host, port)))
}

fn row() -> impl Strategy<Value = NodeRow> {
    let health = select(vec![Health::Alive, Health::Suspected, Health::Failed]);
    let role = select(vec![None, Some(Role::Primary), Some(Role::Replica)]);
    let columns = (address(), any::<u16>(), option::of("[a-z][a-z0-9.-]{0,20}"), role, health);
    let rest = (any::<bool>(), any::<bool>(), option::of(any::<[u8; 20]>()), any::<u64>(), ranges());
    (columns, rest).prop_map(|((address, bus_port, hostname, role, health), rest)| {
        let (handshake, nofailover, primary, config_epoch, slots) = rest;
        NodeRow {
            id: id([0; 20]),
            bus_port: if address.is_some() { bus_port } else { 0 },
            address,
            hostname: hostname.map(Arc::from),
            role,
            health,
            handshake,
            nofailover,
            primary: primary.map(id),
            config_epoch,
            slots: slots.into_iter().collect(),
        }
    })
}

fn id(bytes: [u8; 20]) -> NodeId {
    let text: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
    NodeId::parse(text.as_bytes()).unwrap()
}

/// A line as a server writes it.
fn print(row: &NodeRow, myself: Option<&[OpenSlot]>, link_down: bool, times: (u64, u64)) -> String {
    let flags = [
        (myself.is_some(), "myself"),
        (row.role == Some(Role::Primary), "master"),
        (row.role == Some(Role::Replica), "slave"),
        (row.health == Health::Suspected, "fail?"),
        (row.health == Health::Failed, "fail"),
        (row.handshake, "handshake"),
        (row.address.is_none(), "noaddr"),
        (row.nofailover, "nofailover"),
    ];
    let flags: Vec<&str> = flags.iter().filter(|(is, _)| *is).map(|(_, flag)| *flag).collect();
    let flags = if flags.is_empty() { "noflags".to_owned() } else { flags.join(",") };
    let (host, port) = row.address.as_ref().map_or(("", 0), |address| (&*address.host, address.port));
    let hostname = row.hostname.as_ref().map(|name| format!(",{name}")).unwrap_or_default();
    let primary = row.primary.map_or("-".to_owned(), |id| id.to_string());
    let link = if link_down { "disconnected" } else { "connected" };
    let (ping, pong) = times;
    let mut line = format!(
        "{} {host}:{port}@{}{hostname} {flags} {primary} {ping} {pong} {} {link}",
        row.id, row.bus_port, row.config_epoch
    );
    for word in row.slots.to_string().split(' ').filter(|word| !word.is_empty()) {
        line.push_str(&format!(" {word}"));
    }
    for open in myself.unwrap_or_default() {
        let arrow = if open.direction == Direction::Migrating { "->-" } else { "-<-" };
        line.push_str(&format!(" [{}{arrow}{}]", open.slot, open.peer));
    }
    line + "\n"
}

/// Whether the row has no flag at all.
fn is_bare(row: &NodeRow) -> bool {
    let flagged = row.health != Health::Alive || row.handshake || row.nofailover || row.address.is_none();
    row.role.is_none() && !flagged
}

fn replies(answers: Vec<(ProbeId, Reply)>) -> Replies {
    let answer = |(probe, reply)| Answer {
        probe,
        asked_at: Timestamp(0),
        took: Duration::ZERO,
        reply: Arc::new(reply),
    };
    Replies {
        target: Target::Tcp(Address::new("10.0.0.1", 6379)),
        asked_at: Timestamp(0),
        response: None,
        took: Duration::ZERO,
        failure: None,
        answers: answers.into_iter().map(answer).collect(),
        key_counts: Vec::new(),
        sweep: None,
        certificate_ends: CertificateEnds::default(),
        commands: 0,
    }
}

fn view(text: String, tables: &mut Tables) -> Viewpoint {
    let reply = Reply::Bulk(text.into_bytes());
    parse::snapshot(&replies(vec![(ProbeId::ClusterNodes, reply)]), tables).nodes.unwrap()
}

fn open_slot() -> impl Strategy<Value = OpenSlot> {
    let direction = select(vec![Direction::Migrating, Direction::Importing]);
    (0..16384u16, direction, any::<[u8; 20]>()).prop_map(|(slot, direction, peer)| OpenSlot {
        slot,
        direction,
        peer: id(peer),
    })
}

proptest! {
    #![proptest_config(config(128))]

    #[test]
    fn cluster_nodes_is_read_as_printed(
        rows in btree_map(any::<[u8; 20]>(), (row(), any::<bool>(), any::<(u64, u64)>()), 1..8),
        mut open in vec(open_slot(), 0..4),
        chosen in any::<Index>(),
        turn in any::<Index>(),
        other in any::<Index>(),
    ) {
        open.sort_unstable();
        open.dedup();
        let rows: Vec<_> = rows
            .into_iter()
            .map(|(bytes, (row, down, times))| (NodeRow { id: id(bytes), ..row }, down, times))
            .collect();
        let myself = chosen.index(rows.len());
        let lines: Vec<String> = rows
            .iter()
            .enumerate()
            .map(|(at, (row, down, times))| {
                print(row, (at == myself).then_some(&open[..]), *down && at != myself, *times)
            })
            .collect();
        let mut tables = Tables::default();
        let read = view(lines.concat(), &mut tables);
        let expected: Vec<_> = rows.iter().map(|(row, _, _)| row.clone()).collect();
        prop_assert_eq!(&read.table.rows, &expected);
        prop_assert_eq!(read.myself, rows[myself].0.id);
        prop_assert_eq!(&read.open_slots, &open);
        let down = rows.iter().enumerate().filter(|(at, (_, down, _))| *down && *at != myself);
        prop_assert_eq!(&read.links_down, &down.map(|(_, (row, _, _))| row.id).collect::<Vec<_>>());

        // Another viewer, order and hour of the same topology: the same table, shared. A row without a flag of its
        // own is `noflags` to others and `myself` to itself; that no server is in its own table.
        let mut turned = rows.clone();
        turned.rotate_left(turn.index(rows.len()));
        let other = other.index(rows.len());
        prop_assume!(!is_bare(&rows[myself].0) && !is_bare(&turned[other].0));
        let lines: String = turned
            .iter()
            .enumerate()
            .map(|(at, (row, _, _))| print(row, (at == other).then_some(&[]), false, (1, 2)))
            .collect();
        let again = view(lines.clone(), &mut tables);
        prop_assert!(Arc::ptr_eq(&again.table, &read.table));
        prop_assert_eq!(view(lines, &mut Tables::default()), again);
    }

    #[test]
    fn a_change_of_one_column_changes_the_table(
        row in row(), other in row(), column in 0..10, bytes in any::<[u8; 20]>(),
    ) {
        let row = NodeRow { id: id(bytes), ..row };
        let mut changed = row.clone();
        match column {
            0 => changed.address = other.address,
            1 => changed.bus_port = other.bus_port,
            2 => changed.hostname = other.hostname,
            3 => changed.role = other.role,
            4 => changed.health = other.health,
            5 => changed.handshake = other.handshake,
            6 => changed.nofailover = other.nofailover,
            7 => changed.primary = other.primary,
            8 => changed.config_epoch = other.config_epoch,
            _ => changed.slots = other.slots,
        }
        let print = |row: &NodeRow| print(row, Some(&[]), false, (0, 0));
        let mut tables = Tables::default();
        let (one, two) = (view(print(&row), &mut tables), view(print(&changed), &mut tables));
        prop_assert_eq!(one.table == two.table, row == changed);
        prop_assert_eq!(&two.table.rows[..], std::slice::from_ref(&changed));
        prop_assert_eq!(one.table.slot_map == two.table.slot_map, row.slots == changed.slots);
    }
}
