//! Prometheus itself as the judge of what is served.

use std::io::{BufRead, BufReader, Write};
use std::net::{TcpListener, TcpStream};
use std::process::{Child, Command, Stdio};

use tempfile::TempDir;

use crate::common::exporter::Exporter;
use crate::common::real::{Cluster, available, await_that, end, free_port, server};

/// A running Prometheus. Dropped, it is killed.
struct Prometheus {
    child: Child,
    address: String,
    _dir: TempDir,
}

impl Prometheus {
    /// Scrapes every target each second, each as a job of that name.
    fn start(targets: &[(&str, &str)]) -> Self {
        let dir = TempDir::with_prefix("rce-prometheus-").expect("temporary directory");
        let mut config = String::from("global: {scrape_interval: 1s, scrape_timeout: 1s}\nscrape_configs:\n");
        for (job, target) in targets {
            config += &format!("  - {{job_name: {job}, static_configs: [{{targets: ['{target}']}}]}}\n");
        }
        std::fs::write(dir.path().join("prometheus.yml"), config).expect("configuration");
        let address = format!("127.0.0.1:{}", free_port());
        let mut command = Command::new("prometheus");
        command.current_dir(dir.path()).arg(format!("--web.listen-address={address}"));
        command.args(["--config.file=prometheus.yml", "--storage.tsdb.path=data"]);
        let child = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().expect("prometheus");
        Self { child, address, _dir: dir }
    }

    /// The answer of the HTTP API to an instant query; `+` stands for a space.
    fn query(&self, expression: &str) -> String {
        get(&self.address, &format!("/api/v1/query?query={expression}"), "*/*").unwrap_or_default()
    }

    /// Whether the query has one result and its value is 1.
    fn is_one(&self, expression: &str) -> bool {
        self.query(expression).trim_end().ends_with(r#","1"]}]}}"#)
    }
}

impl Drop for Prometheus {
    fn drop(&mut self) {
        end(&mut self.child);
    }
}

/// The whole answer to one GET, head and body.
fn get(address: &str, path: &str, accept: &str) -> Option<String> {
    let mut stream = TcpStream::connect(address).ok()?;
    write!(stream, "GET {path} HTTP/1.0\r\nHost: {address}\r\nAccept: {accept}\r\n\r\n").ok()?;
    std::io::read_to_string(stream).ok()
}

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
        let covered = format!("rediscluster_slots_covered{{job=\"{job}\"}}==bool+16384");
        assert!(prometheus.is_one(&covered), "{}", prometheus.query(&covered));
        let nodes = format!("count(rediscluster_node_up{{job=\"{job}\"}}==1)==bool+6");
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
