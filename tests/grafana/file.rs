//! A dashboard as it lies in its file: its parts by name, and the form in which it is written.

use std::fs;
use std::path::Path;
use std::sync::LazyLock;

use redis_cluster_exporter::checks::CHECKS;
use serde_json::{Map, Value, json};

/// Widest line of a file, where it can be broken at all.
const WIDTH: usize = 118;

/// Keys that come first, in this order; the others follow by the alphabet.
const FIRST: [&str; 9] = ["id", "uid", "name", "refId", "type", "title", "label", "description", "expr"];

/// Name of the column that says in words what a check found.
const WORDS: &str = "What";

/// One of `dashboards/*.json`.
pub(crate) struct Dashboard {
    /// Name of the file without its ending.
    pub(crate) name: &'static str,
    /// Its content.
    pub(crate) json: Value,
}

/// All of them, read once: what is written under `UPDATE=1` must not be read half.
pub(crate) fn all() -> &'static [Dashboard] {
    static ALL: LazyLock<[Dashboard; 3]> =
        LazyLock::new(|| ["fleet", "cluster", "node"].map(Dashboard::read));
    &*ALL
}

impl Dashboard {
    fn read(name: &'static str) -> Self {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(path(name));
        let text = fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        let json = serde_json::from_str(&text).unwrap_or_else(|error| panic!("{name}: {error}"));
        Self { name, json }
    }

    /// Panels in the order of the file, rows too.
    pub(crate) fn parts(&self) -> Vec<Panel<'_>> {
        list(&self.json["panels"]).iter().map(|json| Panel { of: self.name, json }).collect()
    }

    /// Panels that show data.
    pub(crate) fn panels(&self) -> Vec<Panel<'_>> {
        self.parts().into_iter().filter(|panel| panel.kind() != "row").collect()
    }

    /// Variables.
    pub(crate) fn variables(&self) -> &[Value] {
        list(&self.json["templating"]["list"])
    }

    /// How a query has to match the variable of this name. One value is meant as it is written: as a regular expression
    /// `[::1]:6379` is something else, and Grafana escapes only where several can be chosen.
    pub(crate) fn operator(&self, variable: &str) -> &'static str {
        if variable == "job" || (variable == "redis_cluster" && self.name == "fleet") { "=~" } else { "=" }
    }

    /// Annotations.
    pub(crate) fn annotations(&self) -> &[Value] {
        list(&self.json["annotations"]["list"])
    }

    /// Queries of panels and annotations, each with where it stands.
    pub(crate) fn queries(&self) -> Vec<(String, String)> {
        let of_panels = self.panels().into_iter().flat_map(|panel| {
            let at = panel.at();
            let targets = panel.targets().iter();
            targets.map(move |target| (format!("{at} {}", text(&target["refId"])), text(&target["expr"])))
        });
        let of_annotations = self.annotations().iter().map(|annotation| {
            (format!("{}: annotation {}", self.name, text(&annotation["name"])), text(&annotation["expr"]))
        });
        of_panels.chain(of_annotations).map(|(at, expr)| (at, expr.to_owned())).collect()
    }

    /// The same with the summaries of the checks where they belong: the table of checks has them, and a new check needs
    /// no hand.
    pub(crate) fn with_summaries(&self) -> Self {
        let words: Map<String, Value> = (CHECKS.iter().enumerate())
            .map(|(index, check)| (check.code.to_owned(), json!({"index": index, "text": check.summary})))
            .collect();
        let words = json!([{"type": "value", "options": words}]);
        let mut json = self.json.clone();
        for panel in json["panels"].as_array_mut().into_iter().flatten() {
            let overrides = panel.pointer_mut("/fieldConfig/overrides").and_then(Value::as_array_mut);
            let of_words = |over: &&mut Value| over["matcher"]["options"] == WORDS;
            for over in overrides.into_iter().flatten().filter(of_words) {
                let properties = over["properties"].as_array_mut().into_iter().flatten();
                for property in properties.filter(|property| property["id"] == "mappings") {
                    property["value"] = words.clone();
                }
            }
        }
        Self { name: self.name, json }
    }

    /// The text of the file.
    pub(crate) fn written(&self) -> String {
        let mut out = String::new();
        write(&self.json, 0, 0, &mut out);
        out + "\n"
    }
}

/// Path of a dashboard's file in the repository.
pub(crate) fn path(name: &str) -> String {
    format!("dashboards/{name}.json")
}

/// One panel.
#[derive(Clone, Copy)]
pub(crate) struct Panel<'a> {
    of: &'static str,
    /// Its content.
    pub(crate) json: &'a Value,
}

impl<'a> Panel<'a> {
    /// Where it stands, for complaints.
    pub(crate) fn at(self) -> String {
        format!("{}: {}", self.of, self.title())
    }

    /// `type`
    pub(crate) fn kind(self) -> &'a str {
        text(&self.json["type"])
    }

    /// `title`
    pub(crate) fn title(self) -> &'a str {
        text(&self.json["title"])
    }

    /// `description`
    pub(crate) fn description(self) -> &'a str {
        text(&self.json["description"])
    }

    /// Its queries.
    pub(crate) fn targets(self) -> &'a [Value] {
        list(&self.json["targets"])
    }

    /// Options of single columns or series: property and value.
    pub(crate) fn overrides(self) -> impl Iterator<Item = (&'a str, &'a Value)> {
        let overrides = list(&self.json["fieldConfig"]["overrides"]).iter();
        overrides
            .flat_map(|over| list(&over["properties"]))
            .map(|property| (text(&property["id"]), &property["value"]))
    }

    /// Every value of this option, by default or of a column.
    pub(crate) fn options(self, name: &str) -> Vec<&'a Value> {
        let default = &self.json["fieldConfig"]["defaults"][name];
        let of_columns = self.overrides().filter(|(id, _)| *id == name).map(|(_, value)| value);
        Some(default).into_iter().filter(|value| !value.is_null()).chain(of_columns).collect()
    }

    /// Codes of the checks to whose runbooks it links.
    pub(crate) fn checks(self) -> Vec<&'a str> {
        let links = list(&self.json["links"]).iter();
        links.filter_map(|link| text(&link["title"]).strip_prefix("Runbook: ")).collect()
    }
}

/// A list, or none.
pub(crate) fn list(value: &Value) -> &[Value] {
    value.as_array().map_or(&[], Vec::as_slice)
}

/// A text, or the empty one.
pub(crate) fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_default()
}

/// Writes a value so that it stands on one line where that is short enough. `used` is what stands before it there.
fn write(value: &Value, indent: usize, used: usize, out: &mut String) {
    let line = on_one_line(value);
    if indent + used + line.chars().count() < WIDTH {
        out.push_str(&line);
        return;
    }
    let (open, items, close): (_, Vec<(String, &Value)>, _) = match value {
        Value::Array(list) => ('[', list.iter().map(|item| (String::new(), item)).collect(), ']'),
        Value::Object(map) => ('{', sorted(map), '}'),
        _ => return out.push_str(&line),
    };
    out.push(open);
    let inner = indent + 2;
    let last = items.len().saturating_sub(1);
    for (at, (key, item)) in items.into_iter().enumerate() {
        out.push_str(&format!("\n{:inner$}{key}", ""));
        write(item, inner, key.chars().count() + 1, out);
        if at < last {
            out.push(',');
        }
    }
    out.push_str(&format!("\n{:indent$}{close}", ""));
}

/// The members of an object, each with its key as it is written.
fn sorted(map: &Map<String, Value>) -> Vec<(String, &Value)> {
    let mut members: Vec<_> = map.iter().collect();
    let rank = |key: &str| FIRST.iter().position(|first| *first == key).unwrap_or(FIRST.len());
    members.sort_by_key(|(key, _)| (rank(key), key.as_str()));
    members.into_iter().map(|(key, value)| (format!("{}: ", Value::from(key.as_str())), value)).collect()
}

fn on_one_line(value: &Value) -> String {
    match value {
        Value::Array(list) => format!("[{}]", list.iter().map(on_one_line).collect::<Vec<_>>().join(", ")),
        Value::Object(map) => {
            let members = sorted(map).into_iter().map(|(key, value)| key + &on_one_line(value));
            format!("{{{}}}", members.collect::<Vec<_>>().join(", "))
        }
        other => other.to_string(),
    }
}

#[test]
fn what_is_short_stands_on_one_line() {
    let long = "x".repeat(WIDTH);
    let json = json!({"b": [1, {"value": null, "color": "red"}], "title": "t", "a": [long, 0.5]});
    let dashboard = Dashboard { name: "test", json };
    let expected = format!(
        "{{\n  \"title\": \"t\",\n  \"a\": [\n    \"{long}\",\n    0.5\n  ],\n  \
         \"b\": [1, {{\"color\": \"red\", \"value\": null}}]\n}}\n"
    );
    assert_eq!(dashboard.written(), expected);
}
