//! The program: argv → configuration → logging → [`redis_cluster_exporter`] → exit code.
#![allow(clippy::print_stdout, clippy::print_stderr, reason = "the only place that speaks to a terminal")]
#![allow(clippy::disallowed_methods, reason = "reads the environment and starts the tasks of the program")]

use std::collections::BTreeMap;
use std::process::ExitCode;

use anyhow::Context;
use clap::Parser;
use redis_cluster_exporter::cli::{Cli, Command, ConfigCommand};
use redis_cluster_exporter::config::{self, Config, PREFIX, Sources};
use redis_cluster_exporter::run::Reloads;
use redis_cluster_exporter::{derive, http, log};
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::{mpsc, oneshot};
use tracing_subscriber::util::SubscriberInitExt;

/// It could not do its work.
const FAILED: u8 = 1;
/// Bad usage or bad configuration.
const INVALID: u8 = 2;

fn main() -> ExitCode {
    let cli = Cli::parse();
    if let Some(Command::Metrics) = cli.command {
        print!("{}", derive::metrics_reference());
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
    log::subscriber(&config.log, std::io::stderr).init();
    match serve(config, &sources) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            tracing::error!("{error:#}");
            ExitCode::from(FAILED)
        }
    }
}

fn serve(config: Config, sources: &Sources) -> anyhow::Result<()> {
    // One thread: the work is waiting on sockets, and handing a poll from thread to thread costs more than its parts.
    let mut runtime = tokio::runtime::Builder::new_current_thread();
    let runtime = runtime.enable_all().build().context("cannot start the runtime")?;
    runtime.block_on(async {
        // Before the first line says that it lives: from then on a signal must not simply end it.
        let mut terminate = signal(SignalKind::terminate())?;
        let mut interrupt = signal(SignalKind::interrupt())?;
        let hangup = signal(SignalKind::hangup())?;
        let listeners = http::listen(&config.web.listen)?;
        for listener in &listeners {
            let address = listener.local_addr()?;
            tracing::info!(%address, clusters = config.clusters.len(), version = env!("CARGO_PKG_VERSION"), "listening");
        }
        let reloads = Reloads::default();
        let hangups = tokio::spawn(reload_on_hangup(hangup, reloads.sender.clone()));
        let shutdown = async {
            let signal = tokio::select! {
                _ = terminate.recv() => "SIGTERM",
                _ = interrupt.recv() => "SIGINT",
            };
            tracing::info!(signal, "stopping");
        };
        redis_cluster_exporter::run(config, listeners, || config::load(sources), reloads, shutdown).await;
        hangups.abort();
        tracing::info!("stopped");
        Ok(())
    })
}

/// How it went is logged by whoever reloads; a signal has nobody to answer.
async fn reload_on_hangup(
    mut hangups: tokio::signal::unix::Signal,
    reloads: mpsc::Sender<http::ReloadRequest>,
) {
    while hangups.recv().await.is_some() {
        let (answer, answered) = oneshot::channel();
        if reloads.send(answer).await.is_err() {
            return;
        }
        drop(answered.await);
    }
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
    format!("clusters: {}; seeds: {seeds}", names.join(", "))
}
