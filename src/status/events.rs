//! The last events of a cluster.

use maud::{Markup, html};

use super::html::{ago, badge, cut, name};
use super::report::Verdict;
use crate::frame::Frame;
use crate::model::event::{Ending, EventLog, Happening, Record};
use crate::model::finding::{Severity, Subject, seconds};
use crate::model::past::{Change, Event};
use crate::model::time::Timestamp;

/// Events that are shown.
const SHOWN: usize = 40;

/// The section. `api` leads to all of them.
pub(super) fn section(frame: &Frame, api: &str, now: Timestamp) -> Markup {
    let all = EventLog::newest_first(&frame.past.log);
    html! {
        section #events aria-labelledby="events-title" {
            h2 #events-title { "What happened" }
            @if all.is_empty() {
                p.quiet { "Nothing has changed since this exporter began to watch." }
            } @else {
                ol.events { @for record in all.iter().take(SHOWN) { (line(record, now)) } }
                p.quiet { "As far as this exporter watched; " a href={ (api) "/events" } { "all " (all.len()) " as JSON" } "." }
            }
        }
    }
}

fn line(record: &Record, now: Timestamp) -> Markup {
    html! {
        li {
            span.when { (ago(record.at, now)) }
            @match &record.what {
                Happening::Changed(event) => (changed(event)),
                Happening::Opened { check, severity, subject, .. } => (finding(*severity, check, "began", subject)),
                Happening::Closed { check, severity, subject, since, ending } => {
                    @let lasted = seconds(record.at.seconds_since(*since).max(0.0));
                    (finding(*severity, check, &format!("{} after {lasted}", words(*ending)), subject))
                }
            }
        }
    }
}

fn words(ending: Ending) -> &'static str {
    match ending {
        Ending::Clear => "cleared",
        Ending::Unknown => "cannot be told any more",
        Ending::Disabled => "is no longer looked for",
    }
}

fn finding(severity: Severity, check: &str, what: &str, subject: &Subject) -> Markup {
    html! {
        span {
            (badge(Verdict::Firing(severity))) " " b { (check) } " " (what) ": "
            bdi { (cut(&subject.to_string())) }
        }
    }
}

fn changed(event: &Event) -> Markup {
    html! {
        span {
            (name(&event.node)) " "
            @match &event.change {
                Change::Joined => "joined",
                Change::Left => "left",
                Change::AddressChanged { before } => { "was at " (name(before)) " before" },
                Change::RoleChanged { now } => { "became a " (now.as_str()) },
                Change::SlotsMoved { gained, lost } => { "gained " (gained) " slots and lost " (lost) },
                Change::Failover { before } => { b { "took over" } " from " (name(before)) },
            }
        }
    }
}
