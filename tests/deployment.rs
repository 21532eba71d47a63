//! What is shipped to run the exporter with: unit, image, manifests. Each is held to the program, to the files that it
//! speaks of, and to the programs that know its format, where those are installed.
//!
//! `RCE_KUBECTL`, `RCE_KUBERNETES_VALIDATE` and `RCE_PROMTOOL` name other programs than the installed ones.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::print_stderr,
    clippy::disallowed_methods,
    reason = "a test fails where it meets what it does not expect; the environment names the programs"
)]

/// What the tests stand on.
#[allow(dead_code, reason = "each test program uses its part")]
pub mod common {
    pub mod golden;
    pub mod real;
}

mod manifests {
    mod compose;
    mod kubernetes;
    mod operator;
    mod rendered;
    mod systemd;
}

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;

fn absolute(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(path)
}

fn text(path: &str) -> String {
    fs::read_to_string(absolute(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
}

fn yaml(path: &str) -> Value {
    serde_saphyr::from_str(&text(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
}

/// A value at a pointer such as `/spec/replicas`.
fn at<'a>(value: &'a Value, pointer: &str) -> &'a Value {
    value.pointer(pointer).unwrap_or_else(|| panic!("no {pointer} in {value:#}"))
}

fn list(value: &Value) -> &[Value] {
    value.as_array().map_or(&[], Vec::as_slice)
}

fn word(value: &Value) -> &str {
    value.as_str().unwrap_or_else(|| panic!("{value} is no text"))
}

fn program(variable: &str, installed: &str) -> String {
    std::env::var(variable).unwrap_or_else(|_| installed.to_owned())
}

/// Whether it can be run with these words.
fn speaks(program: &str, words: &[&str]) -> bool {
    Command::new(program).args(words).output().is_ok_and(|output| output.status.success())
}

/// Runs it in the directory of the crate; fails with what it said, else returns that.
fn passes(program: &str, words: &[&str]) -> String {
    let output = Command::new(program).args(words).current_dir(absolute("")).output().unwrap();
    let said = String::from_utf8_lossy(&output.stdout) + String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{program} {words:?}: {}\n{said}", output.status);
    said.into_owned()
}

/// Paths below a directory, from the root of the crate.
fn files(dir: &str) -> Vec<String> {
    let mut found = Vec::new();
    for entry in fs::read_dir(absolute(dir)).unwrap_or_else(|error| panic!("{dir}: {error}")) {
        let name = entry.unwrap().file_name().into_string().unwrap();
        let path = format!("{dir}/{name}");
        if absolute(&path).is_dir() { found.extend(files(&path)) } else { found.push(path) }
    }
    found.sort();
    found
}

#[test]
fn every_yaml_can_be_read() {
    let mut seen = 0;
    for path in files("deploy").iter().chain(&files("dashboards")) {
        if path.ends_with(".yaml") || path.ends_with(".yml") {
            yaml(path);
            seen += 1;
        }
    }
    assert!(seen > 20, "{seen} files");
}
