//! Every recorded state through to its exposition, held against what was observed of it by other means.
#![allow(clippy::unwrap_used, reason = "a test fails where it meets what it does not expect")]

mod common {
    pub(crate) mod captures;
}

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use common::captures::{self, State};
use redis_cluster_exporter::frame::{self, Setup};
use redis_cluster_exporter::history::History;
use redis_cluster_exporter::metrics::{self, Format};
use redis_cluster_exporter::model::slots::SlotSet;

/// Samples by series, without the label of the cluster. No series may come twice.
fn samples(state: &State) -> BTreeMap<String, f64> {
    let replies: Vec<_> = state.nodes().into_iter().map(|(_, replies)| replies).collect();
    let at = replies.iter().map(|replies| replies.asked_at).max().unwrap();
    let interval = Duration::from_secs(5);
    let setup = Setup { cluster: Arc::from("c"), interval, ..Setup::default() };
    let frame = frame::analyze(&setup, &replies, &mut History::default(), at, Duration::from_millis(5));
    let mut samples = BTreeMap::new();
    for line in metrics::encode(&[Arc::new(frame)], at, Format::OpenMetrics)
        .lines()
        .filter(|line| !line.starts_with('#'))
    {
        let (series, value) = line.rsplit_once(' ').unwrap();
        let series = series.replace("redis_cluster=\"c\",", "").replace("{redis_cluster=\"c\"}", "");
        let twice = samples.insert(series, value.parse().unwrap());
        assert_eq!(twice, None, "{state}: {line}");
    }
    samples
}

/// `0-99 200` or `0-99,200`, as the recorder writes slots.
fn slots(text: &str) -> SlotSet {
    let words = text.split([' ', ',']).filter(|word| !word.is_empty());
    let range = words.map(|word| word.split_once('-').unwrap_or((word, word)));
    range.map(|(first, last)| (first.parse().unwrap(), last.parse().unwrap())).collect()
}

/// States in which the slots with a live owner are not simply those that an answering primary claims.
const JUDGED: [(&str, &str); 7] = [
    ("asm_target_killed", "the owner is silent and its peers still vouch for it"),
    ("busy_script", "the owner is silent and its peers still vouch for it"),
    ("client_pause_all", "the owner is silent and its peers still vouch for it"),
    ("master_hung_1s", "the owner is silent and its peers still vouch for it"),
    ("master_killed_1s", "the owner is silent and its peers still vouch for it"),
    ("partition_masters_2_1", "the owner answers and is failed by quorum"),
    ("partition_shard_isolated", "the owner answers and is failed by quorum"),
];

#[test]
fn slots_are_as_observed() {
    let mut judged = BTreeSet::new();
    let (mut contested, mut uncovered, mut open) = (0, 0, 0);
    for state in captures::states() {
        let samples = samples(&state);
        let value = |series: &str| *samples.get(series).unwrap_or_else(|| panic!("{state}: no {series}"));
        let observed = &state.truth["observed"];

        let claims = observed["slots_claimed_by_two_masters_in_their_own_view"].as_object();
        let claims = claims.into_iter().flatten().map(|(_, text)| slots(text.as_str().unwrap()));
        let claims = claims.fold(SlotSet::new(), |all, slots| all.union(&slots)).len();
        assert_eq!(value("rediscluster_slots_contested"), f64::from(claims), "{state}");
        contested += usize::from(claims > 0);

        let lines = observed["open_slots"].as_array().into_iter().flatten();
        let slot = |line: &serde_json::Value| line.as_str().unwrap().split(' ').nth(2).unwrap().to_owned();
        let slots_open = lines.map(slot).collect::<BTreeSet<_>>().len();
        assert_eq!(value("rediscluster_slots_open{mechanism=\"setslot\"}"), slots_open as f64, "{state}");
        open += usize::from(slots_open > 0);

        let unclaimed =
            observed["slots_no_answering_master_claims"].as_str().map_or(0, |text| slots(text).len());
        let covered = value("rediscluster_slots_covered");
        if covered != f64::from(16384 - unclaimed) {
            judged.insert(state.name.clone());
        }
        uncovered += usize::from(unclaimed > 0);
        let reasons =
            samples.iter().filter(|(series, _)| series.starts_with("rediscluster_slots_uncovered{"));
        let reasons: Vec<f64> = reasons.map(|(_, slots)| *slots).collect();
        assert_eq!(reasons.len(), 4, "{state}");
        assert_eq!(covered + reasons.iter().sum::<f64>(), 16384.0, "{state}");
    }
    assert_eq!(judged, JUDGED.iter().map(|(state, _)| (*state).to_owned()).collect());
    assert_eq!((contested, uncovered), (28, 64));
    assert!(open > 30, "{open} states with open slots");
}
