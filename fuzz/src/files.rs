//! The files that people write.

use std::fs;
use std::path::PathBuf;
use std::sync::LazyLock;

use redis_cluster_exporter::config::{self, Config, ConfigErrors, Sources, web_config};
use tempfile::TempDir;

use super::disclosure::{Form, SECRET, hides};

/// A directory of this process, with a certificate and its key, as good files name them.
static PLACE: LazyLock<TempDir> = LazyLock::new(|| {
    let place = TempDir::with_prefix("rce-fuzz-").expect("a temporary directory");
    let pair = rcgen::generate_simple_self_signed(vec!["localhost".to_owned()]).expect("a certificate");
    fs::write(place.path().join("server.crt"), pair.cert.pem()).expect("written");
    fs::write(place.path().join("server.key"), pair.signing_key.serialize_pem()).expect("written");
    place
});

/// The configuration, as YAML and as TOML.
pub fn config(bytes: &[u8]) {
    for form in [Form::Yaml, Form::Toml] {
        let file = write(form, bytes);
        let hidden = std::str::from_utf8(bytes).is_ok_and(|text| hides(text, form, is_secret));
        match config::load(&Sources { file: Some(file), ..Sources::default() }) {
            Ok(config) => {
                consistent(&config);
                let shown = format!("{config:?}");
                assert!(!hidden || !shown.contains(SECRET), "shown in {shown}");
            }
            Err(errors) => told(&errors, hidden),
        }
    }
}

/// The web configuration, which is YAML.
pub fn web_config(bytes: &[u8]) {
    let file = write(Form::Yaml, bytes);
    let hidden = std::str::from_utf8(bytes).is_ok_and(|text| hides(text, Form::Yaml, is_web_secret));
    let reading = web_config::read(&file);
    let shown = format!("{reading:?}");
    assert!(!hidden || !shown.contains(SECRET), "shown in {shown}");
    if let Err(errors) = &reading.outcome {
        told(errors, hidden);
    }
}

fn write(form: Form, bytes: &[u8]) -> PathBuf {
    let file = PLACE.path().join(if form == Form::Toml { "file.toml" } else { "file.yaml" });
    fs::write(&file, bytes).expect("written");
    file
}

fn is_secret(path: &[&str], text: &str) -> bool {
    let in_seed = || text.rsplit_once(SECRET).is_some_and(|(_, rest)| rest.contains('@'));
    match path {
        [.., "password"] => true,
        [.., "seeds"] => in_seed(),
        _ => false,
    }
}

fn is_web_secret(path: &[&str], _: &str) -> bool {
    matches!(path, ["basic_auth_users", _] | ["tls_server_config", "key"])
}

/// What a good configuration is, whatever the file says.
fn consistent(config: &Config) {
    assert!(config.poll.timeout < config.poll.interval, "{:?}", config.poll);
    assert!(config.poll.slow_interval >= config.poll.interval && config.poll.concurrency > 0);
    let names: std::collections::BTreeSet<_> = config.clusters.iter().map(|cluster| &cluster.name).collect();
    assert_eq!(names.len(), config.clusters.len(), "a name stands twice");
    for cluster in &config.clusters {
        assert!(!cluster.seeds.is_empty() && !cluster.name.is_empty(), "{cluster:?}");
    }
    assert!(!config.web.listen.is_empty());
}

/// What is told of a bad file: at least one error, each on one line, and no secret.
fn told(errors: &ConfigErrors, hidden: bool) {
    assert!(!errors.0.is_empty(), "refused, and nothing is wrong");
    for error in &errors.0 {
        let text = error.to_string();
        assert!(!text.contains(char::is_control), "more than one line of text: {text:?}");
        assert!(!hidden || !text.contains(SECRET), "told: {text}");
    }
}
