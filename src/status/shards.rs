//! Shards with their nodes.

use std::collections::BTreeMap;

use maud::{Markup, html};

use super::html::{count, cut, name};
use super::node::NodeFacts;
use super::slot_map::{slots, swatch};
use crate::frame::Frame;
use crate::model::finding::{bytes, seconds};
use crate::model::node::Role;
use crate::model::slots::{SLOT_COUNT, SlotSet};
use crate::model::snapshot::PrimaryLink;
use crate::model::view::ClusterView;

/// Colours that shards take in turn: classes `s0`, `s1`, …
pub(super) const COLOURS: usize = 8;

/// Checks that are named beside a node.
const MOST_CHECKS: usize = 4;

/// Columns of the table.
const COLUMNS: u8 = 8;

/// A shard and its nodes.
pub(super) struct Shard {
    /// Shard id where the server has one, else the id of the primary.
    pub(super) name: std::sync::Arc<str>,
    /// Slots of its primaries.
    pub(super) slots: SlotSet,
    /// Indices of its members, primaries first.
    pub(super) members: Vec<usize>,
}

/// The shards in the order of their slots; those without slots last.
pub(super) fn shards(view: &ClusterView) -> Vec<Shard> {
    let mut by_name: BTreeMap<&str, Shard> = BTreeMap::new();
    for (at, member) in view.members.iter().enumerate() {
        let shard = by_name.entry(&member.shard).or_insert_with(|| Shard {
            name: member.shard.clone(),
            slots: SlotSet::new(),
            members: Vec::new(),
        });
        shard.members.push(at);
        if member.is_primary() && !member.slots.is_empty() {
            shard.slots = shard.slots.union(&member.slots);
        }
    }
    let mut shards: Vec<Shard> = by_name.into_values().collect();
    for shard in &mut shards {
        shard.members.sort_by_key(|at| !view.members[*at].is_primary());
    }
    shards.sort_by_cached_key(|shard| (shard.slots.iter().next().unwrap_or(SLOT_COUNT), shard.name.clone()));
    shards
}

/// The table of all nodes.
pub(super) fn section(frame: &Frame, shards: &[Shard]) -> Markup {
    let named = named(frame);
    html! {
        section #shards aria-labelledby="shards-title" {
            h2 #shards-title { "Shards and nodes" }
            p.quiet {
                "Memory is measured against maxmemory, or the host's memory where that is not set. A healthy node of a \
                 cluster of this size and node timeout sends at most " (rate(frame.view.bus_bound(frame.view.node_timeout()))) " bus messages."
            }
            div.scroll tabindex="0" role="group" aria-labelledby="shards-title" {
                table.nodes {
                    thead { tr {
                        th scope="col" { "Node" }
                        th scope="col" { "Role" }
                        th scope="col" { "State" }
                        th scope="col" { "Epoch" }
                        th scope="col" { "Memory" }
                        th scope="col" { "Response" }
                        th scope="col" { "Replication" }
                        th scope="col" { "Bus" }
                    } }
                    @for (at, shard) in shards.iter().enumerate() {
                        tbody {
                            tr.shard { th scope="rowgroup" colspan=(COLUMNS) { (title(at, shard)) } }
                            @for at in &shard.members {
                                (row(&NodeFacts::of(frame, *at), named.get(&*frame.view.members[*at].label)))
                            }
                        }
                    }
                }
            }
        }
    }
}

fn title(at: usize, shard: &Shard) -> Markup {
    let short: String = shard.name.chars().take(8).collect();
    html! {
        @if shard.slots.is_empty() {
            "No slots"
        } @else {
            (swatch(at)) " " (count(shard.slots.len() as usize, "slot")) " " (slots(&shard.slots))
        }
        " " span.quiet title=(cut(&shard.name)) { "shard " (name(&short)) }
    }
}

/// Codes of the checks that name a node, by its label.
fn named(frame: &Frame) -> BTreeMap<&str, Vec<&'static str>> {
    let mut named: BTreeMap<&str, Vec<&'static str>> = BTreeMap::new();
    for judgement in &frame.judgements {
        for node in judgement.outcome.findings().iter().flat_map(|finding| &finding.subject.nodes) {
            let codes = named.entry(node).or_default();
            if !codes.contains(&judgement.check.code) {
                codes.push(judgement.check.code);
            }
        }
    }
    named
}

fn row(facts: &NodeFacts<'_>, codes: Option<&Vec<&'static str>>) -> Markup {
    let member = facts.member;
    let codes = codes.filter(|_| member.owns_label).map_or(&[][..], Vec::as_slice);
    html! {
        tr {
            th scope="row" {
                (name(&member.label))
                @if !member.owns_label { div.quiet { "id " (member.id) } }
                @if let Some(version) = facts.version { div.quiet { "version " (name(version)) } }
            }
            td { (member.role.map_or("unknown", Role::as_str)) }
            td {
                (state(facts))
                @for code in codes.iter().take(MOST_CHECKS) { div { a href={ "#check-" (code) } { (code) } } }
                @if codes.len() > MOST_CHECKS { div.quiet { "and " (codes.len() - MOST_CHECKS) " more" } }
            }
            td { (member.config_epoch) }
            td { (memory(facts)) }
            td { (facts.response.map_or_else(|| missing(facts), |response| html! { (milliseconds(response)) })) }
            td { (replication(facts)) }
            td { (facts.bus_rate.map_or_else(|| missing(facts), |sent| html! { (rate(sent)) })) }
        }
    }
}

/// Why something is not there.
fn missing(facts: &NodeFacts<'_>) -> Markup {
    let why = match (facts.error, &facts.member.said) {
        (Some(error), _) => error.to_string(),
        (None, None) => "not asked: no address of it is known, or it was only just named".to_owned(),
        (None, Some(_)) => "not told, or it takes a second poll".to_owned(),
    };
    html! { span.quiet title=(cut(&why)) { "–" span.hidden { " " (cut(&why)) } } }
}

fn state(facts: &NodeFacts<'_>) -> Markup {
    let member = facts.member;
    let silent = member.said.is_none();
    html! {
        @if let Some(error) = facts.error {
            div.bad { "does not answer: " (error.kind()) }
            div.quiet { bdi { (cut(&error.to_string())) } }
        } @else if silent {
            div.bad { "not asked" }
            div.quiet { "no address of it is known, or it was only just named" }
        }
        @if member.failed { div.bad { "failed by quorum" } }
        @if member.suspected_by > 0 { div.bad { "suspected or failed by " (count(member.suspected_by as usize, "node")) } }
        @if facts.state_ok == Some(false) { div.bad { "says cluster_state:fail" } }
        @if facts.error.is_none() && !silent && !member.failed && member.suspected_by == 0 && facts.state_ok != Some(false) {
            "ok"
        }
    }
}

fn memory(facts: &NodeFacts<'_>) -> Markup {
    let Some(used) = facts.memory_used else { return missing(facts) };
    let share =
        facts.memory_limit.filter(|limit| *limit > 0).map(|limit| (limit, used as f64 / limit as f64));
    html! {
        (bytes(used))
        @if let Some((limit, share)) = share {
            " of " (bytes(limit))
            svg.bar viewBox="0 0 100 4" preserveAspectRatio="none" aria-hidden="true" {
                rect.full[share > 0.8] width=(format!("{:.0}", (share * 100.0).min(100.0))) height="4" {}
            }
        }
    }
}

fn replication(facts: &NodeFacts<'_>) -> Markup {
    let Some(replication) = facts.replication else { return missing(facts) };
    html! {
        @match &replication.link {
            None => (count(replication.replicas.len(), "replica")),
            Some(link) => {
                (link_state(link))
                @if let Some(lag) = facts.lag { div { (bytes(lag.bytes)) " behind, " (seconds(lag.seconds)) } }
                @if let Some(primary) = facts.primary { div.quiet { "of " (name(&primary.label)) } }
            }
        }
    }
}

fn link_state(link: &PrimaryLink) -> Markup {
    html! {
        @match (link.up, link.sync_in_progress, link.down_seconds) {
            (true, ..) => "link up",
            (false, true, _) => span.bad { "full sync, " (bytes(link.sync_read_bytes)) " read" },
            (false, false, Some(down)) => span.bad { "link down for " (seconds(down as f64)) },
            (false, false, None) => span.bad { "link down" },
        }
    }
}

fn rate(per_second: f64) -> String {
    format!("{per_second:.1}/s")
}

fn milliseconds(s: f64) -> String {
    if s < 0.1 { format!("{:.1} ms", s * 1e3) } else { seconds(s) }
}
