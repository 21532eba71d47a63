//! Whether a secret stands in a file where nothing may tell it.

use serde_json::Value;

/// What stands for a secret in the seeds.
pub const SECRET: &str = "kZ4vQ9secretW7xJ";

/// How a file is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    /// As YAML.
    Yaml,
    /// As TOML.
    Toml,
}

/// Whether [`SECRET`] is in the text, and only as a secret: as `is_secret` says of the keys around a value and of the
/// value. Of a text that cannot be read no value may be told.
pub fn hides(text: &str, form: Form, is_secret: fn(&[&str], &str) -> bool) -> bool {
    if !text.contains(SECRET) {
        return false;
    }
    let tree: Option<Value> = match form {
        Form::Yaml => serde_saphyr::from_str(text).ok(),
        Form::Toml => toml::from_str(text).ok(),
    };
    match tree {
        Some(tree) => only_secret(&tree, &mut Vec::new(), is_secret),
        None => text.lines().filter(|line| line.contains(SECRET)).all(is_value),
    }
}

/// Whether every text with the secret in it is a secret.
fn only_secret<'a>(tree: &'a Value, path: &mut Vec<&'a str>, is_secret: fn(&[&str], &str) -> bool) -> bool {
    match tree {
        Value::String(text) => !text.contains(SECRET) || is_secret(path, text),
        Value::Array(items) => items.iter().all(|item| only_secret(item, path, is_secret)),
        Value::Object(map) => map.iter().all(|(key, value)| {
            path.push(key);
            let only = !key.contains(SECRET) && only_secret(value, path, is_secret);
            path.pop();
            only
        }),
        _ => true,
    }
}

/// Whether the secret stands behind a key, and is none itself.
fn is_value(line: &str) -> bool {
    let (before, after) = line.split_once(SECRET).unwrap_or((line, ""));
    before.contains([':', '=']) && !after.contains([':', '='])
}
