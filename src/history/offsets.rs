//! Replication offsets over time, and the lag of every replica.
//!
//! A lag is the difference of two offsets that were read at two instants. At 100 MB/s one millisecond between them
//! is 100 kB, so the primary's offset is first carried to the instant at which the replica's was read: along its
//! own track of the last polls. The offset that a primary shows for a replica (`slaveN:offset`) is an
//! acknowledgement up to one second old; it serves only where the replica itself does not answer.

use std::collections::{BTreeMap, VecDeque};

use super::{LEAST, WINDOW};
use crate::model::clock::ClockOffset;
use crate::model::node::{NodeId, Role};
use crate::model::past::{Basis, Lag};
use crate::model::snapshot::{NodeSnapshot, Replication};
use crate::model::time::Timestamp;
use crate::model::view::{ClusterView, Member};

/// Samples kept per node: enough to date a lag of ten minutes at the default interval.
const TRACK: usize = 120;

#[derive(Clone, Copy, Debug)]
struct Sample {
    at: Timestamp,
    offset: u64,
}

/// One node's offsets within one replication history.
#[derive(Clone, Debug, Default)]
struct Track {
    replid: String,
    samples: VecDeque<Sample>,
}

impl Track {
    fn push(&mut self, replid: &str, sample: Sample) {
        let backwards = self.samples.back().is_some_and(|last| sample.offset < last.offset);
        if self.replid != replid || backwards {
            self.samples.clear();
            replid.clone_into(&mut self.replid);
        }
        if self.samples.len() == TRACK {
            self.samples.pop_front();
        }
        self.samples.push_back(sample);
    }

    /// The offset at an instant: between two samples on the line that joins them, after the last one on the line
    /// that led to it, before the first one what that was.
    fn offset_at(&self, at: Timestamp) -> Option<f64> {
        let after = self.samples.iter().position(|sample| sample.at >= at).unwrap_or(self.samples.len());
        let Some((a, b)) = self.segment(after) else { return self.samples.front().map(|s| s.offset as f64) };
        let rate = (b.offset - a.offset) as f64 / b.at.seconds_since(a.at).max(1e-6);
        Some((b.offset as f64 + rate * at.seconds_since(b.at)).max(a.offset as f64))
    }

    /// Over the last minute: one burst between two polls says little of what a backlog must hold.
    fn rate(&self) -> Option<f64> {
        let last = self.samples.back()?;
        let is_old = |sample: &Sample| last.at.seconds_since(sample.at) >= WINDOW;
        let first = self.samples.iter().rev().find(|sample| is_old(sample)).or(self.samples.front())?;
        let span = last.at.seconds_since(first.at);
        (span >= LEAST).then(|| (last.offset - first.offset) as f64 / span)
    }

    /// When the offset was reached; the instant of the first sample if it was before that.
    fn instant_of(&self, offset: u64) -> Option<Timestamp> {
        let after = self.samples.iter().position(|sample| sample.offset >= offset)?;
        let Some(a) = after.checked_sub(1).map(|before| self.samples[before]) else {
            return Some(self.samples[after].at);
        };
        let b = self.samples[after];
        let share = (offset - a.offset) as f64 / (b.offset - a.offset).max(1) as f64;
        Some(Timestamp(a.at.0 + (b.at.since(a.at).as_micros() as f64 * share) as u64))
    }

    /// The two samples whose line holds at the sample number `after`.
    fn segment(&self, after: usize) -> Option<(Sample, Sample)> {
        let end = after.min(self.samples.len().checked_sub(1)?);
        let start = end.checked_sub(1)?;
        Some((self.samples[start], self.samples[end]))
    }
}

/// Tracks and clocks of all nodes of a cluster.
#[derive(Clone, Debug, Default)]
pub(super) struct Offsets {
    tracks: BTreeMap<NodeId, Track>,
    clocks: BTreeMap<NodeId, ClockOffset>,
}

impl Offsets {
    /// Takes in a view; the lags stand by index of the member, `None` for primaries and where none can be told.
    pub(super) fn fold(&mut self, view: &ClusterView) -> Vec<Option<Lag>> {
        for member in &view.members {
            if let Some(said) = &member.said {
                self.sample(member.id, said);
            }
        }
        let is_member = |id: &NodeId| view.members.iter().any(|member| member.id == *id);
        if self.tracks.len() > view.members.len() {
            self.tracks.retain(|id, _| is_member(id));
            self.clocks.retain(|id, _| is_member(id));
        }
        view.members.iter().map(|member| self.lag(view, member)).collect()
    }

    /// How far the clock of each member that answers is from ours; by index of the member.
    pub(super) fn clocks(&self, view: &ClusterView) -> Vec<Option<ClockOffset>> {
        let answers = |member: &&Member| member.said.as_ref().is_some_and(|said| said.info.is_ok());
        let clock = |member: &Member| Some(self.clocks.get(&member.id)?.by(view.at));
        view.members.iter().map(|member| Some(member).filter(answers).and_then(clock)).collect()
    }

    /// Bytes per second of each member's stream, over the last minute; by index of the member.
    pub(super) fn write_rates(&self, view: &ClusterView) -> Vec<Option<f64>> {
        view.members.iter().map(|member| self.tracks.get(&member.id)?.rate()).collect()
    }

    fn sample(&mut self, id: NodeId, said: &NodeSnapshot) {
        for reading in said.clock_readings() {
            let told = ClockOffset::of(&reading);
            self.clocks.entry(id).and_modify(|known| *known = known.and(told)).or_insert(told);
        }
        let Ok(replication) = &said.replication else { return };
        let dated = said.info_clock().zip(self.clocks.get(&id)).map(|(reading, clock)| reading.ours(*clock));
        let at = dated.unwrap_or_else(|| said.asked_at.plus(said.took));
        if let Some(offset) = replication.offset {
            self.tracks.entry(id).or_default().push(&replication.replid, Sample { at, offset });
        }
    }

    fn lag(&self, view: &ClusterView, member: &Member) -> Option<Lag> {
        if member.role != Some(Role::Replica) {
            return None;
        }
        let primary = view.member(member.primary?)?;
        let primary_said = replication(primary)?;
        let track = self.tracks.get(&primary.id).filter(|track| track.replid == primary_said.replid)?;
        let own = match replication(member) {
            Some(own) => {
                if !is_comparable(own, primary_said)? {
                    return None;
                }
                self.tracks.get(&member.id)?.samples.back().copied()?
            }
            None => return self.last_known_lag(primary_said, track, member),
        };
        let reached = track.offset_at(own.at)?;
        let bytes = (reached - own.offset as f64).max(0.0) as u64;
        Some(Lag { bytes, seconds: age(track, own.offset, own.at, bytes), basis: Basis::OwnOffset })
    }

    fn last_known_lag(&self, primary: &Replication, track: &Track, member: &Member) -> Option<Lag> {
        let same_history = |own: &&Track| own.replid == primary.replid;
        let own = self.tracks.get(&member.id).filter(same_history).and_then(|own| own.samples.back());
        let announced = member.announced.as_ref()?;
        let is_it = |ip: &str, port: u16| ip == &*announced.host && port == announced.port;
        // Offset 0 stands there while a full sync runs.
        let acked = primary.replicas.iter().find(|r| is_it(&r.ip, r.port) && r.acked_offset > 0);
        let offset = own.map(|sample| sample.offset).max(acked.map(|replica| replica.acked_offset))?;
        let now = track.samples.back()?;
        let bytes = now.offset.saturating_sub(offset);
        Some(Lag { bytes, seconds: age(track, offset, now.at, bytes), basis: Basis::LastKnown })
    }
}

/// In another history, or during a full sync, the difference of the offsets means nothing. A replica that has never
/// synced writes -1, 0 or 1, by version.
fn is_comparable(own: &Replication, primary: &Replication) -> Option<bool> {
    let link = own.link.as_ref()?;
    let offset = own.offset?;
    let syncing = link.sync_in_progress && link.sync_read_bytes > 0;
    Some(own.replid == primary.replid && (link.up || (!syncing && offset > 1)))
}

fn age(track: &Track, offset: u64, at: Timestamp, bytes: u64) -> f64 {
    if bytes == 0 {
        return 0.0;
    }
    track.instant_of(offset).map_or(0.0, |reached| at.seconds_since(reached).max(0.0))
}

fn replication(member: &Member) -> Option<&Replication> {
    member.said.as_ref()?.replication.as_ref().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: f64) -> Timestamp {
        Timestamp::from_seconds(1000.0 + seconds)
    }

    fn track(samples: &[(f64, u64)]) -> Track {
        let mut track = Track::default();
        for (seconds, offset) in samples {
            track.push("a", Sample { at: at(*seconds), offset: *offset });
        }
        track
    }

    #[test]
    fn an_offset_is_carried_to_another_instant() {
        let track = track(&[(0.0, 1000), (1.0, 2000), (2.0, 4000)]);
        assert_eq!(track.offset_at(at(1.5)), Some(3000.0));
        assert_eq!(track.offset_at(at(2.5)), Some(5000.0));
        assert_eq!(track.offset_at(at(1.0)), Some(2000.0));
    }

    #[test]
    fn a_lag_in_bytes_has_an_age() {
        let track = track(&[(0.0, 1000), (10.0, 2000)]);
        assert_eq!(track.instant_of(1500), Some(at(5.0)));
        assert_eq!(track.instant_of(500), Some(at(0.0)), "before the exporter watched");
    }

    #[test]
    fn another_history_or_a_restart_begins_a_new_track() {
        let mut track = track(&[(0.0, 1000), (1.0, 2000)]);
        track.push("a", Sample { at: at(2.0), offset: 5 });
        assert_eq!(track.samples.len(), 1);
        track.push("b", Sample { at: at(3.0), offset: 6 });
        assert_eq!(track.samples.len(), 1);
    }
}
