//! Alert rules and routes, judged by promtool and amtool: every alert has a case in which it fires and one in which it
//! is quiet.
//!
//! `RCE_PROMTOOL` and `RCE_AMTOOL` name other programs than the installed ones.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::print_stderr,
    clippy::disallowed_methods,
    reason = "a test fails where it meets what it does not expect; the environment names the programs"
)]

mod alert_cases {
    pub(crate) mod health;
    pub(crate) mod promtool;
}

/// What the tests stand on.
#[allow(dead_code, reason = "each test program uses its part")]
pub mod common {
    pub mod golden;
    pub mod real;
}

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::LazyLock;

use common::golden::golden;
use common::real::available;
use redis_cluster_exporter::checks::CHECKS;
use redis_cluster_exporter::derive::{self, alert_name};
use redis_cluster_exporter::metrics;
use serde_json::Value;

/// Files that derive from the tables of checks and of their cases, with their texts.
fn derived() -> Vec<(String, String)> {
    let mut files = alert_cases::promtool::files();
    files.push(("alerts/health.rules.yml".into(), derive::health_rules()));
    files.push(("alerts/alertmanager.example.yml".into(), derive::alertmanager_example()));
    files
}

/// Under `UPDATE=1` all of them are written before any test reads one.
static WRITTEN: LazyLock<()> = LazyLock::new(|| {
    if std::env::var("UPDATE").is_ok_and(|update| update == "1") {
        derived().iter().for_each(|(path, text)| golden(path, text));
    }
});

fn root() -> &'static Path {
    LazyLock::force(&WRITTEN);
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// Files of a directory whose name ends so.
fn files(dir: &str, ending: &str) -> Vec<PathBuf> {
    let entries = fs::read_dir(root().join(dir)).unwrap().map(|entry| entry.unwrap().path());
    let mut files: Vec<_> = entries.filter(|path| path.to_string_lossy().ends_with(ending)).collect();
    files.sort();
    assert!(!files.is_empty(), "no {ending} in {dir}");
    files
}

fn yaml(path: &Path) -> Value {
    serde_saphyr::from_str(&fs::read_to_string(path).unwrap()).unwrap_or_else(|e| panic!("{path:?}: {e}"))
}

fn list<'a>(value: &'a Value, key: &str) -> &'a [Value] {
    value[key].as_array().map_or(&[], |list| list)
}

/// All rules of all files, those that record too.
fn rules() -> Vec<Value> {
    let files = files("alerts", ".rules.yml");
    let groups = files.iter().flat_map(|path| list(&yaml(path), "groups").to_vec());
    groups.flat_map(|group| list(&group, "rules").to_vec()).collect()
}

fn alerts() -> Vec<Value> {
    rules().into_iter().filter(|rule| rule["alert"].is_string()).collect()
}

fn program(variable: &str, installed: &str) -> Option<String> {
    let program = std::env::var(variable).unwrap_or_else(|_| installed.to_owned());
    available(&program).then_some(program)
}

/// Runs it in the directory of the crate; fails with what it said.
fn passes(program: &str, words: &[&str], files: &[PathBuf]) -> String {
    let output = Command::new(program).args(words).args(files).current_dir(root()).output().unwrap();
    let said = String::from_utf8_lossy(&output.stdout) + String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{program} {words:?}: {}\n{said}", output.status);
    said.into_owned()
}

#[test]
fn every_check_has_its_case() {
    let codes: Vec<_> = alert_cases::health::CASES.iter().map(|case| case.code).collect();
    assert_eq!(codes, CHECKS.map(|check| check.code));
}

#[test]
fn rules_routes_and_cases_are_those_of_the_tables() {
    LazyLock::force(&WRITTEN);
    if std::env::var("UPDATE").is_err() {
        derived().iter().for_each(|(path, text)| golden(path, text));
    }
}

#[test]
fn promtool_finds_nothing_in_the_rules() {
    let Some(promtool) = program("RCE_PROMTOOL", "promtool") else { return };
    passes(&promtool, &["check", "rules", "--lint=all", "--lint-fatal"], &files("alerts", ".rules.yml"));
}

#[test]
fn every_case_comes_out_as_expected() {
    let Some(promtool) = program("RCE_PROMTOOL", "promtool") else { return };
    passes(&promtool, &["test", "rules"], &files("alerts/tests", ".test.yml"));
}

#[test]
fn every_alert_has_a_firing_and_a_quiet_case() {
    let mut seen: BTreeMap<String, BTreeSet<bool>> = BTreeMap::new();
    for file in files("alerts/tests", ".test.yml") {
        for test in list(&yaml(&file), "tests") {
            for case in list(test, "alert_rule_test") {
                let name = case["alertname"].as_str().unwrap().to_owned();
                seen.entry(name).or_default().insert(list(case, "exp_alerts").is_empty());
            }
        }
    }
    let both = BTreeSet::from([false, true]);
    for alert in alerts() {
        let name = alert["alert"].as_str().unwrap();
        assert_eq!(seen.remove(name), Some(both.clone()), "{name}: quiet cases true, firing ones false");
    }
    assert!(seen.is_empty(), "cases of alerts that do not exist: {seen:?}");
}

#[test]
fn every_check_has_its_alert_and_every_alert_says_what_it_must() {
    let names: BTreeSet<_> = CHECKS.into_iter().map(alert_name).collect();
    let alerts = alerts();
    let found: BTreeSet<_> = alerts.iter().map(|alert| alert["alert"].as_str().unwrap().to_owned()).collect();
    assert_eq!(found.len(), alerts.len(), "an alert exists twice");
    assert!(names.is_subset(&found), "{:?}", names.difference(&found));
    for alert in &alerts {
        let name = alert["alert"].as_str().unwrap();
        assert!(name.starts_with("RedisCluster"), "{name}");
        for label in ["severity", "priority"] {
            assert!(alert["labels"][label].is_string(), "{name}: {label}");
        }
        let summary = alert["annotations"]["summary"].as_str().unwrap();
        assert!(summary.starts_with(char::is_uppercase) && summary.ends_with('.'), "{name}: {summary}");
        for annotation in ["description", "runbook_url"] {
            assert!(alert["annotations"][annotation].is_string(), "{name}: {annotation}");
        }
    }
}

#[test]
fn rules_ask_only_for_metrics_that_exist() {
    let own = fs::read_to_string(root().join("src/self_metrics/families.rs")).unwrap();
    let recorded: BTreeSet<_> =
        rules().iter().filter_map(|rule| Some(rule["record"].as_str()?.to_owned())).collect();
    for rule in rules() {
        let text = rule.to_string();
        let words = text.split(|c: char| !c.is_ascii_alphanumeric() && c != '_' && c != ':');
        for word in words.filter(|word| word.contains("rediscluster_")) {
            let bare = word.trim_end_matches("_total").trim_end_matches("_info");
            let known = metrics::all().any(|row| row.full_name() == word)
                || recorded.contains(word)
                || own.contains(&format!("\"{bare}\""))
                || own.contains(&format!("\"{}\"", bare.trim_start_matches("rediscluster_exporter_")));
            assert!(known, "no metric {word}: {text}");
        }
    }
}

#[test]
fn every_priority_has_its_route() {
    let Some(amtool) = program("RCE_AMTOOL", "amtool") else { return };
    let example = "alerts/alertmanager.example.yml";
    passes(&amtool, &["check-config", example], &[]);
    for (labels, receiver) in [
        (&["priority=P1", "severity=critical", "redis_cluster=orders"][..], "pager"),
        (&["priority=P2", "severity=warning", "redis_cluster=orders"], "within-the-hour"),
        (&["priority=P3", "severity=info", "redis_cluster=orders"], "ticket"),
        (&["priority=P2", "alertname=RedisClusterExporterAbsent"], "within-the-hour"),
        (&["alertname=SomethingElse"], "nobody-said-who"),
    ] {
        let file = format!("--config.file={example}");
        let wanted = format!("--verify.receivers={receiver}");
        passes(&amtool, &[&["config", "routes", "test", &file, &wanted], labels].concat(), &[]);
    }
}

#[test]
fn what_keeps_an_alert_back_exists() {
    let names: BTreeSet<_> =
        alerts().iter().map(|alert| alert["alert"].as_str().unwrap().to_owned()).collect();
    let example = yaml(&root().join("alerts/alertmanager.example.yml"));
    for rule in list(&example, "inhibit_rules") {
        for side in ["source_matchers", "target_matchers"] {
            let matcher = rule[side][0].as_str().unwrap();
            let (_, value) = matcher.split_once('"').unwrap();
            for name in value.trim_end_matches('"').split('|') {
                assert!(names.contains(name), "{matcher}");
            }
        }
        // Without equal a cause in one cluster would keep back the alerts of all others.
        let own = rule["source_matchers"][0].as_str().unwrap().contains("RedisClusterExporter");
        assert!(own || rule["equal"][0] == "redis_cluster", "{rule}");
    }
}

#[test]
fn prometheus_takes_each_configuration_with_the_rules_as_they_lie() {
    let Some(promtool) = program("RCE_PROMTOOL", "promtool") else { return };
    let said = passes(&promtool, &["check", "config"], &files("deploy/prometheus", ".yml"));
    let (configurations, rules) =
        (files("deploy/prometheus", ".yml").len(), files("alerts", ".rules.yml").len());
    let found = format!("SUCCESS: {rules} rule files found");
    assert_eq!(said.matches(&found).count(), configurations, "{said}");
}
