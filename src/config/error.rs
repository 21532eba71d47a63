//! What is wrong with a configuration: every error at once, each with the place that has to be changed.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;

use crate::model::text::tamed;

/// Where a value was given.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Place {
    /// Nowhere: it is missing.
    Nowhere,
    /// The file as such.
    File(Arc<PathBuf>),
    /// Line and column of the file, both from 1.
    Line(Arc<PathBuf>, u64, u64),
    /// The environment variable of this name.
    Variable(String),
    /// The flag of this name, or an argument.
    Flag(String),
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Nowhere => f.write_str("configuration"),
            Self::File(path) => path.display().fmt(f),
            Self::Line(path, line, column) => write!(f, "{}:{line}:{column}", path.display()),
            Self::Variable(name) => write!(f, "environment variable {name}"),
            Self::Flag(name) => f.write_str(name),
        }
    }
}

/// One thing that is wrong. Prints on one line: where, which key, what was found and what was wanted.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct ConfigError {
    /// Where it was given.
    pub place: Place,
    /// The key, like `clusters[0].seeds[1]`; empty for the whole file.
    pub path: String,
    /// What was found and what was wanted. Never holds a secret.
    pub message: String,
}

impl fmt::Display for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (place, message) = (self.place.to_string(), tamed(&self.message));
        // The name of a flag or a variable is the key already.
        let named = matches!(self.place, Place::Flag(_) | Place::Variable(_));
        if named || self.path.is_empty() {
            write!(f, "{}: {message}", tamed(&place))
        } else {
            write!(f, "{}: {}: {message}", tamed(&place), tamed(&self.path))
        }
    }
}

/// Everything that is wrong, in the order of the file. Prints one line per error.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConfigErrors(pub Vec<ConfigError>);

impl fmt::Display for ConfigErrors {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (n, error) in self.0.iter().enumerate() {
            if n > 0 {
                f.write_str("\n")?;
            }
            error.fmt(f)?;
        }
        Ok(())
    }
}

impl std::error::Error for ConfigErrors {}

/// Collects errors and knows where every key was given.
#[derive(Default)]
pub(super) struct Report {
    /// By key; a later layer overwrites an earlier one.
    pub(super) places: BTreeMap<String, Place>,
    /// The file, if there is one.
    pub(super) file: Option<Arc<PathBuf>>,
    errors: BTreeSet<ConfigError>,
    /// Keys taken out of the tree since they could not be read.
    broken: BTreeSet<String>,
}

impl Report {
    /// Where this key, or the nearest one around it, was given.
    pub(super) fn place(&self, path: &str) -> Place {
        let mut path = path;
        loop {
            if let Some(place) = self.places.get(path) {
                return place.clone();
            }
            match parent(path) {
                Some(outer) => path = outer,
                None => return self.file.clone().map_or(Place::Nowhere, Place::File),
            }
        }
    }

    /// A value that cannot be read at all; it is taken for absent from here on.
    pub(super) fn broken(&mut self, path: &str, message: String) {
        self.broken.insert(path.to_owned());
        self.add(path, message);
    }

    /// A value that is wrong by itself.
    pub(super) fn wrong(&mut self, path: &str, message: impl Into<String>) {
        if !self.broken.contains(path) {
            self.add(path, message.into());
        }
    }

    /// A value that is missing or does not go with another one. Says nothing if a neighbour could not be read: that
    /// one may be the cause.
    pub(super) fn unfit(&mut self, path: &str, message: impl Into<String>) {
        let home = parent(path);
        if !self.broken.iter().any(|broken| parent(broken) == home || Some(broken.as_str()) == home) {
            self.add(path, message.into());
        }
    }

    fn add(&mut self, path: &str, message: String) {
        self.errors.insert(ConfigError { place: self.place(path), path: path.to_owned(), message });
    }

    /// The errors, if there are any.
    pub(super) fn finish(self) -> Result<(), ConfigErrors> {
        if self.errors.is_empty() { Ok(()) } else { Err(ConfigErrors(self.errors.into_iter().collect())) }
    }
}

/// `a.b[0].c` → `a.b[0]` → `a.b` → `a`.
fn parent(path: &str) -> Option<&str> {
    let end = path.rfind(['.', '['])?;
    path.get(..end)
}

/// ` did you mean …?`, where something known is at most two edits away; else what is known.
pub(super) fn suggest<'a>(found: &str, known: impl IntoIterator<Item = &'a str> + Clone) -> String {
    let nearest = known.clone().into_iter().map(|name| (strsim::levenshtein(found, name), name)).min();
    match nearest {
        Some((distance, name)) if distance <= 2 => format!("did you mean `{name}`?"),
        _ => format!("known are {}", known.into_iter().collect::<Vec<_>>().join(", ")),
    }
}

/// How the readers of YAML and TOML begin to tell of a text that stands where something else should.
const QUOTED: &str = "string \"";

/// The text without user names and passwords of URLs in it: everything before an `@` goes, up to the scheme.
pub(super) fn redact(text: &str) -> String {
    let Some((secret, rest)) = text.rsplit_once('@') else {
        return text.to_owned();
    };
    // A password may hold it too: what stands before it is shown only where it can be nothing but a scheme.
    let is_scheme = |text: &str| text.chars().all(|c| c.is_ascii_alphanumeric());
    match secret.split_once("://") {
        Some((scheme, _)) if is_scheme(scheme.strip_prefix(QUOTED).unwrap_or(scheme)) => {
            format!("{scheme}://…@{rest}")
        }
        _ => format!("…@{rest}"),
    }
}
