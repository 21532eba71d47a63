//! Whatever text a node says of itself: the exposition stays one, and of bounded size.
#![allow(clippy::unwrap_used, reason = "a test fails where it meets what it does not expect")]

mod common {
    pub(crate) mod hostile;
    pub(crate) mod judged;
    #[allow(dead_code, unreachable_pub, reason = "shared with other test programs")]
    pub(crate) mod samples;
    pub(crate) mod sim;
}

use common::hostile::{all_say, bytes, put, texts};
use common::judged::{exposition, frame_of, samples};
use common::sim::Cluster;
use redis_cluster_exporter::model::address::Naming;
use redis_cluster_exporter::model::reply::Reply;
use redis_cluster_exporter::probes::ProbeId;

/// Longest label value.
const LONGEST: usize = 261;

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
