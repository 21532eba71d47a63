//! What a check concludes: typed, so that text, JSON and metrics are made of it and never read back.

use std::fmt;
use std::sync::Arc;

use super::slots::SlotSet;
use super::view::Member;

/// How soon somebody must look. There is no default: a row names it, once.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Severity {
    /// Pages now.
    P1,
    /// Within one hour.
    P2,
    /// On the next business day.
    P3,
}

impl Severity {
    /// All, worst first.
    pub const ALL: [Self; 3] = [Self::P1, Self::P2, Self::P3];

    /// `P1`, `P2`, `P3`: value of the label `severity`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::P1 => "P1",
            Self::P2 => "P2",
            Self::P3 => "P3",
        }
    }
}

/// What a check says of a view. A check cannot fail, and *cannot tell* is never *fine*.
#[derive(Clone, Debug, PartialEq)]
pub enum Outcome {
    /// Judged, and nothing is wrong.
    Clear,
    /// Judged, and this is wrong; at least one finding.
    Firing(Vec<Finding>),
    /// Cannot be judged, for this reason.
    Unknown(String),
}

impl Outcome {
    /// Firing with these findings, or clear if there are none.
    pub fn of(findings: Vec<Finding>) -> Self {
        if findings.is_empty() { Self::Clear } else { Self::Firing(findings) }
    }

    /// The findings; none unless firing.
    pub fn findings(&self) -> &[Finding] {
        match self {
            Self::Firing(findings) => findings,
            _ => &[],
        }
    }
}

/// One thing that is wrong, with what shows it.
#[derive(Clone, Debug, PartialEq)]
pub struct Finding {
    /// What it is about.
    pub subject: Subject,
    /// One sentence with the values.
    pub summary: String,
    /// What was seen, by name, in a fixed order.
    pub evidence: Vec<(&'static str, Value)>,
    /// What to run next, on the right node, ready to copy; may be empty.
    pub commands: Vec<String>,
}

impl Finding {
    /// A finding without evidence and commands yet.
    pub fn new(subject: Subject, summary: impl Into<String>) -> Self {
        Self { subject, summary: summary.into(), evidence: Vec::new(), commands: Vec::new() }
    }

    /// With one more piece of evidence.
    #[must_use]
    pub fn with(mut self, name: &'static str, value: impl Into<Value>) -> Self {
        self.evidence.push((name, value.into()));
        self
    }

    /// With one more piece of evidence, if there is one.
    #[must_use]
    pub fn with_some(self, name: &'static str, value: Option<impl Into<Value>>) -> Self {
        match value {
            Some(value) => self.with(name, value),
            None => self,
        }
    }

    /// With one more command to run next.
    #[must_use]
    pub fn run(mut self, command: impl Into<String>) -> Self {
        self.commands.push(command.into());
        self
    }
}

/// What a finding is about. Only the parts that apply are there; the whole cluster if none is.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Subject {
    /// Shard.
    pub shard: Option<Arc<str>>,
    /// Labels of the nodes.
    pub nodes: Vec<Arc<str>>,
    /// Slots.
    pub slots: Option<SlotSet>,
}

impl Subject {
    /// The whole cluster.
    pub fn cluster() -> Self {
        Self::default()
    }

    /// One node, and its shard.
    pub fn node(member: &Member) -> Self {
        Self { shard: Some(member.shard.clone()), nodes: vec![member.label.clone()], slots: None }
    }

    /// Several nodes.
    pub fn nodes(labels: impl IntoIterator<Item = Arc<str>>) -> Self {
        Self { nodes: labels.into_iter().collect(), ..Self::default() }
    }

    /// One shard.
    pub fn shard(shard: &Arc<str>) -> Self {
        Self { shard: Some(shard.clone()), ..Self::default() }
    }

    /// Slots, with the nodes that they concern.
    pub fn slots(slots: SlotSet, nodes: impl IntoIterator<Item = Arc<str>>) -> Self {
        Self { slots: Some(slots), ..Self::nodes(nodes) }
    }

    /// The same subject in the next poll: shard and nodes, but not slots, whose ranges may change while the trouble
    /// lasts.
    pub fn key(&self) -> String {
        let nodes = self.nodes.join(",");
        format!("{}|{nodes}", self.shard.as_deref().unwrap_or_default())
    }
}

impl fmt::Display for Subject {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut gap = "";
        if let Some(slots) = &self.slots {
            write!(f, "slots {slots}")?;
            gap = ", ";
        }
        if !self.nodes.is_empty() {
            write!(f, "{gap}{}", self.nodes.join(", "))?;
            gap = ", ";
        }
        match &self.shard {
            Some(shard) if self.nodes.is_empty() => write!(f, "{gap}shard {shard}"),
            None if gap.is_empty() => f.write_str("cluster"),
            _ => Ok(()),
        }
    }
}

/// A piece of evidence.
#[derive(Clone, Debug, PartialEq)]
pub enum Value {
    /// A count.
    Count(u64),
    /// Bytes.
    Bytes(u64),
    /// Seconds.
    Seconds(f64),
    /// A ratio.
    Ratio(f64),
    /// A rate, per second.
    PerSecond(f64),
    /// Seconds since the Unix epoch.
    Time(f64),
    /// Yes or no.
    Flag(bool),
    /// Words: a state, a setting, a server's text, a node's label.
    Text(String),
    /// Slots.
    Slots(SlotSet),
    /// Several.
    List(Vec<Value>),
    /// Several with names: what each node says, for example.
    Map(Vec<(String, Value)>),
}

impl From<bool> for Value {
    fn from(flag: bool) -> Self {
        Self::Flag(flag)
    }
}

impl From<&str> for Value {
    fn from(text: &str) -> Self {
        Self::Text(text.to_owned())
    }
}

impl From<String> for Value {
    fn from(text: String) -> Self {
        Self::Text(text)
    }
}

impl From<&Arc<str>> for Value {
    fn from(text: &Arc<str>) -> Self {
        Self::Text(text.to_string())
    }
}

impl From<SlotSet> for Value {
    fn from(slots: SlotSet) -> Self {
        Self::Slots(slots)
    }
}

impl From<Vec<Value>> for Value {
    fn from(values: Vec<Value>) -> Self {
        Self::List(values)
    }
}

impl From<Vec<(String, Value)>> for Value {
    fn from(values: Vec<(String, Value)>) -> Self {
        Self::Map(values)
    }
}

/// As people read it: `12.3 MB`, `1.52`, `0-5460 5462`.
impl fmt::Display for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Count(n) => write!(f, "{n}"),
            Self::Bytes(n) => f.write_str(&bytes(*n)),
            Self::Seconds(s) => f.write_str(&seconds(*s)),
            Self::Ratio(r) => write!(f, "{r:.2}"),
            Self::PerSecond(r) => write!(f, "{r:.1}/s"),
            Self::Time(t) => write!(f, "{t:.3}"),
            Self::Flag(flag) => f.write_str(if *flag { "yes" } else { "no" }),
            Self::Text(text) => f.write_str(text),
            Self::Slots(slots) => write!(f, "{slots}"),
            Self::List(values) => values.iter().enumerate().try_for_each(|(n, value)| {
                let gap = if n == 0 { "" } else { ", " };
                write!(f, "{gap}{value}")
            }),
            Self::Map(values) => values.iter().enumerate().try_for_each(|(n, (name, value))| {
                let gap = if n == 0 { "" } else { ", " };
                write!(f, "{gap}{name}: {value}")
            }),
        }
    }
}

/// Bytes with the unit that suits them, powers of 1000.
pub fn bytes(n: u64) -> String {
    match n {
        0..1_000 => format!("{n} B"),
        1_000..1_000_000 => format!("{:.1} kB", n as f64 / 1e3),
        1_000_000..1_000_000_000 => format!("{:.1} MB", n as f64 / 1e6),
        _ => format!("{:.1} GB", n as f64 / 1e9),
    }
}

/// Seconds with the unit that suits them.
pub fn seconds(s: f64) -> String {
    match s {
        s if s < 1.0 => format!("{:.0} ms", s * 1e3),
        s if s < 120.0 => format!("{s:.0} s"),
        s if s < 7200.0 => format!("{:.0} min", s / 60.0),
        s if s < 172_800.0 => format!("{:.1} h", s / 3600.0),
        s => format!("{:.1} d", s / 86400.0),
    }
}
