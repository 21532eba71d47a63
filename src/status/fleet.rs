//! The start page: one row per cluster, worst first.

use std::cmp::Reverse;

use maud::{Markup, html};

use super::html::{Page, ago, badge, class, cluster_path, encode, name};
use super::report::{self, Verdict};
use super::{Polled, findings};
use crate::frame::Frame;
use crate::model::finding::Severity;
use crate::model::slots::SLOT_COUNT;

/// Seconds from one refresh to the next while no cluster says how often it is polled.
const REFRESH: f64 = 5.0;

/// The start page. `reload` says whether `POST /-/reload` is enabled.
pub fn fleet(polled: &[Polled<'_>], reload: bool) -> String {
    let mut rows: Vec<_> = polled.iter().map(|polled| (polled.verdict(), polled)).collect();
    // A stable sort: clusters of one verdict stay in the order of the configuration.
    rows.sort_by_key(|(verdict, polled)| Reverse((verdict.rank(), polled.is_stale())));
    let worst = report::worst(rows.iter().map(|(verdict, _)| *verdict));
    let troubled = rows.iter().filter(|(verdict, _)| *verdict != Verdict::Ok).count();
    let refresh = polled.iter().filter_map(Polled::refresh).reduce(f64::min).unwrap_or(REFRESH);
    let content = html! {
        section.verdict.(class(worst)) #verdict {
            h1 {
                (badge(worst))
                @match (rows.len(), troubled) {
                    (0, _) => " No cluster is configured",
                    (1, 0) => " The cluster is well",
                    (all, 0) => { " All " (all) " clusters are well" }
                    (all, some) => { " " (some) " of " (all) " clusters " (if some == 1 { "wants" } else { "want" }) " a look" }
                }
            }
        }
        section #clusters aria-label="Clusters" {
            div.scroll tabindex="0" role="group" aria-label="Clusters" {
                table.clusters {
                    thead { tr {
                        th scope="col" { "Verdict" }
                        th scope="col" { "Cluster" }
                        th scope="col" { "What" }
                        th scope="col" { "Nodes" }
                        th scope="col" { "Slots" }
                        th scope="col" { "Polled" }
                        th scope="col" { "Metrics" }
                    } }
                    tbody { @for (verdict, polled) in &rows { (row(*verdict, polled)) } }
                }
            }
        }
        @if reload {
            p { code { "POST /-/reload" } " reads the configuration anew." }
        }
    };
    let title = format!("{} · {} of {} clusters", worst.as_str(), troubled, rows.len());
    Page { title: &title, verdict: Some(worst), crumb: None, refresh: Some(refresh), content }.render()
}

fn row(verdict: Verdict, polled: &Polled<'_>) -> Markup {
    html! {
        tr {
            td { (badge(verdict)) }
            th scope="row" { a href=(cluster_path(polled.name)) { (name(polled.name)) } }
            @match polled.frame {
                Some(frame) => (state(frame, polled)),
                None => td colspan="4" { "the first poll has not ended" },
            }
            td { a href={ "/metrics?cluster=" (encode(polled.name)) } { "metrics" span.hidden { " of " (name(polled.name)) } } }
        }
    }
}

fn state(frame: &Frame, polled: &Polled<'_>) -> Markup {
    let view = &frame.view;
    let (reached, known) = (view.reachable(), view.members.len().max(view.strangers.len()));
    let covered = view.coverage.covered.len();
    html! {
        td { (headline(frame)) }
        td.bad[reached < known || known == 0] { (reached) " of " (known) }
        td.bad[covered < u32::from(SLOT_COUNT)] { (covered) " of " (SLOT_COUNT) }
        td.bad[polled.is_stale()] { (ago(view.at, polled.now)) @if polled.is_stale() { ", stands still" } }
    }
}

/// What is worst, and how much there is beside it.
fn headline(frame: &Frame) -> Markup {
    let causes = findings::causes(frame);
    let by = |severity: Severity| {
        let of = causes.iter().filter(|cause| cause.judgement.severity == severity).count();
        (of > 0).then(|| format!("{of} {}", severity.as_str()))
    };
    let counts: Vec<String> = Severity::ALL.into_iter().filter_map(by).collect();
    html! {
        @if let Some(cause) = causes.first() {
            b { (cause.judgement.check.code) } " " (cause.judgement.check.summary)
            div.quiet { (counts.join(", ")) }
        } @else {
            "nothing found"
        }
    }
}
