//! The table of what we ask. The pipeline, the ACL line, the fake nodes of the tests, capture file names and the
//! probe metrics derive from it.
//!
//! Version handling is by reply, not by version number: a server that does not have an optional command says so,
//! and that is remembered until the connection ends.

mod replies;
mod shape;

pub use replies::{Answer, Replies, Sweep};
pub use shape::Shape;

/// Whether a node that refuses the command still counts as answering.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Need {
    /// Without its answer the node reads `rediscluster_node_up 0`.
    Required,
    /// Its refusal costs only what it would have told.
    Optional,
}

/// How often the command is sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Every {
    /// With every poll.
    Poll,
    /// Each `poll.slow_interval`; between, the last answer stands.
    Slow,
    /// Of few nodes with each poll, in turn: of none more often than each `poll.slow_interval`, but where there may be news.
    InTurn,
    /// Each `poll.slow_interval`, where the configuration turns it on.
    OptIn,
    /// With words of its own (a slot) where a poll needs it, and in sweeps over all slots of a node.
    OnDemand,
}

/// One command that we send.
#[derive(Debug)]
pub struct Probe {
    /// Value of the label `probe`; never reused.
    pub name: &'static str,
    /// The words of the command.
    pub command: &'static [&'static str],
    /// Whether a node can do without.
    pub need: Need,
    /// First servers that have it; for people, never for a decision.
    pub since: &'static str,
    /// How often.
    pub every: Every,
    /// What a sound reply looks like.
    pub shape: Shape,
    /// The ACL rule that allows it: `+command` or `+command|subcommand`.
    pub acl: &'static str,
}

impl Probe {
    /// Name of its file in a capture directory, without the ending.
    pub fn file_stem(&self) -> String {
        self.command.iter().take(3).copied().collect::<Vec<_>>().join("_")
    }
}

/// Settings asked for by name with one CONFIG GET: never `*`, which would bring passwords in clear.
/// Redis 6.2 takes one name at a time and answers an error to several: there the settings are unsupported.
pub const SETTINGS: [&str; 25] = [
    "appendonly",
    "client-output-buffer-limit",
    "cluster-allow-reads-when-down",
    "cluster-announce-bus-port",
    "cluster-link-sendbuf-limit",
    "cluster-migration-barrier",
    "cluster-node-timeout",
    "cluster-port",
    "cluster-replica-no-failover",
    "cluster-replica-validity-factor",
    "cluster-require-full-coverage",
    "maxclients",
    "maxmemory",
    "maxmemory-policy",
    "min-replicas-max-lag",
    "min-replicas-to-write",
    "replica-priority",
    "replica-serve-stale-data",
    "repl-backlog-size",
    "repl-ping-replica-period",
    "repl-timeout",
    "save",
    "slowlog-log-slower-than",
    "slowlog-max-len",
    "stop-writes-on-bgsave-error",
];

const CONFIG_GET: [&str; SETTINGS.len() + 2] = {
    let mut words = [""; SETTINGS.len() + 2];
    words[0] = "CONFIG";
    words[1] = "GET";
    let mut at = 0;
    while at < SETTINGS.len() {
        words[at + 2] = SETTINGS[at];
        at += 1;
    }
    words
};

/// Names the rows of [`PROBES`], in their order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[repr(u8)]
pub enum ProbeId {
    /// Response time.
    Ping,
    /// Everything about the one server.
    Info,
    /// The node's verdict, epochs, bus messages.
    ClusterInfo,
    /// The node's table.
    ClusterNodes,
    /// Shard id.
    ShardId,
    /// Atomic migrations of Valkey.
    SlotMigrations,
    /// Atomic migrations of Redis.
    MigrationStatus,
    /// Bus links.
    ClusterLinks,
    /// The named settings.
    ConfigGet,
    /// Last successful save.
    LastSave,
    /// The server's clock.
    Time,
    /// Slow log length.
    SlowlogLen,
    /// Latency monitor.
    LatencyLatest,
    /// Statistics by command.
    CommandStats,
    /// Latency percentiles by command.
    LatencyStats,
    /// The fullest slots.
    SlotStats,
    /// Keys of a slot.
    CountKeysInSlot,
    /// Keys of the node.
    DbSize,
}

/// All probes, in the order in which they are sent.
pub static PROBES: [Probe; 18] = [
    Probe {
        name: "ping",
        command: &["PING"],
        need: Need::Optional,
        since: "all",
        every: Every::Poll,
        shape: Shape::Pong,
        acl: "+ping",
    },
    Probe {
        name: "info",
        command: &["INFO"],
        need: Need::Required,
        since: "all",
        every: Every::Poll,
        shape: Shape::Sections,
        acl: "+info",
    },
    Probe {
        name: "cluster_info",
        command: &["CLUSTER", "INFO"],
        need: Need::Required,
        since: "all",
        every: Every::Poll,
        shape: Shape::ClusterInfo,
        acl: "+cluster|info",
    },
    Probe {
        name: "cluster_nodes",
        command: &["CLUSTER", "NODES"],
        need: Need::Required,
        since: "all",
        every: Every::Poll,
        shape: Shape::NodeRows,
        acl: "+cluster|nodes",
    },
    Probe {
        name: "cluster_myshardid",
        command: &["CLUSTER", "MYSHARDID"],
        need: Need::Optional,
        since: "Redis 7.2, Valkey 7.2",
        every: Every::Slow,
        shape: Shape::Id,
        acl: "+cluster|myshardid",
    },
    Probe {
        name: "cluster_getslotmigrations",
        command: &["CLUSTER", "GETSLOTMIGRATIONS"],
        need: Need::Optional,
        since: "Valkey 9.0",
        every: Every::Poll,
        shape: Shape::Array,
        acl: "+cluster|getslotmigrations",
    },
    Probe {
        name: "cluster_migration_status",
        command: &["CLUSTER", "MIGRATION", "STATUS", "ALL"],
        need: Need::Optional,
        since: "Redis 8.4",
        every: Every::Poll,
        shape: Shape::Array,
        // The right also allows IMPORT and CANCEL, so the ACL line does not ask for it. Where it was given anyway
        // the answer is used; elsewhere the fields of CLUSTER INFO tell that a migration runs.
        acl: "",
    },
    Probe {
        name: "cluster_links",
        command: &["CLUSTER", "LINKS"],
        need: Need::Optional,
        since: "Redis 7.0, Valkey 7.2",
        every: Every::InTurn,
        shape: Shape::Array,
        acl: "+cluster|links",
    },
    Probe {
        name: "config_get",
        command: &CONFIG_GET,
        need: Need::Optional,
        since: "Redis 7.0, Valkey 7.2",
        every: Every::Slow,
        shape: Shape::Array,
        acl: "+config|get",
    },
    Probe {
        name: "lastsave",
        command: &["LASTSAVE"],
        need: Need::Optional,
        since: "all",
        every: Every::Slow,
        shape: Shape::Integer,
        acl: "+lastsave",
    },
    Probe {
        name: "time",
        command: &["TIME"],
        need: Need::Optional,
        since: "all",
        every: Every::Slow,
        shape: Shape::Array,
        acl: "+time",
    },
    Probe {
        name: "slowlog_len",
        command: &["SLOWLOG", "LEN"],
        need: Need::Optional,
        since: "all",
        every: Every::Slow,
        shape: Shape::Integer,
        acl: "+slowlog|len",
    },
    Probe {
        name: "latency_latest",
        command: &["LATENCY", "LATEST"],
        need: Need::Optional,
        since: "all",
        every: Every::Slow,
        shape: Shape::Array,
        acl: "+latency|latest",
    },
    Probe {
        name: "info_commandstats",
        command: &["INFO", "commandstats"],
        need: Need::Optional,
        since: "all",
        every: Every::OptIn,
        shape: Shape::Sections,
        acl: "+info",
    },
    Probe {
        name: "info_latencystats",
        command: &["INFO", "latencystats"],
        need: Need::Optional,
        since: "Redis 7.0, Valkey 7.2",
        every: Every::OptIn,
        shape: Shape::Sections,
        acl: "+info",
    },
    Probe {
        name: "cluster_slot_stats",
        command: &["CLUSTER", "SLOT-STATS", "ORDERBY", "key-count", "LIMIT", "10"],
        need: Need::Optional,
        since: "Redis 8.2, Valkey 8.0",
        every: Every::Slow,
        shape: Shape::Array,
        acl: "+cluster|slot-stats",
    },
    Probe {
        name: "cluster_countkeysinslot",
        command: &["CLUSTER", "COUNTKEYSINSLOT"],
        need: Need::Optional,
        since: "all",
        every: Every::OnDemand,
        shape: Shape::Integer,
        acl: "+cluster|countkeysinslot",
    },
    Probe {
        name: "dbsize",
        command: &["DBSIZE"],
        need: Need::Optional,
        since: "all",
        every: Every::OnDemand,
        shape: Shape::Integer,
        acl: "+dbsize",
    },
];

impl ProbeId {
    /// Every probe, in the order of the table.
    pub const ALL: [Self; PROBES.len()] = [
        Self::Ping,
        Self::Info,
        Self::ClusterInfo,
        Self::ClusterNodes,
        Self::ShardId,
        Self::SlotMigrations,
        Self::MigrationStatus,
        Self::ClusterLinks,
        Self::ConfigGet,
        Self::LastSave,
        Self::Time,
        Self::SlowlogLen,
        Self::LatencyLatest,
        Self::CommandStats,
        Self::LatencyStats,
        Self::SlotStats,
        Self::CountKeysInSlot,
        Self::DbSize,
    ];

    /// Whose replies grow with the number of nodes: in a large cluster these are asked of few nodes at a time, over
    /// connections of their own, so that the room that they take is given back.
    pub const GROWING: [Self; 2] = [Self::ClusterNodes, Self::ClusterLinks];

    /// Whose answers are kept as they were read, not as they were sent: as trees of replies they take more room than all
    /// else that is known of a node.
    pub const READ_ONCE: [Self; 3] = [Self::ClusterNodes, Self::ClusterLinks, Self::ConfigGet];

    /// Its row.
    pub fn row(self) -> &'static Probe {
        &PROBES[self as usize]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_and_rows_stand_in_one_order() {
        for (at, id) in ProbeId::ALL.into_iter().enumerate() {
            assert_eq!(id as usize, at);
        }
        assert_eq!(ProbeId::ConfigGet.row().name, "config_get");
        assert_eq!(ProbeId::LatencyStats.row().name, "info_latencystats");
    }

    #[test]
    fn names_are_unique() {
        let mut names: Vec<_> = PROBES.iter().map(|p| p.name).collect();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), PROBES.len());
    }

    #[test]
    fn settings_hold_no_secret() {
        for name in SETTINGS {
            assert!(!["pass", "auth", "user"].iter().any(|word| name.contains(word)), "{name}");
        }
    }
}
