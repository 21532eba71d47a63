//! The commands `check` and `capture` of the built program: exit codes, both forms of the report, and captures that
//! are judged like the nodes that they were taken of.
#![allow(
    clippy::disallowed_methods,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::unwrap_used,
    reason = "a test fails where it meets what it does not expect"
)]

#[allow(dead_code, unreachable_pub, reason = "other tests use the rest")]
mod common {
    pub(crate) mod captures;
    pub(crate) mod fake_node;
    pub(crate) mod golden;
    pub(crate) mod served;
    pub(crate) mod sim;
}

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use common::captures::{self, State};
use common::golden::golden;
use common::served::Served;
use common::sim::Cluster;
use redis_cluster_exporter::capture::{self, Disguise};
use redis_cluster_exporter::checks::CHECKS;
use redis_cluster_exporter::probes::{ProbeId, Replies};
use serde_json::Value as Json;
use tempfile::TempDir;

struct Run {
    code: i32,
    out: String,
    err: String,
}

fn run(arguments: &[&str]) -> Run {
    let mut command = Command::new(env!("CARGO_BIN_EXE_redis-cluster-exporter"));
    let output = command.env_clear().args(arguments).output().unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    let run = Run {
        code: output.status.code().expect("no signal"),
        out: text(output.stdout),
        err: text(output.stderr),
    };
    assert!(!run.err.contains("panicked"), "{arguments:?}: {}", run.err);
    run
}

fn utf8(path: &Path) -> &str {
    path.to_str().unwrap()
}

fn check_from(directories: &[&Path], more: &[&str]) -> Run {
    let from = directories.iter().flat_map(|dir| ["--from", utf8(dir)]);
    run(&["check"].into_iter().chain(from).chain(more.iter().copied()).collect::<Vec<_>>())
}

fn json_of(run: &Run) -> Json {
    serde_json::from_str(&run.out).unwrap_or_else(|error| panic!("{error}: {}\n{}", run.out, run.err))
}

fn json_from(directories: &[&Path]) -> Json {
    json_of(&check_from(directories, &["--format", "json"]))
}

fn keys(json: &Json) -> Vec<&str> {
    json.as_object().unwrap().keys().map(String::as_str).collect()
}

/// The findings of the one cluster, without the instants.
fn findings(report: &Json) -> Vec<Json> {
    let mut findings = report["clusters"][0]["findings"].as_array().unwrap().clone();
    for finding in &mut findings {
        finding.as_object_mut().unwrap().remove("since");
    }
    findings
}

fn codes(report: &Json) -> Vec<String> {
    findings(report).iter().map(|finding| finding["check"].as_str().unwrap().to_owned()).collect()
}

/// What promises are made of the JSON form.
fn conforms(report: &Json, what: &str) {
    assert_eq!(keys(report), ["clusters", "version"], "{what}");
    assert_eq!(report["version"], 1, "{what}");
    for cluster in report["clusters"].as_array().unwrap() {
        assert_eq!(keys(cluster), ["findings", "judged_at", "name", "unknown", "verdict"], "{what}");
        assert!(cluster["judged_at"].as_f64().unwrap() > 1.7e9, "{what}");
        let verdict = cluster["verdict"].as_str().unwrap();
        let mut worst = "ok";
        for finding in cluster["findings"].as_array().unwrap() {
            let wanted =
                ["check", "commands", "evidence", "runbook", "severity", "since", "subject", "summary"];
            assert_eq!(keys(finding), wanted, "{what}");
            let code = finding["check"].as_str().unwrap();
            let row = CHECKS.iter().find(|check| check.code == code).expect("a code of the table");
            let severity = row.severity.as_str();
            assert_eq!(finding["severity"], severity, "{what}");
            worst = if worst == "ok" { severity } else { worst.min(severity) };
            assert!(finding["since"].as_f64().unwrap() > 1.7e9, "{what}");
            assert_eq!(finding["runbook"], format!("/runbooks/{code}"), "{what}");
            assert!(!finding["summary"].as_str().unwrap().is_empty(), "{what}");
            assert!(finding["evidence"].is_object(), "{what}");
            assert!(finding["commands"].as_array().unwrap().iter().all(Json::is_string), "{what}");
            for (key, value) in finding["subject"].as_object().unwrap() {
                let applies = match key.as_str() {
                    "slots" | "shard" => value.as_str().is_some_and(|text| !text.is_empty()),
                    "nodes" => value
                        .as_array()
                        .is_some_and(|nodes| !nodes.is_empty() && nodes.iter().all(Json::is_string)),
                    _ => false,
                };
                assert!(applies, "{what}: {code}: {key} {value}");
            }
        }
        assert!(verdict == worst || (verdict == "unknown" && worst != "P1"), "{what}: {verdict}, {worst}");
        for unknown in cluster["unknown"].as_array().unwrap() {
            assert_eq!(keys(unknown), ["check", "why"], "{what}");
            assert!(CHECKS.iter().any(|check| unknown["check"] == check.code), "{what}");
            assert!(!unknown["why"].as_str().unwrap().is_empty(), "{what}");
        }
    }
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap().map(Result::unwrap) {
        fs::copy(entry.path(), to.join(entry.file_name())).unwrap();
    }
}

#[test]
fn the_exit_code_is_the_worst_that_was_found() {
    let expected = [("healthy", 0, "ok"), ("replica_killed", 1, "P2"), ("split_brain_active", 2, "P1")];
    for state in captures::states() {
        let Some((_, code, verdict)) = expected.into_iter().find(|(name, ..)| *name == state.name) else {
            continue;
        };
        let text = check_from(&[&state.dir], &[]);
        assert_eq!(text.code, code, "{state}: {}{}", text.out, text.err);
        assert!(text.out.starts_with(&format!("default: {verdict} ")), "{state}: {}", text.out);
        let report = check_from(&[&state.dir], &["--format", "json"]);
        assert_eq!(report.code, code, "{state}");
        let report = json_of(&report);
        conforms(&report, &state.to_string());
        assert_eq!(report["clusters"][0]["verdict"], verdict, "{state}");
    }
}

#[test]
fn one_node_of_six_is_not_enough_to_judge() {
    let dir = TempDir::new().unwrap();
    copy(&captures::state("redis-7.0.15", "healthy").dir.join("r1"), &dir.path().join("r1"));
    let run = check_from(&[dir.path()], &[]);
    assert_eq!(run.code, 3, "{}", run.out);
    assert!(run.out.starts_with("default: unknown ") && run.out.contains("cannot be judged:"), "{}", run.out);
    let report = json_from(&[dir.path()]);
    conforms(&report, "one node");
    assert_eq!(report["clusters"][0]["verdict"], "unknown");
}

#[test]
fn every_recorded_state_makes_a_report_of_the_promised_form() {
    // One version that knows everything, through the program; its states are of all kinds.
    for state in captures::states().iter().filter(|state| state.server == "valkey-9.1.2") {
        let run = check_from(&[&state.dir], &["--format", "json"]);
        conforms(&json_of(&run), &state.to_string());
        assert!((0..=3).contains(&run.code), "{state}: {}", run.code);
    }
}

#[test]
fn the_text_is_kept() {
    for (server, name) in [("redis-7.0.15", "split_brain_active"), ("redis-7.0.15", "quorum_lost")] {
        let text = check_from(&[&captures::state(server, name).dir], &[]).out;
        // The steps are the runbook's words.
        let own = text.lines().filter(|line| !line.starts_with("  > "));
        let own: String = own.map(|line| format!("{line}\n")).collect();
        golden(&format!("tests/golden/check.{server}.{name}.txt"), &own);
    }
}

#[test]
fn two_directories_are_two_polls() {
    let state = |name: &str| captures::state("redis-8.6.3", name).dir;
    let unknown = |report: &Json| report["clusters"][0]["unknown"].as_array().unwrap().len();
    let (before, after) = (state("healthy"), state("healthy_10s"));
    let (one, two) = (json_from(&[&after]), json_from(&[&before, &after]));
    conforms(&two, "two polls");
    assert!(unknown(&two) < unknown(&one), "{one:#} {two:#}");
    let split = state("split_brain_active");
    let two = json_from(&[&split, &split]);
    assert!(codes(&two).contains(&"split_brain".to_owned()), "{two:#}");
}

#[test]
fn what_is_no_capture_is_told_and_not_judged() {
    let dir = TempDir::new().unwrap();
    let path = |name: &str| dir.path().join(name);
    fs::write(path("file"), "text").unwrap();
    fs::create_dir_all(path("broken/m1")).unwrap();
    fs::write(path("broken/m1/_meta.json"), "{}").unwrap();
    fs::write(path("broken/m1/INFO.resp"), "$9\r\nshort").unwrap();
    fs::create_dir_all(path("empty/m1")).unwrap();
    let told = [
        ("absent", "absent: No such file or directory"),
        ("file", "file: Not a directory"),
        ("empty", "empty: no folder of a node in it: wanted one per node, each with _meta.json"),
        ("broken", "m1/INFO.resp: a length that the bytes cannot hold"),
    ];
    for (name, text) in told {
        let run = check_from(&[&path(name)], &["--format", "json"]);
        assert_eq!((run.code, run.out.as_str()), (2, ""), "{name}: {}", run.err);
        assert!(run.err.contains(text) && run.err.lines().count() == 1, "{name}: {}", run.err);
    }
}

/// Slots without an owner, a setting that differs, and a row that lingers.
fn broken() -> Served {
    let cluster = Cluster::healthy(3, 1).unassign(0..=99).setting("m2", "maxmemory-policy", "allkeys-lru");
    Served::start(cluster)
}

const PACE: [&str; 4] = ["--poll.interval", "1s", "--poll.timeout", "900ms"];

fn capture_of(served: &Served, dir: &Path, more: &[&str]) -> Run {
    let seed = served.seed("m1");
    let run = run(&[&["capture", &seed, "--out", utf8(dir)], more, &PACE].concat());
    assert_eq!(run.code, 0, "{}{}", run.out, run.err);
    run
}

#[test]
fn a_capture_is_judged_like_the_nodes_that_it_was_taken_of() {
    let served = broken();
    let dir = TempDir::new().unwrap();
    let (first, second) = (dir.path().join("first"), dir.path().join("second"));
    let said = capture_of(&served, &first, &[]).out;
    assert!(said.starts_with("6 nodes written to "), "{said}");
    capture_of(&served, &second, &[]);
    let live = run(&[&["check", &served.seed("m1"), "--format", "json"], &PACE[..]].concat());
    assert_eq!(live.code, 2, "{}", live.err);
    let live = json_of(&live);
    conforms(&live, "live");
    assert_eq!(codes(&live)[0], "slots_uncovered");
    assert!(codes(&live).contains(&"config_drift".to_owned()));
    assert_eq!(findings(&json_from(&[&first, &second])), findings(&live));
    // Nothing that is there is written over.
    let again = run(&["capture", &served.seed("m1"), "--out", utf8(&first)]);
    assert_eq!(again.code, 1, "{}", again.out);
    assert!(again.err.contains("File exists"), "{}", again.err);
}

fn files(dir: &Path) -> Vec<PathBuf> {
    let paths = fs::read_dir(dir).unwrap().map(|entry| entry.unwrap().path());
    paths.flat_map(|path| if path.is_dir() { files(&path) } else { vec![path] }).collect()
}

/// Fails if one of these stands in a file or in its path below `dir`.
fn hides(dir: &Path, secrets: &[String], what: &str) {
    for file in files(dir) {
        let text = String::from_utf8_lossy(&fs::read(&file).unwrap()).into_owned();
        let name = file.strip_prefix(dir).unwrap().display().to_string();
        for secret in secrets {
            assert!(!text.contains(secret.as_str()), "{what}: {secret} in {name}:\n{text}");
            assert!(!name.contains(secret.as_str()), "{what}: {secret} in the name {name}");
        }
    }
}

#[test]
fn a_disguised_capture_names_nobody_and_is_judged_the_same() {
    let served = broken();
    let dir = TempDir::new().unwrap();
    let (plain, disguised) = (dir.path().join("plain"), dir.path().join("disguised"));
    capture_of(&served, &plain, &[]);
    capture_of(&served, &disguised, &["--anonymise"]);
    let replies: Vec<_> = capture::read(&plain).unwrap().into_iter().map(|(_, replies)| replies).collect();
    let secrets = secrets(&replies);
    assert!(secrets.len() > 6, "{secrets:?}");
    hides(&disguised, &secrets, "served");
    assert_eq!(codes(&json_from(&[&disguised])), codes(&json_from(&[&plain])));
}

/// What tells who they are: hosts, node, run, shard and replication ids, paths.
fn secrets(replies: &[Replies]) -> Vec<String> {
    let mut secrets = Vec::new();
    for replies in replies {
        let text = |probe| replies.answer(probe).and_then(|answer| answer.reply.text()).unwrap_or_default();
        for line in text(ProbeId::ClusterNodes).lines() {
            let mut columns = line.split(' ');
            secrets.extend(columns.next().map(str::to_owned));
            let (endpoint, name) = columns.next().unwrap_or_default().split_once(',').unwrap_or_default();
            secrets.extend(endpoint.rsplit_once(':').map(|(host, _)| host.to_owned()));
            secrets.push(name.split(',').next().unwrap_or_default().to_owned());
        }
        for line in text(ProbeId::Info).lines() {
            let Some((key, value)) = line.split_once(':') else { continue };
            let tells =
                ["run_id", "master_replid", "executable", "config_file", "master_host", "availability_zone"];
            if tells.contains(&key) {
                secrets.push(value.trim().to_owned());
            }
        }
        secrets.push(text(ProbeId::ShardId).trim().to_owned());
    }
    // One loopback address there is in IPv6, and an id of zeros says "none".
    let says = |secret: &String| secret.len() > 3 && secret.bytes().any(|c| c != b'0');
    secrets.retain(says);
    secrets.sort();
    secrets.dedup();
    secrets
}

/// Codes and subjects by their size: names are others.
fn outline(report: &Json) -> Vec<(String, Json, usize)> {
    let one = |finding: &Json| {
        let subject = &finding["subject"];
        let nodes = subject["nodes"].as_array().map_or(0, Vec::len);
        (finding["check"].as_str().unwrap().to_owned(), subject["slots"].clone(), nodes)
    };
    let mut outline: Vec<_> = findings(report).iter().map(one).collect();
    outline.sort_by_key(|one| format!("{one:?}"));
    outline
}

#[test]
fn which_nodes_share_a_zone_is_judged_the_same_in_disguise() {
    let zone = |name: &str| if name.ends_with('1') { "eu-somewhere-1" } else { "eu-somewhere-2" };
    let zoned = |cluster: Cluster, name: &String| cluster.info(name, "availability_zone", zone(name));
    let cluster = Cluster::healthy(3, 1);
    let mut replies = cluster.names().iter().fold(cluster.clone(), zoned).replies();
    let dir = TempDir::new().unwrap();
    let (plain, disguised) = (dir.path().join("plain"), dir.path().join("disguised"));
    capture::write(&plain, &replies).unwrap();
    Disguise::of(&replies).apply(&mut replies);
    capture::write(&disguised, &replies).unwrap();
    hides(&disguised, &["eu-somewhere".to_owned()], "zones");
    let report = json_from(&[&disguised]);
    assert_eq!(outline(&report), outline(&json_from(&[&plain])));
    assert_eq!(codes(&report), ["failure_domain_risk"; 2]);
}

#[test]
fn recorded_states_are_judged_the_same_in_disguise() {
    let named =
        ["announce_nat", "healthy_hosts", "ipv6", "split_brain_active", "noaddr_replaced", "quorum_lost"];
    let chosen = |state: &State| named.contains(&&*state.name) && state.server != "valkey-7.2.7";
    for state in captures::states().into_iter().filter(chosen) {
        let mut replies: Vec<_> = state.nodes().into_iter().map(|(_, replies)| replies).collect();
        let secrets = secrets(&replies);
        Disguise::of(&replies).apply(&mut replies);
        let dir = TempDir::new().unwrap();
        capture::write(dir.path(), &replies).unwrap();
        hides(dir.path(), &secrets, &state.to_string());
        assert_eq!(outline(&json_from(&[dir.path()])), outline(&json_from(&[&state.dir])), "{state}");
    }
}
