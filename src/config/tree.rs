//! A configuration file, read but not yet understood: a tree of values, and the line of every key.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use config::{Map, Value, ValueKind};
use serde::de::{Deserialize, Deserializer, Error, MapAccess, SeqAccess, Visitor};
use serde_saphyr::Spanned;
use serde_saphyr::options::NonFiniteFloatPolicy;
use toml::de::{DeInteger, DeTable, DeValue};

use super::error::{ConfigError, Place};

/// What a file says, and where.
pub(super) struct Tree {
    /// The root; a table unless the file is something else altogether.
    pub(super) root: Value,
    /// The places of all keys and elements.
    pub(super) places: BTreeMap<String, Place>,
}

/// Reads TOML where the path ends in `.toml`, YAML otherwise.
pub(super) fn parse(path: &Path, text: &str) -> Result<Tree, ConfigError> {
    let file = Arc::new(path.to_owned());
    let mut walk = Walk { file, places: BTreeMap::new() };
    let root = if path.extension().is_some_and(|end| end.eq_ignore_ascii_case("toml")) {
        let table = DeTable::parse(text).map_err(|error| {
            let at = error.span().map(|span| line_column(text, span.start));
            walk.syntax(at, error.message().replace('\n', "; "))
        })?;
        walk.toml_table("", text, table.get_ref())
    } else {
        let options = serde_saphyr::options! {
            // A snippet could show a password.
            with_snippet: false,
            strict_booleans: true,
            non_finite_float_policy: NonFiniteFloatPolicy::AsString,
            // `password: !x` would arrive as nothing.
            reject_unsupported_tags: true,
        };
        let node = serde_saphyr::from_str_with_options::<Spanned<Node>>(text, options).map_err(|error| {
            let at = error.location().map(|at| (at.line(), at.column()));
            walk.syntax(at, yaml_message(error.without_snippet()))
        })?;
        match node.value {
            Node::Scalar(ValueKind::Nil) => Value::from(Map::<String, Value>::new()),
            other => walk.yaml("", other),
        }
    };
    Ok(Tree { root, places: walk.places })
}

/// The parser's words without the place, which stands before them already, and without advice to its programmer.
fn yaml_message(error: &serde_saphyr::Error) -> String {
    if let serde_saphyr::Error::DuplicateMappingKey { key: Some(key), .. } = error {
        return format!("key `{key}` is there twice");
    }
    if let serde_saphyr::Error::UnsupportedTag { .. } = error {
        return "what begins with ! is a tag: quote it to have it as text".to_owned();
    }
    let text = error.render().replace('\n', "; ");
    let text = text.split("; use ").next().unwrap_or_default();
    text.rsplit_once(" at line ").map_or(text, |(message, _)| message).to_owned()
}

struct Walk {
    file: Arc<PathBuf>,
    places: BTreeMap<String, Place>,
}

impl Walk {
    fn syntax(&self, at: Option<(u64, u64)>, message: String) -> ConfigError {
        let file = Arc::clone(&self.file);
        let place =
            at.map_or(Place::File(Arc::clone(&file)), |(line, column)| Place::Line(file, line, column));
        ConfigError { place, path: String::new(), message }
    }

    fn note(&mut self, path: &str, line: u64, column: u64) {
        self.places.insert(path.to_owned(), Place::Line(Arc::clone(&self.file), line, column));
    }

    fn yaml(&mut self, path: &str, node: Node) -> Value {
        match node {
            Node::Scalar(kind) => Value::new(None, kind),
            Node::Sequence(items) => {
                let mut list = Vec::new();
                for (n, item) in items.into_iter().enumerate() {
                    let path = format!("{path}[{n}]");
                    self.note(&path, item.referenced.line(), item.referenced.column());
                    list.push(self.yaml(&path, item.value));
                }
                Value::from(list)
            }
            Node::Mapping(entries) => {
                let mut map = Map::new();
                for (key, value) in entries {
                    let path = join(path, &key.value);
                    self.note(&path, key.referenced.line(), key.referenced.column());
                    let value = self.yaml(&path, value.value);
                    map.insert(key.value, value);
                }
                Value::from(map)
            }
        }
    }

    fn toml_table(&mut self, path: &str, text: &str, table: &DeTable<'_>) -> Value {
        let mut map = Map::new();
        for (key, value) in table {
            let path = join(path, key.get_ref());
            let (line, column) = line_column(text, key.span().start);
            self.note(&path, line, column);
            map.insert(key.get_ref().to_string(), self.toml(&path, text, value.get_ref()));
        }
        Value::from(map)
    }

    fn toml(&mut self, path: &str, text: &str, value: &DeValue<'_>) -> Value {
        let kind = match value {
            DeValue::String(value) => ValueKind::String(value.to_string()),
            DeValue::Integer(value) => whole(value),
            DeValue::Float(value) => match value.as_str().parse::<f64>() {
                // Infinities and NaN as text, so that they are refused with their own name and not lost.
                Ok(number) if number.is_finite() => ValueKind::Float(number),
                _ => ValueKind::String(value.as_str().to_owned()),
            },
            DeValue::Boolean(value) => ValueKind::Boolean(*value),
            DeValue::Datetime(value) => ValueKind::String(value.to_string()),
            DeValue::Table(table) => return self.toml_table(path, text, table),
            DeValue::Array(items) => {
                let mut list = Vec::new();
                for (n, item) in items.iter().enumerate() {
                    let path = format!("{path}[{n}]");
                    let (line, column) = line_column(text, item.span().start);
                    self.note(&path, line, column);
                    list.push(self.toml(&path, text, item.get_ref()));
                }
                return Value::from(list);
            }
        };
        Value::new(None, kind)
    }
}

fn join(path: &str, key: &str) -> String {
    if path.is_empty() { key.to_owned() } else { format!("{path}.{key}") }
}

fn whole(value: &DeInteger<'_>) -> ValueKind {
    let (text, radix) = (value.as_str(), value.radix());
    if let Ok(number) = i64::from_str_radix(text, radix) {
        return ValueKind::I64(number);
    }
    u64::from_str_radix(text, radix).map_or_else(|_| ValueKind::String(text.to_owned()), ValueKind::U64)
}

fn line_column(text: &str, offset: usize) -> (u64, u64) {
    let before = text.get(..offset).unwrap_or(text);
    let start = before.rfind('\n').map_or(0, |at| at + 1);
    let line = before.matches('\n').count() + 1;
    let column = before.get(start..).unwrap_or("").chars().count() + 1;
    (line as u64, column as u64)
}

/// Any YAML.
enum Node {
    Scalar(ValueKind),
    Sequence(Vec<Spanned<Node>>),
    Mapping(Vec<(Spanned<String>, Spanned<Node>)>),
}

impl<'de> Deserialize<'de> for Node {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        from.deserialize_any(AnyNode)
    }
}

struct AnyNode;

impl<'de> Visitor<'de> for AnyNode {
    type Value = Node;

    fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("a value")
    }
    fn visit_unit<E: Error>(self) -> Result<Node, E> {
        Ok(Node::Scalar(ValueKind::Nil))
    }
    fn visit_none<E: Error>(self) -> Result<Node, E> {
        Ok(Node::Scalar(ValueKind::Nil))
    }
    fn visit_bool<E: Error>(self, value: bool) -> Result<Node, E> {
        Ok(Node::Scalar(ValueKind::Boolean(value)))
    }
    fn visit_i64<E: Error>(self, value: i64) -> Result<Node, E> {
        Ok(Node::Scalar(ValueKind::I64(value)))
    }
    fn visit_u64<E: Error>(self, value: u64) -> Result<Node, E> {
        Ok(Node::Scalar(ValueKind::U64(value)))
    }
    fn visit_f64<E: Error>(self, value: f64) -> Result<Node, E> {
        Ok(Node::Scalar(ValueKind::Float(value)))
    }
    fn visit_str<E: Error>(self, value: &str) -> Result<Node, E> {
        Ok(Node::Scalar(ValueKind::String(value.to_owned())))
    }
    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Node, A::Error> {
        let mut list = Vec::new();
        while let Some(item) = items.next_element()? {
            list.push(item);
        }
        Ok(Node::Sequence(list))
    }
    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<Node, A::Error> {
        let mut map = Vec::new();
        while let Some(entry) = entries.next_entry()? {
            map.push(entry);
        }
        Ok(Node::Mapping(map))
    }
}
