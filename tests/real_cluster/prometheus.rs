//! Prometheus itself as the judge of what is served.

use std::io::{BufRead, BufReader, Write};
use std::net::TcpListener;
use std::process::{Command, Stdio};

use crate::common::exporter::Exporter;
use crate::common::prometheus::{Prometheus, get};
use crate::common::real::{Cluster, available, await_that, server};

/// Passes every request on to `target` as one for text 0.0.4: this Prometheus always prefers OpenMetrics.
fn text_only(target: String) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").expect("bind");
    let address = listener.local_addr().expect("address").to_string();
    std::thread::Builder::new()
        .spawn(move || {
            for stream in listener.incoming() {
                let Ok(mut stream) = stream else { continue };
                let head =
                    BufReader::new(&stream).lines().map_while(Result::ok).take_while(|line| !line.is_empty());
                if head.count() == 0 {
                    continue;
                }
                let answer = get(&target, "/metrics", "text/plain;version=0.0.4").unwrap_or_default();
                if stream.write_all(answer.as_bytes()).is_err() {
                    continue;
                }
            }
        })
        .expect("thread");
    address
}

#[test]
fn prometheus_scrapes_both_formats() {
    if !available(&server()) || !available("prometheus") {
        return;
    }
    let cluster = Cluster::of(3, 1).boot();
    let exporter = Exporter::start(&[cluster.primary(0)]);
    exporter.until("all nodes answer", |s| s.find("rediscluster_nodes_reachable", &[]) == Some(6.0));
    let openmetrics =
        exporter.get("/metrics", "application/openmetrics-text;version=1.0.0").expect("an answer");
    assert!(
        openmetrics.head.to_lowercase().contains("content-type: application/openmetrics-text; version=1.0.0")
    );
    assert!(openmetrics.body.ends_with("# EOF\n"));

    let text = text_only(exporter.address.clone());
    let prometheus = Prometheus::start(&[("openmetrics", &exporter.address), ("text", &text)]);
    for job in ["openmetrics", "text"] {
        await_that(&format!("up is 1 for the job {job}"), || {
            prometheus.is_one(&format!("up{{job=\"{job}\"}}"))
        });
        let covered = format!("rediscluster_slots_covered{{job=\"{job}\"}}==bool 16384");
        assert!(prometheus.is_one(&covered), "{}", prometheus.query(&covered));
        let nodes = format!("count(rediscluster_node_up{{job=\"{job}\"}}==1)==bool 6");
        assert!(prometheus.is_one(&nodes), "{}", prometheus.query(&nodes));
    }
}

#[test]
fn promtool_finds_nothing() {
    if !available(&server()) || !available("promtool") {
        return;
    }
    let cluster = Cluster::of(3, 1).boot();
    let exporter = Exporter::start(&[cluster.primary(0)]);
    exporter.until("all nodes answer", |s| s.find("rediscluster_nodes_reachable", &[]) == Some(6.0));
    let text = exporter.text();
    let mut promtool = Command::new("promtool")
        .args(["check", "metrics"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("promtool");
    promtool.stdin.take().expect("stdin").write_all(text.as_bytes()).expect("written");
    let output = promtool.wait_with_output().expect("promtool");
    let said = String::from_utf8_lossy(&output.stdout) + String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success() && said.is_empty(), "{}\n{said}", output.status);
}
