//! One program beside one cluster, for some passes.

use std::process::Command;
use std::thread::{scope, sleep};
use std::time::{Duration, Instant};

use crate::common::real::Cluster;
use crate::measure::daemon::{Client, Daemon, Form, Page, quantile, sample, series};
use crate::measure::exporter::{self, Pace};
use crate::measure::servers::{Servers, Spent};

/// This exporter polls as often as it is scraped; every sixth poll is a slow one, as by default.
const PACE: Pace = Pace {
    interval: Duration::from_secs(1),
    timeout: Duration::from_millis(750),
    slow_interval: Duration::from_secs(6),
};
/// Scrapes of all nodes at the same instant.
const BURSTS: usize = 3;

/// A program that is measured.
#[derive(Clone, Debug)]
pub(crate) enum Contender {
    /// redis_exporter, with these flags.
    Peer { program: String, flags: Vec<String> },
    /// This exporter.
    Ours,
}

/// What one pass took; all figures of servers are of one node.
#[derive(Clone, Debug, Default)]
pub(crate) struct Pass {
    /// CPU of the program, milliseconds.
    pub(crate) cpu_ms: f64,
    /// All scrapes of the pass, milliseconds.
    pub(crate) wall_ms: f64,
    /// Peak RSS: after the passes, and after scrapes of all nodes at once.
    pub(crate) peak_mb: f64,
    pub(crate) burst_peak_mb: f64,
    pub(crate) series: f64,
    /// On the wire.
    pub(crate) bytes: f64,
    pub(crate) server_cpu_ms: f64,
    pub(crate) in_commands_ms: f64,
    pub(crate) commands: f64,
    pub(crate) bytes_in: f64,
    pub(crate) bytes_out: f64,
    pub(crate) connections: f64,
}

impl Contender {
    pub(crate) fn peer(program: &str, flags: &[&str]) -> Self {
        let flags = flags.iter().map(|flag| (*flag).to_owned()).collect();
        Self::Peer { program: program.to_owned(), flags }
    }

    pub(crate) fn name(&self) -> &'static str {
        match self {
            Self::Peer { flags, .. } if flags.is_empty() => "redis_exporter",
            Self::Peer { .. } => "without latency histograms",
            Self::Ours => "this exporter",
        }
    }

    /// Starts it, lets it warm up, measures so many passes, ends it.
    pub(crate) fn measure(
        &self,
        cluster: &Cluster,
        servers: &mut Servers,
        idle: &Spent,
        passes: u32,
    ) -> Pass {
        let mut daemon = self.start(cluster);
        let paths = self.paths(cluster);
        let all = |daemon: &mut Daemon| -> Vec<Page> {
            paths.iter().map(|path| daemon.page(path, Form::Prometheus)).collect()
        };
        let first = all(&mut daemon);
        let series = first.iter().map(|page| series(&page.text())).sum::<usize>();
        let bytes = first.iter().map(|page| page.body.len()).sum::<usize>();
        drop(first);
        all(&mut daemon);
        if matches!(self, Self::Ours) {
            sleep(PACE.slow_interval + PACE.interval / 2);
        }
        let polls = |daemon: &mut Daemon| match self {
            Self::Peer { .. } => 0.0,
            Self::Ours => sample(&daemon.metrics(Form::Plain).text(), "rediscluster_exporter_polls_total"),
        };
        let (mut walls, before) = (Vec::new(), polls(&mut daemon));
        let cpu = daemon.usage().cpu_seconds;
        let begun = Instant::now();
        let spent = servers.over(|| {
            for pass in 1..=passes {
                if matches!(self, Self::Ours) {
                    sleep((PACE.interval * pass).saturating_sub(begun.elapsed()));
                }
                let begun = Instant::now();
                all(&mut daemon);
                walls.push(begun.elapsed().as_secs_f64() * 1e3);
            }
        });
        let usage = daemon.usage();
        let made = match self {
            Self::Peer { .. } => f64::from(passes),
            Self::Ours => polls(&mut daemon) - before,
        };
        assert!(made >= 1.0, "no pass was made:\n{}", daemon.log());
        burst(&daemon, &paths);
        walls.sort_by(f64::total_cmp);
        let share = spent.seconds / idle.seconds;
        let looks = made * cluster.nodes().len() as f64;
        let per_look = |of: fn(&Spent) -> f64| (of(&spent) - of(idle) * share) / looks;
        Pass {
            cpu_ms: (usage.cpu_seconds - cpu) / made * 1e3,
            wall_ms: quantile(&walls, 0.5),
            peak_mb: usage.peak_mb,
            burst_peak_mb: daemon.usage().peak_mb,
            series: series as f64,
            bytes: bytes as f64,
            server_cpu_ms: per_look(|spent| spent.cpu_seconds) * 1e3,
            in_commands_ms: per_look(|spent| spent.command_seconds) * 1e3,
            commands: per_look(|spent| spent.commands),
            bytes_in: per_look(|spent| spent.bytes_in),
            bytes_out: per_look(|spent| spent.bytes_out),
            connections: per_look(|spent| spent.connections),
        }
    }

    fn start(&self, cluster: &Cluster) -> Daemon {
        let seed = cluster.primary(0);
        match self {
            Self::Ours => exporter::start(&[("default".to_owned(), seed.to_owned())], PACE),
            Self::Peer { program, flags } => {
                let command = |_: &tempfile::TempDir, address: &str| {
                    let mut command = Command::new(program);
                    command.env_clear().arg(format!("--web.listen-address={address}"));
                    command.arg(format!("--redis.addr=redis://{seed}")).arg("--is-cluster").args(flags);
                    command
                };
                Daemon::start(command, "/health", Duration::from_secs(20))
            }
        }
    }

    /// What is fetched in one pass.
    fn paths(&self, cluster: &Cluster) -> Vec<String> {
        match self {
            Self::Ours => vec!["/metrics".to_owned()],
            Self::Peer { .. } => {
                cluster.nodes().iter().map(|node| format!("/scrape?target=redis://{node}")).collect()
            }
        }
    }
}

/// All paths at the same instant, each on a connection of its own.
fn burst(daemon: &Daemon, paths: &[String]) {
    for _ in 0..BURSTS {
        scope(|threads| {
            for path in paths {
                let mut client: Client = daemon.client();
                threads.spawn(move || client.get(path, Form::Prometheus).map(|page| page.body.len()));
            }
        });
    }
}
