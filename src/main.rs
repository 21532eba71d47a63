//! The program: argv → configuration → logging → [`redis_cluster_exporter`] → exit code.
#![allow(clippy::print_stdout, clippy::print_stderr, reason = "the only place that speaks to a terminal")]
#![allow(clippy::disallowed_methods, reason = "reads the environment and starts the tasks of the program")]

use std::collections::BTreeMap;
use std::process::ExitCode;

use anyhow::Context;
use clap::Parser;
use redis_cluster_exporter::cli::{Capture, Check, Cli, Command, ConfigCommand, ReportFormat};
use redis_cluster_exporter::config::{self, Config, ConfigErrors, PREFIX, Shard, Sources, Web};
use redis_cluster_exporter::frame::{Frame, Setup};
use redis_cluster_exporter::run::{self, Reloads};
use redis_cluster_exporter::status::report;
use redis_cluster_exporter::{derive, http, log, poll};
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::{mpsc, oneshot};
use tracing_subscriber::util::SubscriberInitExt;

/// It could not do its work.
const FAILED: u8 = 1;
/// Bad usage or bad configuration.
const INVALID: u8 = 2;

fn main() -> ExitCode {
    let cli = Cli::parse();
    let reference = match &cli.command {
        Some(Command::Metrics) => Some(derive::metrics_reference()),
        Some(Command::Checks) => Some(derive::checks_reference()),
        Some(Command::Access) => Some(derive::access_reference()),
        _ => None,
    };
    if let Some(reference) = reference {
        print!("{reference}");
        return ExitCode::SUCCESS;
    }
    let sources = cli.sources(environment());
    let config = config::load(&sources);
    match (&cli.command, config) {
        (Some(Command::Check(check)), config) if !check.from.is_empty() => {
            judge_recorded(check, &sources, config)
        }
        // What runs may have been started with a file that is bad by now: where it listens is all that counts.
        (Some(Command::Healthcheck), config) => {
            ask_health(&config.map_or_else(|_| Web::default(), |config| config.web))
        }
        (_, Err(errors)) => {
            eprintln!("{errors}");
            ExitCode::from(INVALID)
        }
        (Some(Command::Config(ConfigCommand::Check)), Ok(config)) => {
            println!("OK {}", summary(&config));
            ExitCode::SUCCESS
        }
        (command, Ok(config)) => {
            log::subscriber(&config.log, std::io::stderr).init();
            run::open_files::allow_all();
            let done = match command {
                Some(Command::Check(check)) => judge_live(&config, check),
                Some(Command::Capture(capture)) => write_capture(&config, capture),
                _ => serve(config, &sources).map(|()| ExitCode::SUCCESS),
            };
            done.unwrap_or_else(|error| {
                tracing::error!("{error:#}");
                ExitCode::from(FAILED)
            })
        }
    }
}

fn ask_health(web: &Web) -> ExitCode {
    let asked = runtime().and_then(|runtime| Ok(runtime.block_on(run::healthcheck::ask(web))?));
    match asked {
        Ok(()) => {
            println!("healthy");
            ExitCode::SUCCESS
        }
        Err(error) => {
            eprintln!("{error:#}");
            ExitCode::from(FAILED)
        }
    }
}

fn runtime() -> anyhow::Result<tokio::runtime::Runtime> {
    // One thread: the work is waiting on sockets, and handing a poll from thread to thread costs more than its parts.
    tokio::runtime::Builder::new_current_thread().enable_all().build().context("cannot start the runtime")
}

fn judge_live(config: &Config, check: &Check) -> anyhow::Result<ExitCode> {
    let frames = runtime()?.block_on(run::check::live(config));
    Ok(report(&frames, check.format))
}

/// Recorded replies need no configuration; where there is one, its first cluster's limits and names hold.
fn judge_recorded(check: &Check, sources: &Sources, config: Result<Config, ConfigErrors>) -> ExitCode {
    let setup = match config {
        Ok(config) => config.clusters.first().map(|cluster| poll::setup(cluster, config.poll.interval)),
        Err(errors) if sources.file.is_some() || !sources.seeds.is_empty() => {
            eprintln!("{errors}");
            return ExitCode::from(INVALID);
        }
        Err(_) => None,
    };
    let setup = setup.unwrap_or_else(|| Setup { cluster: "default".into(), ..Setup::default() });
    match run::check::recorded(&setup, &check.from) {
        Ok(frame) => report(&Vec::from_iter(frame), check.format),
        Err(error) => {
            eprintln!("{error}");
            ExitCode::from(INVALID)
        }
    }
}

fn report(frames: &[Frame], format: ReportFormat) -> ExitCode {
    match format {
        ReportFormat::Text => print!("{}", report::text(frames.iter())),
        ReportFormat::Json => println!("{:#}", report::json(frames.iter())),
    }
    ExitCode::from(report::worst(frames.iter().map(report::verdict)).exit_code())
}

fn write_capture(config: &Config, capture: &Capture) -> anyhow::Result<ExitCode> {
    let written = runtime()?.block_on(run::capture::capture(config, &capture.out, capture.anonymise))?;
    println!("{written} nodes written to {}", capture.out.display());
    Ok(ExitCode::SUCCESS)
}

fn serve(config: Config, sources: &Sources) -> anyhow::Result<()> {
    let access = config.web.config_file.as_deref().map(http::Access::open).transpose()?;
    let runtime = runtime()?;
    let done = runtime.block_on(async {
        // Before the first line says that it lives: from then on a signal must not simply end it.
        let mut terminate = signal(SignalKind::terminate())?;
        let mut interrupt = signal(SignalKind::interrupt())?;
        let hangup = signal(SignalKind::hangup())?;
        let listeners = http::listen(&config.web.listen)?;
        for listener in &listeners {
            let address = listener.local_addr()?;
            let (clusters, shard) = (config.clusters.len(), share(&config).map(tracing::field::display));
            tracing::info!(%address, clusters, shard, version = env!("CARGO_PKG_VERSION"), "listening");
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
        run::run(config, access, listeners, || config::load(sources), reloads, shutdown).await;
        hangups.abort();
        tracing::info!("stopped");
        Ok(())
    });
    // A password may still be compared with its hash: nobody waits for that.
    runtime.shutdown_background();
    done
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
    let share = share(config).map_or(String::new(), |shard| format!("; shard: {shard}"));
    format!("clusters: {}; seeds: {seeds}{share}", names.join(", "))
}

/// Which part of the clusters it watches, if not all.
fn share(config: &Config) -> Option<Shard> {
    (config.shard != Shard::default()).then_some(config.shard)
}
