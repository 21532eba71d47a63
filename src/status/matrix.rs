//! The views matrix: who holds whom to be alive, suspected or failed, and which nodes share a slot map. Nodes that see
//! the same share a row, and nodes that are seen the same share a column where there are many: a thousand nodes in two
//! halves are two rows and two columns.

use std::collections::BTreeMap;

use maud::{Markup, html};

use super::html::{count, cut, name};
use super::views::{SharedView, shared_views, slot_maps};
use crate::model::finding::seconds;
use crate::model::node::Health;
use crate::model::view::ClusterView;

/// Up to so many nodes each has a row and a column of its own.
const EACH: usize = 16;

/// Rows and columns that are shown.
const MOST: usize = 48;

/// Names that are written out.
const NAMES: usize = 12;

/// The section.
pub(super) fn section(view: &ClusterView) -> Markup {
    let shared = shared_views(view);
    let order = order(view);
    let columns = columns(view, &shared, &order);
    let rows = rows(view, &shared, &order);
    let maps = slot_maps(view);
    html! {
        section #views aria-labelledby="views-title" {
            h2 #views-title { "Who sees whom" }
            (words(view, maps.len()))
            @if !columns.is_empty() {
                div.scroll tabindex="0" role="group" aria-labelledby="views-title" {
                    table.matrix {
                        thead { tr {
                            th scope="col" { "Viewer" }
                            @for column in columns.iter().take(MOST) { th scope="col" title=(cut(&names(view, column))) { (numbers(&order, column)) } }
                            th scope="col" { "Slot map" }
                        } }
                        tbody {
                            tr { th scope="row" { "this exporter" } @for column in columns.iter().take(MOST) { (reached(view, column)) } td {} }
                            @for row in rows.iter().take(MOST) { (line(view, &shared, row, &columns, &order)) }
                        }
                    }
                }
                @if rows.len() > MOST || columns.len() > MOST {
                    p.quiet { "Of " (rows.len()) " rows and " (columns.len()) " columns the first " (MOST) " are shown." }
                }
                p.quiet.legend {
                    (cell("ok", "✓")) " alive " (cell("suspected", "?")) " suspected (fail?) " (cell("failed", "✕"))
                    " failed " (cell("absent", "–")) " not in its table " (cell("unreachable", "!")) " does not answer"
                }
            }
        }
    }
}

fn words(view: &ClusterView, maps: usize) -> Markup {
    let silent = view.members.iter().filter(|member| member.viewpoint().is_none()).count();
    let flagged = view.members.iter().any(|member| member.suspected_by > 0);
    let oldest = view.oldest_table();
    html! {
        p.bad[view.groups.len() > 1] {
            @match view.groups.len() {
                0 => "No node told its view.",
                1 if flagged => "The nodes that answer hold together, and suspect or have failed some.",
                1 => "The nodes that answer hold each other for alive.",
                groups => { "The nodes that answer fall into " (groups) " groups that do not hold each other for alive." }
            }
        }
        p.bad[maps > 1] {
            @match maps {
                0 => "No slot map is known.",
                1 => "All share one slot map.",
                maps => { "They hold " (maps) " different slot maps." }
            }
        }
        @if !oldest.is_zero() {
            p.quiet {
                "In a cluster of this size not every table is read with every poll: the oldest is of "
                (seconds(oldest.as_secs_f64())) " before it. Nothing else that its node says has changed since."
            }
        }
        @if silent > 0 {
            p.bad { (count(silent, "node")) " did not tell how " (if silent == 1 { "it sees" } else { "they see" }) " the others; their rows say why." }
        }
        @for stranger in view.strangers.iter().take(NAMES) {
            p.bad { (name(&stranger.target.to_string())) " does not answer: " bdi { (cut(&stranger.error.to_string())) } }
        }
    }
}

/// Members side by side with those that hold them for alive; those that told no view come last.
fn order(view: &ClusterView) -> Vec<usize> {
    let mut order: Vec<usize> = view.groups.iter().flatten().copied().collect();
    let mut placed = vec![false; view.members.len()];
    order.iter().for_each(|at| placed[*at] = true);
    order.extend((0..view.members.len()).filter(|at| !placed[*at]));
    order
}

/// Members that are seen alike by everybody, this exporter included, in the order of the first.
fn columns(view: &ClusterView, shared: &[SharedView], order: &[usize]) -> Vec<Vec<usize>> {
    if order.len() <= EACH {
        return order.iter().map(|at| vec![*at]).collect();
    }
    let seen = |at: usize| {
        let by_all: Vec<Option<Health>> = shared.iter().map(|shared| shared.seen[at]).collect();
        (by_all, view.members[at].is_up())
    };
    gather(order, seen)
}

/// The viewers in groups that see alike; a viewer that told nothing stands with those that failed in the same way.
fn rows(view: &ClusterView, shared: &[SharedView], order: &[usize]) -> Vec<(Option<usize>, Vec<usize>)> {
    let mut sees: Vec<Option<usize>> = vec![None; view.members.len()];
    for (n, shared) in shared.iter().enumerate() {
        shared.viewers.iter().for_each(|at| sees[*at] = Some(n));
    }
    if order.len() <= EACH {
        return order.iter().map(|at| (sees[*at], vec![*at])).collect();
    }
    let why = |at: usize| (sees[at], silence(view, at).filter(|_| sees[at].is_none()));
    gather(order, why).into_iter().map(|members| (sees[members[0]], members)).collect()
}

fn gather<K: Ord>(order: &[usize], key: impl Fn(usize) -> K) -> Vec<Vec<usize>> {
    let mut gathered: Vec<Vec<usize>> = Vec::new();
    let mut known: BTreeMap<K, usize> = BTreeMap::new();
    for at in order {
        let place = *known.entry(key(*at)).or_insert(gathered.len());
        if place == gathered.len() {
            gathered.push(Vec::new());
        }
        gathered[place].push(*at);
    }
    gathered
}

fn line(
    view: &ClusterView,
    shared: &[SharedView],
    (sees, viewers): &(Option<usize>, Vec<usize>),
    columns: &[Vec<usize>],
    order: &[usize],
) -> Markup {
    html! {
        tr {
            th scope="row" { (numbers(order, viewers)) " " (name(&names(view, viewers))) }
            @match sees.map(|n| &shared[n]) {
                Some(shared) => {
                    @for column in columns.iter().take(MOST) {
                        @if column == viewers { td.self { "·" } } @else { (seen(shared.seen[column[0]])) }
                    }
                    td { (map_name(shared.slot_map)) }
                }
                None => td.silent colspan=(columns.len().min(MOST) + 1) { bdi { (cut(&silence(view, viewers[0]).unwrap_or_default())) } },
            }
        }
    }
}

fn silence(view: &ClusterView, at: usize) -> Option<String> {
    let member = &view.members[at];
    match (&member.said, member.error()) {
        (None, _) => Some("not asked: no address of it is known, or it was only just named".to_owned()),
        (Some(_), Some(error)) => Some(format!("did not answer: {error}")),
        (Some(said), None) => said.nodes.as_ref().err().map(|error| format!("CLUSTER NODES: {error}")),
    }
}

fn reached(view: &ClusterView, column: &[usize]) -> Markup {
    if view.members[column[0]].is_up() {
        cell_of("ok", "✓", "answers")
    } else {
        cell_of("unreachable", "!", "does not answer")
    }
}

fn seen(health: Option<Health>) -> Markup {
    match health {
        Some(Health::Alive) => cell_of("ok", "✓", "alive"),
        Some(Health::Suspected) => cell_of("suspected", "?", "suspected"),
        Some(Health::Failed) => cell_of("failed", "✕", "failed"),
        None => cell_of("absent", "–", "not in its table"),
    }
}

fn cell_of(class: &str, sign: &str, word: &str) -> Markup {
    html! { td.(class) { span aria-hidden="true" { (sign) } span.hidden { (word) } } }
}

fn cell(class: &str, sign: &str) -> Markup {
    html! { span.key.(class) aria-hidden="true" { (sign) } }
}

/// Slot maps are called A, B, …
fn map_name(at: usize) -> String {
    let letter = char::from(b'A' + (at % 26) as u8);
    if at < 26 { letter.to_string() } else { format!("{letter}{}", at / 26) }
}

/// Places in the order of the rows, counted from 1.
fn numbers(order: &[usize], members: &[usize]) -> String {
    let place = |at: &usize| order.iter().position(|other| other == at).map_or(0, |place| place + 1);
    match members {
        [one] => place(one).to_string(),
        many => count(many.len(), "node"),
    }
}

fn names(view: &ClusterView, members: &[usize]) -> String {
    let mut names: Vec<&str> = members.iter().take(NAMES).map(|at| &*view.members[*at].label).collect();
    let more = format!("and {} more", members.len().saturating_sub(NAMES));
    if members.len() > NAMES {
        names.push(&more);
    }
    names.join(", ")
}
