//! The built exporter.

use std::fs;
use std::process::Command;
use std::time::Duration;

use super::daemon::Daemon;

/// How often the exporter asks.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Pace {
    /// From poll to poll.
    pub(crate) interval: Duration,
    /// How long a node may take.
    pub(crate) timeout: Duration,
    /// From slow poll to slow poll.
    pub(crate) slow_interval: Duration,
}

/// Starts it on these clusters, each a name and a seed, and waits until every one has been polled.
pub(crate) fn start(clusters: &[(String, String)], pace: Pace) -> Daemon {
    let config = config(clusters, pace);
    let command = |dir: &tempfile::TempDir, address: &str| {
        let file = dir.path().join("config.yaml");
        fs::write(&file, config).expect("a file");
        let mut command = Command::new(env!("CARGO_BIN_EXE_redis-cluster-exporter"));
        command.env_clear().arg("--config.file").arg(file).args(["--web.listen-address", address]);
        command
    };
    Daemon::start(command, "/-/ready", Duration::from_secs(60))
}

fn config(clusters: &[(String, String)], pace: Pace) -> String {
    let millis = |duration: Duration| format!("{}ms", duration.as_millis());
    let mut text = format!(
        "poll:\n  interval: {}\n  timeout: {}\n  slow_interval: {}\nclusters:\n",
        millis(pace.interval),
        millis(pace.timeout),
        millis(pace.slow_interval)
    );
    for (name, seed) in clusters {
        text += &format!("  - name: {name}\n    seeds: [\"{seed}\"]\n");
    }
    text
}
