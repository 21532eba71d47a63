//! The cluster bus: messages by type, links, buffers.

use super::Read::{Node, NodeBy};
use super::{EmitLabels, Metric, Num, cluster_info};
use crate::model::snapshot::{BusDirection, BusLinks, NodeSnapshot};

pub(super) static ROWS: &[Metric] = &[
    Metric::counter(
        "node_bus_messages_sent",
        "Bus messages that the node sent, by type; gossip without publish is a sum over types (CLUSTER INFO \
         cluster_stats_messages_*_sent)",
        NodeBy(&["type"], |said, emit| messages(said, BusDirection::Sent, emit)),
    ),
    Metric::counter(
        "node_bus_messages_received",
        "Bus messages that the node received, by type (CLUSTER INFO \
         cluster_stats_messages_*_received)",
        NodeBy(&["type"], |said, emit| messages(said, BusDirection::Received, emit)),
    ),
    Metric::counter(
        "node_bus_sent",
        "Bytes sent over the bus, Valkey 9.1 and later",
        cluster_info("cluster_stats_bytes_sent"),
    )
    .bytes(),
    Metric::counter(
        "node_bus_received",
        "Bytes received over the bus, Valkey 9.1 and later",
        cluster_info("cluster_stats_bytes_received"),
    )
    .bytes(),
    Metric::counter(
        "node_bus_links_closed",
        "Bus links that were freed because their send buffer passed \
         cluster-link-sendbuf-limit",
        cluster_info("total_cluster_links_buffer_limit_exceeded"),
    ),
    Metric::gauge(
        "node_bus_links",
        "Bus links of the node, by direction (CLUSTER LINKS)",
        NodeBy(&["direction"], |said, emit| {
            if let Ok(links) = &said.links {
                emit(&[("direction", "inbound")], Num::U(links.inbound));
                emit(&[("direction", "outbound")], Num::U(links.outbound));
            }
        }),
    ),
    Metric::gauge(
        "node_bus_send_buffer_allocated",
        "Sum over the links' send buffers (CLUSTER LINKS send-buffer-allocated)",
        Node(|s| links(s, |l| l.buffer_allocated)),
    )
    .bytes(),
    Metric::gauge(
        "node_bus_send_buffer_used",
        "Sum over the links' send buffers (CLUSTER LINKS send-buffer-used)",
        Node(|s| links(s, |l| l.buffer_used)),
    )
    .bytes(),
    Metric::gauge(
        "node_bus_send_buffer_used_max",
        "Fullest send buffer of one link (CLUSTER LINKS send-buffer-used)",
        Node(|s| links(s, |l| l.buffer_used_max)),
    )
    .bytes(),
    Metric::gauge(
        "node_bus_links_down",
        "Peers to which the bus link is down (CLUSTER NODES link-state)",
        Node(|said| Some(said.nodes.as_ref().ok()?.links_down.len().into())),
    ),
    Metric::gauge(
        "node_migrations_active",
        "Atomic migrations that run on the node, Redis 8.4 and later",
        cluster_info("cluster_slot_migration_active_tasks"),
    ),
];

fn links(said: &NodeSnapshot, value: fn(&BusLinks) -> u64) -> Option<Num> {
    said.links.as_ref().ok().map(|links| Num::U(value(links)))
}

/// Lines without a type are totals over all types and would be counted twice.
fn messages(said: &NodeSnapshot, direction: BusDirection, emit: &mut EmitLabels<'_>) {
    let Ok(cluster) = &said.cluster else { return };
    for (kind, _, count) in cluster.messages().filter(|(_, way, _)| *way == direction) {
        emit(&[("type", kind)], Num::U(count));
    }
}
