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

fn source(exporter: &Arc<SelfMetrics>, frames: &[Arc<Frame>]) -> Source {
    Source { frames: frames.to_vec(), exporter: Arc::clone(exporter), cluster: None, now: now() }
}

#[tokio::test]
async fn a_body_is_encoded_once_per_frame_and_second() {
    // Enough clusters that the work is large and leaves this thread.
    for clusters in [1, 100] {
        let exporter = Arc::new(SelfMetrics::new(["a".into()], now()));
        let (first, second) = (vec![frame("a", now()); clusters], vec![frame("a", now()); clusters]);
        let slot = Slot::default();
        let at = Instant::now();
        let kinds = [Format::OpenMetrics, Format::Classic].map(|format| [(format, false), (format, true)]);
        for (format, gzip) in kinds.concat() {
            let body = slot.body(source(&exporter, &first), format, gzip, at).await;
            let again = at + Duration::from_millis(999);
            let same = slot.body(source(&exporter, &first), format, gzip, again).await;
            assert_eq!((body.gzip, body.bytes.as_ptr()), (gzip, same.bytes.as_ptr()), "kept for a second");
            let later = at + Duration::from_secs(1);
            let other = slot.body(source(&exporter, &first), format, gzip, later).await;
            assert_ne!(body.bytes.as_ptr(), other.bytes.as_ptr(), "and no longer");
            let other = slot.body(source(&exporter, &second), format, gzip, later).await;
            let newer = slot.body(source(&exporter, &second), format, gzip, later).await;
            assert_eq!(other.bytes.as_ptr(), newer.bytes.as_ptr());
            let none = slot.body(source(&exporter, &[]), format, gzip, later).await;
            assert_ne!(other.bytes.as_ptr(), none.bytes.as_ptr(), "a frame more or less is another body");
            slot.body(source(&exporter, &first), format, gzip, at).await;
        }
        exporter.requested("/", 200);
        let all = (0..50).map(|_| slot.body(source(&exporter, &second), Format::OpenMetrics, true, at));
        let all = futures_util::future::join_all(all).await;
        assert!(all.iter().all(|body| body.bytes.as_ptr() == all[0].bytes.as_ptr()), "one encoding for all");
        let text = unpacked(&all[0].bytes);
        assert!(text.contains("handler=\"/\",code=\"200\"} 1\n") && text.ends_with("# EOF\n"));
    }
}

/// The process itself goes on between two readings.
fn without_process(text: &str) -> String {
    let lines = text.lines().filter(|line| !line.starts_with("process_"));
    lines.flat_map(|line| [line, "\n"]).collect()
}

fn unpacked(body: &[u8]) -> String {
    let mut text = String::new();
    flate2::read::GzDecoder::new(body).read_to_string(&mut text).unwrap();
    text
}

#[tokio::test]
async fn a_packed_body_holds_the_plain_one() {
    let exporter = Arc::new(SelfMetrics::new(["a".into()], now()));
    for clusters in [0, 1, 3, 100] {
        let frames: Vec<_> = (0..clusters).map(|number| frame(&format!("c{number}"), now())).collect();
        for format in [Format::OpenMetrics, Format::Classic] {
            let (slot, source) = (Slot::default(), source(&exporter, &frames));
            let plain = slot.body(source.clone(), format, false, Instant::now()).await;
            let packed = slot.body(source, format, true, Instant::now()).await;
            let plain = String::from_utf8(plain.bytes.to_vec()).unwrap();
            assert_eq!(without_process(&unpacked(&packed.bytes)), without_process(&plain));
            assert_eq!(plain.matches("rediscluster_up{").count(), clusters);
        }
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
