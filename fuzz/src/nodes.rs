//! One node, and each of its replies by itself.

use std::sync::Arc;

use redis_cluster_exporter::model::info::Info;
use redis_cluster_exporter::model::reply::Reply;
use redis_cluster_exporter::model::snapshot::NodeSnapshot;
use redis_cluster_exporter::parse::{self, Tables};
use redis_cluster_exporter::probes::Replies;
use redis_cluster_exporter::resp;

use super::polls::{Poll, judged, node, sound};

/// Divides an input into the replies to two polls. No reply in text holds it.
pub const NEXT: u8 = 0;

const INFO: &str = "# Server\r\nredis_version:7.2.6\r\nrun_id:5c6ccd6fe24e7bbc98caf2f7265effcf0e1b1ad7\r\n";
const CLUSTER_INFO: &str = "cluster_state:ok\r\ncluster_known_nodes:1\r\ncluster_current_epoch:1\r\n";
const CLUSTER_NODES: &str =
    "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa 127.0.0.1:7001@17001 myself,master - 0 0 1 connected 0-16383\n";

/// `INFO` of one node in two polls, and the same text as its `CLUSTER INFO`.
pub fn info(bytes: &[u8]) {
    let texts = two(bytes).map(|text| Reply::Bulk(text.to_vec()));
    let as_info = |text: &Reply| with(&["info", "info_commandstats", "info_latencystats"], text);
    let as_cluster_info = |text: &Reply| with(&["cluster_info"], text);
    for replies in [texts.each_ref().map(as_info), texts.each_ref().map(as_cluster_info)] {
        let snapshot = read_twice(&replies);
        let infos =
            snapshot.info.as_deref().into_iter().chain(snapshot.cluster.as_ref().map(|said| &said.fields));
        infos.for_each(in_itself);
        sound(&judged(&replies.map(Poll::of)));
    }
}

/// `CLUSTER NODES` of one node, in two polls.
pub fn cluster_nodes(bytes: &[u8]) {
    let replies = two(bytes).map(|text| with(&["cluster_nodes"], &Reply::Bulk(text.to_vec())));
    let snapshot = read_twice(&replies);
    if let Ok(view) = &snapshot.nodes {
        assert!(view.own_row().is_some(), "no row of its own");
        let rows = &view.table.rows;
        assert!(rows.windows(2).all(|pair| pair[0].id < pair[1].id), "rows out of order");
        for slot in rows.iter().flat_map(|row| row.slots.iter().max()) {
            assert!(slot < 16384, "slot {slot}");
        }
    }
    sound(&judged(&replies.map(Poll::of)));
}

/// All that a node replies besides, as one RESP map from the names of probes to replies.
pub fn arrays(bytes: &[u8]) {
    let Ok(map) = resp::parse(bytes) else { return };
    let mut again = Vec::new();
    resp::print(&map, &mut again);
    assert_eq!(resp::parse(&again).as_ref(), Ok(&map), "printed and read again");
    let replies = node(ADDRESS, map.pairs().chain(texts().iter().map(|(probe, text)| (*probe, text))));
    let snapshot = read_twice(&[replies.clone(), replies.clone()]);
    for (slot, _) in &snapshot.key_counts {
        assert!(*slot < 16384, "slot {slot}");
    }
    sound(&judged(&[Poll::of(replies.clone()), Poll::of(replies)]));
}

const ADDRESS: &str = "127.0.0.1:7001";

fn two(bytes: &[u8]) -> [&[u8]; 2] {
    let mut parts = bytes.splitn(2, |byte| *byte == NEXT);
    let first = parts.next().unwrap_or_default();
    [first, parts.next().unwrap_or(first)]
}

/// What a node must reply, as a sound one does.
fn texts() -> [(&'static str, Reply); 3] {
    let texts = [("info", INFO), ("cluster_info", CLUSTER_INFO), ("cluster_nodes", CLUSTER_NODES)];
    texts.map(|(probe, text)| (probe, Reply::Bulk(text.into())))
}

/// A sound node but for its reply to these probes.
fn with(probes: &[&str], reply: &Reply) -> Replies {
    let replies = probes.iter().map(|probe| (*probe, reply));
    node(ADDRESS, replies.chain(texts().iter().map(|(probe, text)| (*probe, text))))
}

/// What the second of two polls is read as: the same, whether or not there was the first.
fn read_twice(replies: &[Replies; 2]) -> NodeSnapshot {
    let mut tables = Tables::default();
    let [_, known] = replies.each_ref().map(|replies| {
        let snapshot = parse::snapshot(replies, &mut tables);
        tables.turn();
        snapshot
    });
    let fresh = parse::snapshot(&replies[1], &mut Tables::default());
    assert_eq!(format!("{known:?}"), format!("{fresh:?}"), "what is kept changes what is read");
    same(&known.info, &fresh.info);
    if let (Ok(known), Ok(fresh)) = (&known.cluster, &fresh.cluster) {
        assert_eq!(known, fresh);
    }
    let required = fresh.info.is_ok() && fresh.cluster.is_ok() && fresh.nodes.is_ok();
    assert_eq!(fresh.outcome.is_ok(), required, "{:?}", fresh.outcome);
    fresh
}

fn same<E>(known: &Result<Arc<Info>, E>, fresh: &Result<Arc<Info>, E>) {
    if let (Ok(known), Ok(fresh)) = (known, fresh) {
        assert!(known.iter().eq(fresh.iter()), "a layout that does not fit");
    }
}

/// Where a key stands twice, the first one counts; every line is found.
fn in_itself(info: &Info) {
    let mut seen = std::collections::BTreeMap::new();
    for (key, value) in info.iter() {
        let first = *seen.entry(key).or_insert(value);
        assert_eq!(info.get(key), Some(first), "{key:?}");
    }
}
