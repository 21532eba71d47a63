//! CLUSTER INFO: `key:value` lines. Message counters are left out by the server while they are zero.

use crate::model::failure::ParseError;
use crate::model::info::{Field, Info};
use crate::model::reply::Reply;
use crate::model::snapshot::ClusterInfo;

const STATE: Field = Field::new("cluster_state");
const KNOWN_NODES: Field = Field::new("cluster_known_nodes");
const SIZE: Field = Field::new("cluster_size");
const CURRENT_EPOCH: Field = Field::new("cluster_current_epoch");
const MY_EPOCH: Field = Field::new("cluster_my_epoch");
const ACTIVE_MIGRATIONS: Field = Field::new("cluster_slot_migration_active_tasks");

/// Reads the lines that every version writes; an unknown state is not `ok`.
/// `read` takes the text apart.
pub(super) fn cluster_info(
    reply: &Reply,
    read: impl FnOnce(&str) -> Info,
) -> Result<ClusterInfo, ParseError> {
    let text = reply.text().ok_or_else(|| ParseError::new("a bulk reply of text", "CLUSTER INFO"))?;
    let fields = read(text);
    let number = |field: Field| {
        fields.unsigned(field).ok_or_else(|| ParseError::new("a line with an unsigned number", field.name))
    };
    let state = fields.text(STATE).ok_or_else(|| ParseError::new("a line", STATE.name))?;
    Ok(ClusterInfo {
        state_ok: state == "ok",
        known_nodes: number(KNOWN_NODES)?,
        size: number(SIZE)?,
        current_epoch: number(CURRENT_EPOCH)?,
        my_epoch: number(MY_EPOCH)?,
        active_migrations: fields.unsigned(ACTIVE_MIGRATIONS),
        fields,
    })
}
