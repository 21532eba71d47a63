//! The text of the rows, in either format: a family's head before its first sample, so that none stands empty.
//!
//! The formats differ in the name that `HELP` and `TYPE` carry (OpenMetrics: the family; 0.0.4: the sample, so that
//! counters end in `_total`), in `# UNIT`, and in what ends the text.

use std::ops::Range;

use super::{Kind, Metric, Num, PREFIX};

/// A text format of the exposition.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// OpenMetrics 1.0.
    OpenMetrics,
    /// The Prometheus text format 0.0.4.
    Classic,
}

impl Format {
    /// The `Content-Type`, exact: Prometheus 3 refuses a scrape without one that it knows.
    pub fn content_type(self) -> &'static str {
        match self {
            Self::OpenMetrics => "application/openmetrics-text; version=1.0.0; charset=utf-8",
            Self::Classic => "text/plain; version=0.0.4; charset=utf-8",
        }
    }

    /// What stands behind the last family.
    pub fn end(self) -> &'static str {
        match self {
            Self::OpenMetrics => "# EOF\n",
            Self::Classic => "",
        }
    }
}

/// Labels as they stand in the text, written once for the many samples that bear them.
#[derive(Clone, Debug)]
pub(super) struct Labels(String);

impl Labels {
    /// Of everything that concerns a cluster.
    pub(super) fn of_cluster(name: &str) -> Self {
        let mut text = String::new();
        push_label(&mut text, "redis_cluster", name);
        Self(text)
    }

    /// Of everything that concerns one of its nodes.
    pub(super) fn of_node(&self, address: &str) -> Self {
        let mut text = String::with_capacity(self.0.len() + address.len() + ",redis_node=\"\"".len());
        text.extend([&*self.0, ","]);
        push_label(&mut text, "redis_node", address);
        Self(text)
    }
}

/// The samples of one row.
pub(super) struct Family<'t> {
    text: &'t mut String,
    format: Format,
    row: &'static Metric,
    /// Where the name of a sample stands in the text, with the brace behind it: there once there is one.
    name: Option<Range<usize>>,
}

impl<'t> Family<'t> {
    /// The next family of this text; nothing is written before its first sample.
    pub(super) fn new(text: &'t mut String, format: Format, row: &'static Metric) -> Self {
        Self { text, format, row, name: None }
    }

    /// Writes one sample with these labels and `more`, whose values are cut at the length of a host name. Whoever calls
    /// sees to it that no two samples have the same labels.
    pub(super) fn sample(&mut self, labels: &Labels, more: &[(&str, &str)], value: Num) {
        match self.name.clone() {
            Some(name) => self.text.extend_from_within(name),
            None => self.begin(),
        }
        self.text.push_str(&labels.0);
        for (name, value) in more {
            self.text.push(',');
            push_label(self.text, name, cut(value));
        }
        self.text.push_str("} ");
        match value {
            Num::U(n) => self.text.push_str(itoa::Buffer::new().format(n)),
            Num::I(n) => self.text.push_str(itoa::Buffer::new().format(n)),
            Num::F(n) => self.text.push_str(dtoa::Buffer::new().format(n)),
        }
        self.text.push('\n');
    }

    /// The head, and the name of the first sample.
    fn begin(&mut self) {
        let (suffix, kind) = match (self.row.kind, self.format) {
            (Kind::Gauge, _) => ("", "gauge"),
            (Kind::Counter, Format::OpenMetrics) => ("", "counter"),
            (Kind::Counter, Format::Classic) => (Kind::Counter.suffix(), "counter"),
        };
        self.text.push_str("# HELP ");
        self.push_name(suffix);
        self.text.push(' ');
        self.text.extend(self.row.help_pieces());
        self.text.push_str("\n# TYPE ");
        self.push_name(suffix);
        self.text.extend([" ", kind, "\n"]);
        if let (Format::OpenMetrics, Some(unit)) = (self.format, self.row.unit.suffix().strip_prefix('_')) {
            self.text.push_str("# UNIT ");
            self.push_name(suffix);
            self.text.extend([" ", unit, "\n"]);
        }
        let from = self.text.len();
        self.push_name(self.row.kind.suffix());
        self.text.push('{');
        self.name = Some(from..self.text.len());
    }

    fn push_name(&mut self, suffix: &str) {
        self.text.extend([PREFIX, "_", self.row.name, self.row.unit.suffix(), suffix]);
    }
}

/// Longest value in bytes of a label that a node may have named: that of a host name.
const LONGEST: usize = 255;

/// What of such a value is written.
pub(super) fn cut(value: &str) -> &str {
    // A character is at most four bytes long.
    (LONGEST - 3..=LONGEST).rev().find_map(|end| value.get(..end)).unwrap_or(value)
}

/// The escapes of a label's value are the same in both formats.
fn push_label(text: &mut String, name: &str, value: &str) {
    text.extend([name, "=\""]);
    let mut rest = value;
    while let Some((before, from)) =
        memchr::memchr3(b'\\', b'"', b'\n', rest.as_bytes()).and_then(|at| rest.split_at_checked(at))
    {
        text.push_str(before);
        let mut chars = from.chars();
        text.push_str(match chars.next() {
            Some('\n') => "\\n",
            Some('"') => "\\\"",
            _ => "\\\\",
        });
        rest = chars.as_str();
    }
    text.extend([rest, "\""]);
}
