//! Frames as JSON: the replies of `/api/v1`, of which `docs/openapi.yaml` is the schema. Version 1: keys may be added,
//! none is taken away or changes its meaning.

use serde_json::{Value as Json, json};

use super::node::NodeFacts;
use super::views::{shared_views, slot_maps};
use super::{Polled, report};
use crate::frame::Frame;
use crate::model::event::{Ending, Happening, Record};
use crate::model::finding::{Severity, Subject};
use crate::model::migration::OpenMigration;
use crate::model::node::{Health, NodeId, Role};
use crate::model::past::{Change, Event};
use crate::model::slots::SlotSet;
use crate::model::time::Timestamp;
use crate::model::view::ClusterView;

/// Version of the schema.
const VERSION: u32 = 1;

/// All clusters, each as `check` reports it.
pub fn clusters(polled: &[Polled<'_>]) -> Json {
    let clusters: Vec<Json> = polled.iter().map(summary).collect();
    json!({ "version": VERSION, "clusters": clusters })
}

/// One cluster with its topology and its views.
pub fn cluster(polled: &Polled<'_>) -> Json {
    let mut cluster = summary(polled);
    cluster["topology"] = polled.frame.map_or(Json::Null, topology);
    cluster["views"] = polled.frame.map_or(Json::Null, |frame| views(&frame.view));
    json!({ "version": VERSION, "clusters": [cluster] })
}

/// What happened to one cluster, newest first.
pub fn events(polled: &Polled<'_>) -> Json {
    let log = polled.frame.map(|frame| &frame.past.log);
    let events: Vec<Json> = log.iter().flat_map(|log| log.newest_first()).map(event).collect();
    let dropped = log.map_or(0, |log| log.dropped());
    json!({ "version": VERSION, "name": polled.name, "events": events, "dropped": dropped })
}

fn summary(polled: &Polled<'_>) -> Json {
    let mut cluster = match polled.frame {
        Some(frame) => report::cluster_json(frame),
        None => json!({
            "name": polled.name,
            "verdict": report::Verdict::Unknown.as_str(),
            "judged_at": null,
            "findings": [],
            "unknown": [],
        }),
    };
    cluster["stale"] = polled.is_stale().into();
    cluster
}

fn topology(frame: &Frame) -> Json {
    let view = &frame.view;
    let uncovered: serde_json::Map<String, Json> =
        view.coverage.reasons().map(|(reason, slots)| (reason.to_owned(), text(slots))).into_iter().collect();
    let open: Vec<Json> = frame.past.migrations.iter().map(|open| migration(view, open)).collect();
    json!({
        "current_epoch": view.current_epoch,
        "voting_primaries": view.voters().count(),
        "voting_primaries_reachable": view.voters_reachable(),
        "quorum_size": view.quorum(),
        "slots": {
            "covered": text(&view.coverage.covered),
            "contested": text(&view.coverage.contested),
            "uncovered": uncovered,
            "open": open,
        },
        "bus_messages_expected_per_second": view.bus_bound(view.node_timeout()),
        "nodes": NodeFacts::all(frame).map(node).collect::<Vec<_>>(),
    })
}

fn text(slots: &SlotSet) -> Json {
    slots.to_string().into()
}

fn migration(view: &ClusterView, open: &OpenMigration) -> Json {
    let label =
        |id: NodeId| view.member(id).map_or_else(|| id.to_string(), |member| member.label.to_string());
    json!({
        "mechanism": open.mechanism.as_str(),
        "slots": text(&open.slots),
        "source": open.source.map(label),
        "target": open.target.map(label),
        "since": open.since.map(Timestamp::as_seconds),
        "progressed_at": open.progressed_at.map(Timestamp::as_seconds),
        "keys_remaining": open.keys_remaining,
    })
}

fn node(facts: NodeFacts<'_>) -> Json {
    let member = facts.member;
    let error = facts.error.map(|error| json!({ "kind": error.kind(), "reason": error.to_string() }));
    let link = facts.replication.and_then(|replication| replication.link.as_ref());
    let link = link.map(|link| {
        json!({ "up": link.up, "down_seconds": link.down_seconds, "sync_in_progress": link.sync_in_progress })
    });
    json!({
        "node": &*member.label,
        "id": member.id.to_string(),
        "shard": &*member.shard,
        "role": member.role.map(Role::as_str),
        "primary": facts.primary.map(|primary| &*primary.label),
        "up": member.is_up(),
        "error": error,
        "version": facts.version,
        "config_epoch": member.config_epoch,
        "slots": text(&member.slots),
        "failed": member.failed,
        "suspected_by": member.suspected_by,
        "cluster_state_ok": facts.state_ok,
        "response_seconds": facts.response,
        "memory_used_bytes": facts.memory_used,
        "memory_limit_bytes": facts.memory_limit,
        "replication_offset_bytes": facts.replication.and_then(|replication| replication.offset),
        "replication_lag_bytes": facts.lag.map(|lag| lag.bytes),
        "replication_lag_seconds": facts.lag.map(|lag| lag.seconds),
        "replication_link": link,
        "bus_messages_sent_per_second": facts.bus_rate,
    })
}

fn views(view: &ClusterView) -> Json {
    let labels =
        |members: &[usize]| -> Vec<&str> { members.iter().map(|at| &*view.members[*at].label).collect() };
    let shared: Vec<Json> = shared_views(view)
        .iter()
        .map(|shared| {
            let held_for = |health: Option<Health>| {
                let members = (0..shared.seen.len()).filter(|at| shared.seen[*at] == health);
                labels(&members.collect::<Vec<_>>())
            };
            json!({
                "held_by": labels(&shared.viewers),
                "slot_map": shared.slot_map,
                "suspected": held_for(Some(Health::Suspected)),
                "failed": held_for(Some(Health::Failed)),
                "unknown": held_for(None),
            })
        })
        .collect();
    let silent: Vec<&str> = view
        .members
        .iter()
        .filter(|member| member.viewpoint().is_none())
        .map(|member| &*member.label)
        .collect();
    json!({
        "partitions": view.groups.iter().map(|group| labels(group)).collect::<Vec<_>>(),
        "slot_maps": slot_maps(view).iter().map(|(_, holders)| labels(holders)).collect::<Vec<_>>(),
        "shared": shared,
        "silent": silent,
    })
}

fn event(record: &Record) -> Json {
    let mut json = match &record.what {
        Happening::Changed(event) => changed(event),
        Happening::Opened { check, severity, subject, summary } => {
            let mut json = finding(check, *severity, subject);
            json["summary"] = summary.as_str().into();
            json
        }
        Happening::Closed { check, severity, subject, since, ending } => {
            let mut json = finding(check, *severity, subject);
            json["since"] = since.as_seconds().into();
            json["ending"] = Ending::as_str(*ending).into();
            json
        }
    };
    json["at"] = record.at.as_seconds().into();
    json["kind"] = record.what.kind().into();
    json
}

fn finding(check: &str, severity: Severity, subject: &Subject) -> Json {
    json!({ "check": check, "severity": severity.as_str(), "subject": report::subject_json(subject) })
}

fn changed(event: &Event) -> Json {
    let mut json = json!({ "node": &*event.node, "node_id": event.id.to_string() });
    match &event.change {
        Change::Joined | Change::Left => {}
        Change::AddressChanged { before } | Change::Failover { before } => {
            json["before"] = (&**before).into();
        }
        Change::RoleChanged { now } => json["role"] = now.as_str().into(),
        Change::SlotsMoved { gained, lost } => {
            json["gained"] = (*gained).into();
            json["lost"] = (*lost).into();
        }
    }
    json
}
