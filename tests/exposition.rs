//! The bodies of `/metrics`: how long they are kept, and what promtool says of them.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::disallowed_methods,
    reason = "a test may fail, and has a clock"
)]

#[path = "common/web.rs"]
mod web;

use std::io::{Read, Write};
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use redis_cluster_exporter::frame::Frame;
use redis_cluster_exporter::http::exposition::{Slot, Source};
use redis_cluster_exporter::metrics::Format;
use redis_cluster_exporter::self_metrics::SelfMetrics;
use web::{frame, get, limits, now, start};

fn source(exporter: &Arc<SelfMetrics>, frames: &[&Arc<Frame>]) -> Source {
    let frames = frames.iter().map(|&frame| Arc::clone(frame)).collect();
    Source { frames, exporter: Arc::clone(exporter), cluster: None, now: now() }
}

#[tokio::test]
async fn a_body_is_encoded_once_per_frame_and_second() {
    // Enough clusters that the work is large and leaves this thread.
    for clusters in [1, 2000] {
        let names = (0..clusters).map(|n| format!("c{n}").into());
        let exporter = Arc::new(SelfMetrics::new(names, now()));
        let (first, second) = (frame("a", now()), frame("a", now()));
        let slot = Slot::default();
        let at = Instant::now();
        for (format, gzip) in
            [(Format::OpenMetrics, false), (Format::Classic, false), (Format::Classic, true)]
        {
            let body = slot.body(source(&exporter, &[&first]), format, gzip, at).await;
            let again = at + Duration::from_millis(999);
            let same = slot.body(source(&exporter, &[&first]), format, gzip, again).await;
            assert_eq!((body.gzip, body.bytes.as_ptr()), (gzip, same.bytes.as_ptr()), "kept for a second");
            let later = at + Duration::from_secs(1);
            let other = slot.body(source(&exporter, &[&first]), format, gzip, later).await;
            assert_ne!(body.bytes.as_ptr(), other.bytes.as_ptr(), "and no longer");
            let other = slot.body(source(&exporter, &[&second]), format, gzip, later).await;
            let newer = slot.body(source(&exporter, &[&second]), format, gzip, later).await;
            assert_eq!(other.bytes.as_ptr(), newer.bytes.as_ptr());
            let none = slot.body(source(&exporter, &[]), format, gzip, later).await;
            assert_ne!(other.bytes.as_ptr(), none.bytes.as_ptr(), "a frame more or less is another body");
            slot.body(source(&exporter, &[&first]), format, gzip, at).await;
        }
        exporter.requested("/", 200);
        let all = (0..50).map(|_| slot.body(source(&exporter, &[&second]), Format::OpenMetrics, true, at));
        let all = futures_util::future::join_all(all).await;
        assert!(all.iter().all(|body| body.bytes.as_ptr() == all[0].bytes.as_ptr()), "one encoding for all");
        let mut text = String::new();
        flate2::read::GzDecoder::new(&*all[0].bytes).read_to_string(&mut text).unwrap();
        assert!(text.contains("handler=\"/\",code=\"200\"} 1\n") && text.ends_with("# EOF\n"));
    }
}

#[tokio::test]
async fn promtool_finds_nothing_in_the_classic_text() {
    let server = start(&["a", "b\\ \"quoted\""], limits(), false).await;
    server.frames[0].send_replace(Some(frame("a", now())));
    get(&server, "/").await;
    let text = get(&server, "/metrics").await;
    let found = Command::new("promtool")
        .args(["check", "metrics"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn();
    let Ok(mut promtool) = found else {
        println!("skipped: promtool is not on PATH");
        return;
    };
    promtool.stdin.take().unwrap().write_all(&text.body).unwrap();
    let output = promtool.wait_with_output().unwrap();
    let said =
        String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success() && said.is_empty(), "{said}\n{}", text.text());
}
