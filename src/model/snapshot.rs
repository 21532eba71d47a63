//! Everything one node said in one poll, typed. A part that is missing says why.

use std::sync::Arc;
use std::time::Duration;

use super::address::Target;
use super::clock::ClockReading;
use super::failure::{AskError, Read};
use super::info::{Field, Info, sub_value};
use super::migration::Migration;
use super::node::{NodeId, Role, Viewpoint};
use super::slots::SlotSet;
use super::time::Timestamp;

/// One node in one poll.
#[derive(Clone, Debug)]
pub struct NodeSnapshot {
    /// What was dialled.
    pub target: Target,
    /// When the pipeline was sent.
    pub asked_at: Timestamp,
    /// Time to the first byte of the first reply (PING at the head of the pipeline) on a warm connection; `None`
    /// if nothing came.
    pub response: Option<Duration>,
    /// Time to the last reply.
    pub took: Duration,
    /// Whether every required probe was answered; else why not.
    pub outcome: Result<(), AskError>,
    /// `INFO`
    pub info: Read<Arc<Info>>,
    /// `INFO` replication, typed.
    pub replication: Read<Replication>,
    /// `CLUSTER INFO`
    pub cluster: Read<ClusterInfo>,
    /// `CLUSTER NODES`
    pub nodes: Read<Viewpoint>,
    /// `CLUSTER MYSHARDID` (Redis 7.2, Valkey 7.2 and later)
    pub shard_id: Read<Arc<str>>,
    /// `CLUSTER LINKS` (7.0 and later)
    pub links: Read<BusLinks>,
    /// `CONFIG GET` of the named settings
    pub settings: Read<Arc<Settings>>,
    /// `CLUSTER GETSLOTMIGRATIONS` (Valkey 9) or `CLUSTER MIGRATION STATUS ALL` (Redis 8.4 and later)
    pub migrations: Read<Vec<Migration>>,
    /// `LASTSAVE`, by the server's clock
    pub last_save: Read<Timestamp>,
    /// `TIME`, as it was last asked for
    pub clock: Read<ClockReading>,
    /// `SLOWLOG LEN`
    pub slowlog_length: Read<u64>,
    /// `LATENCY LATEST`
    pub latency: Read<Vec<LatencyEvent>>,
    /// `INFO commandstats` (opt-in)
    pub command_stats: Read<Arc<Info>>,
    /// `INFO latencystats` (opt-in; 7.0 and later)
    pub latency_stats: Read<Arc<Info>>,
    /// `CLUSTER COUNTKEYSINSLOT` of the slots that were open at the poll before: slot and keys.
    pub key_counts: Vec<(u16, u64)>,
    /// DBSIZE and the keys of the node's own slots, where this poll counted them (a slow sweep).
    pub key_sweep: Option<KeySweep>,
    /// `CLUSTER SLOT-STATS ORDERBY key-count`: the fullest slots (Redis 8.2, Valkey 8.0 and later).
    pub slot_stats: Read<Vec<SlotStat>>,
    /// When the certificates of this connection end.
    pub certificate_ends: CertificateEnds,
    /// Commands of this exporter that the node answered since it was first dialled, this poll's among them: part of what
    /// it has processed.
    pub own_commands: u64,
    /// How each probe fared; probes that were never asked are not here.
    pub probes: Vec<ProbeOutcome>,
}

/// Until when the certificates are valid that were presented in the TLS handshake; `None` without TLS, or without one.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct CertificateEnds {
    /// The server's.
    pub server: Option<Timestamp>,
    /// The exporter's own: the first certificate of `tls.cert_file`.
    pub exporter: Option<Timestamp>,
}

/// Keys of a node, all and by slot.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct KeySweep {
    /// `DBSIZE`: the smaller of one before and one after the counts.
    pub keys: u64,
    /// The slots that were to be counted: those that the node then owned or imported, or all.
    pub of: SlotSet,
    /// `CLUSTER COUNTKEYSINSLOT`, by slot; slots without keys may be left out.
    pub counts: Vec<(u16, u64)>,
}

/// One slot of CLUSTER SLOT-STATS.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SlotStat {
    /// The slot.
    pub slot: u16,
    /// `key-count`
    pub keys: u64,
    /// `cpu-usec`, where the server counts it.
    pub cpu_micros: Option<u64>,
}

/// How one probe fared on one node.
#[derive(Clone, Debug, PartialEq)]
pub struct ProbeOutcome {
    /// Name of the probe, as in the probe table.
    pub probe: &'static str,
    /// Whether its answer could be read. `None` where the server does not have the command.
    pub up: Option<bool>,
    /// From sending the pipeline that carried it to that pipeline's last reply.
    pub took: Duration,
}

/// INFO replication, by role.
#[derive(Clone, Debug, PartialEq)]
pub struct Replication {
    /// `role`
    pub role: Role,
    /// `master_replid`
    pub replid: String,
    /// `master_replid2`: the id of the history before the last promotion.
    pub replid2: String,
    /// The node's own offset in bytes: `slave_repl_offset` of a replica, `master_repl_offset` of a primary. A replica
    /// that has never synced writes -1 (here `None`), 0 or 1, by version.
    pub offset: Option<u64>,
    /// `second_repl_offset`: up to where `replid2` is valid; `None` while -1.
    pub second_offset: Option<u64>,
    /// Server's own clock when it wrote this: `server_time_usec`.
    pub server_time: Option<Timestamp>,
    /// Only a replica has one.
    pub link: Option<PrimaryLink>,
    /// `slaveN` lines.
    pub replicas: Vec<ConnectedReplica>,
}

/// A replica's link to its primary.
#[derive(Clone, Debug, PartialEq)]
pub struct PrimaryLink {
    /// `master_link_status` is `up`.
    pub up: bool,
    /// `master_sync_in_progress` is 1: a full sync, or an attempt. Flaps while a link fails at authentication.
    pub sync_in_progress: bool,
    /// `master_sync_read_bytes`: what has come of a full sync; 0 without one.
    pub sync_read_bytes: u64,
    /// `master_last_io_seconds_ago`; `None` while -1.
    pub last_io_seconds: Option<u64>,
    /// `master_link_down_since_seconds`; `None` while up.
    pub down_seconds: Option<u64>,
}

/// A `slaveN` line of a primary. The address is the peer's real one, not the announced one: it cannot be relied
/// on to find the node in `CLUSTER NODES`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConnectedReplica {
    /// `ip`
    pub ip: String,
    /// `port`
    pub port: u16,
    /// `state`: `online`, `wait_bgsave`, `send_bulk`, …
    pub state: String,
    /// `offset`: what the replica last acknowledged, up to one second old.
    pub acked_offset: u64,
    /// `lag`: seconds since that acknowledgement.
    pub ack_age_seconds: u64,
}

/// CLUSTER INFO.
#[derive(Clone, Debug, PartialEq)]
pub struct ClusterInfo {
    /// `cluster_state` is `ok`: the node's own verdict, no more.
    pub state_ok: bool,
    /// `cluster_known_nodes`
    pub known_nodes: u64,
    /// `cluster_size`: primaries with slots.
    pub size: u64,
    /// `cluster_current_epoch`
    pub current_epoch: u64,
    /// `cluster_my_epoch`: the configuration epoch of the node, or of its primary.
    pub my_epoch: u64,
    /// `cluster_slot_migration_active_tasks` (Redis 8.4 and later)
    pub active_migrations: Option<u64>,
    /// All lines.
    pub fields: Info,
}

impl ClusterInfo {
    /// Bus messages by type: type, sent, received. Types that were never sent nor received have no line.
    pub fn messages(&self) -> impl Iterator<Item = (&str, BusDirection, u64)> {
        self.fields.with_prefix("cluster_stats_messages_").filter_map(|(key, count)| {
            let (kind, way) = key.rsplit_once('_')?;
            let way = match way {
                "sent" => BusDirection::Sent,
                "received" => BusDirection::Received,
                _ => return None,
            };
            Some((kind, way, count.parse().ok()?))
        })
    }

    /// Messages sent of the kinds that applications cause.
    pub const PUBLISH: [Field; 2] = [
        Field::new("cluster_stats_messages_publish_sent"),
        Field::new("cluster_stats_messages_publishshard_sent"),
    ];

    /// Bus messages sent since the server's start, of these lines. Servers write none for what was never sent.
    pub fn sent(&self, lines: &[Field]) -> u64 {
        lines.iter().filter_map(|line| self.fields.unsigned(*line)).fold(0, u64::saturating_add)
    }

    /// Bus messages sent since the server's start, all but those that applications cause.
    pub fn gossip_sent(&self) -> Option<u64> {
        const SENT: Field = Field::new("cluster_stats_messages_sent");
        Some(self.fields.unsigned(SENT)?.saturating_sub(self.sent(&Self::PUBLISH)))
    }
}

/// Which way a bus message went.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BusDirection {
    /// Counted when queued.
    Sent,
    /// Counted when processed.
    Received,
}

/// CLUSTER LINKS, summed: two links per peer, one each way.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct BusLinks {
    /// Links in direction `to`.
    pub outbound: u64,
    /// Links in direction `from`.
    pub inbound: u64,
    /// Sum of `send-buffer-allocated`, bytes.
    pub buffer_allocated: u64,
    /// Sum of `send-buffer-used`, bytes.
    pub buffer_used: u64,
    /// Largest `send-buffer-used` of one link, bytes.
    pub buffer_used_max: u64,
}

/// Settings by name, as CONFIG GET gave them; unknown names are simply not there.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Settings(pub Vec<(String, String)>);

impl Settings {
    /// The value of a setting.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.0.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
    }

    /// The value as an unsigned integer.
    pub fn unsigned(&self, name: &str) -> Option<u64> {
        self.get(name)?.parse().ok()
    }
}

/// One line of LATENCY LATEST.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LatencyEvent {
    /// Event name: `command`, `fork`, `aof-write`, …
    pub event: String,
    /// When it last happened, by the server's clock.
    pub at: Timestamp,
    /// How long it then took, milliseconds.
    pub latest_ms: u64,
    /// The longest since the last reset, milliseconds.
    pub max_ms: u64,
}

impl NodeSnapshot {
    /// The node's id on its own word.
    pub fn id(&self) -> Option<NodeId> {
        self.nodes.as_ref().ok().map(|view| view.myself)
    }

    /// Error replies of a kind (`errorstat_…` of INFO) that the server gave. A kind that was never given has no line.
    /// `None` where the server counts none: Redis gives up after 128 kinds.
    pub fn errors(&self, kind: Field) -> Option<u64> {
        let info = self.info.as_ref().ok()?;
        info.text(Field::new("total_error_replies"))?;
        match (info.text(Field::new("errorstat_ERRORSTATS_DISABLED")), info.text(kind)) {
            (Some(_), _) => None,
            (None, Some(counts)) => sub_value(counts, "count")?.parse().ok(),
            (None, None) => Some(0),
        }
    }

    /// What the server's clock showed when it wrote INFO.
    pub fn info_clock(&self) -> Option<ClockReading> {
        let server = self.replication.as_ref().ok()?.server_time?;
        Some(ClockReading { server, sent: self.asked_at, received: self.asked_at.plus(self.took) })
    }

    /// What the server's clock showed in this poll: in INFO, and in TIME where that was asked for with it.
    pub fn clock_readings(&self) -> impl Iterator<Item = ClockReading> {
        let poll = self.asked_at..=self.asked_at.plus(self.took);
        let time = self.clock.as_ref().ok().copied().filter(|time| poll.contains(&time.sent));
        time.into_iter().chain(self.info_clock())
    }

    /// INFO `loading:1`: reading its dataset, serving nothing yet.
    pub fn is_loading(&self) -> bool {
        let loading = self.info.as_ref().is_ok_and(|i| i.get("loading") == Some("1"));
        loading || matches!(self.outcome, Err(AskError::Loading(_)))
    }

    /// Bytes of its cluster bus links, all together (INFO `mem_cluster_links`, 7.0 and later).
    pub fn links_memory(&self) -> Option<u64> {
        const LINKS: Field = Field::new("mem_cluster_links");
        self.info.as_ref().ok()?.unsigned(LINKS)
    }

    /// Bytes that the send buffer of one bus link may have before the node closes it (`cluster-link-sendbuf-limit`); zero
    /// where there is no limit.
    pub fn link_buffer_limit(&self) -> Option<u64> {
        self.settings.as_ref().ok()?.unsigned("cluster-link-sendbuf-limit")
    }

    /// What its memory is measured against, bytes: `maxmemory` where there is one, else the memory of the host (INFO
    /// `total_system_memory`).
    pub fn memory_limit(&self) -> Option<u64> {
        const MAX: Field = Field::new("maxmemory");
        const SYSTEM: Field = Field::new("total_system_memory");
        let info = self.info.as_ref().ok()?;
        info.unsigned(MAX).filter(|max| *max > 0).or_else(|| info.unsigned(SYSTEM))
    }
}
