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

#[cfg(test)]
mod tests {
    use std::fmt;

    use prometheus_client::collector::Collector;
    use prometheus_client::encoding::text::encode_registry;
    use prometheus_client::encoding::{DescriptorEncoder, NoLabelSet};
    use prometheus_client::metrics::MetricType;
    use prometheus_client::registry::{self, Registry};
    use proptest::collection::vec;
    use proptest::num::f64::ANY;
    use proptest::prelude::*;
    use proptest::sample::subsequence;

    use super::super::{Read, Unit, all};
    use super::*;

    static WAITS: Metric = Metric::counter("waits", "Time spent", Read::Cluster(|_| None)).seconds();
    static DEPTH: Metric = Metric::gauge("depth", "How deep it is", super::super::info("deep"));

    fn two_families(exposition: &mut Exposition<'_>) {
        let cluster = Labels::of_cluster("c");
        exposition.sample(&WAITS, &cluster, &[], Num::F(1.5));
        exposition.sample(&WAITS, &cluster.of_node("n:1"), &[("y", "2"), ("z", "")], Num::U(3));
        exposition.sample(&DEPTH, &cluster, &[], Num::I(-1));
        exposition.push("another 1\n");
    }

    #[test]
    fn names_and_types_are_those_of_the_format() {
        let samples = "rediscluster_waits_seconds_total{redis_cluster=\"c\"} 1.5\n\
                       rediscluster_waits_seconds_total{redis_cluster=\"c\",redis_node=\"n:1\",y=\"2\",z=\"\"} 3\n";
        let rest = "# HELP rediscluster_depth How deep it is (INFO deep)\n# TYPE rediscluster_depth gauge\n\
                    rediscluster_depth{redis_cluster=\"c\"} -1\nanother 1\n";
        let open = "# HELP rediscluster_waits_seconds Time spent\n# TYPE rediscluster_waits_seconds counter\n\
                    # UNIT rediscluster_waits_seconds seconds\n";
        let classic = "# HELP rediscluster_waits_seconds_total Time spent\n\
                       # TYPE rediscluster_waits_seconds_total counter\n";
        for (format, head, end) in [(Format::OpenMetrics, open, "# EOF\n"), (Format::Classic, classic, "")] {
            let mut exposition = Exposition::whole(format, String::new());
            two_families(&mut exposition);
            assert_eq!(exposition.end(), format!("{head}{samples}{rest}{end}"));
        }
    }

    #[test]
    fn what_is_given_away_is_the_whole_in_pieces() {
        let write = |exposition: &mut Exposition<'_>| (0..500).for_each(|_| two_families(exposition));
        let mut whole = Exposition::whole(Format::OpenMetrics, String::new());
        write(&mut whole);
        let mut pieces: Vec<String> = Vec::new();
        let mut taker = |piece: &str| pieces.push(piece.to_owned());
        let mut exposition = Exposition::in_pieces(Format::OpenMetrics, &mut taker);
        write(&mut exposition);
        assert_eq!(exposition.end(), "");
        assert!(pieces.len() > 3 && pieces.iter().all(|piece| piece.len() < PIECE + 1000));
        assert_eq!(pieces.concat(), whole.end());
    }

    #[test]
    fn values_that_a_node_names_are_cut() {
        let mut exposition = Exposition::whole(Format::Classic, String::new());
        exposition.sample(&DEPTH, &Labels::of_cluster("c"), &[("long", &"é".repeat(200))], Num::U(1));
        let sample = format!("{{redis_cluster=\"c\",long=\"{}\"}} 1\n", "é".repeat(127));
        assert!(exposition.end().ends_with(&sample));
    }

    /// The samples of a row: cluster, node, a label, a number.
    type Samples = Vec<(String, String, String, Num)>;

    /// The same by another hand.
    #[derive(Debug)]
    struct Told(Vec<(usize, Samples)>);

    impl Collector for Told {
        fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> fmt::Result {
            for (number, samples) in self.0.iter().filter(|(_, samples)| !samples.is_empty()) {
                let Some(row) = all().nth(*number) else { return Err(fmt::Error) };
                let (unit, help) = (row.unit, row.help_text());
                let unit = match unit {
                    Unit::None => None,
                    Unit::Bytes => Some(&registry::Unit::Bytes),
                    Unit::Seconds => Some(&registry::Unit::Seconds),
                };
                let kind = match row.kind {
                    Kind::Gauge => MetricType::Gauge,
                    Kind::Counter => MetricType::Counter,
                };
                let mut family = encoder.encode_descriptor(row.name, &help, unit, kind)?;
                for (cluster, node, label, number) in samples {
                    let labels = [("redis_cluster", cluster), ("redis_node", node), ("label", label)];
                    let mut sample = family.encode_family(&labels)?;
                    match (row.kind, number) {
                        (Kind::Gauge, Num::U(n)) => sample.encode_gauge(n)?,
                        (Kind::Gauge, Num::I(n)) => sample.encode_gauge(n)?,
                        (Kind::Gauge, Num::F(n)) => sample.encode_gauge(n)?,
                        (Kind::Counter, Num::F(n)) => sample.encode_counter::<NoLabelSet, _, f64>(n, None)?,
                        (Kind::Counter, Num::U(n)) => sample.encode_counter::<NoLabelSet, _, f64>(n, None)?,
                        (Kind::Counter, Num::I(_)) => return Err(fmt::Error),
                    }
                }
            }
            Ok(())
        }
    }

    fn num(kind: Kind) -> BoxedStrategy<Num> {
        let not_negative = prop_oneof![any::<u64>().prop_map(Num::U), ANY.prop_map(Num::F)];
        match kind {
            Kind::Counter => not_negative.boxed(),
            Kind::Gauge => prop_oneof![not_negative, any::<i64>().prop_map(Num::I)].boxed(),
        }
    }

    fn samples(row: usize) -> impl Strategy<Value = (usize, Samples)> {
        let kind = all().nth(row).map_or(Kind::Gauge, |row| row.kind);
        let value = || "[a-z\"\\\\\n{},= é🦀]{0,12}";
        (Just(row), vec((value(), value(), value(), num(kind)), 0..4))
    }

    fn told() -> impl Strategy<Value = Told> {
        let rows = subsequence((0..all().count()).collect::<Vec<_>>(), 0..5);
        rows.prop_flat_map(|rows| rows.into_iter().map(samples).collect::<Vec<_>>()).prop_map(Told)
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn is_what_the_client_library_of_prometheus_writes(told in told()) {
            let mut exposition = Exposition::whole(Format::OpenMetrics, String::new());
            for (number, samples) in &told.0 {
                let row = all().nth(*number).expect("a row");
                for (cluster, node, label, number) in samples {
                    let labels = Labels::of_cluster(cluster).of_node(node);
                    exposition.sample(row, &labels, &[("label", label)], *number);
                }
            }
            let mut registry = Registry::with_prefix(PREFIX);
            registry.register_collector(Box::new(told));
            let mut theirs = String::new();
            encode_registry(&mut theirs, &registry).expect("a string takes it");
            prop_assert_eq!(exposition.end(), theirs + "# EOF\n");
        }
    }
}
