//! Runbooks: one per check and none without, all of one form, in step with the tables of checks and metrics; and every
//! command in them that can be run is understood by a real cluster.
//!
//! Under `UPDATE=1` the line of severity, hold and summary is written anew from the table.
#![allow(
    clippy::expect_used,
    clippy::unwrap_used,
    clippy::print_stderr,
    clippy::disallowed_methods,
    reason = "a test fails where it meets what it does not expect; the environment names the programs"
)]

/// What the tests stand on.
pub mod common {
    pub mod golden;
    pub mod real;
}

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use common::golden::golden;
use common::real::{Cluster, available, server};
use redis_cluster_exporter::checks::{CHECKS, Check};
use redis_cluster_exporter::metrics;

const HEADINGS: [&str; 5] = ["Observed", "Means", "Confirm", "Fix", "Not this"];
const NOT_RUN: &str = "# not run:";

fn path(code: &str) -> String {
    format!("docs/runbooks/{code}.md")
}

fn absolute(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(path)
}

/// Fails with all complaints at once.
fn none(complaints: &[String]) {
    assert!(complaints.is_empty(), "\n{}", complaints.join("\n"));
}

/// The lines of a runbook, each with whether it stands in a block of commands. The fences themselves are left out.
fn lines(text: &str) -> Vec<(bool, &str)> {
    let mut fenced = false;
    let mut lines = Vec::new();
    for line in text.lines() {
        if line.trim_start().starts_with("```") {
            fenced = !fenced;
        } else {
            lines.push((fenced, line));
        }
    }
    lines
}

/// The lines of one section, without blocks of commands.
fn section<'a>(text: &'a str, heading: &str) -> Vec<&'a str> {
    let prose = lines(text).into_iter().filter(|(fenced, _)| !fenced).map(|(_, line)| line);
    let from = prose.skip_while(|line| line.strip_prefix("## ") != Some(heading)).skip(1);
    from.take_while(|line| !line.starts_with("## ")).filter(|line| !line.is_empty()).collect()
}

/// Words between backquotes.
fn quoted<'a>(line: &&'a str) -> impl Iterator<Item = &'a str> + use<'a> {
    line.split('`').skip(1).step_by(2)
}

fn hold(hold: Duration) -> String {
    match hold.as_secs() {
        s @ 0..60 => format!("{s}s"),
        s @ 60..3600 => format!("{}m", s / 60),
        s => format!("{}h", s / 3600),
    }
}

/// The text as the table wants its head.
fn with_head(text: &str, check: &Check) -> String {
    let head = format!("{} · hold {} · {}", check.severity.as_str(), hold(check.hold), check.summary);
    let mut out = format!("# {}\n", check.code);
    let mut is_done = false;
    for line in text.lines().skip(1) {
        let is_head = !is_done && !line.is_empty();
        writeln!(out, "{}", if is_head { &head } else { line }).unwrap();
        is_done |= is_head;
    }
    out
}

#[test]
fn every_check_has_a_runbook_and_every_runbook_a_check() {
    let files = fs::read_dir(absolute("docs/runbooks")).unwrap().map(|entry| entry.unwrap().file_name());
    let files: BTreeSet<String> = files.map(|name| name.into_string().unwrap()).collect();
    let codes: BTreeSet<String> = CHECKS.iter().map(|check| format!("{}.md", check.code)).collect();
    assert_eq!(files, codes);
}

#[test]
fn heads_are_as_the_table_says() {
    for check in CHECKS {
        let text = fs::read_to_string(absolute(&path(check.code))).unwrap();
        golden(&path(check.code), &with_head(&text, check));
    }
}

#[test]
fn all_have_one_form() {
    let mut complaints = Vec::new();
    for check in CHECKS {
        let mut complain = |what: &str| complaints.push(format!("{}: {what}", path(check.code)));
        let prose = lines(check.runbook).into_iter().filter(|(fenced, _)| !fenced).map(|(_, line)| line);
        let headings: Vec<&str> = prose.filter_map(|line| line.strip_prefix("## ")).collect();
        if headings != HEADINGS {
            complain(&format!("its sections are {headings:?}"));
            continue;
        }
        for heading in HEADINGS {
            if section(check.runbook, heading).is_empty() {
                complain(&format!("nothing under {heading}"));
            }
        }
        // What `check` prints are the first items of this list.
        if !section(check.runbook, "Fix").first().is_some_and(|line| line.starts_with("1. ")) {
            complain("Fix does not begin with a numbered list");
        }
        if !section(check.runbook, "Confirm").iter().any(|line| line.starts_with("1. ")) {
            complain("Confirm has no numbered list");
        }
        let series = format!("rediscluster_check_firing{{check=\"{}\"}}", check.code);
        if !section(check.runbook, "Observed").join("\n").contains(&series) {
            complain(&format!("Observed does not name {series}"));
        }
    }
    none(&complaints);
}

#[test]
fn links_lead_somewhere() {
    let mut complaints = Vec::new();
    for check in CHECKS {
        let targets = check.runbook.split("](").skip(1).filter_map(|rest| rest.split(')').next());
        for target in targets.filter(|target| !target.contains("://")) {
            let file = target.split('#').next().unwrap_or_default();
            if !absolute("docs/runbooks").join(file).is_file() {
                complaints.push(format!("{}: no file {target}", path(check.code)));
            }
        }
    }
    none(&complaints);
}

/// Series exist, and evidence still has the name that the runbook uses for it.
#[test]
fn names_are_those_of_the_tables() {
    let series: BTreeSet<String> = metrics::all().map(metrics::Metric::full_name).collect();
    let source = source(&absolute("src"));
    let mut complaints = Vec::new();
    for check in CHECKS {
        for name in lines(check.runbook).iter().flat_map(|(_, line)| quoted(line)) {
            let name = name.split('{').next().unwrap_or_default();
            let is_of_a_check = name.starts_with("rediscluster_check_") || name == "rediscluster_finding";
            let is_own = name.starts_with("rediscluster_exporter_");
            if name.starts_with("rediscluster_") && !is_of_a_check && !is_own && !series.contains(name) {
                complaints.push(format!("{}: no series {name}", path(check.code)));
            }
        }
        let is_name = |name: &&str| {
            name.contains('_')
                && name.chars().all(|c| c == '_' || c.is_ascii_lowercase() || c.is_ascii_digit())
        };
        let observed = section(check.runbook, "Observed");
        for name in observed.iter().flat_map(quoted).filter(is_name) {
            let suffix = name.starts_with('_');
            if !suffix && !name.starts_with("rediscluster_") && !source.contains(name) {
                complaints.push(format!("{}: nothing in the source is called {name}", path(check.code)));
            }
        }
    }
    none(&complaints);
}

fn source(dir: &Path) -> String {
    let mut text = String::new();
    for entry in fs::read_dir(dir).unwrap() {
        let path = entry.unwrap().path();
        text += &if path.is_dir() { source(&path) } else { fs::read_to_string(path).unwrap() };
    }
    text
}

/// A command line of a runbook.
struct Line<'a> {
    code: &'static str,
    command: &'a str,
    not_run: Option<&'a str>,
}

/// Every line of every block of commands, or what is wrong with it.
fn commands() -> (Vec<Line<'static>>, Vec<String>) {
    let (mut commands, mut complaints) = (Vec::new(), Vec::new());
    for check in CHECKS {
        for (_, line) in lines(check.runbook).into_iter().filter(|(fenced, _)| *fenced) {
            let Some(line) = line.trim_start().strip_prefix("$ ") else {
                complaints.push(format!("{}: in a block, and no command: {line}", check.code));
                continue;
            };
            let (command, not_run) = match line.split_once(NOT_RUN) {
                Some((command, reason)) => (command.trim_end(), Some(reason.trim())),
                None => (line, None),
            };
            commands.push(Line { code: check.code, command, not_run });
        }
    }
    (commands, complaints)
}

fn is_addressed(command: &str) -> bool {
    command.contains("HOST") && command.contains("PORT")
}

#[test]
fn commands_are_written_so_that_they_can_be_run() {
    let (commands, mut complaints) = commands();
    for Line { code, command, not_run } in commands {
        let mut complain = |what: &str| complaints.push(format!("{code}: {what}: {command}"));
        if not_run == Some("") {
            complain("not run for no reason");
        }
        if command.split(' ').any(|word| word == "-a" || word == "--pass") {
            complain("shows the password to everybody on the host");
        }
        if command.starts_with("redis-cli") && not_run.is_none() && !is_addressed(command) {
            complain("does not say which server");
        }
    }
    for check in CHECKS {
        let fences = check.runbook.lines().map(str::trim_start).filter(|line| line.starts_with("```"));
        for (fence, expected) in fences.zip(["```console", "```"].into_iter().cycle()) {
            if fence != expected {
                complaints.push(format!("{}: {fence} where {expected} belongs", check.code));
            }
        }
    }
    none(&complaints);
}

/// What a placeholder stands for. What precedes `_HOST`, `_PORT` and `_ID` says which node is meant.
fn placeholder(cluster: &Cluster, word: &str) -> Option<String> {
    if word == "SLOT" {
        return Some("0".to_owned());
    }
    let (whose, what) = word.rsplit_once('_').unwrap_or(("", word));
    let address = match whose {
        "" | "NODE" | "OWNER" | "PRIMARY" | "SOURCE" => cluster.primary(0),
        "OTHER" | "TARGET" => cluster.primary(1),
        "REPLICA" => cluster.replica(0),
        _ => return None,
    };
    let (host, port) = address.rsplit_once(':')?;
    match what {
        "HOST" => Some(host.to_owned()),
        "PORT" => Some(port.to_owned()),
        // `ID` alone is a word of commands.
        "ID" if !whose.is_empty() => Some(cluster.myself(address).swap_remove(0)),
        _ => None,
    }
}

/// The command with its placeholders filled in, or the one that is not known.
fn filled(cluster: &Cluster, command: &str) -> Result<String, String> {
    let is_part = |c: char| c == '_' || c.is_ascii_alphanumeric();
    let mut out = String::new();
    for piece in command.split_inclusive(|c| !is_part(c)) {
        let word = piece.trim_end_matches(|c| !is_part(c));
        let rest = piece.trim_start_matches(is_part);
        let is_placeholder = word.contains('_') && !word.contains(|c: char| c.is_ascii_lowercase());
        match placeholder(cluster, word) {
            Some(value) => out += &value,
            None if is_placeholder => return Err(format!("nothing is known to put for {word}")),
            None => out += word,
        }
        out += rest;
    }
    Ok(out)
}

/// What both outputs of a shell command say, and whether it ended by itself.
fn shell(command: &str) -> (String, bool) {
    let output = Command::new("timeout").args(["20", "sh", "-c", command]).stdin(Stdio::null()).output();
    let output = output.expect("timeout");
    let said = [output.stdout, output.stderr].map(|bytes| String::from_utf8_lossy(&bytes).into_owned());
    (said.concat(), output.status.code() != Some(124))
}

/// What in a command's output says that the command itself is wrong.
fn mistake(said: &str) -> Option<&str> {
    const MISTAKES: [&str; 7] = [
        "err unknown",
        "wrong number of arguments",
        "syntax error",
        "could not connect",
        "unrecognized option",
        "unknown --cluster",
        "usage: ",
    ];
    said.lines().find(|line| MISTAKES.iter().any(|mistake| line.to_lowercase().contains(mistake)))
}

#[test]
fn real_cluster_understands_every_command() {
    if !available(&server()) {
        return;
    }
    let cluster = Cluster::of(3, 1).boot();
    let program = std::env::var("RCE_CLI").unwrap_or_else(|_| "redis-cli".into());
    let (commands, mut complaints) = commands();
    let mut by_command: BTreeMap<String, &str> = BTreeMap::new();
    for Line { code, command, not_run } in commands {
        // Without an address it would ask whatever server this machine runs.
        if not_run.is_some() || !command.starts_with("redis-cli ") || !is_addressed(command) {
            continue;
        }
        match filled(&cluster, command) {
            Ok(command) => {
                by_command.insert(command, code);
            }
            Err(why) => complaints.push(format!("{code}: {why}: {command}")),
        }
    }
    assert!(by_command.len() >= 50, "only {} commands were found", by_command.len());
    for (command, code) in by_command {
        let asked = command.split(" | ").next().unwrap_or_default();
        let of_our_program = |command: &str| command.replacen("redis-cli", &program, 1);
        let (said, ended) = shell(&of_our_program(asked));
        if let Some(line) = mistake(&said) {
            complaints.push(format!("{code}: {command}\n    {line}"));
        } else if !ended {
            complaints.push(format!("{code}: {command}\n    does not end"));
        } else if asked != command && shell(&of_our_program(&command)).0.is_empty() {
            complaints.push(format!("{code}: {command}\n    finds nothing in\n{said}"));
        }
    }
    none(&complaints);
}
