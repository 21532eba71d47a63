//! INFO persistence.

use super::Read::Node;
use super::{Metric, Num, info, info_is};
use crate::model::info::Field;

pub(super) static ROWS: &[Metric] = &[
    Metric::gauge(
        "node_rdb_changes_since_last_save",
        "Changes that a crash now would lose without AOF",
        info("rdb_changes_since_last_save"),
    ),
    Metric::gauge(
        "node_rdb_save_in_progress",
        "1 while a background save runs",
        info_is("rdb_bgsave_in_progress", "1"),
    ),
    Metric::gauge(
        "node_rdb_last_save_ok",
        "1 if the last background save succeeded",
        info_is("rdb_last_bgsave_status", "ok"),
    ),
    Metric::gauge(
        "node_rdb_last_save_duration",
        "How long the last background save took",
        info("rdb_last_bgsave_time_sec"),
    )
    .seconds(),
    Metric::gauge(
        "node_last_save_timestamp",
        "Last successful save, by the server's clock; a start counts as one (INFO \
         rdb_last_save_time, else LASTSAVE)",
        Node(|said| {
            let info = said.info.as_ref().ok().and_then(|info| info.unsigned(LAST_SAVE));
            info.map(Num::U).or_else(|| Some(Num::F(said.last_save.as_ref().ok()?.as_seconds())))
        }),
    )
    .seconds(),
    Metric::gauge(
        "node_rdb_last_copy_on_write",
        "Memory copied during the last background save",
        info("rdb_last_cow_size"),
    )
    .bytes(),
    Metric::gauge("node_aof_enabled", "1 if the append-only file is on", info_is("aof_enabled", "1")),
    Metric::gauge(
        "node_aof_rewrite_in_progress",
        "1 while the append-only file is rewritten",
        info_is("aof_rewrite_in_progress", "1"),
    ),
    Metric::gauge(
        "node_aof_last_rewrite_ok",
        "1 if the last rewrite succeeded",
        info_is("aof_last_bgrewrite_status", "ok"),
    ),
    Metric::gauge(
        "node_aof_last_write_ok",
        "1 if the last write to the append-only file succeeded",
        info_is("aof_last_write_status", "ok"),
    ),
    Metric::gauge("node_aof_current_size", "Size of the append-only file", info("aof_current_size")).bytes(),
    Metric::gauge("node_aof_base_size", "Its size after the last rewrite", info("aof_base_size")).bytes(),
    Metric::gauge(
        "node_copy_on_write",
        "Memory copied by the child process that runs now",
        info("current_cow_size"),
    )
    .bytes(),
    Metric::counter("node_rdb_saves", "Background saves, 7.0 and later", info("rdb_saves")),
    Metric::counter(
        "node_aof_rewrites",
        "Rewrites of the append-only file, 7.0 and later",
        info("aof_rewrites"),
    ),
];

const LAST_SAVE: Field = Field::new("rdb_last_save_time");
