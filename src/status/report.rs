//! The report of `check`: for somebody woken at night, and for scripts. Verdict first, then findings by severity with
//! their evidence and the next command.

use std::fmt::Write;

use serde_json::{Map, Number, Value as Json, json};

use super::moving;
use crate::checks::{Judgement, Needs};
use crate::frame::Frame;
use crate::model::finding::{Finding, Outcome, Severity, Subject, Value, seconds};
use crate::model::time::Timestamp;

/// What is said of a whole cluster.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// The worst severity that fires.
    Firing(Severity),
    /// Nothing fires, and the cluster could be judged.
    Ok,
    /// No P1 fires, but too little answered to say that all is well.
    Unknown,
}

impl Verdict {
    /// `P1`, `P2`, `P3`, `ok`, `unknown`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Firing(severity) => severity.as_str(),
            Self::Ok => "ok",
            Self::Unknown => "unknown",
        }
    }

    /// How bad it is: P1, then unknown, then the rest.
    pub(super) fn rank(self) -> u8 {
        match self {
            Self::Firing(Severity::P1) => 4,
            Self::Unknown => 3,
            Self::Firing(Severity::P2) => 2,
            Self::Firing(Severity::P3) => 1,
            Self::Ok => 0,
        }
    }

    /// What the program exits with: 0 clear, 1 only P2 or P3, 2 any P1, 3 could not judge.
    pub fn exit_code(self) -> u8 {
        match self {
            Self::Ok => 0,
            Self::Firing(Severity::P2 | Severity::P3) => 1,
            Self::Firing(Severity::P1) => 2,
            Self::Unknown => 3,
        }
    }
}

/// The verdict on one cluster. A P1 is one whatever else cannot be told; what is less says little of a cluster that
/// could not be judged.
pub fn verdict(frame: &Frame) -> Verdict {
    let firing = frame.judgements.iter().filter(|judgement| matches!(judgement.outcome, Outcome::Firing(_)));
    match firing.map(|judgement| judgement.severity).min() {
        Some(Severity::P1) => Verdict::Firing(Severity::P1),
        _ if is_blind(frame) => Verdict::Unknown,
        Some(worst) => Verdict::Firing(worst),
        None => Verdict::Ok,
    }
}

/// Whether nothing that takes a majority's word could be told.
fn is_blind(frame: &Frame) -> bool {
    let mut about_all = frame.judgements.iter().filter(|judgement| judgement.check.needs == Needs::Majority);
    about_all.all(|judgement| matches!(judgement.outcome, Outcome::Unknown(_)))
}

/// The worst of several verdicts; unknown if there is none.
pub fn worst(verdicts: impl Iterator<Item = Verdict>) -> Verdict {
    verdicts.max_by_key(|verdict| verdict.rank()).unwrap_or(Verdict::Unknown)
}

/// Findings of a frame, worst first, with their judgement and since when they hold.
pub(super) fn findings(frame: &Frame) -> Vec<(&Judgement, &Finding, Timestamp)> {
    let mut findings: Vec<_> = frame
        .judgements
        .iter()
        .flat_map(|judgement| {
            let since = judgement.since.iter().copied().chain(std::iter::repeat(frame.view.at));
            judgement
                .outcome
                .findings()
                .iter()
                .zip(since)
                .map(move |(finding, since)| (judgement, finding, since))
        })
        .collect();
    findings.sort_by_key(|(judgement, ..)| judgement.severity);
    findings
}

/// The checks that cannot tell, and why.
pub(super) fn unknown(frame: &Frame) -> impl Iterator<Item = (&'static str, &str)> {
    frame.judgements.iter().filter_map(|judgement| match &judgement.outcome {
        Outcome::Unknown(why) => Some((judgement.check.code, why.as_str())),
        _ => None,
    })
}

/// The report as JSON, version 1.
pub fn json<'a>(frames: impl Iterator<Item = &'a Frame>) -> Json {
    json!({ "version": 1, "clusters": frames.map(cluster_json).collect::<Vec<_>>() })
}

/// One cluster of [`json()`].
pub(super) fn cluster_json(frame: &Frame) -> Json {
    let unknown: Vec<Json> =
        unknown(frame).map(|(check, why)| json!({ "check": check, "why": why })).collect();
    let findings: Vec<Json> = findings(frame)
        .into_iter()
        .map(|(judgement, finding, since)| finding_json(judgement, finding, since))
        .collect();
    json!({
        "name": &*frame.cluster,
        "verdict": verdict(frame).as_str(),
        "judged_at": frame.view.at.as_seconds(),
        "findings": findings,
        "unknown": unknown,
    })
}

fn finding_json(judgement: &Judgement, finding: &Finding, since: Timestamp) -> Json {
    let evidence: Map<String, Json> =
        finding.evidence.iter().map(|(name, value)| ((*name).to_owned(), value_json(value))).collect();
    json!({
        "check": judgement.check.code,
        "severity": judgement.severity.as_str(),
        "since": since.as_seconds(),
        "subject": subject_json(&finding.subject),
        "summary": finding.summary,
        "evidence": evidence,
        "commands": finding.commands,
        "runbook": format!("/runbooks/{}", judgement.check.code),
    })
}

/// Only the parts that apply.
pub(super) fn subject_json(subject: &Subject) -> Json {
    let mut json = Map::new();
    if let Some(slots) = &subject.slots {
        json.insert("slots".to_owned(), slots.to_string().into());
    }
    if !subject.nodes.is_empty() {
        json.insert("nodes".to_owned(), subject.nodes.iter().map(|node| Json::from(&**node)).collect());
    }
    if let Some(shard) = &subject.shard {
        json.insert("shard".to_owned(), (&**shard).into());
    }
    json.into()
}

fn value_json(value: &Value) -> Json {
    match value {
        Value::Count(n) | Value::Bytes(n) => (*n).into(),
        Value::Seconds(x) | Value::Ratio(x) | Value::PerSecond(x) | Value::Time(x) => {
            Number::from_f64(*x).map_or(Json::Null, Json::Number)
        }
        Value::Flag(flag) => (*flag).into(),
        Value::Text(text) => text.as_str().into(),
        Value::Slots(slots) => slots.to_string().into(),
        Value::List(values) => values.iter().map(value_json).collect(),
        Value::Map(values) => {
            values.iter().map(|(name, value)| (name.clone(), value_json(value))).collect::<Map<_, _>>().into()
        }
    }
}

/// The report as text.
pub fn text<'a>(frames: impl Iterator<Item = &'a Frame>) -> String {
    let mut text = String::new();
    for frame in frames {
        // Writing to a string does not fail.
        cluster_text(&mut text, frame).unwrap_or_default();
    }
    text
}

fn cluster_text(out: &mut String, frame: &Frame) -> std::fmt::Result {
    let view = &frame.view;
    writeln!(
        out,
        "{}: {}   {} of {} nodes answer, {} of 16384 slots covered",
        frame.cluster,
        verdict(frame).as_str(),
        view.reachable(),
        view.members.len().max(view.strangers.len()),
        view.coverage.covered.len()
    )?;
    for (judgement, finding, since) in findings(frame) {
        finding_text(out, frame, judgement, finding, since)?;
    }
    for (at, line) in moving::lines(frame).enumerate() {
        let head = if at == 0 { "\non the move:\n" } else { "" };
        writeln!(out, "{head}  {line}")?;
    }
    let unknown: Vec<_> = unknown(frame).collect();
    if !unknown.is_empty() {
        writeln!(out, "\ncannot be judged:")?;
        for (check, why) in unknown {
            writeln!(out, "  {check}: {why}")?;
        }
    }
    writeln!(out)
}

fn finding_text(
    out: &mut String,
    frame: &Frame,
    judgement: &Judgement,
    finding: &Finding,
    since: Timestamp,
) -> std::fmt::Result {
    let age = frame.view.at.seconds_since(since);
    let since = if age > 0.0 { format!(", for {}", seconds(age)) } else { String::new() };
    writeln!(out, "\n{} {}{since}", judgement.severity.as_str(), judgement.check.code)?;
    writeln!(out, "  {}", finding.summary)?;
    let width = finding.evidence.iter().map(|(name, _)| name.len()).max().unwrap_or(0);
    for (name, value) in &finding.evidence {
        match value {
            Value::Map(values) if values.len() > 1 => {
                writeln!(out, "    {name}")?;
                values.iter().try_for_each(|(name, value)| writeln!(out, "      {name}: {value}"))?;
            }
            value => {
                let value = value.to_string();
                writeln!(out, "    {name:width$}  {}", if value.is_empty() { "none" } else { &value })?;
            }
        }
    }
    for command in &finding.commands {
        writeln!(out, "  $ {command}")?;
    }
    for step in first_steps(judgement.check.runbook) {
        writeln!(out, "  > {step}")?;
    }
    writeln!(out, "  runbook: /runbooks/{}", judgement.check.code)
}

/// The first steps of a runbook: the list items that open its section *Fix*, at most three.
pub(super) fn first_steps(runbook: &str) -> impl Iterator<Item = &str> {
    let fix = runbook.split("\n## Fix").nth(1).unwrap_or_default();
    let section = fix.split("\n## ").next().unwrap_or_default();
    let is_step = |line: &&str| line.starts_with("- ") || line.starts_with(|c: char| c.is_ascii_digit());
    section.lines().filter(is_step).take(3)
}
