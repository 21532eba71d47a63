//! The text of an exposition, in either format, line by line.
//!
//! The formats differ in the name that `HELP` and `TYPE` carry (OpenMetrics: the family; 0.0.4: the sample, so that
//! counters end in `_total`), in `# UNIT`, and in what ends the text.

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
}

/// Bytes that gather before they are given away: few enough to be in the processor's cache still.
const PIECE: usize = 16 << 10;

/// A text that is written: kept whole, or given away in pieces as it grows.
pub struct Exposition<'t> {
    format: Format,
    text: String,
    taker: Option<&'t mut dyn FnMut(&str)>,
    /// The row whose samples are being written.
    row: Option<&'static Metric>,
    /// What each of these begins with.
    name: String,
}

impl<'t> Exposition<'t> {
    /// Kept whole, in this room, which is empty.
    pub fn whole(format: Format, room: String) -> Self {
        Self { format, text: room, taker: None, row: None, name: String::new() }
    }

    /// Given to `taker` piece by piece, so that of the text of many nodes never more than a piece is there.
    pub fn in_pieces(format: Format, taker: &'t mut dyn FnMut(&str)) -> Self {
        // The line that fills a piece goes beyond it.
        let room = String::with_capacity(PIECE + PIECE / 16);
        Self { taker: Some(taker), ..Self::whole(format, room) }
    }

    /// The format in which it is written.
    pub fn format(&self) -> Format {
        self.format
    }

    /// So many bytes will come, or a few more.
    pub(super) fn expect(&mut self, bytes: usize) {
        if self.taker.is_none() {
            self.text.reserve_exact(bytes);
        }
    }

    /// Writes one sample of the row, with these labels and `more`, whose values are cut at the length of a host name. The
    /// head of the family goes before its first sample, so that none stands empty.
    ///
    /// Whoever calls writes row by row, and no two samples with the same labels.
    pub(super) fn sample(
        &mut self,
        row: &'static Metric,
        labels: &Labels,
        more: &[(&str, &str)],
        value: Num,
    ) {
        if !self.row.is_some_and(|begun| std::ptr::eq(begun, row)) {
            self.begin(row);
        }
        self.text.push_str(&self.name);
        self.text.push_str(&labels.0);
        for (name, value) in more {
            self.text.push(',');
            push_label(&mut self.text, name, cut(value));
        }
        self.text.push_str("} ");
        match value {
            Num::U(n) => self.text.push_str(itoa::Buffer::new().format(n)),
            Num::I(n) => self.text.push_str(itoa::Buffer::new().format(n)),
            Num::F(n) => self.text.push_str(dtoa::Buffer::new().format(n)),
        }
        self.text.push('\n');
        self.give_if(PIECE);
    }

    fn begin(&mut self, row: &'static Metric) {
        let unit = row.unit.suffix();
        let total = row.kind.suffix();
        let (family, kind) = match (row.kind, self.format) {
            (Kind::Gauge, _) => ("", "gauge"),
            (Kind::Counter, Format::OpenMetrics) => ("", "counter"),
            (Kind::Counter, Format::Classic) => (total, "counter"),
        };
        let family = [PREFIX, "_", row.name, unit, family];
        self.text.push_str("# HELP ");
        self.text.extend(family);
        self.text.push(' ');
        self.text.extend(row.help_pieces());
        self.text.push_str("\n# TYPE ");
        self.text.extend(family);
        self.text.extend([" ", kind, "\n"]);
        if let (Format::OpenMetrics, Some(unit)) = (self.format, unit.strip_prefix('_')) {
            self.text.push_str("# UNIT ");
            self.text.extend(family);
            self.text.extend([" ", unit, "\n"]);
        }
        self.name.clear();
        self.name.extend([PREFIX, "_", row.name, unit, total, "{"]);
        self.row = Some(row);
    }

    /// Families of another writer, in this format.
    pub fn push(&mut self, families: &str) {
        self.text.push_str(families);
        self.give_if(PIECE);
    }

    /// Ends it. Returns what has not been given away.
    pub fn end(mut self) -> String {
        if self.format == Format::OpenMetrics {
            self.text.push_str("# EOF\n");
        }
        self.give_if(0);
        self.text
    }

    /// Gives away what there is, if that is so many bytes.
    fn give_if(&mut self, bytes: usize) {
        if let Some(taker) = self.taker.as_mut().filter(|_| self.text.len() >= bytes) {
            taker(&self.text);
            self.text.clear();
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

/// Longest value in bytes of a label that a node may have named: that of a host name.
const LONGEST: usize = 255;

/// What of such a value is written.
pub(super) fn cut(value: &str) -> &str {
    // A character is at most four bytes long.
    (LONGEST - 3..=LONGEST).rev().find_map(|end| value.get(..end)).unwrap_or(value)
}

/// The escapes are the same in both formats.
fn push_label(text: &mut String, name: &str, value: &str) {
    text.extend([name, "=\""]);
    let mut rest = value;
    while let Some(at) = memchr::memchr3(b'\\', b'"', b'\n', rest.as_bytes()) {
        let (before, from) = rest.split_at(at);
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
