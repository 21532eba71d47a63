//! How long `/metrics` takes while nodes hang: polls wait for them, scrapes must not.

use std::thread::sleep;
use std::time::{Duration, Instant};

use crate::common::real::Cluster;
use crate::measure::daemon::{Form, quantile};
use crate::measure::exporter::{self, Pace};

const PACE: Pace = Pace {
    interval: Duration::from_secs(2),
    timeout: Duration::from_secs(1),
    slow_interval: Duration::from_secs(12),
};
/// From one scrape to the next: slow enough to see several polls, quick enough to be right in the middle of them.
const BETWEEN: Duration = Duration::from_millis(5);

/// Milliseconds of a scrape.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Took {
    pub(crate) p50: f64,
    pub(crate) p99: f64,
    pub(crate) most: f64,
}

/// Scrapes of a healthy cluster of six, and of one in which two nodes hang.
pub(crate) struct Hang {
    pub(crate) scrapes: usize,
    pub(crate) healthy: Took,
    pub(crate) hanging: Took,
}

/// Freezes two of six nodes, and scrapes on.
pub(crate) fn measure(short: bool) -> Hang {
    let scrapes = if short { 300 } else { 3000 };
    let cluster = Cluster::of(3, 1).node_timeout_ms(60_000).boot();
    let mut exporter = exporter::start(&[("default".to_owned(), cluster.primary(0).to_owned())], PACE);
    let mut scrape = || {
        let mut took: Vec<f64> = (0..scrapes)
            .map(|_| {
                sleep(BETWEEN);
                let begun = Instant::now();
                exporter.metrics(Form::Prometheus);
                begun.elapsed().as_secs_f64() * 1e3
            })
            .collect();
        took.sort_by(f64::total_cmp);
        Took { p50: quantile(&took, 0.5), p99: quantile(&took, 0.99), most: quantile(&took, 1.0) }
    };
    let healthy = scrape();
    let hung = [cluster.primary(1), cluster.replica(2)];
    hung.iter().for_each(|node| cluster.stop(node));
    let hanging = scrape();
    hung.iter().for_each(|node| cluster.resume(node));
    Hang { scrapes, healthy, hanging }
}
