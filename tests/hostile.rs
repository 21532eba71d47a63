//! Whatever text a node says of itself: the exposition stays one, and of bounded size.
#![allow(clippy::unwrap_used, reason = "a test fails where it meets what it does not expect")]

mod common {
    pub(crate) mod judged;
    #[allow(dead_code, unreachable_pub, reason = "shared with other test programs")]
    pub(crate) mod samples;
    pub(crate) mod sim;
}

use std::sync::Arc;
use std::time::Duration;

use common::judged::{exposition, frame_of, samples};
use common::sim::{Cluster, START};
use redis_cluster_exporter::model::address::Naming;
use redis_cluster_exporter::model::reply::Reply;
use redis_cluster_exporter::probes::{Answer, ProbeId, Replies};

/// Longest label value.
const LONGEST: usize = 261;

/// What no server would say, and a broken or evil one may.
fn texts() -> Vec<Vec<u8>> {
    let mut texts: Vec<Vec<u8>> = [
        "\"",
        "\\",
        "\\\"",
        "\\n",
        "a\"} 1\nevil{x=\"y",
        "# EOF",
        "\u{0}\u{7}\t",
        "\r",
        "ü€😀",
        "\u{2028}",
        "{}",
        "a,b=c",
        "%s",
    ]
    .map(|text| text.as_bytes().to_vec())
    .to_vec();
    texts.push(vec![b'x'; 10_000]);
    texts.push("ü".repeat(5_000).into_bytes());
    texts.push(vec![0xff, 0xfe, 0xc3, 0x28]);
    texts.push([b"a".repeat(254), "€".as_bytes().to_vec()].concat());
    texts
}

fn put(replies: &mut Replies, probe: ProbeId, reply: Reply) {
    replies.answers.retain(|answer| answer.probe != probe);
    let answer = Answer { probe, asked_at: START, took: Duration::ZERO, reply: Arc::new(reply) };
    replies.answers.push(answer);
}

fn bytes(replies: &Replies, probe: ProbeId) -> Vec<u8> {
    replies.answer(probe).unwrap().reply.bytes().unwrap().to_vec()
}

fn lines(head: &str, text: &[u8], tail: &str) -> Vec<u8> {
    [head.as_bytes(), text, tail.as_bytes(), b"\r\n"].concat()
}

/// All that a node can say, with this text everywhere and twice.
fn all_say(text: &[u8]) -> Vec<Replies> {
    let mut all = Cluster::healthy(2, 1).hostname("m1", &"h".repeat(10_000)).replies();
    for replies in &mut all {
        let mut info = bytes(replies, ProbeId::Info);
        let mut cluster = bytes(replies, ProbeId::ClusterInfo);
        let (mut commands, mut latencies) = (Vec::new(), Vec::new());
        for _ in 0..2 {
            for (head, tail) in [
                ("availability_zone:", ""),
                ("server_name:", ""),
                ("errorstat_", ":count=3"),
                ("errorstat_ERR:count=", ""),
                ("errorstat_ERR", ":count=4"),
                ("db", ":keys=5,expires=1"),
                ("db0:keys=", ""),
                ("slave0:ip=", ",port=1,state=online,offset=5,lag=0"),
            ] {
                info.extend(lines(head, text, tail));
            }
            cluster.extend(lines("cluster_stats_messages_", text, "_sent:7"));
            cluster.extend(lines("cluster_stats_messages_", text, "_received:7"));
            commands.extend(lines("cmdstat_", text, ":calls=5,usec=9,rejected_calls=0,failed_calls=0"));
            latencies.extend(lines(
                "latency_percentiles_usec_",
                text,
                ":p50=1.0,p50=2.0,p99=1e400,p=3,pnan=4",
            ));
            latencies.extend(lines("latency_percentiles_usec_get:p", text, "=1.0"));
        }
        let mut head = b"valkey_version:".to_vec();
        head.extend(text);
        head.extend(b"\r\n");
        info.splice(0..0, head);
        put(replies, ProbeId::Info, Reply::Bulk(info));
        // CLUSTER INFO has no free text: one that is not even text is no answer.
        if std::str::from_utf8(&cluster).is_ok() {
            put(replies, ProbeId::ClusterInfo, Reply::Bulk(cluster));
        }
        put(replies, ProbeId::CommandStats, Reply::Bulk(commands));
        put(replies, ProbeId::LatencyStats, Reply::Bulk(latencies));
        put(replies, ProbeId::ShardId, Reply::Bulk(text.to_vec()));
        let event =
            || Reply::Array(vec![Reply::Bulk(text.to_vec()), Reply::Int(1), Reply::Int(2), Reply::Int(3)]);
        put(replies, ProbeId::LatencyLatest, Reply::Array(vec![event(), event()]));
    }
    all
}

#[test]
fn no_text_breaks_the_exposition() {
    let calm = Cluster::healthy(2, 1).replies();
    let calm = samples(&frame_of(&calm, Naming::default(), 2)).series();
    for text in texts() {
        for prefer_hostnames in [false, true] {
            let naming = Naming { prefer_hostnames, ..Naming::default() };
            let frame = frame_of(&all_say(&text), naming, 2);
            let samples = samples(&frame);
            let shown = String::from_utf8_lossy(&text[..text.len().min(40)]).into_owned();
            assert_eq!(samples.value("rediscluster_slots_covered", &[]), 16384.0, "{shown}");
            assert_eq!(samples.sum("rediscluster_node_up", &[]), 4.0, "{shown}");
            assert!(samples.series() < calm + 4 * 40, "{shown}: {} series", samples.series());
            for name in ["node_info", "node_latency_event_max_seconds", "node_command_calls_total", "node_up"]
            {
                for (labels, _) in samples.all(&format!("rediscluster_{name}"), &[]) {
                    let longest = labels.values().map(String::len).max();
                    assert!(longest <= Some(LONGEST), "{name}: {labels:?}");
                }
            }
        }
    }
}

#[test]
fn a_text_comes_back_as_it_was_said() {
    let zone = "a \"b\" \\c\\ {d} ü";
    let replies = Cluster::healthy(1, 0).info("m1", "availability_zone", zone).replies();
    let samples = samples(&frame_of(&replies, Naming::default(), 1));
    assert_eq!(samples.label("rediscluster_node_info", &[], "availability_zone"), zone);
}

#[test]
fn a_node_that_names_without_end_is_cut_off() {
    let most = 2048;
    let mut replies = Cluster::healthy(1, 0).replies();
    let (mut cluster, mut commands) = (bytes(&replies[0], ProbeId::ClusterInfo), Vec::new());
    let mut events = Vec::new();
    for number in 0..60_000 {
        cluster.extend(format!("cluster_stats_messages_t{number}_sent:1\r\n").into_bytes());
        commands.extend(format!("cmdstat_c{number}:calls=1,usec=1\r\n").into_bytes());
        let name = Reply::Bulk(format!("e{number}").into_bytes());
        events.push(Reply::Array(vec![name, Reply::Int(1), Reply::Int(1), Reply::Int(1)]));
    }
    put(&mut replies[0], ProbeId::ClusterInfo, Reply::Bulk(cluster));
    put(&mut replies[0], ProbeId::CommandStats, Reply::Bulk(commands));
    put(&mut replies[0], ProbeId::LatencyLatest, Reply::Array(events));
    let frame = frame_of(&replies, Naming::default(), 1);
    let samples = samples(&frame);
    for name in ["node_bus_messages_sent_total", "node_command_calls_total", "node_latency_event_max_seconds"]
    {
        assert_eq!(samples.all(&format!("rediscluster_{name}"), &[]).count(), most, "{name}");
    }
    assert!(exposition(&frame).len() < 2 << 20);
}
