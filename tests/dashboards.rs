//! Grafana dashboards: sound JSON in one form, queries that name what is exported, lines and colours that are those of the
//! checks, and an answer to every query from a real cluster.
//!
//! Under `UPDATE=1` the files are written anew: in the one form, with the summaries of the checks. So a dashboard can be
//! changed in Grafana, exported into its file, and looked at as a diff.
#![allow(
    clippy::expect_used,
    clippy::unwrap_used,
    clippy::print_stderr,
    reason = "clippy allows these in test functions, and this is what they call"
)]

/// What the tests stand on.
pub mod common {
    pub mod exporter;
    pub mod golden;
    pub mod prometheus;
    pub mod real;
    pub mod samples;
}

mod grafana {
    mod data;
    pub(crate) mod file;
    pub(crate) mod lint;
    pub(crate) mod meaning;
    mod promql;
    mod provisioning;
}

use common::golden::golden;
use grafana::file::{Dashboard, Panel, all, path};
use grafana::{lint, meaning};

/// Fails with all complaints at once.
fn none(complaints: &[String]) {
    assert!(complaints.is_empty(), "\n{}", complaints.join("\n"));
}

#[test]
fn the_files_have_one_form() {
    for dashboard in all() {
        let name = dashboard.name;
        golden(&path(name), &dashboard.with_summaries().written());
    }
}

#[test]
fn the_json_is_sound() {
    none(&all().iter().flat_map(lint::complaints).collect::<Vec<_>>());
}

#[test]
fn queries_name_what_is_exported() {
    let catalogue = meaning::Catalogue::new();
    none(&all().iter().flat_map(|dashboard| catalogue.complaints(dashboard)).collect::<Vec<_>>());
}

#[test]
fn lines_and_colours_are_those_of_the_checks() {
    let limits = meaning::Limit::all();
    let dashboards = all();
    let panels = || dashboards.iter().flat_map(Dashboard::panels);
    none(&panels().flat_map(|panel| meaning::thresholds(panel, &limits)).collect::<Vec<_>>());
    let astray = panels().filter(|panel| !meaning::steps_ascend(*panel)).map(Panel::at);
    none(&astray.collect::<Vec<_>>());
}

#[test]
fn a_cluster_is_unknown_where_the_program_says_so() {
    for dashboard in all().iter().filter(|dashboard| dashboard.name != "node") {
        let asked = meaning::judges_by(dashboard);
        assert!(!asked.is_empty(), "{}: no verdict", dashboard.name);
        assert!(
            asked.iter().all(|codes| *codes == meaning::of_the_majority()),
            "{}: {asked:?}",
            dashboard.name
        );
    }
}

#[test]
fn rows_go_from_the_verdict_to_its_causes() {
    let dashboards = all();
    let cluster = dashboards.iter().find(|dashboard| dashboard.name == "cluster").unwrap();
    let rows: Vec<_> =
        cluster.parts().into_iter().filter(|panel| panel.kind() == "row").map(Panel::title).collect();
    let wanted = ["Verdict", "Slots", "Topology", "Replication", "Memory", "Bus", "Migrations", "Exporter"];
    assert_eq!(rows, wanted);
}
