//! The rows over the frames as OpenMetrics text: family by family over all clusters, so that no family stands twice.

use std::fmt;
use std::hash::{BuildHasher, Hash, Hasher};
use std::sync::Arc;

use foldhash::fast::FixedState;
use prometheus_client::collector::Collector;
use prometheus_client::encoding::{
    CounterValueEncoder, DescriptorEncoder, EncodeCounterValue, EncodeGaugeValue, GaugeValueEncoder,
    MetricEncoder, NoLabelSet,
};
use prometheus_client::metrics::MetricType;
use prometheus_client::registry::{self, Registry};

use super::{Kind, Metric, Num, PREFIX, Read, Unit, all, scaled};
use crate::frame::Frame;
use crate::model::info::{Field, Info};
use crate::model::snapshot::NodeSnapshot;
use crate::model::time::Timestamp;

/// Bytes of text for each node, and for the rest: as much as it comes to, so that the text need not be moved as it grows.
const ROOM: (usize, usize) = (16 << 10, 64 << 10);

/// The OpenMetrics 1.0 text of these frames, without the `# EOF` line. `now` decides which frames are stale.
pub fn encode(frames: &[Arc<Frame>], now: Timestamp) -> String {
    let mut text = String::new();
    encode_into(&mut text, frames, now);
    text
}

/// Writes that text into one that is empty.
pub fn encode_into(text: &mut String, frames: &[Arc<Frame>], now: Timestamp) {
    let nodes: usize = frames.iter().map(|frame| frame.view.members.len()).sum();
    text.reserve_exact(ROOM.0 * nodes + ROOM.1);
    let mut registry = Registry::with_prefix(PREFIX);
    registry.register_collector(Box::new(Frames { frames: frames.to_vec(), now }));
    // Writing to a string does not fail; a half-written page must not be served all the same.
    if let Err(fmt::Error) = prometheus_client::encoding::text::encode_registry(text, &registry) {
        text.clear();
    }
}

#[derive(Debug)]
struct Frames {
    frames: Vec<Arc<Frame>>,
    now: Timestamp,
}

impl Collector for Frames {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> fmt::Result {
        let sheets: Vec<Sheet<'_>> = self.frames.iter().map(|frame| Sheet::of(frame, self.now)).collect();
        let mut seen = Vec::new();
        for (number, row) in all().enumerate() {
            let mut family = Family { row, encoder: Some(&mut encoder), metric: None, result: Ok(()) };
            for sheet in &sheets {
                sheet.samples(number, row, &mut seen, &mut |labels, value| family.write(labels, value));
            }
            family.result?;
        }
        Ok(())
    }
}

/// One family; its head is written before its first sample, so that none stands empty.
struct Family<'e, 'd> {
    row: &'static Metric,
    encoder: Option<&'e mut DescriptorEncoder<'d>>,
    metric: Option<MetricEncoder<'e>>,
    result: fmt::Result,
}

impl Family<'_, '_> {
    fn write(&mut self, labels: &[(&str, &str)], value: Num) {
        if self.result.is_ok() {
            self.result = self.try_write(labels, value);
        }
    }

    fn try_write(&mut self, labels: &[(&str, &str)], value: Num) -> fmt::Result {
        if let Some(encoder) = self.encoder.take() {
            let kind = match self.row.kind {
                Kind::Gauge => MetricType::Gauge,
                Kind::Counter => MetricType::Counter,
            };
            let unit = match self.row.unit {
                Unit::None => None,
                Unit::Bytes => Some(&registry::Unit::Bytes),
                Unit::Seconds => Some(&registry::Unit::Seconds),
            };
            self.metric =
                Some(encoder.encode_descriptor(self.row.name, &self.row.help_text(), unit, kind)?);
        }
        let Some(metric) = &mut self.metric else { return Err(fmt::Error) };
        let mut sample = metric.encode_family(&labels)?;
        match self.row.kind {
            Kind::Gauge => sample.encode_gauge(&value),
            Kind::Counter => sample.encode_counter::<NoLabelSet, _, f64>(&value, None),
        }
    }
}

impl EncodeGaugeValue for Num {
    fn encode(&self, encoder: &mut GaugeValueEncoder<'_>) -> fmt::Result {
        match self {
            Self::U(n) => EncodeGaugeValue::encode(n, encoder),
            Self::I(n) => EncodeGaugeValue::encode(n, encoder),
            Self::F(n) => EncodeGaugeValue::encode(n, encoder),
        }
    }
}

impl EncodeCounterValue for Num {
    fn encode(&self, encoder: &mut CounterValueEncoder<'_>) -> fmt::Result {
        match self {
            Self::U(n) => EncodeCounterValue::encode(n, encoder),
            Self::I(n) => EncodeCounterValue::encode(&(*n).unsigned_abs(), encoder),
            Self::F(n) => EncodeCounterValue::encode(n, encoder),
        }
    }
}

type Sample<'a> = dyn FnMut(&[(&str, &str)], Num) + 'a;

/// A frame with the numbers that its nodes told.
struct Sheet<'a> {
    frame: &'a Frame,
    stale: bool,
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
        Self { frame, stale, numbers }
    }

    /// The samples of the row `number`. Nodes of a stale frame say nothing any more. `seen` is room to work in.
    fn samples(&self, number: usize, row: &Metric, seen: &mut Vec<u64>, emit: &mut Sample<'_>) {
        let cluster = ("redis_cluster", &*self.frame.cluster);
        match row.read {
            Read::Cluster(value) => {
                if let Some(value) = value(self.frame) {
                    emit(&[cluster], value);
                }
            }
            Read::ClusterBy(_, read) => {
                read(self.frame, &mut |more, value| with_more(&[cluster], more, value, emit));
            }
            _ if self.stale => {}
            Read::Member(_) | Read::MemberBy(..) | Read::NodeBy(..) => self.members(row, seen, emit),
            Read::Node(_) | Read::Info(..) | Read::InfoIs(..) | Read::ClusterInfo(..) => {
                let members = &self.frame.view.members;
                let numbers = self.numbers.iter().skip(number * members.len());
                let told = members.iter().zip(numbers).filter(|(member, _)| member.owns_label);
                for (member, value) in told.filter_map(|(member, number)| Some((member, (*number)?))) {
                    emit(&[cluster, ("redis_node", &*member.label)], value);
                }
            }
        }
    }

    fn members(&self, row: &Metric, seen: &mut Vec<u64>, emit: &mut Sample<'_>) {
        let frame = self.frame;
        let cluster = ("redis_cluster", &*frame.cluster);
        for (at, member) in frame.view.members.iter().enumerate().filter(|(_, member)| member.owns_label) {
            let node = ("redis_node", &*member.label);
            seen.clear();
            let mut labelled = |more: &[(&str, &str)], value| {
                let fingerprint = fingerprint(more);
                if let (true, Err(place)) = (seen.len() < MOST, seen.binary_search(&fingerprint)) {
                    seen.insert(place, fingerprint);
                    with_more(&[cluster, node], more, value, emit);
                }
            };
            match (row.read, member.said.as_deref()) {
                (Read::MemberBy(_, read), _) => read(frame, member, &mut labelled),
                (Read::NodeBy(_, read), Some(said)) => read(said, &mut labelled),
                (Read::Member(read), _) => {
                    if let Some(value) = read(frame, at) {
                        emit(&[cluster, node], value);
                    }
                }
                _ => {}
            }
        }
        // Before any node is known, the seeds stand for themselves.
        for stranger in &frame.view.strangers {
            if let Read::MemberBy(_, _) | Read::Member(_) = row.read {
                super::node::stranger(row.name, stranger, &mut |more, value| {
                    with_more(&[cluster, ("redis_node", &stranger.target.to_string())], more, value, emit);
                });
            }
        }
    }
}

/// Up to this many labels on one sample.
const MOST_LABELS: usize = 9;

/// Most samples of one row for one node: several times what a server with all its modules has commands. What nodes
/// name themselves (commands, events, databases) is bounded here, and no series is written twice whatever they say.
const MOST: usize = 2048;

/// Longest label value in bytes: that of a host name.
const LONGEST: usize = 255;

fn fingerprint(labels: &[(&str, &str)]) -> u64 {
    let mut hasher = FixedState::default().build_hasher();
    labels.iter().for_each(|(_, value)| cut(value).hash(&mut hasher));
    hasher.finish()
}

fn cut(text: &str) -> &str {
    // A character is at most four bytes long.
    (LONGEST - 3..=LONGEST).rev().find_map(|end| text.get(..end)).unwrap_or(text)
}

fn with_more<'a>(
    first: &[(&'a str, &'a str)],
    more: &[(&'a str, &'a str)],
    value: Num,
    emit: &mut Sample<'_>,
) {
    let mut labels = [("", ""); MOST_LABELS];
    let mut used = 0;
    for (to, (name, text)) in labels.iter_mut().zip(first.iter().chain(more)) {
        *to = (name, cut(text));
        used += 1;
    }
    emit(&labels[..used], value);
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
