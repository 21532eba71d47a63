//! What fuzzing begins with: what servers were recorded to say, and the configurations of the tests.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;
use std::rc::Rc;

use redis_cluster_exporter::model::reply::Reply;
use redis_cluster_exporter::probes::{ProbeId, Replies};
use redis_cluster_exporter::resp;

use super::captures::{self, State};
use crate::fuzz::disclosure::SECRET;
use crate::fuzz::nodes::NEXT;
use crate::fuzz::polls::key;

/// Bytes for a target.
pub(crate) struct Seed {
    /// A file name.
    pub(crate) name: String,
    pub(crate) bytes: Vec<u8>,
}

/// One state of each name, of the newest server that has it, with the healthy one of that server.
fn states() -> Vec<(Rc<State>, Rc<State>)> {
    let all: Vec<_> = captures::states().into_iter().rev().map(Rc::new).collect();
    let healthy: BTreeMap<_, _> =
        all.iter().filter(|state| state.name == "healthy").map(|state| (&state.server, state)).collect();
    let mut names = BTreeSet::new();
    let one_each = all.iter().filter(|state| !state.name.ends_with("0nodes") && names.insert(&state.name));
    one_each.map(|state| (Rc::clone(healthy[&state.server]), Rc::clone(state))).collect()
}

fn replies(state: &State) -> Vec<Replies> {
    state.nodes().into_iter().map(|(_, replies)| replies).collect()
}

fn text(replies: &Replies, probe: ProbeId) -> Option<&[u8]> {
    replies.answer(probe)?.reply.bytes()
}

/// The first and the last of the nodes that replied, as two polls of one.
fn texts(state: &State, probe: ProbeId) -> Option<Seed> {
    let replies = replies(state);
    let mut texts = replies.iter().filter_map(|replies| text(replies, probe));
    let (first, last) = (texts.next()?, texts.next_back()?);
    let name = format!("{}-{}-{}", state.server, state.name, probe.row().name);
    Some(Seed { name, bytes: [first, &[NEXT], last].concat() })
}

pub(crate) fn info() -> Vec<Seed> {
    let every = captures::states().into_iter().filter(|state| state.name == "healthy").map(Rc::new);
    let some = states().into_iter().map(|(_, state)| state).step_by(4);
    let probes = [ProbeId::Info, ProbeId::ClusterInfo, ProbeId::CommandStats, ProbeId::LatencyStats];
    every
        .chain(some)
        .flat_map(|state| probes.into_iter().filter_map(move |probe| texts(&state, probe)))
        .collect()
}

pub(crate) fn cluster_nodes() -> Vec<Seed> {
    states().iter().filter_map(|(_, state)| texts(state, ProbeId::ClusterNodes)).collect()
}

/// What a node replied beside its texts.
pub(crate) fn arrays() -> Vec<Seed> {
    let all = captures::states().into_iter();
    let told = ["healthy", "mig_open", "asm_two_jobs", "asm_target_killed", "orphan_keys_stable"];
    let seed = |state: State| {
        let replies = replies(&state).into_iter().max_by_key(|replies| replies.answers.len())?;
        let mut map = node(&replies);
        if let Reply::Array(items) = &mut map {
            let texts = [ProbeId::Info, ProbeId::ClusterInfo, ProbeId::ClusterNodes].map(|id| id.row().name);
            let pairs = items
                .chunks_exact(2)
                .filter(|pair| !pair[0].text().is_some_and(|name| texts.contains(&name)));
            *items = pairs.flatten().cloned().collect();
        }
        Some(Seed { name: format!("{}-{}", state.server, state.name), bytes: printed(&map) })
    };
    all.filter(|state| told.contains(&&*state.name)).filter_map(seed).collect()
}

/// A healthy cluster, and what became of it.
pub(crate) fn polls() -> Vec<Seed> {
    let poll = |state: &State| {
        let nodes = replies(state);
        Reply::Array(std::iter::once(Reply::Int(5000)).chain(nodes.iter().map(node)).collect())
    };
    let seed = |(healthy, state): &(Rc<State>, Rc<State>)| Seed {
        name: format!("{}-{}", state.server, state.name),
        bytes: printed(&Reply::Array(vec![poll(healthy), poll(state)])),
    };
    states().iter().map(seed).collect()
}

/// Slots of a sweep that are kept: thousands more say the same.
const SOME: usize = 20;

/// All that a node replied, but for what is long and says little.
fn node(replies: &Replies) -> Reply {
    let long = [ProbeId::CommandStats, ProbeId::LatencyStats];
    let mut map = vec![bulk(key::ADDRESS), bulk(&replies.target.to_string())];
    if replies.failure.is_some() {
        map.extend([bulk(key::FAILURE), Reply::error("LOADING Redis is loading the dataset in memory")]);
    }
    for answer in replies.answers.iter().filter(|answer| !long.contains(&answer.probe)) {
        map.extend([bulk(answer.probe.row().name), (*answer.reply).clone()]);
    }
    let flat = |counts: &[(u16, Reply)]| {
        counts
            .iter()
            .take(SOME)
            .flat_map(|(slot, count)| [Reply::Int((*slot).into()), count.clone()])
            .collect::<Vec<_>>()
    };
    map.extend([bulk(key::KEY_COUNTS), Reply::Array(flat(&replies.key_counts))]);
    if let Some(sweep) = &replies.sweep {
        let counts = flat(&sweep.counts);
        map.extend([bulk(key::SWEEP), Reply::Array(sweep.sizes.iter().cloned().chain(counts).collect())]);
    }
    Reply::Array(map)
}

fn bulk(text: &str) -> Reply {
    Reply::Bulk(text.into())
}

fn printed(reply: &Reply) -> Vec<u8> {
    let mut bytes = Vec::new();
    resp::print(reply, &mut bytes);
    bytes
}

/// The configurations of the tests and the example, and some with a secret in them.
pub(crate) fn config() -> Vec<Seed> {
    let mut seeds = files("tests/config");

    seeds.push(Seed { name: "example.yaml".into(), bytes: fs::read("config.example.yaml").unwrap() });
    seeds.extend(kept("seeds", "config"));
    seeds
}

pub(crate) fn web_config() -> Vec<Seed> {
    kept("seeds", "web_config")
}

/// Files that are kept for a target; in each `SECRET` stands for what must not be told.
pub(crate) fn kept(kind: &str, target: &str) -> Vec<Seed> {
    let mut seeds = files(&format!("fuzz/{kind}/{target}"));
    for Seed { bytes, .. } in &mut seeds {
        if let Ok(text) = std::str::from_utf8(bytes) {
            *bytes = text.replace("SECRET", SECRET).into_bytes();
        }
    }
    seeds
}

/// The files of a directory of the project, if there is one.
fn files(dir: &str) -> Vec<Seed> {
    let dir = Path::new(env!("CARGO_MANIFEST_DIR")).join(dir);
    let mut paths: Vec<_> =
        fs::read_dir(dir).into_iter().flatten().map(|entry| entry.unwrap().path()).collect();
    paths.sort();
    let seed = |path: &Path| Seed {
        name: path.file_name().unwrap().to_string_lossy().into_owned(),
        bytes: fs::read(path).unwrap(),
    };
    paths.iter().map(|path| seed(path)).collect()
}
