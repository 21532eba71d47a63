//! Atomic slot migrations: CLUSTER GETSLOTMIGRATIONS (Valkey 9) and CLUSTER MIGRATION STATUS ALL (Redis 8.4).
//! Both are arrays of flat maps, with other keys and other units of time.

use crate::model::failure::ParseError;
use crate::model::migration::{End, Migration, Progress};
use crate::model::node::NodeId;
use crate::model::reply::Reply;
use crate::model::slots::SlotSet;
use crate::model::time::Timestamp;

/// Names of one server's keys, and how many of its time units make a second.
struct Dialect {
    name: &'static str,
    slots: &'static str,
    source: &'static str,
    target: &'static str,
    message: &'static str,
    heard: &'static [&'static str],
    unit_micros: u64,
}

const VALKEY: Dialect = Dialect {
    name: "name",
    slots: "slot_ranges",
    source: "source_node",
    target: "target_node",
    message: "message",
    heard: &["last_ack_time", "last_update_time"],
    unit_micros: 1_000_000,
};

const REDIS: Dialect = Dialect {
    name: "id",
    slots: "slots",
    source: "source",
    target: "dest",
    message: "last_error",
    heard: &["end_time"],
    unit_micros: 1_000,
};

/// Reads CLUSTER GETSLOTMIGRATIONS.
pub(super) fn valkey(reply: &Reply) -> Result<Vec<Migration>, ParseError> {
    log(reply, &VALKEY)
}

/// Reads CLUSTER MIGRATION STATUS ALL.
pub(super) fn redis(reply: &Reply) -> Result<Vec<Migration>, ParseError> {
    log(reply, &REDIS)
}

fn log(reply: &Reply, dialect: &Dialect) -> Result<Vec<Migration>, ParseError> {
    let entries = reply.array().ok_or_else(|| ParseError::new("an array", "slot migrations"))?;
    entries.iter().map(|entry| migration(entry, dialect)).collect()
}

fn migration(entry: &Reply, dialect: &Dialect) -> Result<Migration, ParseError> {
    let value = |key: &str| entry.pairs().find(|(name, _)| *name == key).map(|(_, value)| value);
    let text = |key: &'static str| {
        value(key).and_then(Reply::text).ok_or_else(|| ParseError::new("a text value", key))
    };
    let time = |key: &str| {
        let units = value(key)?.int().filter(|n| *n > 0)? as u64;
        Some(Timestamp(units.saturating_mul(dialect.unit_micros)))
    };
    let end = match text("operation")?.to_ascii_lowercase().as_str() {
        "export" | "migrate" => End::Source,
        "import" => End::Target,
        other => return Err(ParseError::new("an operation import, export or migrate", other)),
    };
    let state = text("state")?;
    let progress = match state {
        "success" | "completed" => Progress::Succeeded,
        "failed" => Progress::Failed,
        "cancelled" | "canceled" => Progress::Cancelled,
        _ => Progress::Running,
    };
    // Redis writes -1 while a task is open, and may leave a failed source entry open for good.
    let ended = value("end_time").map_or(progress != Progress::Running, |end| end.int() != Some(-1));
    Ok(Migration {
        name: text(dialect.name)?.to_owned(),
        end,
        slots: ranges(text(dialect.slots)?),
        source: text(dialect.source).ok().and_then(|id| NodeId::parse(id.as_bytes())),
        target: text(dialect.target).ok().and_then(|id| NodeId::parse(id.as_bytes())),
        progress,
        state: state.to_owned(),
        message: text(dialect.message).unwrap_or_default().to_owned(),
        created: time("create_time"),
        last_heard: dialect.heard.iter().filter_map(|key| time(key)).max(),
        ended,
    })
}

/// `0-199 300-310`, or separated by commas.
fn ranges(text: &str) -> SlotSet {
    let words = text.split([' ', ',']).filter(|word| !word.is_empty());
    words
        .filter_map(|word| match word.split_once('-') {
            Some((first, last)) => Some((first.parse().ok()?, last.parse().ok()?)),
            None => word.parse().ok().map(|slot| (slot, slot)),
        })
        .collect()
}
