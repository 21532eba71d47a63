//! `deploy/systemd`, by `systemd-analyze` and by the command line of the program.

use std::collections::BTreeMap;
use std::fs;

use clap::Parser;
use redis_cluster_exporter::cli::Cli;

use crate::common::real::available;
use crate::{passes, text};

const UNIT: &str = "deploy/systemd/redis-cluster-exporter.service";

/// Values of a key, in order.
fn values(key: &str) -> Vec<String> {
    let unit = text(UNIT);
    let lines = unit.lines().filter_map(|line| line.split_once('='));
    lines.filter(|(name, _)| *name == key).map(|(_, value)| value.to_owned()).collect()
}

#[test]
fn the_unit_starts_the_program_as_it_wants_to_be_started() {
    for key in ["ExecStartPre", "ExecStart"] {
        for line in values(key) {
            let cli = Cli::try_parse_from(line.split_whitespace())
                .unwrap_or_else(|error| panic!("{line}: {error}"));
            let file = cli.sources(BTreeMap::new()).config_file().expect("a configuration file");
            // Where the package puts it.
            let shipped = format!("\"{}\"", file.to_string_lossy());
            assert!(text("Cargo.toml").contains(&format!("conf-files = [{shipped}]")), "{shipped}");
        }
    }
    // What the program tells the service manager: src/service.rs.
    assert_eq!(values("Type"), ["notify"]);
    assert_eq!(values("WatchdogSec").len(), 1);
    assert_eq!(values("ExecReload"), ["/bin/kill -HUP $MAINPID"]);
}

#[test]
fn systemd_takes_the_unit() {
    if !available("systemd-analyze") {
        return;
    }
    // It looks for the programs of the unit: they are those of this system.
    let folder = tempfile::tempdir().unwrap();
    let unit =
        text(UNIT).replace("/usr/bin/redis-cluster-exporter", env!("CARGO_BIN_EXE_redis-cluster-exporter"));
    let path = folder.path().join("redis-cluster-exporter.service");
    fs::write(&path, unit).unwrap();
    let said = passes("systemd-analyze", &["verify", "--man=no", path.to_str().unwrap()]);
    assert!(!said.contains("redis-cluster-exporter.service"), "{said}");
}

#[test]
fn the_unit_is_locked_up() {
    if !available("systemd-analyze") {
        return;
    }
    // In tenths, as the threshold of the program is.
    passes("systemd-analyze", &["security", "--offline=true", "--no-pager", "--threshold=15", UNIT]);
}
