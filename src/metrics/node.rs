//! What a node is, whether it answers, and what it says of the cluster.

use super::Read::{Member, MemberBy, Node, NodeBy};
use super::{EmitLabels, Metric, Num, info};
use crate::frame::Frame;
use crate::model::info::Field;
use crate::model::view::{self, Stranger};

const UP: &str = "node_up";
const ASK_ERROR: &str = "node_ask_error";

pub(super) static ROWS: &[Metric] = &[
    Metric::gauge(
        UP,
        "1 if the node answered every required probe of the last poll; present for \
         every node that any node names",
        Member(|f, at| Some(f.view.members[at].is_up().into())),
    ),
    Metric::gauge(
        ASK_ERROR,
        "1 while the node cannot be asked in full, by the kind of error; absent while \
         it answers",
        MemberBy(&["error"], |_, member, emit| {
            if let Some(error) = member.error() {
                emit(&[("error", error.kind())], Num::U(1));
            }
        }),
    ),
    Metric::gauge(
        "node_info",
        "Attributes of the node; always 1 (INFO, CLUSTER NODES, CLUSTER MYSHARDID)",
        MemberBy(
            &["node_id", "redis_shard", "role", "server", "version", "availability_zone"],
            node_info,
        ),
    ),
    Metric::gauge(
        "node_suspected_by",
        "Peers whose tables flag the node fail? or fail (CLUSTER NODES of all nodes)",
        Member(|f, at| Some(Num::U(f.view.members[at].suspected_by.into()))),
    ),
    Metric::gauge(
        "node_response",
        "Time to the first byte of the first reply on the warm connection, PING at the head of the pipeline; an \
         error reply is an answer too",
        Node(|said| Some(Num::F(said.response?.as_secs_f64()))),
    )
    .seconds(),
    Metric::gauge(
        "node_cluster_state_ok",
        "1 if the node itself calls the cluster ok: a verdict of one node (CLUSTER INFO \
         cluster_state)",
        Node(|said| Some(said.cluster.as_ref().ok()?.state_ok.into())),
    ),
    Metric::gauge(
        "node_slots_owned",
        "Slots that the node owns on its own word (CLUSTER NODES, its own line)",
        Node(|said| Some(Num::U(said.nodes.as_ref().ok()?.own_row()?.slots.len().into()))),
    ),
    Metric::gauge(
        "node_config_epoch",
        "Configuration epoch on the node's own word (CLUSTER NODES, its own line)",
        Node(|said| Some(Num::U(said.nodes.as_ref().ok()?.own_row()?.config_epoch))),
    ),
    Metric::gauge("node_known_nodes", "Nodes that the node knows, those in handshake too (CLUSTER INFO \
         cluster_known_nodes)",
        Node(|said| Some(Num::U(said.cluster.as_ref().ok()?.known_nodes)))),
    Metric::gauge(
        "node_probe_up",
        "1 if the answer to the command could be used; absent where the server does not \
         have it",
        NodeBy(&["probe"], |said, emit| {
            for probe in &said.probes {
                if let Some(up) = probe.up {
                    emit(&[("probe", probe.probe)], up.into());
                }
            }
        }),
    ),
    Metric::gauge(
        "node_probe_duration",
        "Time to the last reply of the pipeline that carried the command",
        NodeBy(&["probe"], |said, emit| {
            for probe in said.probes.iter().filter(|probe| probe.up.is_some()) {
                emit(&[("probe", probe.probe)], Num::F(probe.took.as_secs_f64()));
            }
        }),
    )
    .seconds(),
    Metric::gauge("node_uptime", "Age of the server process", info("uptime_in_seconds")).seconds(),
    Metric::gauge(
        "node_clock_offset",
        "Server's clock minus the exporter's, good to half the time that the quickest \
         poll took (TIME, and INFO server_time_usec)",
        Member(|frame, at| {
            let (low, high) = frame.past.clocks.get(at).copied().flatten()?.bounds();
            Some(Num::F(f64::midpoint(low, high)))
        }),
    )
    .seconds(),
    Metric::gauge(
        "node_cluster_node_timeout",
        "Without an answer for so long a peer is suspected (CONFIG GET \
         cluster-node-timeout)",
        Node(|said| {
            let timeout = said.settings.as_ref().ok()?.unsigned("cluster-node-timeout")?;
            Some(Num::F(timeout as f64 / 1e3))
        }),
    )
    .seconds(),
];

const SERVER_NAME: Field = Field::new("server_name");
const VALKEY_VERSION: Field = Field::new("valkey_version");
const REDIS_VERSION: Field = Field::new("redis_version");
const ZONE: Field = Field::new("availability_zone");

fn node_info(_: &Frame, member: &view::Member, emit: &mut EmitLabels<'_>) {
    let Some(Ok(info)) = member.said.as_ref().map(|said| &said.info) else { return };
    let text = |field| info.text(field).unwrap_or_default();
    // Valkey keeps writing a redis_version of 7.2.4 for old clients; its own stands beside it.
    let (server, version) = match (text(VALKEY_VERSION), text(REDIS_VERSION)) {
        ("", "") => ("", ""),
        ("", redis) if text(SERVER_NAME).is_empty() => ("redis", redis),
        ("", redis) => (text(SERVER_NAME), redis),
        (valkey, _) => ("valkey", valkey),
    };
    let id = member.id.digits();
    let labels = [
        ("node_id", std::str::from_utf8(&id).unwrap_or_default()),
        ("redis_shard", &*member.shard),
        ("role", member.role.map_or("", |role| role.as_str())),
        ("server", server),
        ("version", version),
        ("availability_zone", text(ZONE)),
    ];
    emit(&labels, Num::U(1));
}

/// The rows that a seed has while no node of its cluster is known.
pub(super) fn stranger(row: &str, stranger: &Stranger, emit: &mut EmitLabels<'_>) {
    match row {
        UP => emit(&[], Num::U(0)),
        ASK_ERROR => emit(&[("error", stranger.error.kind())], Num::U(1)),
        _ => {}
    }
}
