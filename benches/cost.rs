//! What the whole program costs, itself and the servers that it asks: a real cluster of three primaries and three
//! replicas on loopback, booted here, and the built exporter as a process beside it.
//!
//! `cargo bench --bench cost` takes four minutes. `cargo bench --bench cost -- --short` takes seconds: it shows
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
    pub(crate) mod process;
    #[allow(dead_code, unreachable_pub, reason = "the tests use more of it")]
    pub(crate) mod real;
}

#[path = "measure"]
#[allow(dead_code, reason = "each bench uses its part")]
mod measure {
    pub(crate) mod daemon;
    pub(crate) mod exporter;
    pub(crate) mod servers;
}

#[path = "cost/asker.rs"]
mod asker;

use std::thread::sleep;
use std::time::{Duration, Instant};

use asker::Asker;

use common::real::{Cluster, available, server};
use measure::daemon::{Daemon, Form, quantile, sample, series};
use measure::exporter::{self, Pace};
use measure::servers::{Servers, Spent};

/// Every twelfth poll is a slow one.
const PACE: Pace = Pace {
    interval: Duration::from_millis(200),
    timeout: Duration::from_millis(150),
    slow_interval: Duration::from_millis(2400),
};
/// Windows in which the exporter's CPU is held against that of asking alone.
const ROUNDS: usize = 5;
/// Primaries, and as many replicas.
const PRIMARIES: usize = 3;

fn main() {
    if asker::asked() {
        return;
    }
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

    let clusters = [("default".to_owned(), cluster.primary(0).to_owned())];
    let mut exporter = exporter::start(&clusters, PACE);
    let just_started = exporter.usage();
    sleep(if short { Duration::from_secs(1) } else { PACE.slow_interval * 2 });
    let mut own = Poll::default();
    let polled = servers.over(|| own = over(&mut exporter, window));
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
    drop(exporter);
    beside_askers(&clusters, cluster.nodes(), window / 3, if short { 1 } else { ROUNDS });
}

/// The CPU of a poll beside that of programs which ask the same and do nothing with the replies: in turns, for what asking
/// alone costs differs from machine to machine and from hour to hour.
fn beside_askers(clusters: &[(String, String)], nodes: &[String], window: Duration, rounds: usize) {
    let mut costs: [Vec<f64>; 3] = Default::default();
    for _ in 0..rounds {
        let mut exporter = exporter::start(clusters, PACE);
        sleep(PACE.slow_interval);
        let own = over(&mut exporter, window);
        drop(exporter);
        costs[0].push(own.cpu / own.polls / nodes.len() as f64);
        costs[1].push(Asker::Sockets.cost(nodes, PACE.interval, window));
        costs[2].push(Asker::Library.cost(nodes, PACE.interval, window));
    }
    let [exporter, sockets, library] = costs.map(|mut costs| {
        costs.sort_by(f64::total_cmp);
        quantile(&costs, 0.5) * 1e6
    });
    println!("CPU per node and poll, median of {rounds} windows in turns");
    line("exporter", exporter, "µs");
    line("asking alone, by system calls", sockets, "µs");
    line("asking alone, by the client library", library, "µs");
    line("exporter, of the client library's", exporter / library, "times");
}

/// What the exporter did in a window.
#[derive(Default)]
struct Poll {
    polls: f64,
    connects: f64,
    cpu: f64,
}

/// Lets it poll for so long. Scrapes stand before and behind the window and are not in it.
fn over(exporter: &mut Daemon, window: Duration) -> Poll {
    let counts = |exporter: &mut Daemon| {
        let text = exporter.metrics(Form::Plain).text();
        ["polls", "connects"].map(|name| sample(&text, &format!("rediscluster_exporter_{name}_total")))
    };
    let [polls, connects] = counts(exporter);
    let cpu = exporter.usage().cpu_seconds;
    sleep(window);
    let cpu = exporter.usage().cpu_seconds - cpu;
    let after = counts(exporter);
    Poll { polls: after[0] - polls, connects: after[1] - connects, cpu }
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
fn scrapes(exporter: &mut Daemon, requests: usize) {
    for form in [Form::Plain, Form::Prometheus] {
        let first = exporter.metrics(form);
        let mut took = Vec::with_capacity(requests);
        for _ in 0..requests {
            let begun = Instant::now();
            exporter.metrics(form);
            took.push(begun.elapsed().as_secs_f64() * 1e3);
        }
        took.sort_by(f64::total_cmp);
        println!("/metrics, {form:?}, {requests} times on one connection");
        line("p50", quantile(&took, 0.5), "ms");
        line("p99", quantile(&took, 0.99), "ms");
        line("bytes", first.body.len() as f64, "");
        line("series", series(&first.text()) as f64, "");
    }
}

fn line(what: &str, value: f64, unit: &str) {
    let digits = if value.fract() == 0.0 { 0 } else { 3 };
    println!("  {what:<34} {value:>10.digits$} {unit}");
}
