//! The table of what we export, and its encoding. One row per metric: name, kind, unit, help, scope and source stand
//! together, and `docs/metrics.md` derives from the rows.
//!
//! Series of nodes vanish when the node does not answer, and with a frame that is stale; series about the cluster
//! never do.

mod bus;
mod checks;
mod cluster;
mod collector;
mod commands;
mod memory;
mod node;
mod persistence;
mod replication;
mod stats;
mod text;

pub use collector::{encode, size, write};
pub use text::{Exposition, Format};

use crate::frame::Frame;
use crate::model::info::{Field, Number};
use crate::model::snapshot::NodeSnapshot;
use crate::model::view::Member;

/// Every exported name begins with this and an underscore.
pub const PREFIX: &str = "rediscluster";

/// What kind of series a row makes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Goes up and down.
    Gauge,
    /// Only goes up while the server process lives; samples end in `_total`.
    Counter,
}

impl Kind {
    /// What the names of its samples end in.
    fn suffix(self) -> &'static str {
        match self {
            Self::Gauge => "",
            Self::Counter => "_total",
        }
    }
}

/// Base unit; it becomes the suffix of the name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unit {
    /// None, or one that the name itself tells (`_ratio`, `_info`).
    None,
    /// `_bytes`
    Bytes,
    /// `_seconds`
    Seconds,
}

impl Unit {
    /// What it puts behind the name.
    fn suffix(self) -> &'static str {
        match self {
            Self::None => "",
            Self::Bytes => "_bytes",
            Self::Seconds => "_seconds",
        }
    }
}

/// How a number of a server becomes one in base units.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scale {
    /// As it is; may be negative.
    Plain,
    /// As it is; a negative number says "none" and makes no series.
    NotNegative,
    /// Thousandths; a negative number says "none".
    Milli,
    /// Millionths; a negative number says "none".
    Micro,
}

/// A sample's value: whole numbers stay whole in the text.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Num {
    /// Unsigned.
    U(u64),
    /// Signed.
    I(i64),
    /// With a fraction.
    F(f64),
}

impl From<bool> for Num {
    fn from(yes: bool) -> Self {
        Self::U(u64::from(yes))
    }
}

impl From<usize> for Num {
    fn from(n: usize) -> Self {
        Self::U(n as u64)
    }
}

/// Takes one sample: all labels beside cluster and node, and the number.
type EmitLabels<'a> = dyn FnMut(&[(&str, &str)], Num) + 'a;

/// Where a row's samples come from. The variant fixes the labels.
#[derive(Clone, Copy)]
pub enum Read {
    /// `{redis_cluster}`
    Cluster(fn(&Frame) -> Option<Num>),
    /// `{redis_cluster, …}`
    ClusterBy(&'static [&'static str], fn(&Frame, &mut EmitLabels<'_>)),
    /// `{redis_cluster, redis_node}` for every node, whether it answers or not.
    Member(fn(&Frame, usize) -> Option<Num>),
    /// `{redis_cluster, redis_node, …}` for every node, whether it answers or not.
    MemberBy(&'static [&'static str], fn(&Frame, &Member, &mut EmitLabels<'_>)),
    /// `{redis_cluster, redis_node}` of nodes that answer.
    Node(fn(&NodeSnapshot) -> Option<Num>),
    /// `{redis_cluster, redis_node, …}` of nodes that answer.
    NodeBy(&'static [&'static str], fn(&NodeSnapshot, &mut EmitLabels<'_>)),
    /// `{redis_cluster, redis_node}`: a line of INFO.
    Info(Field, Scale),
    /// `{redis_cluster, redis_node}`: 1 if a line of INFO has this value, else 0.
    InfoIs(Field, &'static str),
    /// `{redis_cluster, redis_node}`: a line of CLUSTER INFO.
    ClusterInfo(Field, Scale),
}

/// One metric.
pub struct Metric {
    /// Bare name: without prefix, unit and `_total`.
    pub name: &'static str,
    /// Gauge or counter.
    pub kind: Kind,
    /// Base unit.
    pub unit: Unit,
    /// What it means, without a full stop at its end and, for INFO rows, without the source.
    pub help: &'static str,
    /// Where its samples come from.
    pub read: Read,
}

impl Metric {
    const fn new(kind: Kind, name: &'static str, help: &'static str, read: Read) -> Self {
        Self { name, kind, unit: Unit::None, help, read }
    }

    const fn gauge(name: &'static str, help: &'static str, read: Read) -> Self {
        Self::new(Kind::Gauge, name, help, read)
    }

    const fn counter(name: &'static str, help: &'static str, read: Read) -> Self {
        Self::new(Kind::Counter, name, help, read)
    }

    const fn bytes(mut self) -> Self {
        self.unit = Unit::Bytes;
        self
    }

    const fn seconds(mut self) -> Self {
        self.unit = Unit::Seconds;
        self
    }

    /// The name as Prometheus sees it.
    pub fn full_name(&self) -> String {
        format!("{PREFIX}_{}{}{}", self.name, self.unit.suffix(), self.kind.suffix())
    }

    /// Text of the HELP line: meaning, and where the number comes from.
    pub fn help_text(&self) -> String {
        self.help_pieces().concat()
    }

    /// The same, for whoever writes it. Nothing in it would have to be escaped.
    fn help_pieces(&self) -> [&'static str; 6] {
        match self.read {
            Read::Info(field, _) => [self.help, " (INFO ", field.name, ")", "", ""],
            Read::InfoIs(field, value) => [self.help, " (INFO ", field.name, " is ", value, ")"],
            Read::ClusterInfo(field, _) => [self.help, " (CLUSTER INFO ", field.name, ")", "", ""],
            _ => [self.help, "", "", "", "", ""],
        }
    }

    /// The names of its labels.
    pub fn labels(&self) -> Vec<&'static str> {
        let (first, more): (&[&str], &[&str]) = match &self.read {
            Read::Cluster(_) => (&["redis_cluster"], &[]),
            Read::ClusterBy(labels, _) => (&["redis_cluster"], labels),
            Read::MemberBy(labels, _) | Read::NodeBy(labels, _) => (&["redis_cluster", "redis_node"], labels),
            _ => (&["redis_cluster", "redis_node"], &[]),
        };
        first.iter().chain(more).copied().collect()
    }
}

/// All rows, in the order in which they are exported.
pub fn all() -> impl Iterator<Item = &'static Metric> {
    let groups: [&'static [Metric]; 9] = [
        cluster::ROWS,
        checks::ROWS,
        node::ROWS,
        replication::ROWS,
        bus::ROWS,
        memory::ROWS,
        persistence::ROWS,
        stats::ROWS,
        commands::ROWS,
    ];
    groups.into_iter().flatten()
}

/// A line of INFO as a gauge or counter value.
const fn info(field: &'static str) -> Read {
    Read::Info(Field::new(field), Scale::NotNegative)
}

/// The same, where negative numbers mean something.
const fn info_signed(field: &'static str) -> Read {
    Read::Info(Field::new(field), Scale::Plain)
}

const fn info_milli(field: &'static str) -> Read {
    Read::Info(Field::new(field), Scale::Milli)
}

const fn info_micro(field: &'static str) -> Read {
    Read::Info(Field::new(field), Scale::Micro)
}

const fn info_is(field: &'static str, value: &'static str) -> Read {
    Read::InfoIs(Field::new(field), value)
}

const fn cluster_info(field: &'static str) -> Read {
    Read::ClusterInfo(Field::new(field), Scale::NotNegative)
}

fn scaled(number: Number, scale: Scale) -> Option<Num> {
    if scale != Scale::Plain && number.as_f64() < 0.0 {
        return None;
    }
    Some(match (scale, number) {
        (Scale::Milli, number) => Num::F(number.as_f64() / 1e3),
        (Scale::Micro, number) => Num::F(number.as_f64() / 1e6),
        (_, Number::Int(n)) => Num::I(n),
        (_, Number::Float(n)) => Num::F(n),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_well_formed_and_unique() {
        let mut names: Vec<_> = all().map(Metric::full_name).collect();
        let total = names.len();
        for name in &names {
            assert!(
                name.bytes().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == b'_'),
                "{name}"
            );
        }
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), total);
    }

    #[test]
    fn bare_names_hold_neither_unit_nor_total() {
        for row in all() {
            for suffix in ["_total", "_bytes", "_seconds", "_count", "_sum"] {
                assert!(!row.name.ends_with(suffix), "{}: {suffix} follows by itself", row.name);
            }
        }
    }

    #[test]
    fn help_is_one_line_without_full_stop_and_without_escapes() {
        for row in all() {
            let help = row.help_text();
            assert!(!help.is_empty() && !help.ends_with('.'), "{}: {help}", row.name);
            assert!(!help.contains(['\n', '\\', '"']), "{}: {help}", row.name);
        }
    }

    #[test]
    fn no_label_belongs_to_the_target() {
        for label in all().flat_map(Metric::labels) {
            let reserved = ["cluster", "instance", "job", "node", "zone", "env"];
            assert!(!reserved.contains(&label), "{label}");
        }
    }
}
