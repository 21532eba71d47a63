//! The program as a service: what systemd hears, and how many files it may open.
//!
//! The environment of a process cannot be changed safely from within: each case runs this program
//! again, as a service that sends to a socket of the test.
#![cfg(unix)]
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::disallowed_methods,
    reason = "a test may fail, and has a clock"
)]

#[path = "common/web.rs"]
mod web;

use std::os::unix::net::UnixDatagram;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use arc_swap::ArcSwap;
use redis_cluster_exporter::frame::Frame;
use redis_cluster_exporter::http::{Clusters, Published};
use redis_cluster_exporter::model::time::Timestamp;
use redis_cluster_exporter::service::Service;
use tokio::sync::watch;
use tokio::time::sleep;
use web::HOUR;

/// A frame of so many hours ago.
fn frame(hours: f64) -> Arc<Frame> {
    web::frame("a", Timestamp::from_seconds(web::now().as_seconds() - hours * 3600.0))
}

/// The service: no frame, then a reload that must not yet be told, a frame, a reload, a loop that stands still,
/// one that turns again, the end.
#[tokio::test]
#[ignore = "run by the other tests, with a socket in its environment"]
async fn the_service() {
    let (frames, receiver) = watch::channel(None);
    let clusters: Clusters =
        Arc::new(ArcSwap::from_pointee(vec![Published::new("a".into(), HOUR, receiver)]));
    let service = Service::default();
    let story = async {
        service.reloading();
        service.reloaded();
        sleep(Duration::from_millis(300)).await;
        frames.send_replace(Some(frame(0.0)));
        sleep(Duration::from_millis(600)).await;
        service.reloading();
        service.reloaded();
        frames.send_replace(Some(frame(4.0)));
        sleep(Duration::from_millis(600)).await;
    };
    service.keep(clusters, story).await;
}

fn service(socket: &std::path::Path, watchdog: bool) -> Child {
    let mut command = Command::new(std::env::current_exe().unwrap());
    command.args(["--ignored", "--exact", "the_service"]).stdout(Stdio::null());
    command.env("NOTIFY_SOCKET", socket).env_remove("WATCHDOG_PID").env_remove("WATCHDOG_USEC");
    if watchdog {
        command.env("WATCHDOG_USEC", "200000");
    }
    command.spawn().unwrap()
}

/// All that the service sends until it ends, one line each.
fn heard(watchdog: bool) -> Vec<String> {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("notify");
    let socket = UnixDatagram::bind(&path).unwrap();
    let mut child = service(&path, watchdog);
    assert!(child.wait().unwrap().success());
    socket.set_nonblocking(true).unwrap();
    let mut lines = Vec::new();
    let mut buffer = [0; 256];
    while let Ok(size) = socket.recv(&mut buffer) {
        lines.extend(std::str::from_utf8(&buffer[..size]).unwrap().lines().map(str::to_owned));
    }
    lines
}

#[test]
fn ready_reload_and_stop_are_told_in_order() {
    let mut lines = heard(false);
    assert!(lines.get(2).is_some_and(|line| line.starts_with("MONOTONIC_USEC=")), "{lines:?}");
    lines.remove(2);
    assert_eq!(lines, ["READY=1", "RELOADING=1", "READY=1", "STOPPING=1"]);
}

#[test]
fn the_watchdog_is_fed_only_while_the_loops_turn() {
    let lines = heard(true);
    let stalled = lines.iter().rposition(|line| line == "READY=1").unwrap();
    let (turning, standing) = lines.split_at(stalled);
    let fed = |lines: &[String]| lines.iter().filter(|line| *line == "WATCHDOG=1").count();
    assert!(fed(turning) >= 2, "{lines:?}");
    // The frame that is too old is published right after the second READY=1.
    assert_eq!(fed(standing), 0, "{lines:?}");
}

/// As many nodes and clients as the system lets it have: shells give 1024, and containers a million behind that.
#[test]
fn the_limit_of_open_files_is_raised() {
    let limited = "ulimit -Sn 300 && ulimit -Hn 900 && exec \"$0\" \"$@\"";
    let mut command = Command::new("sh");
    command.args(["-c", limited, env!("CARGO_BIN_EXE_redis-cluster-exporter")]);
    command.args(["--web.listen-address", "127.0.0.1:0", "127.0.0.1:1"]).stderr(Stdio::null());
    let mut exporter = command.spawn().unwrap();
    let limits = || {
        let text = std::fs::read_to_string(format!("/proc/{}/limits", exporter.id())).unwrap();
        let line = text.lines().find_map(|line| line.strip_prefix("Max open files")).unwrap().to_owned();
        line.split_whitespace().take(2).map(|word| word.parse().unwrap()).collect::<Vec<u64>>()
    };
    let until = Instant::now() + Duration::from_secs(20);
    while limits() != [900, 900] && Instant::now() < until {
        std::thread::sleep(Duration::from_millis(10));
    }
    let raised = limits();
    exporter.kill().unwrap();
    exporter.wait().unwrap();
    assert_eq!(raised, [900, 900]);
}
