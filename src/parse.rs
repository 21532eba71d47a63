//! Replies to a typed snapshot. One reply kind per file; bytes in, typed out. Unknown fields, sections, flags and
//! keys are never an error: servers add them at any version. Past this point nothing can fail any more.

mod cluster_info;
mod cluster_nodes;
mod config_get;
mod info;
mod kept;
mod latency;
mod links;
mod migrations;
mod scalars;
mod slot_stats;

use std::sync::Arc;

pub use kept::Tables;

use crate::model::clock::ClockReading;
use crate::model::failure::{AskError, ParseError, Read, ReadError};
use crate::model::info::{Field, Info};
use crate::model::migration::Migration;
use crate::model::node::Viewpoint;
use crate::model::reply::Reply;
use crate::model::snapshot::{BusLinks, KeySweep, NodeSnapshot, ProbeOutcome};
use crate::probes::{Need, ProbeId, Replies, Sweep};

/// Reads everything one node answered. What is in `tables` is not read again.
pub fn snapshot(replies: &Replies, tables: &mut Tables) -> NodeSnapshot {
    snapshot_after(replies, tables, None)
}

/// As [`snapshot`]; `before` is what the node said in the poll before. Of the probes that are read once it stands where
/// they were left out this time.
pub fn snapshot_after(replies: &Replies, tables: &mut Tables, before: Option<&NodeSnapshot>) -> NodeSnapshot {
    let target = &replies.target;
    let info = read(replies, ProbeId::Info, |reply| info::info(reply, |text| tables.info.read(target, text)));
    let replication = info.clone().and_then(|info| Ok(info::replication(&info)?));
    let mut snapshot = NodeSnapshot {
        target: replies.target.clone(),
        asked_at: replies.asked_at,
        response: replies.response,
        took: replies.took,
        outcome: Ok(()),
        replication,
        cluster: read(replies, ProbeId::ClusterInfo, |reply| {
            cluster_info::cluster_info(reply, |text| tables.cluster_info.read(target, text))
        }),
        nodes: or_before(viewpoint(replies, tables), before.map(|before| &before.nodes)),
        shard_id: read(replies, ProbeId::ShardId, |reply| scalars::text(reply).map(Arc::from)),
        links: or_before(
            read(replies, ProbeId::ClusterLinks, links::links),
            before.and_then(|before| standing_links(before, &info)),
        ),
        settings: or_before(
            read(replies, ProbeId::ConfigGet, |reply| config_get::settings(reply, &mut tables.settings)),
            before.map(|before| &before.settings),
        ),
        migrations: migrations(replies),
        last_save: read(replies, ProbeId::LastSave, scalars::unix_seconds),
        clock: clock(replies),
        slowlog_length: read(replies, ProbeId::SlowlogLen, scalars::count),
        latency: read(replies, ProbeId::LatencyLatest, latency::latest),
        command_stats: read(replies, ProbeId::CommandStats, |reply| info::info(reply, Info::new)),
        latency_stats: read(replies, ProbeId::LatencyStats, |reply| info::info(reply, Info::new)),
        key_counts: key_counts(replies),
        key_sweep: replies.sweep.as_ref().and_then(key_sweep),
        slot_stats: read(replies, ProbeId::SlotStats, slot_stats::slot_stats),
        certificate_ends: replies.certificate_ends,
        own_commands: replies.commands,
        probes: Vec::new(),
        info,
    };
    snapshot.outcome = outcome(replies, &snapshot);
    snapshot.probes = probe_outcomes(replies, &snapshot);
    let left_out = ProbeId::READ_ONCE.map(|probe| replies.answer(probe).is_none().then(|| probe.row().name));
    let links = ProbeId::ClusterLinks.row().name;
    let fell = |probe: &str| probe == links && snapshot.links == Err(ReadError::NotAsked);
    let stand = before.into_iter().flat_map(|before| &before.probes);
    let stand = stand.filter(|fared| left_out.contains(&Some(fared.probe)) && !fell(fared.probe));
    snapshot.probes.extend(stand.cloned());
    snapshot
}

/// What a node told of its links, or why it never will: that stands until its turn comes again, unless another process
/// answers now. What was wrong with the poll before does not.
fn standing_links<'a>(before: &'a NodeSnapshot, info: &Read<Arc<Info>>) -> Option<&'a Read<BusLinks>> {
    fn process(info: &Read<Arc<Info>>) -> Option<&str> {
        const RUN_ID: Field = Field::new("run_id");
        info.as_ref().ok()?.text(RUN_ID)
    }
    let stands = match &before.links {
        Err(ReadError::Failed(error)) => matches!(error, AskError::Denied(_)),
        _ => true,
    };
    (stands && process(&before.info) == process(info)).then_some(&before.links)
}

fn viewpoint(replies: &Replies, tables: &mut Tables) -> Read<Viewpoint> {
    let told_at = replies.answer(ProbeId::ClusterNodes).map(|answer| answer.asked_at);
    read(replies, ProbeId::ClusterNodes, |reply| {
        cluster_nodes::cluster_nodes(reply, told_at.unwrap_or_default(), &mut tables.by_fingerprint)
    })
}

/// What was read, or what was said before where the node answered and was not asked for this.
fn or_before<T: Clone>(read: Read<T>, before: Option<&Read<T>>) -> Read<T> {
    match (read, before) {
        (Err(ReadError::NotAsked), Some(before)) => before.clone(),
        (read, _) => read,
    }
}

fn read<T>(
    replies: &Replies,
    probe: ProbeId,
    parse: impl FnOnce(&Reply) -> Result<T, ParseError>,
) -> Read<T> {
    Ok(parse(reply(replies, probe)?)?)
}

fn clock(replies: &Replies) -> Read<ClockReading> {
    let sent = replies.answer(ProbeId::Time).map_or(replies.asked_at, |answer| answer.asked_at);
    let took = replies.answer(ProbeId::Time).map_or(replies.took, |answer| answer.took);
    read(replies, ProbeId::Time, |reply| scalars::time(reply, sent, sent.plus(took)))
}

/// The reply to a probe, or why there is none that says anything.
fn reply(replies: &Replies, probe: ProbeId) -> Read<&Arc<Reply>> {
    let Some(answer) = replies.answer(probe) else {
        return Err(replies.failure.clone().map_or(ReadError::NotAsked, ReadError::Failed));
    };
    match &*answer.reply {
        // Said at every poll by a server that does not have it: no text is made of it.
        Reply::Error { code, text }
            if probe.row().need == Need::Optional && AskError::says_unsupported(code, text) =>
        {
            Err(ReadError::Unsupported)
        }
        Reply::Error { code, text } => Err(ReadError::Failed(AskError::from_reply(code, text))),
        _ => Ok(&answer.reply),
    }
}

/// No server has both commands: the one that answers counts.
fn migrations(replies: &Replies) -> Read<Vec<Migration>> {
    let valkey = read(replies, ProbeId::SlotMigrations, migrations::valkey);
    let redis = read(replies, ProbeId::MigrationStatus, migrations::redis);
    match (valkey, redis) {
        (Ok(log), _) | (_, Ok(log)) => Ok(log),
        (Err(ReadError::Unsupported), other) | (other, _) => other,
    }
}

fn key_counts(replies: &Replies) -> Vec<(u16, u64)> {
    replies.key_counts.iter().filter_map(key_count).collect()
}

fn key_count((slot, reply): &(u16, Reply)) -> Option<(u16, u64)> {
    Some((*slot, scalars::count(reply).ok()?))
}

/// A sweep counts only if every command of it was answered.
fn key_sweep(sweep: &Sweep) -> Option<KeySweep> {
    let sizes: Option<Vec<u64>> = sweep.sizes.iter().map(|reply| scalars::count(reply).ok()).collect();
    let counts: Option<Vec<(u16, u64)>> = sweep.counts.iter().map(key_count).collect();
    Some(KeySweep { keys: sizes?.into_iter().min()?, of: sweep.of.clone(), counts: counts? })
}

/// A node answers if it answered every required probe.
fn outcome(replies: &Replies, snapshot: &NodeSnapshot) -> Result<(), AskError> {
    if let Some(failure) = &replies.failure {
        return Err(failure.clone());
    }
    let required = [
        ("INFO", snapshot.info.as_ref().err()),
        ("CLUSTER INFO", snapshot.cluster.as_ref().err()),
        ("CLUSTER NODES", snapshot.nodes.as_ref().err()),
    ];
    for (command, error) in required {
        match error {
            None => {}
            Some(ReadError::Failed(error)) => return Err(error.clone()),
            Some(error) => return Err(AskError::Protocol(format!("{command}: {error}"))),
        }
    }
    Ok(())
}

fn probe_outcomes(replies: &Replies, snapshot: &NodeSnapshot) -> Vec<ProbeOutcome> {
    let up = |probe: ProbeId| {
        let error = match probe {
            ProbeId::Info => snapshot.info.as_ref().err(),
            ProbeId::ClusterInfo => snapshot.cluster.as_ref().err(),
            ProbeId::ClusterNodes => snapshot.nodes.as_ref().err(),
            ProbeId::ShardId => snapshot.shard_id.as_ref().err(),
            ProbeId::ClusterLinks => snapshot.links.as_ref().err(),
            ProbeId::ConfigGet => snapshot.settings.as_ref().err(),
            ProbeId::LastSave => snapshot.last_save.as_ref().err(),
            ProbeId::Time => snapshot.clock.as_ref().err(),
            ProbeId::SlowlogLen => snapshot.slowlog_length.as_ref().err(),
            ProbeId::LatencyLatest => snapshot.latency.as_ref().err(),
            ProbeId::CommandStats => snapshot.command_stats.as_ref().err(),
            ProbeId::LatencyStats => snapshot.latency_stats.as_ref().err(),
            ProbeId::SlotStats => snapshot.slot_stats.as_ref().err(),
            ProbeId::Ping
            | ProbeId::SlotMigrations
            | ProbeId::MigrationStatus
            | ProbeId::CountKeysInSlot
            | ProbeId::DbSize => {
                return answered(replies, probe);
            }
        };
        match error {
            None => Some(true),
            Some(ReadError::Unsupported) => None,
            Some(_) => Some(false),
        }
    };
    // Those that are read once stand beside these.
    let mut outcomes = Vec::with_capacity(replies.answers.len() + ProbeId::READ_ONCE.len());
    outcomes.extend(replies.answers.iter().map(|answer| ProbeOutcome {
        probe: answer.probe.row().name,
        up: up(answer.probe),
        took: answer.took,
    }));
    outcomes
}

fn answered(replies: &Replies, probe: ProbeId) -> Option<bool> {
    match reply(replies, probe) {
        Ok(_) => Some(true),
        Err(ReadError::Unsupported) => None,
        Err(_) => Some(false),
    }
}
