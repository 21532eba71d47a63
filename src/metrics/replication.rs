//! Offsets, lag, links and resynchronisations.

use super::Read::{Member, Node, NodeBy};
use super::{Metric, Num, info, info_is};
use crate::frame::Frame;
use crate::history::{Basis, Lag};
use crate::model::info::Field;

pub(super) static ROWS: &[Metric] = &[
    Metric::gauge(
        "node_replication_offset",
        "The node's own offset in its replication stream (INFO master_repl_offset of a primary, slave_repl_offset of \
         a replica)",
        Node(|said| said.replication.as_ref().ok()?.offset.map(Num::U)),
    )
    .bytes(),
    Metric::gauge(
        "node_replication_lag",
        "How far a replica is behind its primary: both own offsets, carried to one instant; for a replica that does \
         not answer an upper bound, from the last offset known. Absent in another history and during a full sync",
        Member(|f, at| Some(Num::U(lag(f, at)?.bytes))),
    )
    .bytes(),
    Metric::gauge(
        "node_replication_lag",
        "Age of the data that a replica has: how long ago its primary's offset was the replica's, as far back as \
         this exporter has watched, at most 120 polls",
        Member(|f, at| Some(Num::F(lag(f, at)?.seconds))),
    )
    .seconds(),
    Metric::gauge(
        "node_replication_lag_estimated",
        "1 if the lag comes from the last offset known, since the replica does not \
         answer",
        Member(|f, at| Some((lag(f, at)?.basis == Basis::LastKnown).into())),
    ),
    Metric::gauge("node_replication_link_up", "1 if the replica's link to its primary is up", info_is("master_link_status", "up")),
    Metric::gauge("node_replication_sync_in_progress", "1 during a full sync; flaps while a link fails at authentication", info_is("master_sync_in_progress", "1")),
    Metric::gauge("node_replication_link_down", "How long the link to the primary has been down", info("master_link_down_since_seconds")).seconds(),
    Metric::gauge("node_replication_last_io", "Time since the replica last heard of its primary: grows on a link that died \
         silently", info("master_last_io_seconds_ago")).seconds(),
    Metric::gauge("node_replication_sync_read", "Bytes of a running full sync that the replica has read", info("master_sync_read_bytes")).bytes(),
    Metric::gauge("node_replication_backlog", "Size of the replication backlog", info("repl_backlog_size")).bytes(),
    Metric::gauge("node_replication_backlog_history", "Bytes in the replication backlog: a replica further behind needs a full sync", info("repl_backlog_histlen")).bytes(),
    Metric::gauge("node_replication_backlog_active", "1 if the node keeps a backlog", info_is("repl_backlog_active", "1")),
    Metric::gauge("node_connected_replicas", "Replica connections as the node counts them; a full sync over two channels \
         counts twice", info("connected_slaves")),
    Metric::gauge("node_replica_priority", "Smaller is promoted first, 0 never", info("slave_priority")),
    Metric::gauge("node_replicas_waiting_psync", "Replicas waiting for the end of a full sync over two channels, Valkey 8.0 and \
         later", info("replicas_waiting_psync")),
    Metric::counter("node_resyncs_full", "Full synchronisations that the node gave to replicas", info("sync_full")),
    Metric::counter(
        "node_resyncs_partial",
        "Partial synchronisations asked of the node, by result (INFO sync_partial_ok, \
         sync_partial_err)",
        NodeBy(&["result"], |said, emit| {
            let Ok(info) = &said.info else { return };
            for (result, field) in [("ok", PARTIAL_OK), ("err", PARTIAL_ERR)] {
                if let Some(count) = info.unsigned(field) {
                    emit(&[("result", result)], Num::U(count));
                }
            }
        }),
    ),
    Metric::counter("node_replication_received", "Bytes received over replication links", info("total_net_repl_input_bytes")).bytes(),
    Metric::counter("node_replication_sent", "Bytes sent over replication links", info("total_net_repl_output_bytes")).bytes(),
];

const PARTIAL_OK: Field = Field::new("sync_partial_ok");
const PARTIAL_ERR: Field = Field::new("sync_partial_err");

fn lag(frame: &Frame, at: usize) -> Option<Lag> {
    *frame.hindsight.lags.get(at)?
}
