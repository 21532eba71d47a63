//! The paging campaign: real clusters, two exporters, Prometheus and Alertmanager with what the repository ships. For
//! each fault exactly the pages that are expected arrive, once, and resolve after the heal; what an operator does on
//! purpose pages nobody.
//!
//! `CAMPAIGN=full` plays everything, and with `UPDATE=1` writes docs/paging.md. `RCE_SERVER`, `RCE_CLI`,
//! `RCE_PROMETHEUS` and `RCE_ALERTMANAGER` choose other programs than the installed ones, `CAMPAIGN_ONLY=WORD` only the
//! clusters whose name has the word.
#![allow(
    clippy::expect_used,
    clippy::print_stderr,
    clippy::disallowed_methods,
    reason = "clippy allows these in test functions, and this is what they call"
)]

/// What the scenes stand on.
#[allow(dead_code, reason = "each test program uses its part")]
pub mod common {
    pub mod exporter;
    pub mod golden;
    pub mod real;
    pub mod samples;
}

mod pages {
    pub(crate) mod chain;
    pub(crate) mod faults;
    pub(crate) mod incident;
    pub(crate) mod receiver;
}

/// Shared with the campaign of the checks.
mod scenes {
    pub(crate) mod bus;
    pub(crate) mod load;
    pub(crate) mod stage {
        use crate::common::real::Cluster;

        /// A setting changed on one node.
        pub(crate) fn set(cluster: &Cluster, node: &str, name: &str, value: &str) {
            assert_eq!(cluster.cli(node, &["CONFIG", "SET", name, value]), "OK", "{node}: {name} {value}");
        }

        /// The node's id.
        pub(crate) fn id(cluster: &Cluster, node: &str) -> String {
            cluster.cli(node, &["CLUSTER", "MYID"])
        }
    }
}

use std::sync::Mutex;
use std::thread::scope;

use common::golden::golden;
use common::real::{Cluster, available, server};
use pages::chain::{Chain, alertmanager, prometheus};
use pages::faults;
use pages::incident::Watched;

/// Name, primaries and replicas of each; those after [`SHORT`] are only there in full.
const CLUSTERS: [(&str, usize, usize); 7] = [
    ("bare", 3, 0),
    ("split", 3, 1),
    ("replicated", 3, 1),
    ("refused", 3, 1),
    ("operated", 3, 1),
    ("gone", 3, 0),
    ("exporters", 3, 0),
];
const SHORT: usize = 4;

#[test]
fn exactly_the_pages_that_are_expected_arrive_once_and_resolve() {
    if !available(&server()) || !available(&prometheus()) || !available(&alertmanager()) {
        return;
    }
    let full = std::env::var("CAMPAIGN").is_ok_and(|how| how == "full");
    let only = std::env::var("CAMPAIGN_ONLY").unwrap_or_default();
    let mut clusters: Vec<_> = CLUSTERS
        .into_iter()
        .take(if full { CLUSTERS.len() } else { SHORT })
        .filter(|(name, ..)| name.contains(&only))
        .map(|(name, primaries, replicas)| {
            (name, Cluster::of(primaries, replicas).node_timeout_ms(2000).boot())
        })
        .collect();
    // What befalls the exporters of one cluster must not befall those of the others.
    let chain_of = |own: bool| {
        let seeds = clusters.iter().filter(|(name, _)| (*name == "exporters") == own);
        let seeds: Vec<_> = seeds.map(|(name, cluster)| (*name, cluster.primary(0))).collect();
        (!seeds.is_empty()).then(|| Chain::start(&seeds))
    };
    let [chain, own] = [false, true].map(chain_of);
    let parts: Vec<_> = clusters.iter().map(|_| Mutex::default()).collect();
    scope(|scope| {
        for ((name, cluster), rows) in clusters.iter_mut().zip(&parts) {
            let chain = if *name == "exporters" { &own } else { &chain };
            let watched = Watched { chain: chain.as_ref().expect("it was started"), name, rows };
            scope.spawn(move || match *name {
                "bare" => faults::bare(cluster, watched, full),
                "split" => faults::split(cluster, watched, full),
                "replicated" => faults::replicated(cluster, watched, full),
                "refused" => faults::refused(cluster, watched, full),
                "operated" => faults::operated(cluster, watched),
                "gone" => faults::gone(cluster, watched),
                _ => faults::exporters(cluster, watched),
            });
        }
    });
    let rows: String =
        parts.into_iter().flat_map(|rows| rows.into_inner().expect("no scene failed")).collect();
    eprintln!("{rows}");
    if full && only.is_empty() && std::env::var("UPDATE").is_ok_and(|update| update == "1") {
        golden("docs/paging.md", &document(&rows));
    }
}

fn document(rows: &str) -> String {
    let output = std::process::Command::new(server()).arg("--version").output().expect("a version");
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    let server = said.split(" sha=").next().unwrap_or_default();
    format!(
        "# Paging, measured\n\n\
         What a real cluster does, and who is told of it when. Two exporters poll every 5 s; Prometheus scrapes every 5 s\n\
         with `deploy/prometheus/pair.yml` and the rules as they lie; Alertmanager routes with\n\
         `alerts/alertmanager.example.yml`, where tickets wait 30 s and not until business hours. The campaign fails\n\
         if a page is missing, comes twice, has the wrong priority, an unreadable text or a runbook link that does not\n\
         answer, if anything else pages, or if a page does not resolve after the heal.\n\n\
         *To page* counts from the moment when the nodes of the cluster themselves show the fault; the hold is part of\n\
         it. *To resolved* counts from the repair, and contains what the cluster takes to recover and the time that the\n\
         alert is kept (`keep_firing_for`). *Kept back* fired too, and nobody was told, since its cause was. The node\n\
         timeout is 2 s.\n\n\
         `UPDATE=1 make campaign` writes this anew. {server}; {}.\n\n\
         | fault or operation | page | hold, s | to page, s | to resolved, s | kept back |\n|---|---|---|---|---|---|\n\
         {rows}",
        Chain::versions()
    )
}
