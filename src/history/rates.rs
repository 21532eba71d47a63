//! How fast the counters of the nodes grow, over about the last minute: the same whatever the poll interval. Between
//! two polls half a second apart one election or one MEET is a storm.

use std::collections::{BTreeMap, VecDeque};

use super::{LEAST, WINDOW, run_id};
use crate::model::info::Field;
use crate::model::node::NodeId;
use crate::model::past::{Counter, Rates as Told};
use crate::model::snapshot::{ClusterInfo, NodeSnapshot};
use crate::model::time::Timestamp;
use crate::model::view::ClusterView;

/// Samples kept per node are at least this far apart, in seconds: a score of them at most, whatever the interval.
const STEP: f64 = WINDOW / 12.0;

const COMMANDS: Field = Field::new("total_commands_processed");

/// Bus messages sent of the kinds that stand for a change of who serves what.
const UNREST: [Field; 4] = [
    Field::new("cluster_stats_messages_auth-ack_sent"),
    Field::new("cluster_stats_messages_auth-req_sent"),
    Field::new("cluster_stats_messages_fail_sent"),
    Field::new("cluster_stats_messages_update_sent"),
];

#[derive(Clone, Copy, Debug)]
struct Sample {
    at: Timestamp,
    counts: [Option<u64>; Counter::ALL.len()],
}

/// One process of a node.
#[derive(Clone, Debug, Default)]
struct Track {
    run_id: String,
    samples: VecDeque<Sample>,
}

/// Counters of all nodes of a cluster.
#[derive(Clone, Debug, Default)]
pub(super) struct Rates {
    tracks: BTreeMap<NodeId, Track>,
}

impl Rates {
    /// Takes in a view; the rates stand by index of the member. A node that does not answer has none.
    pub(super) fn fold(&mut self, view: &ClusterView) -> Vec<Told> {
        if self.tracks.len() > view.members.len() {
            self.tracks.retain(|id, _| view.member(*id).is_some());
        }
        let told = view.members.iter().map(|member| {
            let said = member.said.as_deref()?;
            let run_id = run_id(said)?;
            let track = self.tracks.entry(member.id).or_default();
            track.push(run_id, Sample { at: said.asked_at, counts: Counter::ALL.map(|it| count(said, it)) });
            Some(track.rates())
        });
        told.map(Option::unwrap_or_default).collect()
    }
}

impl Track {
    /// A restarted process begins anew, and so does one whose counters were reset.
    fn push(&mut self, run_id: &str, sample: Sample) {
        let is_reset =
            self.samples.back().is_some_and(|last| last.counts.iter().zip(sample.counts).any(fell));
        if self.run_id != run_id || is_reset {
            self.samples.clear();
            run_id.clone_into(&mut self.run_id);
        }
        let before = self.samples.len().checked_sub(2).map(|before| self.samples[before].at);
        if before.is_some_and(|before| sample.at.seconds_since(before) < STEP) {
            self.samples.pop_back();
        }
        self.samples.push_back(sample);
        // The oldest sample that stays is a window old, or the oldest there is.
        while self.samples.len() > 2 && sample.at.seconds_since(self.samples[1].at) >= WINDOW {
            self.samples.pop_front();
        }
    }

    fn rates(&self) -> Told {
        let (Some(first), Some(last)) = (self.samples.front(), self.samples.back()) else {
            return Told::default();
        };
        let span = last.at.seconds_since(first.at);
        if span < LEAST {
            return Told::default();
        }
        Told::of(|counter| {
            let at = counter as usize;
            let grown = last.counts[at]?.checked_sub(first.counts[at]?)?;
            Some(grown as f64 / span)
        })
    }
}

fn fell((before, now): (&Option<u64>, Option<u64>)) -> bool {
    matches!((before, now), (Some(before), Some(now)) if now < *before)
}

fn count(said: &NodeSnapshot, counter: Counter) -> Option<u64> {
    match counter {
        Counter::Bus => said.cluster.as_ref().ok()?.gossip_sent(),
        Counter::Publish => Some(said.cluster.as_ref().ok()?.sent(&ClusterInfo::PUBLISH)),
        Counter::Unrest => Some(said.cluster.as_ref().ok()?.sent(&UNREST)),
        Counter::Commands => said.info.as_ref().ok()?.unsigned(COMMANDS),
        Counter::OwnCommands => Some(said.own_commands),
        Counter::Moved => said.errors(Field::new("errorstat_MOVED")),
        Counter::Ask => said.errors(Field::new("errorstat_ASK")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn track(samples: &[(f64, u64)]) -> Track {
        let mut track = Track::default();
        for (seconds, count) in samples {
            let at = Timestamp::from_seconds(1000.0 + seconds);
            track.push("a", Sample { at, counts: [Some(*count); Counter::ALL.len()] });
        }
        track
    }

    fn rate(samples: &[(f64, u64)]) -> Option<f64> {
        track(samples).rates().get(Counter::Bus)
    }

    #[test]
    fn a_burst_between_two_polls_is_no_rate() {
        assert_eq!(rate(&[(0.0, 0), (0.5, 500)]), None, "half a second tells nothing");
        let burst = |at: u64| if at >= 30 { 600 } else { 0 };
        let polls = |step: u64| (0..=60).step_by(step as usize).map(|at| (at as f64, burst(at))).collect();
        let often: Vec<_> = polls(1);
        let seldom: Vec<_> = polls(5);
        assert_eq!(rate(&often), Some(10.0));
        assert_eq!(rate(&often), rate(&seldom), "the same whatever the interval");
    }

    #[test]
    fn what_is_older_than_the_window_is_forgotten() {
        let samples: Vec<_> = (0..=300).map(|at| (f64::from(at), if at < 200 { 0 } else { 600 })).collect();
        let track = track(&samples);
        assert!(track.samples.len() < 20, "{}", track.samples.len());
        assert_eq!(track.rates().get(Counter::Bus), Some(0.0));
    }

    #[test]
    fn polls_further_apart_than_the_window_make_a_rate() {
        assert_eq!(rate(&[(0.0, 0), (300.0, 600), (600.0, 900)]), Some(1.0));
    }

    #[test]
    fn counters_that_went_down_begin_anew() {
        assert_eq!(rate(&[(0.0, 900), (5.0, 0)]), None);
        assert_eq!(rate(&[(0.0, 900), (5.0, 0), (10.0, 50)]), Some(10.0));
    }
}
