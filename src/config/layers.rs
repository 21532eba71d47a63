//! The layers, each over the one before: defaults < file < environment < flags. The defaults are no layer of their
//! own: they are the `Default` of the checked types.

use std::collections::BTreeMap;
use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;

use config::{Environment, Map, Source};
use serde_json::{Value, json};

use super::error::{ConfigErrors, Place, Report, suggest};
use super::tree;

/// All environment variables of the exporter begin so. What follows is the key, `__` standing for the dot.
pub const PREFIX: &str = "REDIS_CLUSTER_EXPORTER_";

/// The one root key of every layer: the `config` crate takes a top-level key for a path, which ours must not be.
const ROOT: &str = "root";

/// Where configuration comes from. It is kept for as long as the exporter runs: a reload reads the file anew under the
/// same flags and the same environment.
#[derive(Clone, Default)]
pub struct Sources {
    /// `--config.file`; without it `REDIS_CLUSTER_EXPORTER_CONFIG__FILE`.
    pub file: Option<PathBuf>,
    /// Flags that were given, by name with the dashes; `--poll.interval` is the key `poll.interval`. Where a flag may
    /// be repeated, its values stand with commas.
    pub flags: BTreeMap<String, String>,
    /// Seeds on the command line: they make one cluster, which replaces those of the file.
    pub seeds: Vec<String>,
    /// The environment.
    pub environment: BTreeMap<String, String>,
}

impl fmt::Debug for Sources {
    /// Names without values, which may be secrets.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Sources")
            .field("file", &self.file)
            .field("flags", &self.flags.keys())
            .field("seeds", &self.seeds.len())
            .field("environment", &self.variables().map(|(name, _)| name).collect::<Vec<_>>())
            .finish()
    }
}

impl Sources {
    /// The configuration file, by flag or environment.
    pub fn config_file(&self) -> Option<PathBuf> {
        let by_variable =
            self.environment.get(&format!("{PREFIX}CONFIG__FILE")).filter(|path| !path.is_empty());
        self.file.clone().or_else(|| by_variable.map(PathBuf::from))
    }

    /// The directory of systemd credentials, where relative names of secret files are looked up.
    pub(super) fn credentials_directory(&self) -> Option<PathBuf> {
        self.environment.get("CREDENTIALS_DIRECTORY").filter(|path| !path.is_empty()).map(PathBuf::from)
    }

    /// The variables that are keys, with their values.
    fn variables(&self) -> impl Iterator<Item = (&str, &str)> {
        self.environment.iter().filter_map(|(name, value)| {
            let key = name.strip_prefix(PREFIX)?;
            let ours = !value.is_empty() && key != "CONFIG__FILE" && !is_service_link(key);
            ours.then_some((name.as_str(), value.as_str()))
        })
    }
}

/// Kubernetes gives every container variables for every service of its namespace: one that is called
/// `redis-cluster-exporter` makes `REDIS_CLUSTER_EXPORTER_PORT_19121_TCP_ADDR` and others.
fn is_service_link(key: &str) -> bool {
    key == "PORT" || key.starts_with("PORT_") || key == "SERVICE_HOST" || key.starts_with("SERVICE_PORT")
}

/// Merges the layers and notes where every key came from.
pub(super) fn merge(sources: &Sources, report: &mut Report) -> Result<Value, ConfigErrors> {
    let mut builder = config::Config::builder();
    if let Some(file) = sources.config_file() {
        let text = std::fs::read_to_string(&file).map_err(|error| unreadable(&file, &error))?;
        let tree = tree::parse(&file, &text).map_err(|error| ConfigErrors(vec![error]))?;
        report.places = tree.places;
        report.file = Some(Arc::new(file));
        builder = builder.add_source(Layer(tree.root));
    }
    refuse_cluster_in_file(report);
    builder = builder.add_source(environment(sources, report));
    for (name, value) in &sources.flags {
        let key = key_of(name.trim_start_matches('-').replace('-', "_"));
        report.places.insert(key.clone(), Place::Flag(name.clone()));
        builder = builder.set_override(format!("{ROOT}.{key}"), value.as_str()).map_err(unmergeable)?;
    }
    if !sources.seeds.is_empty() {
        report.places.insert("cluster.seeds".to_owned(), Place::Flag("seed".to_owned()));
        let seeds = sources.seeds.clone();
        builder = builder.set_override(format!("{ROOT}.cluster.seeds"), seeds).map_err(unmergeable)?;
    }
    let merged = builder.build().map_err(unmergeable)?;
    let mut tree: Value = if report.places.is_empty() && report.file.is_none() {
        json!({})
    } else {
        merged.get(ROOT).unwrap_or_else(|_| json!({}))
    };
    adopt_cluster(&mut tree, report);
    Ok(tree)
}

/// Whether the `config` crate reads this as a path; what it does not, it would lose.
fn is_key(key: &str) -> bool {
    let word = |c: char| c.is_ascii_alphanumeric() || c == '_';
    key.split('.').all(|part| !part.is_empty() && part.chars().all(word))
}

/// The flag of the web configuration has the name that it has in every Prometheus exporter, with one dot more.
fn key_of(name: String) -> String {
    if name == "web.config.file" { "web.config_file".to_owned() } else { name }
}

fn environment(sources: &Sources, report: &mut Report) -> Environment {
    let mut variables = Map::new();
    for (name, value) in sources.variables() {
        let key = key_of(name.strip_prefix(PREFIX).unwrap_or(name).to_lowercase().replace("__", "."));
        report.places.insert(key.clone(), Place::Variable(name.to_owned()));
        if is_key(&key) {
            variables.insert(format!("{ROOT}.{key}"), value.to_owned());
        } else {
            report.broken(&key, "unknown key: wanted names of keys with __ between them".to_owned());
        }
    }
    // Without `try_parsing(false)` the password 0123 would arrive as 123.
    Environment::default().try_parsing(false).source(Some(variables))
}

/// `cluster.…` is how flags and environment speak of their one cluster; a file has `clusters`.
fn refuse_cluster_in_file(report: &mut Report) {
    let found: Vec<String> = report.places.keys().filter(|key| is_cluster(key)).cloned().collect();
    if found.iter().any(|key| key == "cluster") {
        report.broken("cluster", format!("unknown key, {}", suggest("cluster", ["clusters"])));
    }
    for key in found {
        report.places.remove(&key);
    }
}

fn is_cluster(key: &str) -> bool {
    key.strip_prefix("cluster").is_some_and(|rest| rest.is_empty() || rest.starts_with(['.', '[']))
}

/// Makes the cluster of flags and environment the only one of the configuration.
fn adopt_cluster(tree: &mut Value, report: &mut Report) {
    let Some(mut cluster) = tree.as_object_mut().and_then(|root| root.remove("cluster")) else {
        return;
    };
    let given: Vec<String> = report.places.keys().filter(|key| is_cluster(key)).cloned().collect();
    let Some(first) = given.first() else {
        return;
    };
    if cluster.is_object() && cluster.get("seeds").is_none() {
        report.wrong(
            first,
            "given without a seed: it tells of the cluster whose seeds stand on the command line",
        );
        return;
    }
    if let Some(keys) = cluster.as_object_mut() {
        keys.entry("name").or_insert_with(|| json!("default"));
    }
    report.places.retain(|key, _| !key.starts_with("clusters"));
    for key in given {
        if let Some(place) = report.places.remove(&key) {
            let rest = key.strip_prefix("cluster").unwrap_or_default();
            report.places.insert(format!("clusters[0]{rest}"), place);
        }
    }
    if let Some(root) = tree.as_object_mut() {
        root.insert("clusters".to_owned(), json!([cluster]));
    }
}

/// Puts `defaults` under every cluster, key by key. A key without value in a cluster takes back what the defaults say,
/// and its own user or password, as key, file or in a seed, replaces theirs in whichever form.
pub(super) fn spread_defaults(tree: &mut Value) {
    let Some(Value::Object(defaults)) = tree.get("defaults").cloned() else {
        return;
    };
    let Some(clusters) = tree.get_mut("clusters").and_then(Value::as_array_mut) else {
        return;
    };
    for cluster in clusters.iter_mut().filter_map(Value::as_object_mut) {
        let in_seeds = has_login(cluster.get("seeds"));
        let own = |keys: &[&str]| in_seeds || keys.iter().any(|key| cluster.contains_key(*key));
        let (own_user, own_password) = (own(&USER), own(&PASSWORD));
        for (key, value) in &defaults {
            let name = key.as_str();
            let apart = matches!(name, "name" | "seeds")
                || own_user && USER.contains(&name)
                || own_password && PASSWORD.contains(&name);
            if !apart {
                underlay(cluster.entry(name), value);
            }
        }
    }
}

const USER: [&str; 2] = ["username", "username_file"];
const PASSWORD: [&str; 2] = ["password", "password_file"];

fn has_login(seeds: Option<&Value>) -> bool {
    match seeds {
        Some(Value::String(text)) => text.contains('@'),
        Some(Value::Array(items)) => items.iter().any(|item| has_login(Some(item))),
        _ => false,
    }
}

fn underlay(entry: serde_json::map::Entry<'_>, under: &Value) {
    let over = entry.or_insert_with(|| match under {
        Value::Object(_) => json!({}),
        other => other.clone(),
    });
    if let (Value::Object(over), Value::Object(under)) = (over, under) {
        for (key, value) in under {
            underlay(over.entry(key.clone()), value);
        }
    }
}

pub(super) fn unreadable(file: &std::path::Path, error: &std::io::Error) -> ConfigErrors {
    let place = Place::File(Arc::new(file.to_owned()));
    ConfigErrors(vec![super::ConfigError {
        place,
        path: String::new(),
        message: format!("cannot be read: {error}"),
    }])
}

/// What the merge itself refuses; it has no place.
pub(super) fn unmergeable(error: config::ConfigError) -> ConfigErrors {
    ConfigErrors(vec![super::ConfigError {
        place: Place::Nowhere,
        path: String::new(),
        message: error.to_string(),
    }])
}

/// A tree as one layer.
#[derive(Clone)]
struct Layer(config::Value);

impl fmt::Debug for Layer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Layer")
    }
}

impl Source for Layer {
    fn clone_into_box(&self) -> Box<dyn Source + Send + Sync> {
        Box::new(self.clone())
    }

    fn collect(&self) -> Result<Map<String, config::Value>, config::ConfigError> {
        Ok(Map::from_iter([(ROOT.to_owned(), self.0.clone())]))
    }
}
