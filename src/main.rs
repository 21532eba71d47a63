//! The program: argv → configuration → logging → [`redis_cluster_exporter`] → exit code.
#![allow(clippy::print_stdout, clippy::print_stderr, reason = "the only place that speaks to a terminal")]

use std::collections::BTreeMap;
use std::process::ExitCode;

use clap::Parser;
use redis_cluster_exporter::cli::{Cli, Command, ConfigCommand};
use redis_cluster_exporter::config::{self, Config, Log, LogFormat, PREFIX};
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;
use tracing_subscriber::{EnvFilter, Layer};

/// Bad usage or bad configuration.
const INVALID: u8 = 2;

fn main() -> ExitCode {
    let cli = Cli::parse();
    if let Some(Command::Metrics) = cli.command {
        return ExitCode::SUCCESS;
    }
    let sources = cli.sources(environment());
    let config = match config::load(&sources) {
        Ok(config) => config,
        Err(errors) => {
            eprintln!("{errors}");
            return ExitCode::from(INVALID);
        }
    };
    if let Some(Command::Config(ConfigCommand::Check)) = cli.command {
        println!("OK {}", summary(&config));
        return ExitCode::SUCCESS;
    }
    log_to_stderr(&config.log);
    tracing::info!(clusters = config.clusters.len(), "configuration read");
    ExitCode::SUCCESS
}

/// What concerns us of the environment. Values that are no UTF-8 are left out.
fn environment() -> BTreeMap<String, String> {
    let ours = |name: &String| name.starts_with(PREFIX) || name == "CREDENTIALS_DIRECTORY";
    std::env::vars_os()
        .filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)))
        .filter(|(name, _)| ours(name))
        .collect()
}

fn summary(config: &Config) -> String {
    let seeds: usize = config.clusters.iter().map(|cluster| cluster.seeds.len()).sum();
    let names: Vec<&str> = config.clusters.iter().map(|cluster| &*cluster.name).collect();
    format!("{} clusters ({}), {seeds} seeds", names.len(), names.join(", "))
}

fn log_to_stderr(log: &Log) {
    let filter = EnvFilter::new(format!("warn,redis_cluster_exporter={}", log.level));
    let lines = match log.format {
        LogFormat::Logfmt => tracing_logfmt::builder().layer().with_writer(std::io::stderr).boxed(),
        LogFormat::Json => tracing_subscriber::fmt::layer().json().with_writer(std::io::stderr).boxed(),
    };
    tracing_subscriber::registry().with(lines.with_filter(filter)).init();
}
