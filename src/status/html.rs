//! What all pages have in common: the frame around them, and the small pieces.
//!
//! Every text goes through `maud`, which escapes it; nothing that a node says is ever put in as markup. Texts of nodes
//! are cut, so that none makes a page long, and stand apart from their surroundings (`bdi`), so that none turns the
//! direction of what follows it.

use std::borrow::Cow;

use maud::{DOCTYPE, Markup, html};

use super::report::Verdict;
use crate::model::finding::{Severity, seconds};
use crate::model::text::tamed;
use crate::model::time::Timestamp;

/// The style of all pages, served as `/assets/page.css`.
pub const STYLE: &str = include_str!("page.css");

/// The script of all pages, served as `/assets/page.js`. Without it everything can be read, and reloads itself.
pub const SCRIPT: &str = include_str!("page.js");

/// Characters that are shown of a text that a node chose.
const LONGEST: usize = 400;

/// Characters of a command that is shown.
const LONGEST_COMMAND: usize = 1000;

/// Seconds between two reloads where no script runs.
const RELOAD_SECONDS: u32 = 30;

/// A page, before it is text.
pub(super) struct Page<'a> {
    /// What the tab is called.
    pub(super) title: &'a str,
    /// Its colour.
    pub(super) verdict: Option<Verdict>,
    /// Where it stands below the start page.
    pub(super) crumb: Option<&'a str>,
    /// Seconds from one refresh to the next, where it changes by itself.
    pub(super) refresh: Option<f64>,
    /// What stands in `main`.
    pub(super) content: Markup,
}

impl Page<'_> {
    /// The whole document.
    pub(super) fn render(&self) -> String {
        let page = html! {
            (DOCTYPE)
            html lang="en" {
                head {
                    meta charset="utf-8";
                    meta name="viewport" content="width=device-width, initial-scale=1";
                    title { (cut(self.title)) }
                    link rel="icon" href=(icon(self.verdict));
                    link rel="stylesheet" href="/assets/page.css";
                    script src="/assets/page.js" defer {}
                    @if self.refresh.is_some() {
                        noscript { meta http-equiv="refresh" content=(RELOAD_SECONDS); }
                    }
                }
                body {
                    a.skip href="#main" { "Skip to content" }
                    header {
                        nav aria-label="Where you are" {
                            a href="/" { "All clusters" }
                            @if let Some(crumb) = self.crumb {
                                span aria-hidden="true" { "›" }
                                span aria-current="page" { (name(crumb)) }
                            }
                        }
                        p #freshness role="status" {}
                    }
                    main #main tabindex="-1" data-refresh=[self.refresh] { (self.content) }
                    footer {
                        "redis-cluster-exporter " (env!("CARGO_PKG_VERSION"))
                        nav aria-label="What else is served" {
                            a href="/runbooks" { "runbooks" }
                            a href="/metrics" { "metrics" }
                            a href="/api/v1/clusters" { "JSON" }
                            a href="/api/v1/sd" { "http_sd" }
                            a href="/-/healthy" { "healthy" }
                            a href="/-/ready" { "ready" }
                        }
                    }
                }
            }
        };
        page.into_string()
    }
}

/// A disc in the colour of the verdict.
fn icon(verdict: Option<Verdict>) -> String {
    let colour = match verdict {
        Some(Verdict::Ok) => "1a7f37",
        Some(Verdict::Firing(Severity::P1)) => "c4162a",
        Some(Verdict::Firing(Severity::P2)) => "d9730d",
        Some(Verdict::Firing(Severity::P3)) => "b58900",
        Some(Verdict::Unknown) => "6e40c9",
        None => "57606a",
    };
    format!(
        "data:image/svg+xml,%3Csvg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 16 16'%3E\
         %3Ccircle cx='8' cy='8' r='7' fill='%23{colour}'/%3E%3C/svg%3E"
    )
}

/// Class of a verdict's colour: `p1`, `p2`, `p3`, `ok`, `unknown`.
pub(super) fn class(verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::Firing(severity) => severity_class(severity),
        Verdict::Ok => "ok",
        Verdict::Unknown => "unknown",
    }
}

/// Class of a severity's colour.
pub(super) fn severity_class(severity: Severity) -> &'static str {
    match severity {
        Severity::P1 => "p1",
        Severity::P2 => "p2",
        Severity::P3 => "p3",
    }
}

/// The severity or the verdict in its colour, as text too.
pub(super) fn badge(verdict: Verdict) -> Markup {
    html! { span.badge.(class(verdict)) { (verdict.as_str()) } }
}

/// A name that somebody else chose, in one piece.
pub(super) fn name(text: &str) -> Markup {
    html! { bdi.name { (cut(text)) } }
}

/// How long ago something was, with the instant itself.
pub(super) fn ago(at: Timestamp, now: Timestamp) -> Markup {
    let age = now.seconds_since(at).max(0.0);
    let utc = at.utc();
    html! { time datetime=(utc) title=(utc) { (seconds(age)) " ago" } }
}

/// How long something has lasted, with when it began.
pub(super) fn lasting(since: Timestamp, now: Timestamp) -> Markup {
    let (age, utc) = (now.seconds_since(since).max(0.0), since.utc());
    html! { "for " time datetime=(utc) title=(utc) { (seconds(age)) } }
}

/// A command line with a button that copies it. Never cut: half a command is another command.
pub(super) fn command(line: &str) -> Markup {
    let (line, length) = (tamed(line), line.chars().count());
    html! {
        @if length > LONGEST_COMMAND {
            p.quiet { "A command of " (length) " characters is not shown; the JSON has it." }
        } @else {
            div.command {
                code { (line) }
                button.copy type="button" data-copy=(line) { "Copy" span.hidden { " command" } }
            }
        }
    }
}

/// The path of a cluster's page.
pub(super) fn cluster_path(name: &str) -> String {
    format!("/clusters/{}", encode(name))
}

/// A name as a segment of a path.
pub(super) fn encode(name: &str) -> String {
    // A space is `+` in a form and `%20` everywhere else.
    url::form_urlencoded::byte_serialize(name.as_bytes()).collect::<String>().replace('+', "%20")
}

/// At most [`LONGEST`] characters of a text, and none that deceives.
pub(super) fn cut(text: &str) -> Cow<'_, str> {
    let tame = tamed(text);
    match tame.char_indices().nth(LONGEST) {
        Some(_) => tame.chars().take(LONGEST).chain(['…']).collect(),
        None => tame,
    }
}

/// `1 node`, `2 nodes`.
pub(super) fn count(n: usize, one: &str) -> String {
    if n == 1 { format!("1 {one}") } else { format!("{n} {one}s") }
}
