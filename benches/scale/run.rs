//! One fleet, watched: first while nobody scrapes, then with one scrape in every interval.

use std::thread::sleep;
use std::time::Instant;

use crate::common::fleet::{Fleet, Shape};
use crate::common::process::Usage;
use crate::measure::daemon::{Daemon, Form, quantile, series};
use crate::measure::exporter::{self, Pace};

/// Polls of every cluster in a window; a multiple of those between two slow ones.
const POLLS: u32 = 6;

/// What was measured of one fleet.
pub(crate) struct Run {
    pub(crate) shape: Shape,
    /// While nobody scraped.
    pub(crate) alone: Window,
    /// With one scrape in every interval.
    pub(crate) scraped: Window,
    /// From question to the last byte of `/metrics`, seconds.
    pub(crate) scrape: f64,
    /// From the first question of a poll to the last answer, seconds: median and longest over clusters and polls.
    pub(crate) wall: (f64, f64),
    pub(crate) series: usize,
    /// Of `/metrics`, plain and on the wire.
    pub(crate) bytes: (usize, usize),
}

/// What the exporter used in a window.
pub(crate) struct Window {
    /// Polls of all clusters.
    pub(crate) polls: f64,
    pub(crate) seconds: f64,
    /// CPU seconds.
    pub(crate) cpu: f64,
    /// At its end; the peak is that within it.
    pub(crate) usage: Usage,
    /// CLUSTER NODES that were asked for.
    pub(crate) tables: f64,
    /// Bytes that the servers sent.
    pub(crate) bytes: f64,
}

impl Window {
    /// Share of one core.
    pub(crate) fn share(&self) -> f64 {
        self.cpu / self.seconds
    }

    /// CPU of one poll of one cluster, milliseconds.
    pub(crate) fn per_poll(&self) -> f64 {
        self.cpu / self.polls * 1e3
    }
}

impl Run {
    /// CPU of one node and poll, microseconds, while nobody scrapes.
    pub(crate) fn per_node(&self) -> f64 {
        self.alone.per_poll() * 1e3 / self.shape.nodes() as f64
    }

    /// Nodes of all clusters.
    pub(crate) fn nodes(&self) -> usize {
        self.shape.clusters * self.shape.nodes()
    }

    /// CPU of one scrape, milliseconds: what an interval takes more with one in it.
    pub(crate) fn per_scrape(&self, pace: Pace) -> f64 {
        (self.scraped.share() - self.alone.share()) * pace.interval.as_secs_f64() * 1e3
    }
}

/// Watches a fleet of this shape.
pub(crate) fn run(shape: Shape, pace: Pace) -> Run {
    let fleet = Fleet::start(shape, 0).expect("sockets for all nodes; a higher `ulimit -Hn` may be needed");
    let seed = |cluster: usize| fleet.address(cluster * shape.nodes()).to_string();
    let clusters: Vec<_> =
        (0..shape.clusters).map(|cluster| (format!("cluster-{cluster}"), seed(cluster))).collect();
    let mut exporter = exporter::start(&clusters, pace);
    // The first polls connect and learn the layouts of all replies.
    sleep(pace.slow_interval + pace.interval / 2);
    let window = pace.interval * POLLS;
    let alone = watch(&mut exporter, &fleet, |_| sleep(window));
    assert!(alone.polls >= 1.0, "no poll in {window:?}:\n{}", exporter.log());
    let mut scrapes = vec![scrape(&mut exporter)];
    let scraped = watch(&mut exporter, &fleet, |exporter| {
        let begun = Instant::now();
        for interval in 1..=POLLS {
            sleep((pace.interval * interval).saturating_sub(begun.elapsed()));
            scrapes.push(scrape(exporter));
        }
    });
    // The first one made room for the text.
    scrapes.remove(0);
    let ascending = |mut values: Vec<f64>| {
        values.sort_by(f64::total_cmp);
        values
    };
    let took = ascending(scrapes.iter().map(|scrape| scrape.took).collect());
    let walls = ascending(scrapes.iter().flat_map(|scrape| scrape.walls.clone()).collect());
    let last = scrapes.pop().expect("a scrape");
    Run {
        shape,
        alone,
        scraped,
        scrape: quantile(&took, 0.5),
        wall: (quantile(&walls, 0.5), quantile(&walls, 1.0)),
        series: last.series,
        bytes: last.bytes,
    }
}

/// What the exporter uses while `during` runs.
fn watch(exporter: &mut Daemon, fleet: &Fleet, during: impl FnOnce(&mut Daemon)) -> Window {
    exporter.forget_peak();
    let (cpu, heard, begun) = (exporter.usage().cpu_seconds, fleet.heard_by_all(), Instant::now());
    during(exporter);
    let (usage, seconds, after) = (exporter.usage(), begun.elapsed().as_secs_f64(), fleet.heard_by_all());
    Window {
        polls: (after.infos - heard.infos) as f64 / fleet.shape().nodes() as f64,
        seconds,
        cpu: usage.cpu_seconds - cpu,
        usage,
        tables: (after.tables - heard.tables) as f64,
        bytes: (after.bytes - heard.bytes) as f64,
    }
}

struct Scrape {
    /// Seconds.
    took: f64,
    /// Of the last poll of every cluster, seconds.
    walls: Vec<f64>,
    series: usize,
    /// Plain and on the wire.
    bytes: (usize, usize),
}

fn scrape(exporter: &mut Daemon) -> Scrape {
    let begun = Instant::now();
    let page = exporter.metrics(Form::Prometheus);
    let took = begun.elapsed().as_secs_f64();
    let text = page.text();
    let walls = text.lines().filter_map(|line| {
        let value = line.strip_prefix("rediscluster_poll_duration_seconds{")?.rsplit_once(' ')?.1;
        value.parse().ok()
    });
    Scrape { took, walls: walls.collect(), series: series(&text), bytes: (text.len(), page.body.len()) }
}
