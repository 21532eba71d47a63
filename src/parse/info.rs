//! INFO: `key:value` lines in sections, CRLF-ended; in RESP2 one bulk reply.

use std::borrow::Cow;
use std::sync::Arc;

use crate::model::failure::ParseError;
use crate::model::info::{Field, Info, sub_value};
use crate::model::node::Role;
use crate::model::reply::Reply;
use crate::model::snapshot::{ConnectedReplica, PrimaryLink, Replication};
use crate::model::time::Timestamp;

/// The lines of INFO. `read` takes the text apart.
pub(super) fn info(reply: &Reply, read: impl FnOnce(&str) -> Info) -> Result<Arc<Info>, ParseError> {
    Ok(Arc::new(read(&text(reply)?)))
}

/// The text of a bulk reply. Bytes that are no UTF-8 (a path, a name) become replacement characters.
fn text(reply: &Reply) -> Result<Cow<'_, str>, ParseError> {
    let bytes = reply.bytes().ok_or_else(|| ParseError::new("a bulk reply", "INFO"))?;
    // The lossy conversion looks at every byte by itself, also where all of them are sound.
    Ok(std::str::from_utf8(bytes).map_or_else(|_| String::from_utf8_lossy(bytes), Cow::Borrowed))
}

const ROLE: Field = Field::new("role");
const REPLID: Field = Field::new("master_replid");
const REPLID2: Field = Field::new("master_replid2");
const PRIMARY_OFFSET: Field = Field::new("master_repl_offset");
const REPLICA_OFFSET: Field = Field::new("slave_repl_offset");
const SECOND_OFFSET: Field = Field::new("second_repl_offset");
const SERVER_TIME: Field = Field::new("server_time_usec");
const LINK_STATUS: Field = Field::new("master_link_status");
const SYNC_IN_PROGRESS: Field = Field::new("master_sync_in_progress");
const SYNC_READ: Field = Field::new("master_sync_read_bytes");
const LAST_IO: Field = Field::new("master_last_io_seconds_ago");
const DOWN_SINCE: Field = Field::new("master_link_down_since_seconds");

const FIRST_REPLICAS: [Field; 3] = [Field::new("slave0"), Field::new("slave1"), Field::new("slave2")];

/// The replication section, typed.
pub(super) fn replication(info: &Info) -> Result<Replication, ParseError> {
    let role = match info.text(ROLE) {
        Some("master") => Role::Primary,
        Some("slave") => Role::Replica,
        other => return Err(ParseError::new("role:master or role:slave", other.unwrap_or("no such line"))),
    };
    let text = |field| info.text(field).unwrap_or_default().to_owned();
    let offset = match role {
        Role::Primary => info.unsigned(PRIMARY_OFFSET),
        Role::Replica => info.unsigned(REPLICA_OFFSET),
    };
    let link = (role == Role::Replica).then(|| PrimaryLink {
        up: info.text(LINK_STATUS) == Some("up"),
        sync_in_progress: info.text(SYNC_IN_PROGRESS) == Some("1"),
        sync_read_bytes: info.unsigned(SYNC_READ).unwrap_or(0),
        last_io_seconds: info.unsigned(LAST_IO),
        down_seconds: info.unsigned(DOWN_SINCE),
    });
    Ok(Replication {
        role,
        replid: text(REPLID),
        replid2: text(REPLID2),
        offset,
        second_offset: info.unsigned(SECOND_OFFSET),
        server_time: info.unsigned(SERVER_TIME).map(Timestamp),
        link,
        // Servers number them without a gap.
        replicas: (0..)
            .map_while(|n: usize| match FIRST_REPLICAS.get(n) {
                Some(field) => info.text(*field),
                None => info.get(&format!("slave{n}")),
            })
            .filter_map(connected_replica)
            .collect(),
    })
}

/// `ip=…,port=…,state=…,offset=…,lag=…`
fn connected_replica(value: &str) -> Option<ConnectedReplica> {
    Some(ConnectedReplica {
        ip: sub_value(value, "ip")?.to_owned(),
        port: sub_value(value, "port")?.parse().ok()?,
        state: sub_value(value, "state")?.to_owned(),
        acked_offset: sub_value(value, "offset")?.parse().ok()?,
        ack_age_seconds: sub_value(value, "lag").and_then(|lag| lag.parse().ok()).unwrap_or(0),
    })
}
