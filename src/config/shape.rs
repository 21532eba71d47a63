//! From the merged tree to the shape of a file. A value that does not fit is reported, taken out, and the rest is tried again:
//! so one run finds them all.

use serde::de::DeserializeOwned;
use serde_json::{Map, Value};
use serde_path_to_error::{Path, Segment};

use super::error::{Report, redact, suggest};
use super::file::Section;

/// Reads the tree; what does not fit is in the report afterwards and no longer in the tree.
pub(super) fn read<T: DeserializeOwned + Default>(tree: &mut Value, report: &mut Report) -> T {
    loop {
        let error = match serde_path_to_error::deserialize::<_, Section<T>>(&*tree) {
            Ok(Section(file)) => return file,
            Err(error) => error,
        };
        report.broken(&shown(error.path()), reworded(&error.inner().to_string()));
        if !remove(tree, error.path()) {
            return T::default();
        }
    }
}

fn shown(path: &Path) -> String {
    let text = path.to_string();
    if text == "." { String::new() } else { text }
}

/// The words of serde in ours.
fn reworded(message: &str) -> String {
    if let Some(rest) = message.strip_prefix("unknown field `") {
        let mut names = rest.split('`').step_by(2);
        let found = names.next().unwrap_or_default();
        let known: Vec<&str> = rest.split('`').skip(2).step_by(2).collect();
        return format!("unknown key, {}", suggest(found, known));
    }
    match message.strip_prefix("invalid type: ").and_then(|rest| rest.split_once(", expected ")) {
        Some((found, wanted)) => format!("found {}, wanted {}", plainly(&redact(found)), plainly(wanted)),
        None => message.to_owned(),
    }
}

fn plainly(kind: &str) -> &str {
    match kind {
        "sequence" | "a sequence" => "a list",
        "map" => "a map",
        "null" => "nothing",
        other => other,
    }
}

/// Takes the value at this path out of the tree; in a list something harmless takes its place, since the places of the
/// others must stay. False if there is no such value.
fn remove(tree: &mut Value, path: &Path) -> bool {
    let segments: Vec<&Segment> = path.iter().collect();
    let Some((last, outer)) = segments.split_last() else {
        return false;
    };
    let mut at = tree;
    for segment in outer {
        let next = match segment {
            Segment::Map { key } => at.get_mut(key),
            Segment::Seq { index } => at.get_mut(*index),
            Segment::Enum { .. } | Segment::Unknown => None,
        };
        let Some(next) = next else {
            return false;
        };
        at = next;
    }
    match last {
        Segment::Map { key } => at.as_object_mut().is_some_and(|map| map.remove(key).is_some()),
        Segment::Seq { index } => {
            let clusters = matches!(outer, [Segment::Map { key }] if key == "clusters");
            let harmless = if clusters { Value::Object(Map::new()) } else { Value::String(String::new()) };
            at.get_mut(*index).map(|item| *item = harmless).is_some()
        }
        Segment::Enum { .. } | Segment::Unknown => false,
    }
}
