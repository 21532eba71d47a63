//! What a dashboard has to be, whatever it shows: the conventions for Grafana's JSON that spare an importer trouble.

use std::collections::BTreeSet;

use redis_cluster_exporter::checks::CHECKS;
use serde_json::{Value, json};

use super::file::{Dashboard, Panel, list, text};

/// Tag by which the dashboards find each other.
const TAG: &str = "redis-cluster-exporter";

/// Units of Grafana that are used here.
const UNITS: [&str; 10] =
    ["none", "percentunit", "s", "dtdurations", "dateTimeFromNow", "bytes", "decbytes", "Bps", "ops", "cps"];
const MESSAGES_PER_SECOND: &str = "mps";

/// Variables and what they list, `CLUSTER` being the matcher of the cluster. There is none for the instance of an
/// exporter: a pair of exporters is to show as one. `exporter`, a URL, is only for links.
const VARIABLES: [(&str, &str); 4] = [
    ("job", "label_values(rediscluster_up, job)"),
    ("redis_cluster", r#"label_values(rediscluster_up{job=~"$job"}, redis_cluster)"#),
    ("redis_node", r#"label_values(rediscluster_node_up{job=~"$job", CLUSTER}, redis_node)"#),
    (
        "exporter",
        r#"query_result(max by (exporter) (label_replace(label_replace(rediscluster_up{job=~"$job", CLUSTER}, "exporter", "http://$1", "instance", "(.+)"), "exporter", "$1", "exporter_url", "(.+)")))"#,
    ),
];

fn data_source() -> Value {
    json!({"type": "prometheus", "uid": "${datasource}"})
}

/// Notes what does not hold.
struct Complaints(Vec<String>);

impl Complaints {
    fn unless(&mut self, holds: bool, at: &str, what: &str) {
        if !holds {
            self.0.push(format!("{at}: {what}"));
        }
    }
}

/// Everything that is wrong with the form of a dashboard.
pub(crate) fn complaints(dashboard: &Dashboard) -> Vec<String> {
    let mut complaints = Complaints(Vec::new());
    head(dashboard, &mut complaints);
    variables(dashboard, &mut complaints);
    links(dashboard, &mut complaints);
    for annotation in dashboard.annotations() {
        let at = format!("{}: annotation {}", dashboard.name, text(&annotation["name"]));
        complaints.unless(annotation["datasource"] == data_source(), &at, "another data source");
        complaints.unless(annotation["enable"] == true, &at, "is off");
    }
    for one in dashboard.panels() {
        panel(one, &mut complaints);
    }
    places(dashboard, &mut complaints);
    complaints.0
}

fn head(dashboard: &Dashboard, complaints: &mut Complaints) {
    let (json, name) = (&dashboard.json, dashboard.name);
    complaints.unless(json["uid"] == format!("rediscluster-{name}"), name, "uid");
    complaints.unless(json["id"].is_null(), name, "an id is of one Grafana");
    complaints.unless(matches!(json["schemaVersion"].as_u64(), Some(39..=41)), name, "schemaVersion");
    complaints.unless(json["timezone"] == "browser", name, "timezone");
    complaints.unless(json["editable"] == false, name, "editable");
    complaints.unless(list(&json["tags"]).contains(&TAG.into()), name, "tags");
    complaints.unless(!text(&json["title"]).is_empty(), name, "title");
    complaints.unless(!text(&json["description"]).is_empty(), name, "description");
}

fn variables(dashboard: &Dashboard, complaints: &mut Complaints) {
    let name = dashboard.name;
    let of_kind = |kind: &str| dashboard.variables().iter().filter(|v| v["type"] == kind).collect::<Vec<_>>();
    let sources = of_kind("datasource");
    let source = [json!("datasource"), json!("Data source"), json!("prometheus")];
    let found: Vec<_> = sources.iter().map(|v| [&v["name"], &v["label"], &v["query"]]).collect();
    complaints.unless(found == [source.each_ref()], name, "one variable `datasource` for Prometheus");
    let queries = of_kind("query");
    let matcher = format!("redis_cluster{}\"$redis_cluster\"", dashboard.operator("redis_cluster"));
    let wanted = VARIABLES.iter().filter(|(v, _)| *v != "redis_node" || name == "node");
    let wanted: Vec<_> = wanted.map(|(v, query)| (*v, query.replace("CLUSTER", &matcher))).collect();
    let found = queries.iter().map(|v| (text(&v["name"]), text(&v["query"]["query"]).to_owned()));
    complaints.unless(found.eq(wanted), name, "variables");
    for variable in queries {
        let at = format!("{name}: ${}", text(&variable["name"]));
        complaints.unless(variable["datasource"] == data_source(), &at, "another data source");
        complaints.unless(variable["refresh"] == 2, &at, "is not read again when the time range changes");
        complaints.unless(variable["definition"] == variable["query"]["query"], &at, "definition");
        let many = dashboard.operator(text(&variable["name"])) == "=~";
        complaints.unless(variable["multi"] == many && variable["includeAll"] == many, &at, "multi");
        complaints.unless(!many || variable["allValue"] == ".+", &at, "allValue");
    }
}

fn links(dashboard: &Dashboard, complaints: &mut Complaints) {
    let links = list(&dashboard.json["links"]);
    let siblings = |link: &&Value| link["type"] == "dashboards" && link["tags"] == json!([TAG]);
    let sibling = links.iter().find(siblings);
    let kept = sibling.is_some_and(|link| link["includeVars"] == true && link["keepTime"] == true);
    complaints.unless(kept, dashboard.name, "no link to the other dashboards with variables and time");
    let page = if dashboard.name == "fleet" { "/" } else { "/clusters/${redis_cluster}" };
    let url = format!("${{exporter}}{page}");
    complaints.unless(
        links.iter().any(|link| link["url"] == url),
        dashboard.name,
        "no link to the status page",
    );
}

fn panel(panel: Panel<'_>, complaints: &mut Complaints) {
    let at = &panel.at();
    complaints.unless(!panel.title().is_empty(), at, "title");
    complaints.unless(panel.description().ends_with(['.', '*']), at, "description");
    complaints.unless(panel.json["datasource"] == data_source(), at, "another data source");
    let units = panel.options("unit");
    complaints.unless(!units.is_empty(), at, "unit");
    for unit in units.into_iter().map(text) {
        complaints.unless(UNITS.contains(&unit) || unit == MESSAGES_PER_SECOND, at, &format!("unit {unit}"));
    }
    complaints.unless(!panel.targets().is_empty(), at, "no query");
    let mut ids = BTreeSet::new();
    for target in panel.targets() {
        complaints.unless(ids.insert(text(&target["refId"])), at, "refId twice");
        complaints.unless(target["datasource"] == data_source(), at, "another data source of a query");
        complaints.unless(!text(&target["expr"]).is_empty(), at, "a query without expression");
    }
    for link in list(&panel.json["links"]) {
        let code = text(&link["title"]).strip_prefix("Runbook: ").unwrap_or_default();
        complaints.unless(CHECKS.iter().any(|check| check.code == code), at, &format!("no check {code}"));
        let url = format!("${{exporter}}/runbooks/{code}");
        complaints.unless(link["url"] == url, at, &format!("link of {code}"));
    }
    let column_links = panel.overrides().filter(|(id, _)| *id == "links").flat_map(|(_, value)| list(value));
    for url in column_links.map(|link| text(&link["url"])) {
        let inside = url.starts_with("/d/rediscluster-cluster?") || url.starts_with("/d/rediscluster-node?");
        let kept = url.contains("${datasource:queryparam}") && url.contains("${__url_time_range}");
        let runbook = url == "${exporter}/runbooks/${__value.raw}";
        complaints.unless((inside && kept) || runbook, at, &format!("link of a column: {url}"));
    }
}

/// Ids are unique, and no panel lies on another or beyond the edge.
fn places(dashboard: &Dashboard, complaints: &mut Complaints) {
    let (mut ids, mut taken) = (BTreeSet::new(), BTreeSet::new());
    for panel in dashboard.parts() {
        let at = &panel.at();
        complaints.unless(ids.insert(panel.json["id"].as_u64()), at, "id twice");
        let [x, y, w, h] =
            ["x", "y", "w", "h"].map(|key| panel.json["gridPos"][key].as_u64().unwrap_or(u64::MAX / 2));
        complaints.unless(w > 0 && h > 0 && x.saturating_add(w) <= 24, at, "place");
        let cells =
            (x..x.saturating_add(w).min(24)).flat_map(|x| (y..(y + h).min(y + 99)).map(move |y| (x, y)));
        let lies = cells.filter(|cell| !taken.insert(*cell)).count() > 0;
        complaints.unless(!lies, at, "lies on another panel");
    }
}
