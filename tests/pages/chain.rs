//! The chain from exporters to the receiver, as the repository ships it: two exporters, Prometheus with
//! `deploy/prometheus/pair.yml` and the rules as they lie, Alertmanager with `alerts/alertmanager.example.yml`.

use std::fmt::Write as _;
use std::fs;
use std::io::Write;
use std::net::TcpStream;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::Mutex;
use std::time::Duration;

use serde_json::Value;
use tempfile::TempDir;

use super::receiver::Receiver;
use crate::common::exporter::Exporter;
use crate::common::real::{await_that, end, free_port};

/// Prometheus, or `RCE_PROMETHEUS`.
pub(crate) fn prometheus() -> String {
    std::env::var("RCE_PROMETHEUS").unwrap_or_else(|_| "prometheus".into())
}

/// Alertmanager by Debian's name, or `RCE_ALERTMANAGER`.
pub(crate) fn alertmanager() -> String {
    std::env::var("RCE_ALERTMANAGER").unwrap_or_else(|_| "prometheus-alertmanager".into())
}

/// What the servers show among hosts of one machine is no finding here: all nodes stand on one host, their memory is
/// not bounded, and what the exporters remember of a failover need not be remembered for a quarter of an hour.
const CLUSTER: &str = "limits: { failover_recent_seconds: 1m }, \
     checks: { failure_domain_risk: { enabled: false }, config_risky: { enabled: false } }";

/// Name and seed of each cluster.
pub(crate) type Clusters<'a> = [(&'a str, &'a str)];

/// The configuration of the exporters.
fn configuration(clusters: &Clusters<'_>) -> String {
    let mut text = String::from("clusters:\n");
    for (name, seed) in clusters {
        writeln!(text, "  - {{ name: {name}, seeds: [\"{seed}\"], {CLUSTER} }}").expect("a string");
    }
    text
}

/// The running chain. Dropped, all of its programs are ended.
pub(crate) struct Chain {
    /// What was told, and when.
    pub(crate) receiver: Receiver,
    exporters: [Exporter; 2],
    clusters: Mutex<Vec<(String, String)>>,
    prometheus: String,
    alertmanager: String,
    children: Vec<Child>,
    _dir: TempDir,
}

/// A shipped file with `changes`, each of which must be found.
fn adapted(file: &str, changes: &[(&str, String)]) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(file);
    let mut text = fs::read_to_string(path).expect("a file of the repository");
    for (from, to) in changes {
        assert!(text.contains(from), "{file} has no {from}");
        text = text.replace(from, to);
    }
    text
}

impl Chain {
    /// Starts it for these clusters, and returns when Prometheus has scraped both exporters.
    pub(crate) fn start(clusters: &Clusters<'_>) -> Self {
        let dir = TempDir::with_prefix("rce-paging-").expect("temporary directory");
        let receiver = Receiver::start();
        let yaml = configuration(clusters);
        let every = ["--poll.interval", "5s", "--poll.timeout", "2s"];
        let exporters = [0, 1].map(|_| Exporter::with_file_and(&yaml, &every));
        let [prometheus, alertmanager] = [0, 1].map(|_| format!("127.0.0.1:{}", free_port()));
        let to = |path: &str| format!("http://{}/{path}", receiver.address);
        let routes = adapted(
            "alerts/alertmanager.example.yml",
            &[
                ("http://pager.example/p1", to("p1")),
                ("http://chat.example/p2", to("p2")),
                ("http://tickets.example/p3", to("p3")),
                // Tickets now, and not in five minutes or on Monday.
                ("      active_time_intervals: [business-hours]\n", String::new()),
                (
                    "group_wait: 5m\n      group_interval: 1h",
                    "group_wait: 30s\n      group_interval: 1m".into(),
                ),
                // Resolved notices come with the next flush of the group.
                ("group_interval: 5m", "group_interval: 1m".into()),
            ],
        );
        let targets = exporters.each_ref().map(|one| format!("\"{}\"", one.address)).join(", ");
        let rules = Path::new(env!("CARGO_MANIFEST_DIR")).join("alerts");
        let scraping = adapted(
            "deploy/prometheus/pair.yml",
            &[
                ("\"exporter-1:19121\", \"exporter-2:19121\"", targets),
                ("\"alertmanager-1:9093\", \"alertmanager-2:9093\"", format!("\"{alertmanager}\"")),
                ("../../alerts", rules.display().to_string()),
            ],
        );
        fs::write(dir.path().join("alertmanager.yml"), routes).expect("configuration");
        fs::write(dir.path().join("prometheus.yml"), scraping).expect("configuration");
        let start = |program: String, words: &[&str]| {
            let log = fs::File::create(dir.path().join(format!("{}.log", words[0].len()))).expect("log");
            let mut command = Command::new(program);
            command.current_dir(dir.path()).args(words).stdout(Stdio::null()).stderr(log);
            command.spawn().expect("the program starts")
        };
        let children = vec![
            start(
                self::alertmanager(),
                &[
                    "--config.file=alertmanager.yml",
                    "--storage.path=alertmanager",
                    "--cluster.listen-address=",
                    &format!("--web.listen-address={alertmanager}"),
                ],
            ),
            start(
                self::prometheus(),
                &[
                    "--config.file=prometheus.yml",
                    "--storage.tsdb.path=prometheus",
                    &format!("--web.listen-address={prometheus}"),
                ],
            ),
        ];
        let clusters = clusters.iter().map(|(name, seed)| ((*name).to_owned(), (*seed).to_owned())).collect();
        let clusters = Mutex::new(clusters);
        let this = Self { receiver, exporters, clusters, prometheus, alertmanager, children, _dir: dir };
        await_that("Alertmanager answers", || get(&this.alertmanager, "/-/ready").is_some());
        await_that("Prometheus has scraped both", || {
            let found = this.json(&this.prometheus, "/api/v1/query?query=count(up==1)");
            found["data"]["result"][0]["value"][1] == "2"
        });
        this
    }

    /// Lets the exporters watch one more cluster, or one less.
    pub(crate) fn watch(&self, name: &str, seed: Option<&str>) {
        let mut clusters = self.clusters.lock().expect("no panic while it is held");
        clusters.retain(|(other, _)| other != name);
        clusters.extend(seed.map(|seed| (name.to_owned(), seed.to_owned())));
        let pairs: Vec<_> = clusters.iter().map(|(name, seed)| (&**name, &**seed)).collect();
        let yaml = configuration(&pairs);
        self.exporters.iter().for_each(|exporter| exporter.reload(&yaml));
    }

    /// Sends a signal to so many of the exporters.
    pub(crate) fn signal_exporters(&self, count: usize, signal: &str) {
        self.exporters.iter().take(count).for_each(|exporter| exporter.signal(signal));
    }

    /// Alerts that fire for a cluster, by Prometheus.
    pub(crate) fn firing(&self, cluster: &str) -> Vec<String> {
        let answer = self.json(&self.prometheus, "/api/v1/alerts");
        let alerts = answer["data"]["alerts"].as_array().expect("alerts").iter();
        let of = |alert: &&Value| alert["labels"]["redis_cluster"] == cluster && alert["state"] == "firing";
        names(alerts.filter(of))
    }

    /// Alerts of a cluster that fire and that nobody is told of, since their cause is told of.
    pub(crate) fn kept_back(&self, cluster: &str) -> Vec<String> {
        let answer = self.json(&self.alertmanager, "/api/v2/alerts");
        let alerts = answer.as_array().expect("alerts").iter();
        let of = |alert: &&Value| {
            alert["labels"]["redis_cluster"] == cluster && alert["status"]["state"] == "suppressed"
        };
        names(alerts.filter(of))
    }

    fn json(&self, address: &str, path: &str) -> Value {
        let (_, body) = get(address, path).unwrap_or_else(|| panic!("no answer of {address}{path}"));
        serde_json::from_str(&body).unwrap_or_default()
    }

    /// Versions of the programs.
    pub(crate) fn versions() -> String {
        let version = |program: String| {
            let output = Command::new(program).arg("--version").output().expect("a version");
            let said = String::from_utf8_lossy(&output.stdout) + String::from_utf8_lossy(&output.stderr);
            said.split(" (").next().unwrap_or_default().replace(", version", "")
        };
        format!("{} and {}", version(prometheus()), version(alertmanager()))
    }
}

impl Drop for Chain {
    fn drop(&mut self) {
        self.children.iter_mut().for_each(end);
    }
}

fn names<'a>(alerts: impl Iterator<Item = &'a Value>) -> Vec<String> {
    let mut names: Vec<_> =
        alerts.filter_map(|alert| Some(alert["labels"]["alertname"].as_str()?.to_owned())).collect();
    names.sort();
    names.dedup();
    names
}

/// One GET: status and body.
pub(crate) fn get(address: &str, path: &str) -> Option<(u16, String)> {
    let mut stream = TcpStream::connect(address).ok()?;
    stream.set_read_timeout(Some(Duration::from_secs(10))).ok()?;
    write!(stream, "GET {path} HTTP/1.0\r\nHost: {address}\r\n\r\n").ok()?;
    let text = std::io::read_to_string(stream).ok()?;
    let (head, body) = text.split_once("\r\n\r\n")?;
    Some((head.split(' ').nth(1)?.parse().ok()?, body.to_owned()))
}
