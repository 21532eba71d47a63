//! What the whole program costs, itself and the servers that it asks: a real cluster of three primaries and three
//! replicas on loopback, booted here, and the built exporter as a process beside it.
//!
//! `cargo bench --bench cost` takes a minute and a half. `cargo bench --bench cost -- --short` takes seconds: it shows
//! that the measurement works, its figures are rough. Nothing here fails for being slow.
#![allow(clippy::print_stdout, clippy::print_stderr, reason = "prints what it measured")]
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a bench ends where it meets what it does not expect"
)]
#![allow(
    clippy::disallowed_methods,
    reason = "measures by the clock, and chooses the server by the environment"
)]

#[path = "../tests/common"]
mod common {
    #[allow(dead_code, unreachable_pub, reason = "the tests use more of it")]
    pub(crate) mod real;
}

#[path = "cost"]
mod cost {
    pub(crate) mod exporter;
    pub(crate) mod servers;
}

use std::thread::sleep;
use std::time::{Duration, Instant};

use common::real::{Cluster, available, server};
use cost::exporter::Exporter;
use cost::servers::{Servers, Spent};

/// From poll to poll.
const INTERVAL: Duration = Duration::from_millis(200);
/// From slow poll to slow poll: every twelfth, as with the default configuration.
const SLOW_INTERVAL: Duration = Duration::from_millis(2400);
/// Primaries, and as many replicas.
const PRIMARIES: usize = 3;

fn main() {
    let short = std::env::args().any(|argument| argument == "--short");
    let program = server();
    if !available(&program) {
        return;
    }
    let (window, requests) =
        if short { (Duration::from_secs(2), 100) } else { (Duration::from_secs(30), 3000) };
    let cluster = Cluster::of(PRIMARIES, 1).boot();
    let mut servers = Servers::connect(cluster.nodes());
    let idle = servers.over(|| sleep(window));

    let mut exporter = Exporter::start(cluster.primary(0), INTERVAL, SLOW_INTERVAL);
    let just_started = exporter.usage();
    sleep(if short { Duration::from_secs(1) } else { SLOW_INTERVAL * 2 });
    let mut own = Poll::default();
    let polled = servers.over(|| own = exporter.over(window));
    let after_polls = exporter.usage();

    let nodes = cluster.nodes().len() as f64;
    let polls = own.polls;
    assert!(polls > 0.0, "the exporter made no poll within {window:?}:\n{}", exporter.log());
    println!("\n{nodes} nodes ({program} on loopback), {polls} polls in {:.1} s", polled.seconds);
    println!("exporter, while nobody scrapes");
    line("CPU per node and poll", own.cpu / polls / nodes * 1e6, "µs");
    line("RSS at the start", just_started.rss_mb, "MB");
    line("RSS after the polls", after_polls.rss_mb, "MB");
    line("threads", after_polls.threads, "");
    line("connections opened", own.connects, "");
    servers_told(&polled, &idle, polls * nodes);
    scrapes(&mut exporter, requests);
    let end = exporter.usage();
    println!("exporter, after the scrapes");
    line("RSS", end.rss_mb, "MB");
    line("peak RSS", end.peak_mb, "MB");
}

/// What the exporter did in a window.
#[derive(Default)]
struct Poll {
    polls: f64,
    connects: f64,
    cpu: f64,
}

impl Exporter {
    /// Lets it poll for so long. Scrapes stand before and behind the window and are not in it.
    fn over(&mut self, window: Duration) -> Poll {
        let counts = |this: &mut Self| {
            let text = this.metrics(false).text();
            ["polls", "connects"].map(|name| value(&text, &format!("rediscluster_exporter_{name}_total")))
        };
        let [polls, connects] = counts(self);
        let cpu = self.usage().cpu_seconds;
        sleep(window);
        let cpu = self.usage().cpu_seconds - cpu;
        let after = counts(self);
        Poll { polls: after[0] - polls, connects: after[1] - connects, cpu }
    }
}

/// What the servers counted, per node and poll, less what an idle cluster counts in as much time.
fn servers_told(polled: &Spent, idle: &Spent, asks: f64) {
    let share = polled.seconds / idle.seconds;
    let per_ask = |of: fn(&Spent) -> f64| (of(polled) - of(idle) * share) / asks;
    println!("servers, per node and poll, less an idle window");
    line("CPU", per_ask(|spent| spent.cpu_seconds) * 1e3, "ms");
    line("in commands", per_ask(|spent| spent.command_seconds) * 1e3, "ms");
    line("round trips (reads of a socket)", per_ask(|spent| spent.reads), "");
    line("commands", per_ask(|spent| spent.commands), "");
    line("bytes in", per_ask(|spent| spent.bytes_in), "");
    line("bytes out", per_ask(|spent| spent.bytes_out), "");
    line("new connections, in all", polled.connections, "");
}

/// How long `/metrics` takes on a connection that stays, while the polls go on.
fn scrapes(exporter: &mut Exporter, requests: usize) {
    for gzip in [false, true] {
        let first = exporter.metrics(gzip);
        let mut took: Vec<Duration> = Vec::with_capacity(requests);
        for _ in 0..requests {
            let begun = Instant::now();
            exporter.metrics(gzip);
            took.push(begun.elapsed());
        }
        took.sort_unstable();
        let at =
            |share: f64| took[((requests as f64 * share) as usize).min(requests - 1)].as_secs_f64() * 1e3;
        println!("/metrics, {}, {requests} times on one connection", if gzip { "gzip" } else { "plain" });
        line("p50", at(0.5), "ms");
        line("p99", at(0.99), "ms");
        line("bytes", first.body.len() as f64, "");
        if !gzip {
            let text = first.text();
            line("series", text.lines().filter(|line| !line.starts_with('#')).count() as f64, "");
        }
    }
}

/// The one sample of a metric.
fn value(text: &str, name: &str) -> f64 {
    let of = |line: &str| line.strip_prefix(name)?.rsplit_once(' ')?.1.parse().ok();
    text.lines().find_map(of).unwrap_or_else(|| panic!("no {name} in\n{text}"))
}

fn line(what: &str, value: f64, unit: &str) {
    let digits = if value.fract() == 0.0 { 0 } else { 3 };
    println!("  {what:<34} {value:>10.digits$} {unit}");
}
