//! What systemd is told (`Type=notify`, `WatchdogSec=`). Without `NOTIFY_SOCKET` in the environment nothing is sent.
#![allow(
    clippy::disallowed_methods,
    reason = "the watchdog is fed by the clock, and the service manager speaks through the environment"
)]

use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::time::{Duration, Instant};

use sd_notify::NotifyState;
use tokio::time::sleep;

use crate::clock::now;
use crate::http::{Clusters, health};

/// How often the state of the poll loops is looked at, at least.
const LOOK: Duration = Duration::from_secs(1);

/// The exporter as a service.
#[derive(Debug, Default)]
pub struct Service {
    ready: AtomicBool,
}

impl Service {
    /// Call when the listeners are bound. Says `READY=1` once every cluster has a first frame, and from then on feeds
    /// the watchdog at half its time, but only while no poll loop stands still: then systemd restarts the exporter.
    /// Says `STOPPING=1` and returns when `shutdown` ends.
    pub async fn keep(&self, clusters: Clusters, shutdown: impl Future<Output = ()>) {
        tokio::select! {
            () = shutdown => self.stopping(),
            () = self.run(&clusters) => {}
        }
    }

    /// The configuration is being read anew. [`Service::reloaded`] must follow.
    pub fn reloading(&self) {
        if !self.ready.load(Relaxed) {
            return;
        }
        match NotifyState::monotonic_usec_now() {
            Ok(at) => send(&[NotifyState::Reloading, at]),
            Err(error) => tracing::warn!(%error, "cannot read the clock that systemd wants to hear of"),
        }
    }

    /// The configuration has been read, and taken or refused.
    pub fn reloaded(&self) {
        if self.ready.load(Relaxed) {
            send(&[NotifyState::Ready]);
        }
    }

    fn stopping(&self) {
        send(&[NotifyState::Stopping]);
    }

    async fn run(&self, clusters: &Clusters) {
        while !health::awaited(&clusters.load()).is_empty() {
            sleep(LOOK / 10).await;
        }
        send(&[NotifyState::Ready]);
        self.ready.store(true, Relaxed);
        let Some(watchdog) = sd_notify::watchdog_enabled() else { return std::future::pending().await };
        // A look that falls into a jump of the clock finds frames too old: another one soon after saves the service.
        let mut fed = None;
        loop {
            let due = fed.is_none_or(|at: Instant| at.elapsed() >= watchdog / 2);
            if due && health::stalled(&clusters.load(), now(), Instant::now()).is_empty() {
                send(&[NotifyState::Watchdog]);
                fed = Some(Instant::now());
            }
            sleep(LOOK.min(watchdog / 8)).await;
        }
    }
}

/// A service manager that does not listen is no reason to stop.
fn send(states: &[NotifyState<'_>]) {
    if let Err(error) = sd_notify::notify(states) {
        tracing::warn!(%error, ?states, "cannot notify the service manager");
    }
}
