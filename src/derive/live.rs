//! Values that Prometheus looks up when it writes an alert, as templates.

/// How a value is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Unit {
    /// Not at all: the labels tell.
    Nothing,
    /// A whole number.
    Count,
    /// Bytes, by powers of 1024.
    Bytes,
    /// Seconds.
    Seconds,
    /// Per second.
    Rate,
    /// Two digits.
    Ratio,
    /// A share as per cent.
    Share,
}

impl Unit {
    /// The template that writes `.Value`.
    pub(super) fn template(self) -> &'static str {
        match self {
            Self::Nothing => "",
            Self::Count => "{{ printf `%.0f` .Value }}",
            Self::Bytes => "{{ humanize1024 .Value }}B",
            Self::Seconds => "{{ humanizeDuration .Value }}",
            Self::Rate => "{{ humanize .Value }}/s",
            Self::Ratio => "{{ printf `%.2f` .Value }}",
            Self::Share => "{{ humanizePercentage .Value }}",
        }
    }
}

/// A value that is looked up when the alert is written.
#[derive(Clone, Copy, Debug)]
pub(super) struct Live {
    /// What is said of each result: `{}` is its value, `{name}` its label.
    pub(super) says: &'static str,
    /// How the value is written.
    pub(super) unit: Unit,
    /// PromQL, aggregated over exporters; `{CLUSTER`, and `{NODE` or `{SHARD`, stand for the matchers of the alert's
    /// subject.
    pub(super) query: &'static str,
}

impl Live {
    /// The template of the value: nothing where the query has no result.
    pub(super) fn template(&self) -> String {
        let mut says = self.says.replace("{}", "\0");
        says = says.replace('{', "{{ .Labels.").replace('}', " }}").replace('\0', self.unit.template());
        let mut query = self.query.replace("{CLUSTER", "{redis_cluster=%[1]q");
        let mut arguments = "$labels.redis_cluster".to_owned();
        for (word, label) in [("{NODE", "redis_node"), ("{SHARD", "redis_shard")] {
            if query.contains(word) {
                query = query.replace(word, &format!("{{redis_cluster=%[1]q,{label}=%[2]q"));
                arguments += &format!(" $labels.{label}");
            }
        }
        let query = format!("query (printf `{query}` {arguments})");
        // The order of a query's results is not defined.
        let mut labels = self.says.split('{').filter_map(|part| Some(part.split_once('}')?.0));
        let results = match labels.find(|name| !name.is_empty()) {
            Some(name) => format!("sortByLabel `{name}` ({query})"),
            None => query,
        };
        format!("{{{{- range {results} }}}}, {says}{{{{ end }}}}")
    }
}

/// A value.
pub(super) const fn live(says: &'static str, unit: Unit, query: &'static str) -> Live {
    Live { says, unit, query }
}
