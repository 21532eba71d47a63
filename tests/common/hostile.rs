//! Replies with whatever text a broken or evil node may put into them.
#![allow(clippy::unwrap_used, reason = "a test fails where it meets what it does not expect")]
#![allow(dead_code, reason = "each test binary uses its own part")]

use std::sync::Arc;
use std::time::Duration;

use redis_cluster_exporter::model::reply::Reply;
use redis_cluster_exporter::probes::{Answer, ProbeId, Replies};

use super::sim::{Cluster, START};

/// What no server would say, and a broken or evil one may.
pub(crate) fn texts() -> Vec<Vec<u8>> {
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

pub(crate) fn put(replies: &mut Replies, probe: ProbeId, reply: Reply) {
    replies.answers.retain(|answer| answer.probe != probe);
    let answer = Answer { probe, asked_at: START, took: Duration::ZERO, reply: Arc::new(reply) };
    replies.answers.push(answer);
}

pub(crate) fn bytes(replies: &Replies, probe: ProbeId) -> Vec<u8> {
    replies.answer(probe).unwrap().reply.bytes().unwrap().to_vec()
}

pub(crate) fn lines(head: &str, text: &[u8], tail: &str) -> Vec<u8> {
    [head.as_bytes(), text, tail.as_bytes(), b"\r\n"].concat()
}

/// All that a node can say, with this text everywhere and twice.
pub(crate) fn all_say(text: &[u8]) -> Vec<Replies> {
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
