//! What the configuration tells the core: thresholds of the checks, and what a cluster is expected to look like.

use super::units;

/// How large a cluster is meant to be. Keys of `expect:`; an absent key expects nothing.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Deserialize, serde::Serialize)]
#[serde(deny_unknown_fields, default)]
pub struct Expect {
    /// Primaries that own slots.
    #[serde(deserialize_with = "units::maybe_count")]
    pub primaries: Option<u32>,
    /// Connected replicas of every primary that owns slots.
    #[serde(deserialize_with = "units::maybe_count")]
    pub replicas_per_primary: Option<u32>,
    /// All nodes.
    #[serde(deserialize_with = "units::maybe_count")]
    pub nodes: Option<u32>,
}

/// Thresholds of the checks. Keys of `limits:`; an absent key has the value of [`Limits::default`].
/// Keys in `_bytes` take `10MB` or `512MiB`, keys in `_seconds` take `15m`; both take plain numbers.
#[derive(Clone, Debug, PartialEq, serde::Deserialize, serde::Serialize)]
#[serde(deny_unknown_fields, default)]
pub struct Limits {
    /// `memory_exhaustion`: share of what a node may have, above which it fires.
    #[serde(deserialize_with = "units::number")]
    pub memory_used_ratio: f64,
    /// `memory_exhaustion`: what all nodes of one host may have together; absent: the host's memory as INFO
    /// tells it.
    #[serde(deserialize_with = "units::maybe_bytes")]
    pub host_memory_bytes: Option<u64>,
    /// `split_brain`: polls in a row that must show the claim; a restarted old primary claims for some
    /// milliseconds.
    #[serde(deserialize_with = "units::count")]
    pub split_brain_polls: u32,
    /// `failover_stalled`: multiple of the node timeout that a promotion may take …
    #[serde(deserialize_with = "units::number")]
    pub failover_timeout_factor: f64,
    /// `failover_stalled`: … and the seconds on top.
    #[serde(deserialize_with = "units::seconds")]
    pub failover_grace_seconds: f64,
    /// `replication_lag`: bytes that a replica may be behind.
    #[serde(deserialize_with = "units::bytes")]
    pub replication_lag_bytes: u64,
    /// `replication_lag_critical`: bytes that a replica may be behind.
    #[serde(deserialize_with = "units::bytes")]
    pub replication_lag_critical_bytes: u64,
    /// `replication_lag_critical`: lag as a share of the history in the backlog.
    #[serde(deserialize_with = "units::number")]
    pub replication_lag_backlog_ratio: f64,
    /// `replication_lag_critical`: lag as a share of the replica output-buffer limit.
    #[serde(deserialize_with = "units::number")]
    pub replication_lag_output_buffer_ratio: f64,
    /// `resync_loop`: full resyncs of one shard within the window that make a loop.
    #[serde(deserialize_with = "units::count")]
    pub full_resyncs: u32,
    /// `resync_loop`: the window, and that of output-buffer disconnections.
    #[serde(deserialize_with = "units::seconds")]
    pub full_resyncs_window_seconds: f64,
    /// `node_slow`: time to the first reply on the warm connection.
    #[serde(deserialize_with = "units::seconds")]
    pub node_response_seconds: f64,
    /// `node_slow`: response time from which the evidence calls it critical.
    #[serde(deserialize_with = "units::seconds")]
    pub node_response_critical_seconds: f64,
    /// `fragmentation_high`: memory fragmentation ratio.
    #[serde(deserialize_with = "units::number")]
    pub fragmentation_ratio: f64,
    /// `fragmentation_elevated`: memory fragmentation ratio.
    #[serde(deserialize_with = "units::number")]
    pub fragmentation_elevated_ratio: f64,
    /// Both fragmentation checks: bytes that must be lost beside the ratio.
    #[serde(deserialize_with = "units::bytes")]
    pub fragmentation_bytes: u64,
    /// Both fragmentation checks: share of the used memory that must be lost beside the ratio.
    #[serde(deserialize_with = "units::number")]
    pub fragmentation_used_ratio: f64,
    /// `memory_swapping`: fragmentation ratio below which memory is paged out.
    #[serde(deserialize_with = "units::number")]
    pub swapping_ratio: f64,
    /// `memory_swapping`: used memory below which the ratio says nothing.
    #[serde(deserialize_with = "units::bytes")]
    pub swapping_used_bytes: u64,
    /// `migration_stalled`: how long a slot may be open.
    #[serde(deserialize_with = "units::seconds")]
    pub migration_stalled_seconds: f64,
    /// `migration_stalled`: how long no key may have moved.
    #[serde(deserialize_with = "units::seconds")]
    pub migration_idle_seconds: f64,
    /// `migration_stalled`: how long an atomic migration may say nothing.
    #[serde(deserialize_with = "units::seconds")]
    pub migration_silent_seconds: f64,
    /// `migration_stalled`: how long a failed atomic migration is told of that nobody began anew. Its slots are
    /// where they were, and no command takes it out of the server's log.
    #[serde(deserialize_with = "units::seconds")]
    pub migration_failed_seconds: f64,
    /// `migration_slow`: how long a slot may be open while keys move.
    #[serde(deserialize_with = "units::seconds")]
    pub migration_slow_seconds: f64,
    /// `migration_unsafe`: share of its memory that the target may use.
    #[serde(deserialize_with = "units::number")]
    pub migration_target_memory_ratio: f64,
    /// `migration_unsafe`: share of the target's free memory that may still be to come.
    #[serde(deserialize_with = "units::number")]
    pub migration_incoming_ratio: f64,
    /// `orphaned_keys`: counts in a row that must show them.
    #[serde(deserialize_with = "units::count")]
    pub orphaned_keys_confirmations: u32,
    /// `redirect_storm`: MOVED and ASK replies of one node.
    #[serde(deserialize_with = "units::number")]
    pub redirects_per_second: f64,
    /// `clients_near_limit`: connected clients as a share of `maxclients`.
    #[serde(deserialize_with = "units::number")]
    pub clients_ratio: f64,
    /// `bus_links_saturated`: a link's send buffer as a share of its limit.
    #[serde(deserialize_with = "units::number")]
    pub bus_link_buffer_ratio: f64,
    /// `gossip_rate_high`: multiple of the bound that follows from size and node timeout.
    #[serde(deserialize_with = "units::number")]
    pub gossip_factor: f64,
    /// `gossip_rate_high`: bus messages of one node, publish left out.
    #[serde(deserialize_with = "units::number")]
    pub gossip_messages_per_second: f64,
    /// `gossip_rate_high`: rate from which the evidence calls it critical.
    #[serde(deserialize_with = "units::number")]
    pub gossip_messages_critical_per_second: f64,
    /// `slots_imbalanced`: slots of the largest primary over the mean, minus 1.
    #[serde(deserialize_with = "units::number")]
    pub slots_imbalance_ratio: f64,
    /// `load_imbalanced`: the same over memory, keys or commands.
    #[serde(deserialize_with = "units::number")]
    pub load_imbalance_ratio: f64,
    /// `config_risky`: seconds of the shard's writes that the backlog should hold.
    #[serde(deserialize_with = "units::seconds")]
    pub backlog_write_seconds: f64,
    /// `too_few_primaries`: least number of primaries that vote.
    #[serde(deserialize_with = "units::count")]
    pub voting_primaries: u32,
    /// `lua_memory_high`: memory of scripts.
    #[serde(deserialize_with = "units::bytes")]
    pub lua_memory_bytes: u64,
    /// `big_keys`: size from which a key is hard to migrate.
    #[serde(deserialize_with = "units::bytes")]
    pub big_key_bytes: u64,
    /// `failover_happened`: how long a failover is told of.
    #[serde(deserialize_with = "units::seconds")]
    pub failover_recent_seconds: f64,
    /// `clock_skew`: difference between the clocks of two nodes.
    #[serde(deserialize_with = "units::seconds")]
    pub clock_skew_seconds: f64,
    /// `cert_expiring`: rest of a certificate's life below which it fires.
    #[serde(deserialize_with = "units::seconds")]
    pub certificate_remaining_seconds: f64,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            memory_used_ratio: 0.8,
            host_memory_bytes: None,
            split_brain_polls: 2,
            failover_timeout_factor: 2.0,
            failover_grace_seconds: 5.0,
            replication_lag_bytes: 10_000_000,
            replication_lag_critical_bytes: 50_000_000,
            replication_lag_backlog_ratio: 0.5,
            replication_lag_output_buffer_ratio: 0.5,
            full_resyncs: 3,
            full_resyncs_window_seconds: 900.0,
            node_response_seconds: 1.0,
            node_response_critical_seconds: 5.0,
            fragmentation_ratio: 1.5,
            fragmentation_elevated_ratio: 1.3,
            fragmentation_bytes: 100_000_000,
            fragmentation_used_ratio: 0.1,
            swapping_ratio: 0.9,
            swapping_used_bytes: 1_000_000_000,
            migration_stalled_seconds: 900.0,
            migration_idle_seconds: 300.0,
            migration_silent_seconds: 60.0,
            migration_failed_seconds: 3600.0,
            migration_slow_seconds: 300.0,
            migration_target_memory_ratio: 0.8,
            migration_incoming_ratio: 0.25,
            orphaned_keys_confirmations: 2,
            redirects_per_second: 100.0,
            clients_ratio: 0.8,
            bus_link_buffer_ratio: 0.8,
            gossip_factor: 3.0,
            gossip_messages_per_second: 500.0,
            gossip_messages_critical_per_second: 1000.0,
            slots_imbalance_ratio: 0.2,
            load_imbalance_ratio: 0.2,
            backlog_write_seconds: 60.0,
            voting_primaries: 3,
            lua_memory_bytes: 5_000_000,
            big_key_bytes: 10_000_000,
            failover_recent_seconds: 900.0,
            clock_skew_seconds: 1.0,
            certificate_remaining_seconds: 1_209_600.0,
        }
    }
}
