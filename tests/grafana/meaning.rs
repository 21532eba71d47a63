//! What a dashboard says: metrics and labels that exist, in queries that choose job and cluster and count a pair of
//! exporters once; colours and lines that are those of the checks.

use std::collections::{BTreeMap, BTreeSet};

use redis_cluster_exporter::checks::{CHECKS, Check, Needs};
use redis_cluster_exporter::metrics::{self, Kind};
use redis_cluster_exporter::model::finding::Severity;
use redis_cluster_exporter::model::limits::Limits;
use redis_cluster_exporter::model::time::Timestamp;
use redis_cluster_exporter::self_metrics::SelfMetrics;
use serde_json::Value;

use super::file::{Dashboard, Panel, list, text};
use super::promql::{Query, Selector};

/// Labels of what Prometheus itself adds.
const OF_PROMETHEUS: [(&str, &[&str]); 2] =
    [("up", &[]), ("ALERTS", &["redis_cluster", "alertname", "alertstate", "severity"])];

/// Labels that queries make.
const MADE: [&str; 6] = ["job", "instance", "host", "shard", "note", "says"];

/// A metric, as a query may use it.
struct Known {
    labels: Vec<String>,
    counter: bool,
}

/// What can be asked for: the table of metrics, the exporter's own, and what Prometheus adds.
pub(crate) struct Catalogue(BTreeMap<String, Known>);

impl Catalogue {
    /// All metrics.
    pub(crate) fn new() -> Self {
        let labels = |labels: &[&str]| labels.iter().map(|label| (*label).to_owned()).collect();
        let rows = metrics::all().map(|row| {
            (row.full_name(), Known { labels: labels(&row.labels()), counter: row.kind == Kind::Counter })
        });
        let of_prometheus = OF_PROMETHEUS
            .map(|(name, with)| (name.to_owned(), Known { labels: labels(with), counter: false }));
        let own = SelfMetrics::new(["c".into()], Timestamp::from_seconds(1.0)).encode(None);
        let own = own.lines().filter(|line| !line.starts_with('#')).map(|line| {
            let series = line.rsplit_once(' ').expect("a value").0;
            let (name, labels) = series.split_once('{').unwrap_or((series, ""));
            let labels = labels.split(',').filter_map(|pair| Some(pair.split_once('=')?.0.to_owned()));
            (name.to_owned(), Known { labels: labels.collect(), counter: name.ends_with("_total") })
        });
        Self(rows.chain(of_prometheus).chain(own).collect())
    }

    /// Everything that is wrong with the queries of a dashboard.
    pub(crate) fn complaints(&self, dashboard: &Dashboard) -> Vec<String> {
        let mut complaints = Vec::new();
        for (at, expr) in dashboard.queries() {
            match Query::read(&expr) {
                Err(error) => complaints.push(format!("{at}: {error}")),
                Ok(query) => {
                    let found = self.query(&query, dashboard);
                    complaints.extend(found.into_iter().map(|what| format!("{at}: {what}\n    {expr}")));
                }
            }
        }
        complaints
    }

    fn query(&self, query: &Query, dashboard: &Dashboard) -> Vec<String> {
        let mut wrong: Vec<String> =
            query.selectors.iter().flat_map(|selector| self.selector(selector, dashboard)).collect();
        let labels: BTreeSet<&str> = self.0.values().flat_map(|known| &known.labels).map(|l| &**l).collect();
        let unknown =
            query.labels.iter().filter(|word| !labels.contains(&***word) && !MADE.contains(&&***word));
        wrong.extend(unknown.map(|word| format!("neither a label nor a metric with its matchers: {word}")));
        wrong
    }

    fn selector(&self, selector: &Selector, dashboard: &Dashboard) -> Vec<String> {
        let name = &selector.metric;
        let Some(known) = self.0.get(name) else { return vec![format!("no metric {name}")] };
        let has = |label: &str| known.labels.iter().any(|known| known == label);
        let mut wanted = Vec::new();
        if name != "ALERTS" {
            wanted.push("job");
        }
        if has("redis_cluster") {
            wanted.push("redis_cluster");
        }
        if dashboard.name == "node" && has("redis_node") {
            wanted.push("redis_node");
        }
        let mut wrong = Vec::new();
        for label in wanted {
            let operator = dashboard.operator(label);
            let matcher = (label.to_owned(), operator.to_owned(), format!("${label}"));
            if !selector.matchers.contains(&matcher) {
                wrong.push(format!("{name} without the matcher {label}{operator}\"${label}\""));
            }
        }
        for (label, operator, value) in &selector.matchers {
            if label != "job" && !has(label) {
                wrong.push(format!("{name} has no label {label}"));
            }
            let codes = value.split('|').filter(|_| label == "check");
            for code in codes.filter(|code| !CHECKS.iter().any(|check| check.code == *code)) {
                wrong.push(format!("no check {code}"));
            }
            if label == "severity" && (operator != "=" || !Severity::ALL.iter().any(|s| s.as_str() == value))
            {
                wrong.push(format!("no severity {value}"));
            }
        }
        let function = &*selector.function;
        if known.counter != ["rate", "increase"].contains(&function) {
            wrong.push(format!("{name} in {function}()"));
        }
        if !matches!(selector.aggregation, Some("max" | "min")) && name != "up" {
            wrong.push(format!("{name} of two exporters counts twice in {:?}", selector.aggregation));
        }
        if function == "rate" && selector.range.as_deref() != Some("$__rate_interval") {
            wrong.push(format!("rate({name}) not over [$__rate_interval]"));
        }
        wrong
    }
}

/// Codes of the checks that need the word of a majority: without it a cluster cannot be judged.
pub(crate) fn of_the_majority() -> String {
    let mut codes: Vec<_> =
        CHECKS.iter().filter(|check| check.needs == Needs::Majority).map(|check| check.code).collect();
    codes.sort_unstable();
    codes.join("|")
}

/// The codes by which the verdicts of a dashboard tell that a cluster cannot be judged.
pub(crate) fn judges_by(dashboard: &Dashboard) -> Vec<String> {
    let queries = dashboard.queries().into_iter().filter_map(|(_, expr)| Query::read(&expr).ok());
    let selectors = queries.flat_map(|query| query.selectors);
    let of_unknown = selectors.filter(|selector| selector.metric == "rediscluster_check_unknown");
    let matchers = of_unknown.flat_map(|selector| selector.matchers);
    matchers.filter(|(label, ..)| label == "check").map(|(.., codes)| codes).collect()
}

fn color(severity: Severity) -> &'static str {
    match severity {
        Severity::P1 => "red",
        Severity::P2 => "orange",
        Severity::P3 => "yellow",
    }
}

/// The colour of a step or a mapped value, however dark.
fn hue(of: &Value) -> &str {
    text(&of["color"]).trim_start_matches("dark-")
}

/// Colours that say nothing of a severity; purple is for what cannot be judged.
const CALM: [&str; 5] = ["transparent", "text", "green", "blue", "purple"];

/// Counts of what should not be there at all, or be there but once.
const COUNTS: [f64; 3] = [0.0, 1.0, 2.0];

/// One of `limits:`.
pub(crate) struct Limit {
    /// Its default.
    value: f64,
    /// The check that it is for; of two, as for fragmentation, none is told.
    check: Option<&'static Check>,
}

impl Limit {
    /// All that are numbers, by key. `config.example.yaml` says above each for which check it is.
    pub(crate) fn all() -> BTreeMap<String, Self> {
        let Ok(Value::Object(defaults)) = serde_json::to_value(Limits::default()) else {
            panic!("limits are a map")
        };
        let mut limits = BTreeMap::new();
        let mut check = None;
        for line in include_str!("../../config.example.yaml").lines().map(str::trim) {
            if let Some(comment) = line.strip_prefix("# ") {
                let said = comment.split(':').next().unwrap_or_default();
                check = CHECKS.into_iter().find(|check| check.code == said).or(check);
            } else if let Some((key, _)) = line.split_once(':') {
                let check = check.take();
                let value = defaults.get(key).and_then(Value::as_f64);
                limits.extend(value.map(|value| (key.to_owned(), Self { value, check })));
            }
        }
        limits
    }
}

/// Everything that is wrong with the lines and colours of a panel: each is a limit that its description names, in the
/// colour of a check whose runbook it links or of a severity that its description names; and no limit is named that is
/// neither drawn nor part of a query.
pub(crate) fn thresholds(panel: Panel<'_>, limits: &BTreeMap<String, Limit>) -> Vec<String> {
    let (at, description) = (panel.at(), panel.description());
    let steps: Vec<&Value> =
        panel.options("thresholds").into_iter().flat_map(|thresholds| list(&thresholds["steps"])).collect();
    let linked =
        CHECKS.iter().filter(|check| panel.checks().contains(&check.code)).map(|check| check.severity);
    let said = Severity::ALL.into_iter().filter(|severity| description.contains(severity.as_str()));
    let colors: Vec<&str> = linked.chain(said).map(color).collect();
    let words = description.split('`').skip(1).step_by(2);
    let named: BTreeMap<&str, &Limit> = words.filter_map(|key| Some((key, limits.get(key)?))).collect();

    let mut wrong = Vec::new();
    let mapped = panel.options("mappings").into_iter().flat_map(list);
    let mapped =
        mapped.flat_map(|mapping| mapping["options"].as_object()).flat_map(|options| options.values());
    let shown = steps.iter().copied().chain(mapped).map(hue).filter(|hue| !hue.is_empty());
    for shown in shown.filter(|hue| !CALM.contains(hue) && !colors.contains(hue)) {
        wrong.push(format!("{at}: {shown} is the colour of no check that is linked"));
    }
    for step in &steps {
        let shown = hue(step);
        let Some(value) = step["value"].as_f64() else { continue };
        let as_named = named.values().any(|limit| {
            let severe = limit.check.is_none_or(|check| color(check.severity) == shown);
            limit.value == value && severe
        });
        let spelled = description.contains(&format!(" {value} s"));
        if !as_named && !COUNTS.contains(&value) && !spelled {
            wrong.push(format!("{at}: {value} in {shown} is no limit that the description names"));
        }
    }
    let queries = panel.targets().iter().filter_map(|target| Query::read(text(&target["expr"])).ok());
    let numbers: Vec<f64> = queries.flat_map(|query| query.numbers).collect();
    for (key, limit) in named.into_iter().map(|(key, limit)| (key, limit.value)) {
        let drawn = steps.iter().any(|step| step["value"].as_f64() == Some(limit));
        if !drawn && !numbers.contains(&limit) {
            wrong.push(format!("{at}: names {key} ({limit}) and neither draws nor asks for it"));
        }
    }
    wrong
}

/// Whether the first step of all thresholds is written as Grafana wants it, and the others ascend.
pub(crate) fn steps_ascend(panel: Panel<'_>) -> bool {
    panel.options("thresholds").into_iter().all(|thresholds| {
        let steps = list(&thresholds["steps"]);
        let values: Vec<Option<f64>> = steps.iter().map(|step| step["value"].as_f64()).collect();
        values.first() == Some(&None)
            && values.iter().skip(1).all(Option::is_some)
            && values.is_sorted_by(|one, next| one < next)
    })
}
