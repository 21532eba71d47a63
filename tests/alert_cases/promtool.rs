//! Unit tests of the health rules, in promtool's format.

use std::fmt::Write;

use redis_cluster_exporter::checks::{CHECKS, Check};
use redis_cluster_exporter::derive::{alert_name, first_step};
use redis_cluster_exporter::model::finding::Severity;

use super::health::{CASES, Case, Subject};

/// A file of tests for holds up to `longest` seconds, evaluated every `step` of them: what is held for many hours is not
/// worth an evaluation every few seconds.
struct File {
    name: &'static str,
    step: u64,
    longest: u64,
}

const FILES: [File; 3] = [
    File { name: "seconds", step: 15, longest: 59 },
    File { name: "minutes", step: 60, longest: 900 },
    File { name: "hours", step: 300, longest: u64::MAX },
];

/// Time enough for the rates that a description tells.
const RATES: u64 = 1200;

/// `alerts/tests/health_seconds.test.yml` and so on: names and texts.
pub(crate) fn files() -> Vec<(String, String)> {
    let of = |check: &Check| {
        // What is not held at all may tell of rates.
        let hold = if check.hold.is_zero() { 60 } else { check.hold.as_secs() };
        FILES.iter().position(|file| hold <= file.longest)
    };
    let text = |(at, file): (usize, &File)| {
        let step = file.step;
        let cases = CASES.iter().map(|case| (case, check(case.code)));
        let here = cases.filter(|(_, check)| of(check) == Some(at));
        let tests: String = here.map(|(case, check)| tests(case, check, step)).collect();
        let head = "# Derived from tests/alert_cases/health.rs: `make docs` writes it anew.";
        let text = format!(
            "{head}\nrule_files: [../health.rules.yml]\nevaluation_interval: {step}s\ntests:\n{tests}"
        );
        (format!("alerts/tests/health_{}.test.yml", file.name), text)
    };
    FILES.iter().enumerate().map(text).collect()
}

fn check(code: &str) -> &'static Check {
    CHECKS.into_iter().find(|check| check.code == code).unwrap_or_else(|| panic!("no check {code}"))
}

/// Firing after the hold and not before it; and the same cluster while the check is clear.
fn tests(case: &Case, check: &Check, step: u64) -> String {
    let (code, hold) = (check.code, check.hold.as_secs());
    let at = lasts(case, check, step);
    let before = hold.saturating_sub(1) / step * step;
    let name = alert_name(check);
    let mut text = format!("  - name: {code} fires\n{}", input(case, check, true, step));
    text += "    alert_rule_test:\n";
    if hold > 0 {
        writeln!(text, "      - {{ eval_time: {before}s, alertname: {name}, exp_alerts: [] }}").unwrap();
    }
    write!(text, "      - eval_time: {at}s\n        alertname: {name}\n{}", expected(case, check)).unwrap();
    write!(text, "  - name: {code} is clear\n{}", input(case, check, false, step)).unwrap();
    writeln!(text, "    alert_rule_test:\n      - {{ eval_time: {at}s, alertname: {name}, exp_alerts: [] }}")
        .unwrap();
    text
}

/// When the alert must be there, in seconds.
fn lasts(case: &Case, check: &Check, step: u64) -> u64 {
    let rates = case.series.iter().any(|(_, values)| values.contains('+'));
    check.hold.as_secs().max(if rates { RATES } else { 0 }) + step
}

fn labels(case: &Case) -> &'static str {
    match case.subject {
        Subject::Whole => "",
        Subject::Shard => ",redis_shard=\"s1\"",
        Subject::Node => ",redis_shard=\"s1\",redis_node=\"10.0.0.1:6379\"",
    }
}

fn input(case: &Case, check: &Check, firing: bool, step: u64) -> String {
    let severity = check.severity.as_str();
    let verdict = format!("rediscluster_check_firing{{C,check=\"{}\",severity=\"{severity}\"}}", check.code);
    let unknown = format!("rediscluster_check_unknown{{C,check=\"{}\"}}", check.code);
    let finding =
        format!("rediscluster_finding{{C,check=\"{}\",severity=\"{severity}\"{}}}", check.code, labels(case));
    let mut series = vec![(&*verdict, if firing { "1" } else { "0" }), (&*unknown, "0")];
    if firing {
        series.push((&finding, "1"));
    }
    series.extend(case.series);
    // Rates need samples that are closer to each other than evaluations may be.
    let interval = step.min(60);
    let samples = lasts(case, check, step) / interval + 1;
    let mut text = format!("    interval: {interval}s\n    input_series:\n");
    for exporter in ["rce-1:19121", "rce-2:19121"] {
        let cluster = format!("{{instance=\"{exporter}\",job=\"redis-cluster\",redis_cluster=\"orders\"");
        let node = format!("{cluster},redis_node=\"10.0.0.1:6379\"");
        for (name, values) in &series {
            let name = name.replace("{C", &cluster).replace("{N", &node);
            let values =
                if values.contains('+') { (*values).to_owned() } else { format!("{values}+0x{samples}") };
            writeln!(text, "      - {{ series: '{name}', values: '{values}' }}").unwrap();
        }
    }
    text
}

fn expected(case: &Case, check: &Check) -> String {
    let severity = match check.severity {
        Severity::P1 => "critical",
        Severity::P2 => "warning",
        Severity::P3 => "info",
    };
    let held_per_cluster = check.severity == Severity::P1;
    let (place, subject) = match case.subject {
        _ if held_per_cluster => ("", ""),
        Subject::Whole => ("", ""),
        Subject::Shard => (", shard s1", ", redis_shard: s1"),
        Subject::Node => (", node 10.0.0.1:6379", ", redis_shard: s1, redis_node: '10.0.0.1:6379'"),
    };
    let (code, told, first) = (check.code, case.told, first_step(check));
    format!(
        "        exp_alerts:\n\
         \x20         - exp_labels: {{ check: {code}, redis_cluster: orders, priority: {}, severity: {severity}{subject} }}\n\
         \x20           exp_annotations:\n\
         \x20             summary: {:?}\n\
         \x20             description: {:?}\n\
         \x20             runbook_url: http://rce-1:19121/runbooks/{code}\n\
         \x20             status_url: http://rce-1:19121/clusters/orders\n",
        check.severity.as_str(),
        check.summary,
        format!("orders{place}{told}. First: {first}"),
    )
}
