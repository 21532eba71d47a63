//! What is wrong: findings by check, folded under the one that explains them.

use maud::{Markup, html};

use super::html::{badge, command, count, cut, lasting, severity_class};
use super::report::{Verdict, first_steps};
use super::runbook;
use crate::checks::Judgement;
use crate::frame::Frame;
use crate::model::finding::{Outcome, Value};
use crate::model::time::Timestamp;

/// Findings of one check that are shown at once, with evidence and commands, and at all.
const AT_ONCE: usize = 3;
const IN_FULL: usize = 8;
const AS_SENTENCES: usize = 40;

/// Entries of a list of evidence that are shown.
const ENTRIES: usize = 16;

/// Commands of one finding that are shown.
const COMMANDS: usize = 12;

/// A check that fires, and those firing that it explains.
pub(super) struct Cause<'a> {
    /// What nothing else explains.
    pub(super) judgement: &'a Judgement,
    /// What it explains, directly or through others.
    pub(super) explained: Vec<&'a Judgement>,
}

/// All that fires, worst first. Folded away is what another check explains that is no less severe.
pub(super) fn causes(frame: &Frame) -> Vec<Cause<'_>> {
    let mut firing: Vec<&Judgement> =
        frame.judgements.iter().filter(|judgement| matches!(judgement.outcome, Outcome::Firing(_))).collect();
    firing.sort_by_key(|judgement| judgement.severity);
    let (effects, causes): (Vec<_>, Vec<_>) =
        firing.iter().copied().partition(|judgement| cause_of(&firing, judgement).is_some());
    let mut causes: Vec<Cause<'_>> =
        causes.into_iter().map(|judgement| Cause { judgement, explained: Vec::new() }).collect();
    for effect in effects {
        let code = root(&firing, effect).check.code;
        let cause = causes.iter_mut().find(|cause| cause.judgement.check.code == code);
        cause.into_iter().for_each(|cause| cause.explained.push(effect));
    }
    causes
}

/// The worst that explains it and is no less severe.
fn cause_of<'a>(firing: &[&'a Judgement], effect: &Judgement) -> Option<&'a Judgement> {
    let explains = |cause: &&&Judgement| {
        cause.check.explains.contains(&effect.check.code) && cause.severity <= effect.severity
    };
    firing.iter().find(explains).copied()
}

/// The end of the chain: nothing explains itself through others (a law of the table).
fn root<'a>(firing: &[&'a Judgement], effect: &'a Judgement) -> &'a Judgement {
    let mut root = effect;
    while let Some(cause) = cause_of(firing, root) {
        root = cause;
    }
    root
}

/// All findings as one section.
pub(super) fn section(causes: &[Cause<'_>], api: &str, now: Timestamp) -> Markup {
    html! {
        section #findings aria-labelledby="findings-title" {
            h2 #findings-title { "What is wrong" }
            @if causes.is_empty() { p.ok { "No check that could judge found anything." } }
            @for (n, cause) in causes.iter().enumerate() {
                article.finding.(severity_class(cause.judgement.severity)) #{ "check-" (cause.judgement.check.code) } {
                    (card(cause.judgement, n == 0, api, now))
                    (explained(cause, api, now))
                }
            }
        }
    }
}

fn explained(cause: &Cause<'_>, api: &str, now: Timestamp) -> Markup {
    let codes: Vec<&str> = cause.explained.iter().map(|judgement| judgement.check.code).collect();
    html! {
        @if !codes.is_empty() {
            details.explained #{ "explained-" (cause.judgement.check.code) } {
                summary { "Explains " (count(codes.len(), "other check")) ": " (codes.join(", ")) }
                @for judgement in &cause.explained {
                    article.finding.(severity_class(judgement.severity)) #{ "check-" (judgement.check.code) } {
                        (card(judgement, false, api, now))
                    }
                }
            }
        }
    }
}

fn card(judgement: &Judgement, first: bool, api: &str, now: Timestamp) -> Markup {
    let check = judgement.check;
    let findings = judgement.outcome.findings();
    let oldest = judgement.since.iter().min().copied().unwrap_or(now);
    let hidden = findings.len().saturating_sub(AS_SENTENCES);
    html! {
        div.title {
            (badge(Verdict::Firing(judgement.severity)))
            h3 { (check.code) }
            span.quiet { (lasting(oldest, now)) @if findings.len() > 1 { ", " (findings.len()) " subjects" } }
            a.runbook href={ "/runbooks/" (check.code) } { "Runbook" span.hidden { " of " (check.code) } }
        }
        p.summary { (check.summary) }
        @if first { (steps(check.runbook)) }
        @for n in 0..findings.len().min(AT_ONCE) { (subject(judgement, n, now)) }
        @if findings.len() > AT_ONCE {
            details #{ "more-" (check.code) } {
                summary { (findings.len() - AT_ONCE) " more like this" }
                @for n in AT_ONCE..findings.len().min(AS_SENTENCES) { (subject(judgement, n, now)) }
                @if hidden > 0 { p { "And " (hidden) " more: " a href=(api) { "all as JSON" } "." } }
            }
        }
    }
}

/// What the runbook says to do first.
fn steps(runbook: &str) -> Markup {
    let steps: Vec<&str> = first_steps(runbook).collect();
    html! {
        @if !steps.is_empty() {
            div.steps {
                h4 { "Do this first" }
                ol { @for step in steps { li { (runbook::inline(step)) } } }
            }
        }
    }
}

/// One of the findings of a check.
fn subject(judgement: &Judgement, n: usize, now: Timestamp) -> Markup {
    let finding = &judgement.outcome.findings()[n];
    let since = judgement.since.get(n).copied().unwrap_or(now);
    html! {
        div.subject {
            p { bdi { (cut(&finding.summary)) } " " span.quiet { (lasting(since, now)) } }
            @if n < IN_FULL {
                @for line in finding.commands.iter().take(COMMANDS) { (command(line)) }
                @if finding.commands.len() > COMMANDS {
                    p.quiet { "and " (finding.commands.len() - COMMANDS) " more commands like these" }
                }
                @if !finding.evidence.is_empty() {
                    details #{ "evidence-" (judgement.check.code) "-" (n) } {
                        summary { "Evidence" }
                        dl { @for (name, shown) in &finding.evidence { dt { (name) } dd { (value(shown)) } } }
                    }
                }
            }
        }
    }
}

fn value(shown: &Value) -> Markup {
    match shown {
        Value::Map(entries) => html! {
            dl {
                @for (name, shown) in entries.iter().take(ENTRIES) { dt { bdi { (cut(name)) } } dd { (value(shown)) } }
                @if entries.len() > ENTRIES { dt { "…" } dd { "and " (entries.len() - ENTRIES) " more" } }
            }
        },
        Value::List(entries) if entries.iter().any(|entry| matches!(entry, Value::Map(_))) => html! {
            ul {
                @for entry in entries.iter().take(ENTRIES) { li { (value(entry)) } }
                @if entries.len() > ENTRIES { li { "and " (entries.len() - ENTRIES) " more" } }
            }
        },
        Value::Time(at) => html! { (Timestamp::from_seconds(*at).utc()) },
        other => {
            let text = other.to_string();
            html! { bdi { (if text.is_empty() { "none".into() } else { cut(&text) }) } }
        }
    }
}
