//! The rows over the frames as text: family by family over all clusters, so that no family stands twice.

use std::hash::{BuildHasher, Hash, Hasher};
use std::sync::Arc;

use foldhash::fast::FixedState;

use super::text::{Labels, cut};
use super::{Exposition, Format, Metric, Num, Read, all, scaled};
use crate::frame::Frame;
use crate::model::info::{Field, Info};
use crate::model::snapshot::NodeSnapshot;
use crate::model::time::Timestamp;

/// Bytes of the text of these frames, about; more rather than less, so that it need not be moved as it grows.
pub fn size(frames: &[Arc<Frame>]) -> usize {
    const EACH: usize = 16 << 10;
    const HEADS: usize = 48 << 10;
    let of_cluster = |frame: &Arc<Frame>| EACH * (1 + frame.view.members.len());
    HEADS + frames.iter().map(of_cluster).sum::<usize>()
}

/// The whole text of these frames in this format: for those who want nothing but that.
pub fn encode(frames: &[Arc<Frame>], now: Timestamp, format: Format) -> String {
    let mut exposition = Exposition::whole(format, String::new());
    write(&mut exposition, frames, now);
    exposition.end()
}

/// Writes the families of these frames. `now` decides which of them are stale.
pub fn write(exposition: &mut Exposition<'_>, frames: &[Arc<Frame>], now: Timestamp) {
    exposition.expect(size(frames));
    let sheets: Vec<Sheet<'_>> = frames.iter().map(|frame| Sheet::of(frame, now)).collect();
    let mut seen = Vec::new();
    for (number, row) in all().enumerate() {
        for sheet in &sheets {
            sheet.samples(number, row, &mut seen, exposition);
        }
    }
}

/// A frame with the numbers that its nodes told.
struct Sheet<'a> {
    frame: &'a Frame,
    stale: bool,
    /// Of what concerns the cluster.
    labels: Labels,
    /// Of what concerns a node, member by member.
    node_labels: Vec<Labels>,
    /// Row by row, in each for every member, what [`number`] gives. They are read node by node: a node's INFO is in the
    /// processor's cache but once, while the text is written row by row.
    numbers: Vec<Option<Num>>,
}

impl<'a> Sheet<'a> {
    fn of(frame: &'a Frame, now: Timestamp) -> Self {
        let (members, stale) = (&frame.view.members, frame.is_stale(now));
        let mut numbers = vec![None; if stale { 0 } else { members.len() * all().count() }];
        for (at, said) in
            members.iter().enumerate().filter_map(|(at, member)| Some((at, member.said.as_deref()?)))
        {
            let column = numbers.iter_mut().skip(at).step_by(members.len());
            column.zip(all()).for_each(|(place, row)| *place = number(row.read, said));
        }
        let labels = Labels::of_cluster(&frame.cluster);
        let node_labels = members.iter().map(|member| labels.of_node(&member.label)).collect();
        Self { frame, stale, labels, node_labels, numbers }
    }

    /// The samples of the row `number`. Nodes of a stale frame say nothing any more. `seen` is room to work in.
    fn samples(&self, number: usize, row: &'static Metric, seen: &mut Vec<u64>, text: &mut Exposition<'_>) {
        match row.read {
            Read::Cluster(value) => {
                if let Some(value) = value(self.frame) {
                    text.sample(row, &self.labels, &[], value);
                }
            }
            Read::ClusterBy(_, read) => {
                read(self.frame, &mut |more, value| text.sample(row, &self.labels, more, value));
            }
            _ if self.stale => {}
            Read::Member(_) | Read::MemberBy(..) | Read::NodeBy(..) => self.members(row, seen, text),
            Read::Node(_) | Read::Info(..) | Read::InfoIs(..) | Read::ClusterInfo(..) => {
                let members = self.frame.view.members.iter().zip(&self.node_labels);
                let numbers = self.numbers.iter().skip(number * self.node_labels.len());
                let told = members.zip(numbers).filter(|((member, _), _)| member.owns_label);
                for (labels, value) in told.filter_map(|((_, labels), number)| Some((labels, (*number)?))) {
                    text.sample(row, labels, &[], value);
                }
            }
        }
    }

    fn members(&self, row: &'static Metric, seen: &mut Vec<u64>, text: &mut Exposition<'_>) {
        let frame = self.frame;
        let members = frame.view.members.iter().zip(&self.node_labels).enumerate();
        for (at, (member, labels)) in members.filter(|(_, (member, _))| member.owns_label) {
            seen.clear();
            let mut labelled = |more: &[(&str, &str)], value| {
                let fingerprint = fingerprint(more);
                if let (true, Err(place)) = (seen.len() < MOST, seen.binary_search(&fingerprint)) {
                    seen.insert(place, fingerprint);
                    text.sample(row, labels, more, value);
                }
            };
            match (row.read, member.said.as_deref()) {
                (Read::MemberBy(_, read), _) => read(frame, member, &mut labelled),
                (Read::NodeBy(_, read), Some(said)) => read(said, &mut labelled),
                (Read::Member(read), _) => {
                    if let Some(value) = read(frame, at) {
                        text.sample(row, labels, &[], value);
                    }
                }
                _ => {}
            }
        }
        // Before any node is known, the seeds stand for themselves.
        for stranger in &frame.view.strangers {
            if let Read::MemberBy(_, _) | Read::Member(_) = row.read {
                let labels = self.labels.of_node(&stranger.target.to_string());
                super::node::stranger(row.name, stranger, &mut |more, value| {
                    text.sample(row, &labels, more, value);
                });
            }
        }
    }
}

/// Most samples of one row for one node: several times what a server with all its modules has commands. What nodes
/// name themselves (commands, events, databases) is bounded here, and no series is written twice whatever they say.
const MOST: usize = 2048;

fn fingerprint(labels: &[(&str, &str)]) -> u64 {
    let mut hasher = FixedState::default().build_hasher();
    labels.iter().for_each(|(_, value)| cut(value).hash(&mut hasher));
    hasher.finish()
}

/// The one number that a row reads of a node, if it is a row of that kind.
fn number(read: Read, said: &NodeSnapshot) -> Option<Num> {
    let line = |info: &Info, field: Field, scale| scaled(info.number(field)?, scale);
    match read {
        Read::Node(value) => value(said),
        Read::Info(field, scale) => line(said.info.as_ref().ok()?, field, scale),
        Read::InfoIs(field, wanted) => Some((said.info.as_ref().ok()?.text(field)? == wanted).into()),
        Read::ClusterInfo(field, scale) => line(&said.cluster.as_ref().ok()?.fields, field, scale),
        _ => None,
    }
}
