//! The page of one cluster: what is wrong and what to do first, then what all nodes say.

use maud::{Markup, html};

use super::findings::{self, Cause};
use super::html::{Page, ago, badge, class, count, cut, encode, name};
use super::shards::{self, shards};
use super::{Polled, events, matrix, report, slot_map};
use crate::frame::Frame;
use crate::model::finding::seconds;
use crate::model::slots::SLOT_COUNT;

/// The page.
pub fn cluster(polled: &Polled<'_>) -> String {
    let verdict = polled.verdict();
    let title = format!("{} · {}", verdict.as_str(), polled.name);
    let content = match polled.frame {
        Some(frame) => content(polled, frame),
        None => html! {
            section.verdict.unknown #verdict {
                h1 { (badge(verdict)) " " (name(polled.name)) }
                p { "The first poll has not ended: nothing is known of this cluster yet." }
            }
        },
    };
    let refresh = Some(polled.refresh().unwrap_or(1.0));
    Page { title: &title, verdict: Some(verdict), crumb: Some(polled.name), refresh, content }.render()
}

fn content(polled: &Polled<'_>, frame: &Frame) -> Markup {
    let api = format!("/api/v1/clusters/{}", encode(polled.name));
    let (causes, all) = (findings::causes(frame), shards(&frame.view));
    html! {
        (verdict(polled, frame, &causes))
        (findings::section(&causes, &api, polled.now))
        (unknown(frame))
        (slot_map::section(frame, &all))
        (matrix::section(&frame.view))
        (shards::section(frame, &all))
        (events::section(frame, &api, polled.now))
    }
}

fn verdict(polled: &Polled<'_>, frame: &Frame, causes: &[Cause<'_>]) -> Markup {
    let said = polled.verdict();
    html! {
        section.verdict.(class(said)) #verdict {
            h1 { (badge(said)) " " (name(polled.name)) }
            @if polled.is_stale() {
                p.bad { "Not polled any more: all that follows is of " (ago(frame.view.at, polled.now)) ". See the log of the exporter." }
            }
            p.headline {
                @match causes.first() {
                    Some(cause) => { (cause.judgement.check.summary) }
                    None if said == report::Verdict::Ok => "Nothing is wrong.",
                    None => "Too little answered to say that all is well.",
                }
                @if causes.len() > 1 { " " a href="#findings" { "And " (causes.len() - 1) " more." } }
            }
            @if let Some(finding) = causes.first().and_then(|cause| cause.judgement.outcome.findings().first()) {
                p { bdi { (cut(&finding.summary)) } }
            }
            (facts(frame))
            p.quiet {
                "Polled " (ago(frame.view.at, polled.now)) " in " (seconds(frame.view.took.as_secs_f64()))
                ", every " (seconds(frame.interval.as_secs_f64())) "."
            }
        }
    }
}

fn facts(frame: &Frame) -> Markup {
    let (view, coverage) = (&frame.view, &frame.view.coverage);
    let (reached, known) = (view.reachable(), view.members.len().max(view.strangers.len()));
    let (voting, quorum) = (view.voters_reachable(), view.quorum());
    let shards = view.shards();
    let open: u32 = frame.past.migrations.iter().map(|open| open.slots.len().max(1)).sum();
    html! {
        dl.facts {
            (fact("nodes answer", &format!("{reached} of {known}"), reached < known || known == 0))
            (fact("slots have a live owner", &format!("{} of {SLOT_COUNT}", coverage.covered.len()), coverage.uncovered() > 0))
            (fact("slots claimed twice", &coverage.contested.len().to_string(), !coverage.contested.is_empty()))
            (fact("slots on the move", &open.to_string(), false))
            (fact("groups of nodes", &view.groups.len().to_string(), view.groups.len() != 1))
            (fact("slot maps", &view.slot_maps().to_string(), view.slot_maps() != 1))
            (fact("votes there, quorum", &format!("{voting}, {quorum}"), voting < quorum))
            (fact("shards", &shards.to_string(), shards == 0))
        }
    }
}

fn fact(what: &str, value: &str, bad: bool) -> Markup {
    html! { div.bad[bad] { dt { (what) } dd { (value) } } }
}

/// What cannot be told is never taken for fine.
fn unknown(frame: &Frame) -> Markup {
    let unknown: Vec<_> = report::unknown(frame).collect();
    html! {
        @if !unknown.is_empty() {
            section #unknown aria-labelledby="unknown-title" {
                details #unknown-checks {
                    summary { h2 #unknown-title { "Cannot be judged: " (count(unknown.len(), "check")) } }
                    dl { @for (check, why) in &unknown { dt { a href={ "/runbooks/" (check) } { (check) } } dd { bdi { (why) } } } }
                }
            }
        }
    }
}
