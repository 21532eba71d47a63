//! What a node says of itself: INFO and CLUSTER INFO, with numbers that grow while it is watched.

use std::io::{Result, Write};
use std::sync::LazyLock;

use super::table::{Counts, digest};
use super::{Act, Node};

/// INFO of a real Redis 7.0.
const INFO: &str = include_str!("../fake/info.txt");
/// How long the servers were up when the fleet was started, seconds.
const UP: f64 = 86_400.0;
/// Bytes that the primary of a shard is written a second.
const WRITTEN: f64 = 10_000.0;
/// A replica is so many seconds behind.
const BEHIND: f64 = 0.004;
const BACKLOG: u64 = 1_048_576;
/// Keys in every slot.
pub(super) const KEYS_PER_SLOT: usize = 3;

/// A node at an instant.
pub(super) struct Moment<'a> {
    pub(super) node: &'a Node,
    pub(super) act: Act,
    /// Microseconds since the Unix epoch.
    pub(super) now: u64,
}

/// A part of INFO: text that stands, or a value.
enum Piece {
    Text(String),
    Value(Value),
}

type Value = fn(&Moment<'_>, &mut Vec<u8>) -> Result<()>;

/// The lines that are not as in the text.
const CHANGED: [(&str, Value); 27] = [
    ("run_id", |at, out| out.write_all(digest(&format!("run {}", at.id())).as_bytes())),
    ("tcp_port", |at, out| write!(out, "{}", at.node.layout.addresses[at.node.number].port())),
    ("server_time_usec", |at, out| write!(out, "{}", at.now)),
    ("uptime_in_seconds", |at, out| write!(out, "{}", at.up() as u64)),
    ("uptime_in_days", |at, out| write!(out, "{}", at.up() as u64 / 86_400)),
    ("lru_clock", |at, out| write!(out, "{}", (at.now / 1_000_000) & 0x00ff_ffff)),
    ("used_memory", |at, out| write!(out, "{}", 200_000_000 + at.wobble(1_000_000))),
    ("used_memory_rss", |at, out| write!(out, "{}", 220_000_000 + at.wobble(500_000))),
    ("used_memory_peak", |_, out| write!(out, "210000000")),
    ("maxmemory", |_, out| write!(out, "1000000000")),
    ("mem_fragmentation_ratio", |_, out| write!(out, "1.10")),
    ("mem_fragmentation_bytes", |at, out| write!(out, "{}", 20_000_000 + at.wobble(100_000))),
    ("rdb_changes_since_last_save", |at, out| write!(out, "{}", at.counted(50.0) % 30_000)),
    ("rdb_last_save_time", |at, out| write!(out, "{}", at.now / 1_000_000 - 600)),
    ("total_connections_received", |at, out| write!(out, "{}", at.counted(0.1))),
    ("total_commands_processed", |at, out| write!(out, "{}", at.counted(180.0))),
    ("instantaneous_ops_per_sec", |at, out| write!(out, "{}", 180 + at.wobble(5))),
    ("total_net_input_bytes", |at, out| write!(out, "{}", at.counted(20_000.0))),
    ("total_net_output_bytes", |at, out| write!(out, "{}", at.counted(90_000.0))),
    ("total_net_repl_output_bytes", |at, out| write!(out, "{}", at.counted(WRITTEN))),
    ("keyspace_hits", |at, out| write!(out, "{}", at.counted(100.0))),
    ("keyspace_misses", |at, out| write!(out, "{}", at.counted(7.0))),
    ("total_reads_processed", |at, out| write!(out, "{}", at.counted(170.0))),
    ("total_writes_processed", |at, out| write!(out, "{}", at.counted(171.0))),
    ("used_cpu_sys", |at, out| write!(out, "{:.6}", at.up() * 0.011)),
    ("used_cpu_user", |at, out| write!(out, "{:.6}", at.up() * 0.017)),
    ("db0", |at, out| write!(out, "keys={},expires=100,avg_ttl=45474595", at.keys())),
];

static PIECES: LazyLock<Vec<Piece>> = LazyLock::new(|| {
    let (mut pieces, mut text, mut replicating) = (Vec::new(), String::new(), false);
    for line in INFO.lines() {
        if line.starts_with('#') {
            replicating = line == "# Replication";
            text += &format!("{line}\r\n");
            if replicating {
                pieces.push(Piece::Text(std::mem::take(&mut text)));
                pieces.push(Piece::Value(replication));
            }
            continue;
        }
        if replicating && !line.is_empty() {
            continue;
        }
        let key = line.split_once(':').map_or("", |(key, _)| key);
        match CHANGED.iter().find(|(changed, _)| *changed == key) {
            Some((_, value)) => {
                text += &format!("{key}:");
                pieces.extend([Piece::Text(std::mem::take(&mut text)), Piece::Value(*value)]);
                text += "\r\n";
            }
            None => text += &format!("{line}\r\n"),
        }
    }
    pieces.push(Piece::Text(text));
    pieces
});

impl Moment<'_> {
    /// INFO.
    pub(super) fn info(&self, out: &mut Vec<u8>) -> Result<()> {
        for piece in &*PIECES {
            match piece {
                Piece::Text(text) => out.extend(text.as_bytes()),
                Piece::Value(value) => value(self, out)?,
            }
        }
        Ok(())
    }

    /// CLUSTER INFO of a table of these counts.
    pub(super) fn cluster_info(&self, counts: Counts, out: &mut Vec<u8>) -> Result<()> {
        let Counts { known, size, assigned, suspected } = counts;
        let layout = &self.node.layout;
        let sent = self.counted(2.0 * (1.0 + layout.shape.nodes() as f64 / 15.0));
        write!(
            out,
            "cluster_state:ok\r\ncluster_slots_assigned:{assigned}\r\ncluster_slots_ok:{}\r\n\
             cluster_slots_pfail:{suspected}\r\ncluster_slots_fail:0\r\ncluster_known_nodes:{known}\r\n\
             cluster_size:{size}\r\ncluster_current_epoch:{}\r\ncluster_my_epoch:{}\r\n\
             cluster_stats_messages_ping_sent:{}\r\ncluster_stats_messages_pong_sent:{}\r\n\
             cluster_stats_messages_sent:{sent}\r\ncluster_stats_messages_ping_received:{}\r\n\
             cluster_stats_messages_pong_received:{}\r\ncluster_stats_messages_received:{sent}\r\n\
             total_cluster_links_buffer_limit_exceeded:0\r\n",
            assigned - suspected,
            layout.shape.primaries,
            layout.shard(self.node.number) + 1,
            sent / 2,
            sent - sent / 2,
            sent - sent / 2,
            sent / 2,
        )
    }

    /// INFO commandstats: these commands have been called.
    pub(super) fn command_stats(&self, out: &mut Vec<u8>) -> Result<()> {
        out.extend(b"# Commandstats\r\n");
        for (rate, command) in
            (1..).zip(["get", "set", "hget", "hset", "del", "expire", "zadd", "zrange", "ping", "info"])
        {
            let calls = self.counted(f64::from(rate));
            let usec = calls * 2;
            write!(
                out,
                "cmdstat_{command}:calls={calls},usec={usec},usec_per_call=2.00,rejected_calls=0,failed_calls=0\r\n"
            )?;
        }
        Ok(())
    }

    /// Keys of the node: those of its slots.
    pub(super) fn keys(&self) -> usize {
        self.node.layout.slots(self.node.layout.shard(self.node.number)) * KEYS_PER_SLOT
    }

    fn id(&self) -> &str {
        &self.node.layout.ids[self.node.number]
    }

    /// Seconds since the server was started.
    fn up(&self) -> f64 {
        UP + (self.now - self.node.layout.started) as f64 / 1e6
    }

    /// A counter that grows so fast, a little faster on one node than on another.
    fn counted(&self, per_second: f64) -> u64 {
        (self.up() * per_second * (0.98 + (self.node.place % 41) as f64 / 1000.0)) as u64
    }

    /// A number from 0 to `most` that goes up and down.
    fn wobble(&self, most: u64) -> u64 {
        (self.now / 1000).wrapping_mul(2_654_435_761).wrapping_add(self.node.place as u64 * 97) % (most + 1)
    }

    /// What the shard was written.
    fn offset(&self) -> u64 {
        (self.up() * WRITTEN) as u64
    }

    fn behind(&self) -> u64 {
        ((self.up() - BEHIND) * WRITTEN) as u64
    }
}

fn replication(at: &Moment<'_>, out: &mut Vec<u8>) -> Result<()> {
    let (layout, number) = (&at.node.layout, at.node.number);
    let shard = layout.shard(number);
    let leads = layout.is_primary(number) || at.act == Act::Promoted;
    let offset = if leads { at.offset() } else { at.behind() };
    if leads {
        out.extend(b"role:master\r\n");
    } else {
        let primary = layout.addresses[shard];
        write!(
            out,
            "role:slave\r\nmaster_host:{}\r\nmaster_port:{}\r\nmaster_link_status:up\r\n\
             master_last_io_seconds_ago:0\r\nmaster_sync_in_progress:0\r\nslave_read_repl_offset:{offset}\r\n\
             slave_repl_offset:{offset}\r\nslave_priority:100\r\nslave_read_only:1\r\nreplica_announced:1\r\n",
            primary.ip(),
            primary.port()
        )?;
    }
    let fed = layout.is_primary(number).then(|| layout.replicas(shard)).into_iter().flatten();
    let fed: Vec<_> = fed.map(|replica| layout.addresses[replica]).collect();
    write!(out, "connected_slaves:{}\r\n", fed.len())?;
    for (place, replica) in fed.iter().enumerate() {
        let (host, port) = (replica.ip(), replica.port());
        write!(out, "slave{place}:ip={host},port={port},state=online,offset={},lag=0\r\n", at.behind())?;
    }
    write!(
        out,
        "master_failover_state:no-failover\r\nmaster_replid:{}\r\nmaster_replid2:{:040}\r\n\
         master_repl_offset:{offset}\r\nsecond_repl_offset:-1\r\nrepl_backlog_active:1\r\n\
         repl_backlog_size:{BACKLOG}\r\nrepl_backlog_first_byte_offset:{}\r\nrepl_backlog_histlen:{BACKLOG}\r\n",
        digest(&format!("history of {}", layout.ids[shard])),
        0,
        offset - BACKLOG + 1,
    )
}
