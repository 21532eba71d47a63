//! What the exporter is told to do: file, flags and environment become one [`Config`] that cannot be invalid.
//!
//! | module | step |
//! |---|---|
//! | `layers` | [`Sources`] → one tree: defaults < file < environment < flags, and where every key came from |
//! | `tree` | YAML or TOML → values with their lines |
//! | `shape` | tree → `File`: unknown keys and values of the wrong kind, all of them |
//! | `check` | `File` → [`Config`]: what is missing, out of range or contradictory, all of it |
//! | `seed` | the forms of a seed |
//! | `shard` | which of several exporters watches a cluster |
//! | `error` | [`ConfigErrors`], and the places they name |
//!
//! [`web_config`] is the other file, `--web.config.file`, read under the same rules; [`material`] is what TLS in both
//! directions reads from files.

mod check;
mod error;
mod file;
mod layers;
pub mod material;
pub mod secret;
mod seed;
mod shape;
mod shard;
mod tree;
pub mod web_config;

use std::collections::BTreeMap;
use std::net::{Ipv6Addr, SocketAddr};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use crate::model::address::{Address, Target};
use crate::model::limits::{Expect, Limits};
pub use error::{ConfigError, ConfigErrors, Place};
pub use layers::{PREFIX, Sources};
pub use secret::{Credentials, Secret};
pub use shard::Shard;

/// Reads and checks the configuration. To reload is to call it again with the same sources.
///
/// # Errors
/// The file cannot be read or parsed (then nothing else is said), or any number of values is wrong; or, if none is, the
/// same of the web configuration.
pub fn load(sources: &Sources) -> Result<Config, ConfigErrors> {
    let mut report = error::Report::default();
    let mut tree = layers::merge(sources, &mut report)?;
    // Once for the errors, with the keys where they were given; then with the defaults under every cluster.
    shape::read::<file::File>(&mut tree, &mut report);
    layers::spread_defaults(&mut tree);
    let file = shape::read(&mut tree, &mut report);
    let credentials = sources.credentials_directory();
    let config = check::Checker { report: &mut report, credentials }.config(file);
    report.finish()?;
    if let Some(file) = &config.web.config_file {
        web_config::read(file).outcome?;
    }
    Ok(config)
}

/// The whole configuration, checked.
#[derive(Clone, Debug)]
pub struct Config {
    /// When and how long nodes are asked.
    pub poll: Poll,
    /// The clusters that this exporter watches, in the order of the file; names are unique. None, where others watch
    /// all that are configured.
    pub clusters: Vec<Arc<Cluster>>,
    /// Its share of those that are configured.
    pub shard: Shard,
    /// The HTTP server.
    pub web: Web,
    /// Logging.
    pub log: Log,
}

/// When and how long nodes are asked. Key `poll:`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Poll {
    /// From one tick to the next. At least 100 ms.
    pub interval: Duration,
    /// How long one node may take, from connect to its last reply. Less than `interval`.
    pub timeout: Duration,
    /// How often the slow probes are sent. At least `interval`.
    pub slow_interval: Duration,
    /// How often all keys of a primary are counted, slot by slot. At least `interval`.
    pub sweep_interval: Duration,
    /// Nodes of one cluster that are asked at the same time.
    pub concurrency: usize,
}

impl Default for Poll {
    fn default() -> Self {
        Self {
            interval: Duration::from_secs(5),
            timeout: Duration::from_secs(2),
            slow_interval: Duration::from_secs(30),
            sweep_interval: Duration::from_secs(300),
            concurrency: 64,
        }
    }
}

/// One cluster. An entry of `clusters:`.
#[derive(Clone, Debug)]
pub struct Cluster {
    /// Value of the label `redis_cluster`.
    pub name: Arc<str>,
    /// Where to begin; at least one.
    pub seeds: Vec<Target>,
    /// User and password, read anew at every connect.
    pub credentials: Credentials,
    /// Present where the servers are spoken to over TLS: `tls:` is given, or a seed is `rediss://`.
    pub tls: Option<Tls>,
    /// Announced address to the one that is dialled and shown.
    pub address_map: BTreeMap<Address, Target>,
    /// Dial and show announced host names instead of addresses, where there are any.
    pub prefer_hostnames: bool,
    /// What the cluster should look like.
    pub expect: Expect,
    /// Thresholds of the checks.
    pub limits: Limits,
    /// Overrides by code of the check.
    pub checks: BTreeMap<String, CheckOverride>,
    /// Also ask INFO commandstats.
    pub command_stats: bool,
    /// Also ask INFO latencystats.
    pub latency_stats: bool,
}

/// TLS towards the servers. Key `tls:` of a cluster. Files are read anew when they change.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Tls {
    /// PEM bundle of the authorities to trust, instead of the system's.
    pub ca_file: Option<PathBuf>,
    /// PEM chain that this exporter presents; together with `key_file`.
    pub cert_file: Option<PathBuf>,
    /// PEM key of `cert_file`.
    pub key_file: Option<PathBuf>,
    /// Name to ask for and to find in the certificate, instead of the host that is dialled.
    pub server_name: Option<String>,
    /// Accept any certificate.
    pub insecure_skip_verify: bool,
}

/// What is changed about one check. Entry of `checks:`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct CheckOverride {
    /// `false`: neither judged nor shown.
    pub enabled: Option<bool>,
    /// `P1`, `P2` or `P3`.
    pub severity: Option<u8>,
}

/// The HTTP server. Key `web:`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Web {
    /// Where to listen. `[::]` takes IPv4 too.
    pub listen: Vec<SocketAddr>,
    /// Access control, in the format of the exporter-toolkit: see [`web_config`].
    pub config_file: Option<PathBuf>,
    /// `POST /-/reload` is served.
    pub enable_lifecycle: bool,
    /// Connections served at the same time. Idle ones give way to further ones.
    pub max_connections: usize,
    /// How long a client may take to send the headers of a request, once it has begun. Between requests it may stay.
    pub header_timeout: Duration,
}

impl Default for Web {
    fn default() -> Self {
        Self {
            listen: vec![SocketAddr::from((Ipv6Addr::UNSPECIFIED, 19121))],
            config_file: None,
            enable_lifecycle: false,
            max_connections: 512,
            header_timeout: Duration::from_secs(5),
        }
    }
}

/// Logging. Key `log:`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Log {
    /// Least level: `error`, `warn`, `info`, `debug`, `trace`.
    pub level: tracing::Level,
    /// Form of a line.
    pub format: LogFormat,
}

impl Default for Log {
    fn default() -> Self {
        Self { level: tracing::Level::INFO, format: LogFormat::Logfmt }
    }
}

/// Form of a log line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LogFormat {
    /// `ts=… level=info msg="…" key=value`
    Logfmt,
    /// One JSON object a line.
    Json,
}
