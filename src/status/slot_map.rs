//! The 16384 slots as a picture: a grid of 64 rows of 256, coloured by shard. What no node serves, what two claim and
//! what is on the move is drawn over it, large enough to be seen as a single slot.

use std::collections::BTreeMap;
use std::fmt::Write;

use maud::{Markup, html};

use super::html::{cut, name};
use super::shards::{COLOURS, Shard};
use crate::frame::Frame;
use crate::model::migration::OpenMigration;
use crate::model::node::NodeId;
use crate::model::slots::{SLOT_COUNT, SlotSet};
use crate::model::view::ClusterView;

/// Slots of one row of the grid.
const WIDTH: u16 = 256;

/// Areas that tell of themselves. A map that is more broken up has one area for all slots of a kind.
const MOST_AREAS: usize = 1500;

/// What is drawn over a slot, worst last.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord)]
enum Mark {
    Open(String),
    Contested(String),
    Uncovered(String),
}

impl Mark {
    fn class(&self) -> &'static str {
        match self {
            Self::Open(_) => "open",
            Self::Contested(_) => "contested",
            Self::Uncovered(_) => "uncovered",
        }
    }

    fn words(&self) -> &str {
        match self {
            Self::Open(words) | Self::Contested(words) | Self::Uncovered(words) => words,
        }
    }
}

/// The map, and in words what stands out.
pub(super) fn section(frame: &Frame, shards: &[Shard]) -> Markup {
    let marks = marks(frame);
    let covered = frame.view.coverage.covered.len();
    html! {
        section #slots aria-labelledby="slots-title" {
            h2 #slots-title { "Slots" }
            p.bad[covered < u32::from(SLOT_COUNT)] {
                (covered) " of " (SLOT_COUNT) " slots have a live owner."
                @if marks.is_empty() { " None is claimed twice, none is on the move." }
            }
            ul.marks {
                @for (mark, slots) in marks.iter().rev() {
                    li { span.swatch.(mark.class()) {} " " b { (slots.len()) " " (mark.class()) } " " bdi { (cut(mark.words())) } ": " code { (cut(&slots.to_string())) } }
                }
            }
            div.map {
                ol.axis aria-hidden="true" { @for slot in [0, 4096, 8192, 12288] { li { (slot) } } }
                svg viewBox={ "0 0 " (WIDTH) " " (SLOT_COUNT / WIDTH) } preserveAspectRatio="none" role="img"
                    aria-labelledby="slots-title" {
                    (owners(&frame.view, shards))
                    (overlay(&marks))
                }
            }
            p #slot-info .quiet aria-live="off" { "Point at a slot to see its range and who claims it. One row is " (WIDTH) " slots." }
        }
    }
}

fn owners(view: &ClusterView, shards: &[Shard]) -> Markup {
    let labels = |shard: &Shard| {
        let primaries = shard.members.iter().map(|at| &view.members[*at]);
        let owners = primaries.filter(|member| member.is_primary() && !member.slots.is_empty());
        owners.map(|member| &*member.label).collect::<Vec<_>>().join(" and ")
    };
    let areas: usize = shards.iter().map(|shard| shard.slots.ranges().len()).sum();
    html! {
        @for (at, shard) in shards.iter().enumerate().filter(|(_, shard)| !shard.slots.is_empty()) {
            @let owner = labels(shard);
            g.{ "s" (at % COLOURS) } { (ranges(&shard.slots, &owner, areas <= MOST_AREAS)) }
        }
    }
}

fn overlay(marks: &BTreeMap<Mark, SlotSet>) -> Markup {
    let areas: usize = marks.values().map(|slots| slots.ranges().len()).sum();
    html! {
        @for (mark, slots) in marks {
            g.(mark.class()) { (ranges(slots, mark.words(), areas <= MOST_AREAS)) }
        }
    }
}

/// An area per range, or one for all.
fn ranges(slots: &SlotSet, words: &str, each: bool) -> Markup {
    let ranges = slots.ranges();
    let words = cut(words);
    html! {
        @if each {
            @for range in &ranges {
                path d=(outline(*range)) {
                    title {
                        @if range.0 == range.1 { "slot " (range.0) } @else { "slots " (range.0) "-" (range.1) }
                        ": " (words)
                    }
                }
            }
        } @else {
            path d=(ranges.iter().copied().map(outline).collect::<String>()) {
                title { (slots.len()) " slots in " (ranges.len()) " ranges: " (words) }
            }
        }
    }
}

/// A range on the grid: part of one row, or the area between two places.
fn outline((first, last): (u16, u16)) -> String {
    let (x, y) = (first % WIDTH, first / WIDTH);
    let (right, bottom) = (last % WIDTH + 1, last / WIDTH + 1);
    let mut path = String::new();
    // Writing to a string does not fail.
    if bottom == y + 1 {
        write!(path, "M{x} {y}H{right}V{bottom}H{x}z").unwrap_or_default();
    } else {
        let (second, before_last) = (y + 1, bottom - 1);
        write!(path, "M{x} {y}H{WIDTH}V{before_last}H{right}V{bottom}H0V{second}H{x}z").unwrap_or_default();
    }
    path
}

/// What stands out, worst last.
fn marks(frame: &Frame) -> BTreeMap<Mark, SlotSet> {
    let view = &frame.view;
    let mut marks = BTreeMap::new();
    let mut add = |mark: Mark, slots: &SlotSet| {
        if !slots.is_empty() {
            let entry: &mut SlotSet = marks.entry(mark).or_default();
            *entry = entry.union(slots);
        }
    };
    for open in &frame.past.migrations {
        add(Mark::Open(moving(view, open)), &open.slots);
    }
    for (slots, claimants) in contested(view) {
        add(Mark::Contested(format!("claimed by {}", claimants.join(" and "))), &slots);
    }
    for (reason, slots) in view.coverage.reasons() {
        let reason = reason.replace('_', " ");
        let mut rest = slots.clone();
        for member in view.members.iter().filter(|member| member.is_primary()) {
            add(Mark::Uncovered(format!("{reason}: {}", member.label)), &rest.intersection(&member.slots));
            rest = rest.difference(&member.slots);
        }
        add(Mark::Uncovered(reason), &rest);
    }
    marks
}

fn moving(view: &ClusterView, open: &OpenMigration) -> String {
    let label = |id: Option<NodeId>| match id {
        Some(id) => view.member(id).map_or_else(|| id.to_string(), |member| member.label.to_string()),
        None => "an unknown node".to_owned(),
    };
    let keys = open.keys_remaining.map_or(String::new(), |keys| format!(", {keys} keys left at the source"));
    format!("on the move from {} to {}{keys}", label(open.source), label(open.target))
}

/// Contested slots by who claims them, each on its own word.
fn contested(view: &ClusterView) -> Vec<(SlotSet, Vec<&str>)> {
    if view.coverage.contested.is_empty() {
        return Vec::new();
    }
    let mut sets: Vec<(SlotSet, Vec<&str>)> = vec![(view.coverage.contested.clone(), Vec::new())];
    for member in &view.members {
        let Some(claim) = member.claim() else { continue };
        let split = sets.into_iter().flat_map(|(slots, claimants)| {
            let with = [&claimants[..], &[&*member.label]].concat();
            [(slots.intersection(claim), with), (slots.difference(claim), claimants)]
        });
        sets = split.filter(|(slots, _)| !slots.is_empty()).collect();
    }
    sets
}

/// A shard's colour beside its name.
pub(super) fn swatch(at: usize) -> Markup {
    html! { span.swatch.{ "s" (at % COLOURS) } {} }
}

/// Slots as text, cut where they are many pieces.
pub(super) fn slots(slots: &SlotSet) -> Markup {
    html! { (name(&slots.to_string())) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn outlines_enclose_their_slots() {
        for (range, path) in [
            ((0, 0), "M0 0H1V1H0z"),
            ((255, 255), "M255 0H256V1H255z"),
            ((10, 20), "M10 0H21V1H10z"),
            ((0, 16383), "M0 0H256V63H256V64H0V1H0z"),
            ((255, 256), "M255 0H256V1H1V2H0V1H255z"),
            ((5460, 10922), "M84 21H256V42H171V43H0V22H84z"),
        ] {
            assert_eq!(outline(range), path, "{range:?}");
        }
    }
}
