//! The command line.

use std::collections::BTreeMap;
use std::path::PathBuf;

use clap::{Args, Parser, Subcommand};

use crate::config::Sources;

const AFTER: &str = "\
Every flag is also read from the environment: --poll.interval is REDIS_CLUSTER_EXPORTER_POLL__INTERVAL, and so is every
key of the file: defaults.tls.ca_file is REDIS_CLUSTER_EXPORTER_DEFAULTS__TLS__CA_FILE. Seeds are
REDIS_CLUSTER_EXPORTER_CLUSTER__SEEDS, with commas. Flags win over the environment, the environment over the file.";

/// What was asked for on the command line.
#[derive(Parser)]
#[command(name = "redis-cluster-exporter", version, about, after_help = AFTER, max_term_width = 120)]
pub struct Cli {
    /// What to do; to serve, if nothing is said.
    #[command(subcommand)]
    pub command: Option<Command>,
    /// Seeds of the one cluster to serve.
    #[command(flatten)]
    pub seeds: Seeds,
    /// The flags of all commands.
    #[command(flatten)]
    pub flags: Flags,
}

/// What to do.
#[derive(Subcommand)]
pub enum Command {
    /// Poll all nodes and serve what they say (the default)
    Serve(Seeds),
    /// Look at the configuration
    #[command(subcommand)]
    Config(ConfigCommand),
    /// Judge once and print what is wrong: exit 0 clear, 1 only P2 or P3, 2 any P1, 3 could not judge
    Check(Check),
    /// Write what all nodes reply into a directory: a bug report, a fixture
    Capture(Capture),
    /// Ask the exporter that runs on this machine whether it is healthy: exit 0 or 1; for containers
    Healthcheck,
    /// Print the reference of all metrics
    Metrics,
    /// Print the reference of all checks
    Checks,
    /// Print what is asked of the servers, and the rights that it takes
    Access,
}

/// Judge once.
#[derive(Args, Clone)]
pub struct Check {
    /// Seeds of the one cluster to judge; without them the clusters of the configuration.
    #[command(flatten)]
    pub seeds: Seeds,
    /// Form of the report
    #[arg(long, value_enum, default_value = "text")]
    pub format: ReportFormat,
    /// Judge a capture directory instead of live nodes; given twice, the first is the poll before the second
    #[arg(long, value_name = "DIR")]
    pub from: Vec<PathBuf>,
}

/// Form of the report of `check`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum ReportFormat {
    /// For people.
    Text,
    /// For programs.
    Json,
}

/// Write what all nodes reply.
#[derive(Args, Clone)]
pub struct Capture {
    /// Seeds of the one cluster to capture; without them the clusters of the configuration.
    #[command(flatten)]
    pub seeds: Seeds,
    /// Directory to write into
    #[arg(long, value_name = "DIR")]
    pub out: PathBuf,
    /// Replace addresses and ids
    #[arg(long)]
    pub anonymise: bool,
}

/// What to do with the configuration.
#[derive(Clone, Copy, Subcommand)]
pub enum ConfigCommand {
    /// Validate it: print "OK" and exit 0, or print every error and exit 2
    Check,
}

/// Seeds as arguments.
#[derive(Args, Clone, Default)]
pub struct Seeds {
    /// Any node of the cluster; all others are found from it. Makes one cluster, in place of those of the file.
    ///
    /// host:port, redis://host:port, redis://user:password@host:port, rediss:// (TLS), valkey://, valkeys:// (TLS) or
    /// unix:///path
    #[arg(value_name = "SEED")]
    pub seeds: Vec<String>,
}

/// Flags. Values are checked together with the file, under the same rules.
#[derive(Args, Clone, Default)]
pub struct Flags {
    /// Configuration file; TOML if it ends in .toml, else YAML
    #[arg(long = "config.file", value_name = "PATH", global = true)]
    config_file: Option<PathBuf>,
    /// Where to listen; may be repeated [default: :19121]
    #[arg(long = "web.listen-address", value_name = "ADDRESS", global = true)]
    web_listen_address: Vec<String>,
    /// TLS and passwords of the web server, in the format of other Prometheus exporters
    #[arg(long = "web.config.file", value_name = "PATH", global = true)]
    web_config_file: Option<String>,
    /// Serve POST /-/reload
    #[arg(long = "web.enable-lifecycle", global = true)]
    web_enable_lifecycle: bool,
    /// Least level to log: error, warn, info, debug, trace [default: info]
    #[arg(long = "log.level", value_name = "LEVEL", global = true)]
    log_level: Option<String>,
    /// Form of log lines: logfmt, json [default: logfmt]
    #[arg(long = "log.format", value_name = "FORMAT", global = true)]
    log_format: Option<String>,
    /// From one poll to the next [default: 5s]
    #[arg(long = "poll.interval", value_name = "DURATION", global = true)]
    poll_interval: Option<String>,
    /// How long one node may take to answer [default: 2s]
    #[arg(long = "poll.timeout", value_name = "DURATION", global = true)]
    poll_timeout: Option<String>,
    /// Name of the cluster of the seeds [default: default]
    #[arg(long = "cluster.name", value_name = "NAME", global = true)]
    cluster_name: Option<String>,
    /// User to log in with at the cluster of the seeds
    #[arg(long = "cluster.username", value_name = "USER", global = true)]
    cluster_username: Option<String>,
    /// File with the password; read anew at every connect
    #[arg(long = "cluster.password-file", value_name = "PATH", global = true)]
    cluster_password_file: Option<String>,
    /// Which of the exporters this is that divide the clusters: a number from 0, or a pod's name that ends in one
    #[arg(long = "shard.index", value_name = "NUMBER", global = true)]
    shard_index: Option<String>,
    /// How many exporters divide the clusters [default: 1]
    #[arg(long = "shard.count", value_name = "NUMBER", global = true)]
    shard_count: Option<String>,
}

impl Cli {
    /// The sources of the configuration: what was given here, and the environment.
    pub fn sources(&self, environment: BTreeMap<String, String>) -> Sources {
        let mut seeds = self.seeds.seeds.clone();
        let more = match &self.command {
            Some(Command::Serve(more)) => Some(more),
            Some(Command::Check(check)) => Some(&check.seeds),
            Some(Command::Capture(capture)) => Some(&capture.seeds),
            _ => None,
        };
        seeds.extend(more.iter().flat_map(|more| more.seeds.iter().cloned()));
        if matches!(self.command, Some(Command::Healthcheck)) {
            // What counts is where the exporter listens. Its seeds may stand on its own command line alone.
            seeds = vec!["localhost".to_owned()];
        }
        Sources { file: self.flags.config_file.clone(), flags: self.flags.given(), seeds, environment }
    }
}

impl Flags {
    fn given(&self) -> BTreeMap<String, String> {
        let listen = (!self.web_listen_address.is_empty()).then(|| self.web_listen_address.join(","));
        let flags = [
            ("--web.listen-address", listen),
            ("--web.config.file", self.web_config_file.clone()),
            ("--web.enable-lifecycle", self.web_enable_lifecycle.then(|| "true".to_owned())),
            ("--log.level", self.log_level.clone()),
            ("--log.format", self.log_format.clone()),
            ("--poll.interval", self.poll_interval.clone()),
            ("--poll.timeout", self.poll_timeout.clone()),
            ("--cluster.name", self.cluster_name.clone()),
            ("--cluster.username", self.cluster_username.clone()),
            ("--cluster.password-file", self.cluster_password_file.clone()),
            ("--shard.index", self.shard_index.clone()),
            ("--shard.count", self.shard_count.clone()),
        ];
        flags.into_iter().filter_map(|(name, value)| Some((name.to_owned(), value?))).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_command_line_is_well_formed() {
        use clap::CommandFactory;
        Cli::command().debug_assert();
    }

    #[test]
    fn a_health_check_finds_where_the_exporter_listens_without_its_seeds() {
        let name = "REDIS_CLUSTER_EXPORTER_WEB__LISTEN_ADDRESS".to_owned();
        let environment = BTreeMap::from([(name, "127.0.0.1:7".to_owned())]);
        let sources = Cli::try_parse_from(["x", "healthcheck"]).unwrap().sources(environment);
        let web = crate::config::load(&sources).unwrap().web;
        assert_eq!(web.listen, ["127.0.0.1:7".parse().unwrap()]);
    }

    #[test]
    fn seeds_and_flags_stand_before_or_after_the_command() {
        for line in [
            "x a:1 b:2 --poll.interval 7s",
            "x serve a:1 b:2 --poll.interval=7s",
            "x --poll.interval 7s serve a:1 b:2",
        ] {
            let sources = Cli::try_parse_from(line.split(' ')).unwrap().sources(BTreeMap::new());
            assert_eq!(sources.seeds, ["a:1", "b:2"], "{line}");
            assert_eq!(sources.flags.get("--poll.interval").map(String::as_str), Some("7s"), "{line}");
        }
    }
}
