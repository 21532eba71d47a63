//! The soak: the built program beside a real cluster, while faults come and go, scrapers ask two hundred times a second
//! and five hundred clients open connections without asking. Nothing may grow, no scrape fail, and no poll miss a node
//! without a fault that explains it.
//!
//! `make soak` does it for an hour, or for `SOAK_MINUTES`, with a cluster of thirty nodes; `UPDATE=1` then writes
//! docs/reliability.md. Without `SOAK_MINUTES` half a minute and ten nodes show that all of it works. `RCE_SERVER` and
//! `RCE_CLI` choose another server than the installed one.
#![allow(
    clippy::expect_used,
    clippy::print_stderr,
    clippy::disallowed_methods,
    reason = "clippy allows these in test functions, and this is what they call"
)]

/// What it stands on.
#[allow(dead_code, reason = "each test program uses its part")]
pub mod common {
    pub(crate) mod client;
    pub mod exporter;
    pub mod naive;
    pub(crate) mod process;
    pub mod real;
    pub mod samples;
}

mod soaked {
    pub(crate) mod document;
    pub(crate) mod faults;
    pub(crate) mod load;
    pub(crate) mod plot;
    pub(crate) mod report;
    pub(crate) mod slow;
    pub(crate) mod verdict;
    pub(crate) mod watch;

    use std::sync::atomic::{AtomicBool, Ordering};

    /// Whether all who take part shall end.
    #[derive(Default)]
    pub(crate) struct Over(AtomicBool);

    impl Over {
        pub(crate) fn is(&self) -> bool {
            self.0.load(Ordering::Relaxed)
        }

        pub(crate) fn set(&self) {
            self.0.store(true, Ordering::Relaxed);
        }
    }

    /// Seconds since the epoch.
    pub(crate) fn now() -> f64 {
        redis_cluster_exporter::clock::now().as_seconds()
    }
}

/// Shared with the campaign of the checks.
#[allow(dead_code, reason = "each test program uses its part")]
mod scenes {
    pub(crate) mod truth;
}

use std::io::Write;
use std::thread::{scope, sleep};
use std::time::{Duration, Instant};

use common::client::Client;
use common::exporter::Exporter;
use common::real::{Cluster, available, server};
use scenes::truth::Truth;
use soaked::faults::{Troubles, create_user};
use soaked::load::{self, PAGES, PER_SCRAPER, SCRAPERS, SCRAPES, Tallies, VISITS};
use soaked::verdict::Seen;
use soaked::watch::{self, Sample};
use soaked::{Over, document, now, plot, report, slow};

/// Relative to the crate.
const DOCUMENT: &str = "docs/reliability.md";
const PICTURE: &str = "docs/images/reliability.svg";

/// From so many minutes on one half of a run is longer than the allocator takes to settle.
const LONG: f64 = 25.0;

/// How large and how long.
struct Form {
    minutes: Option<f64>,
    primaries: usize,
    lasts: Duration,
    sampled: Duration,
    hold: Duration,
    calm: Duration,
}

impl Form {
    fn chosen() -> Self {
        let seconds = Duration::from_secs;
        match std::env::var("SOAK_MINUTES") {
            Ok(text) => {
                let minutes: f64 = text.parse().expect("SOAK_MINUTES is a number");
                let lasts = Duration::from_secs_f64(minutes * 60.0);
                let (sampled, hold, calm) = (seconds(10), seconds(8), seconds(5));
                Self { minutes: Some(minutes), primaries: 15, lasts, sampled, hold, calm }
            }
            Err(_) => {
                let (lasts, sampled, hold) = (seconds(24), seconds(1), seconds(2));
                Self { minutes: None, primaries: 5, lasts, sampled, hold, calm: seconds(1) }
            }
        }
    }
}

/// Raised at the end, also by a panic: the others would go on for ever.
struct Raise<'o>(&'o Over);

impl Drop for Raise<'_> {
    fn drop(&mut self) {
        self.0.set();
    }
}

#[test]
fn nothing_grows_and_nothing_is_missed_that_no_fault_explains() {
    if !available(&server()) {
        return;
    }
    let form = Form::chosen();
    let cluster = Cluster::of(form.primaries, 1).boot();
    create_user(&cluster, "secret");
    let dir = tempfile::TempDir::with_prefix("rce-soak-").expect("temporary directory");
    let password = dir.path().join("password");
    std::fs::write(&password, "secret").expect("the password");
    let yaml = format!(
        "clusters: [{{ name: soak, seeds: [\"redis://{}\"], username: monitor, password_file: {} }}]\n",
        cluster.primary(0),
        password.display()
    );
    let exporter = Exporter::with_file_and(&yaml, &["--poll.interval", "1s", "--poll.timeout", "700ms"]);
    let nodes = cluster.nodes().len();
    let answers = |samples: &common::samples::Samples| {
        samples.find("rediscluster_nodes_reachable", &[]) == Some(nodes as f64)
    };
    exporter.until("all nodes answer", answers);
    let before = quiet(&exporter);

    let troubles = Troubles {
        cluster: &cluster,
        exporter: &exporter,
        yaml: &yaml,
        password: &password,
        hold: form.hold,
        calm: form.calm,
        truth: Truth::of(&[&cluster]),
    };
    let mut seen = soak(&form, &troubles, before);
    exporter.until("all nodes answer", answers);
    seen.quiet[1] = quiet(&exporter);

    let text = report::text(&seen);
    std::io::stderr().write_all(format!("\n{text}\n").as_bytes()).expect("stderr");
    if let Some(minutes) = form.minutes.filter(|_| std::env::var("UPDATE").is_ok_and(|update| update == "1"))
    {
        let root = std::path::Path::new(env!("CARGO_MANIFEST_DIR"));
        std::fs::write(root.join(DOCUMENT), document::text(&seen, minutes, &text)).expect("the document");
        std::fs::write(root.join(PICTURE), plot::svg(&seen)).expect("the picture");
    }
    let broken: Vec<_> = seen.bars().into_iter().filter(|bar| !bar.holds).map(|bar| bar.what).collect();
    assert!(broken.is_empty(), "{broken:#?}\n{}", exporter.log());
}

/// All at once, for as long as it lasts and until the last fault is over.
fn soak(form: &Form, troubles: &Troubles<'_>, before: Sample) -> Seen {
    let (address, pid) = (&*troubles.exporter.address, troubles.exporter.pid());
    let (over, last) = (Over::default(), Over::default());
    let from = now();
    scope(|scope| {
        let _raised = Raise(&over);
        let polls = scope.spawn(|| watch::polls(address, troubles.cluster.nodes(), &over));
        let samples = scope.spawn(|| watch::samples(address, pid, form.sampled, &over));
        let stalls = scope.spawn(|| watch::stalls(&over));
        let held = scope.spawn(|| slow::hold(address, &over));
        let scrapers: Vec<_> =
            (0..SCRAPERS).map(|_| scope.spawn(|| load::ask(address, &SCRAPES, PER_SCRAPER, &over))).collect();
        let visitor = scope.spawn(|| load::ask(address, &VISITS, PAGES, &over));
        scope.spawn(|| {
            let begun = Instant::now();
            while begun.elapsed() < form.lasts && !over.is() {
                sleep(Duration::from_millis(100));
            }
            last.set();
        });
        let faults = troubles.play(&last);
        over.set();
        let to = now();
        let mut scrapes = Tallies::new();
        for scraper in scrapers {
            for (name, one) in scraper.join().expect("a scraper") {
                let all = scrapes.entry(name).or_default();
                all.took.extend(one.took);
                all.failures.extend(one.failures);
                all.bytes += one.bytes;
            }
        }
        let (polls, looks_failed) = polls.join().expect("who watches the polls");
        Seen {
            full: form.minutes.is_some_and(|minutes| minutes >= LONG),
            from,
            to,
            nodes: troubles.cluster.nodes().len(),
            faults,
            polls,
            looks_failed,
            stalls: stalls.join().expect("who watches the machine"),
            samples: samples.join().expect("who watches the process"),
            scrapes,
            visits: visitor.join().expect("who looks at pages"),
            slow: held.join().expect("who is slow"),
            quiet: [before.clone(), before],
        }
    })
}

/// What the process uses once nobody else is connected.
fn quiet(exporter: &Exporter) -> Sample {
    let mut client = Client::of(&exporter.address);
    let mut last = None;
    common::real::await_that("all other connections are closed", || {
        last = watch::sample(&mut client, exporter.pid());
        last.as_ref().is_some_and(|sample| sample.connections == 1.0)
    });
    last.expect("it was awaited")
}
