//! Real servers for the tests: a cluster booted by `scripts/cluster` in a directory of its own, gone when dropped.
//!
//! `RCE_SERVER` and `RCE_CLI` name other programs than `redis-server` and `redis-cli`.
#![allow(
    clippy::disallowed_methods,
    reason = "tests choose the server by the environment and wait by the clock"
)]

use std::io::Write;
use std::path::PathBuf;
use std::process::{Child, Command, Output, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

use tempfile::TempDir;

/// The server program.
pub fn server() -> String {
    std::env::var("RCE_SERVER").unwrap_or_else(|_| "redis-server".into())
}

fn cli_program() -> String {
    std::env::var("RCE_CLI").unwrap_or_else(|_| "redis-cli".into())
}

/// Whether `program` can be run. Without it a test is skipped, saying so; in CI (`CI` is set) that is a failure.
pub fn available(program: &str) -> bool {
    let there =
        Command::new(program).arg("--version").stdout(Stdio::null()).stderr(Stdio::null()).status().is_ok();
    assert!(
        there || std::env::var("CI").is_err(),
        "{program} is not installed, and in CI no test may be skipped"
    );
    if !there {
        skip(&format!("{program} is not installed"));
    }
    there
}

/// Says why a test is skipped. Not by a macro: the test runner would keep that to itself.
pub fn skip(why: &str) {
    writeln!(std::io::stderr(), "skipped a test: {why}").expect("stderr");
}

/// A port that nothing listens on now.
pub fn free_port() -> u16 {
    std::net::TcpListener::bind("127.0.0.1:0").expect("bind").local_addr().expect("address").port()
}

/// Sends a signal (`STOP`, `CONT`, `TERM`, `KILL`) to a process that the test started.
pub fn signal(pid: u32, name: &str) {
    let status = Command::new("sh").args(["-c", "kill -s \"$0\" \"$1\"", name, &pid.to_string()]).status();
    assert!(status.expect("sh").success(), "kill -s {name} {pid}");
}

/// Waits until `holds`; fails saying what was waited for.
pub fn await_that(what: &str, mut holds: impl FnMut() -> bool) {
    let end = Instant::now() + Duration::from_secs(30);
    while !holds() {
        assert!(Instant::now() < end, "not within 30 s: {what}");
        sleep(Duration::from_millis(50));
    }
}

/// One reply as `redis-cli` prints it, without the carriage returns of INFO.
pub fn cli(address: &str, password: Option<&str>, words: &[&str]) -> String {
    let (host, port) = address.rsplit_once(':').expect("host:port");
    let host = host.trim_start_matches('[').trim_end_matches(']');
    let mut command = Command::new("timeout");
    command.arg("10").arg(cli_program()).args(["-h", host, "-p", port]).args(words);
    if let Some(password) = password {
        command.env("REDISCLI_AUTH", password);
    }
    let output = command.output().expect("redis-cli");
    String::from_utf8(output.stdout).expect("UTF-8").replace('\r', "").trim_end().to_owned()
}

/// The value of `key` in a reply of `key:value` lines.
pub fn field(reply: &str, key: &str) -> Option<String> {
    reply.lines().find_map(|line| line.strip_prefix(key)?.strip_prefix(':').map(str::to_owned))
}

/// How a cluster is to be booted.
pub struct Shape {
    primaries: usize,
    replicas: usize,
    conf: Vec<String>,
    host: &'static str,
    node_timeout_ms: u32,
    password: Option<String>,
}

impl Shape {
    /// A line for the configuration file of every node.
    pub fn conf(mut self, line: &str) -> Self {
        self.conf.push(line.to_owned());
        self
    }

    /// Listens on another loopback address than 127.0.0.1.
    pub fn host(mut self, host: &'static str) -> Self {
        self.host = host;
        self
    }

    /// `cluster-node-timeout`.
    pub fn node_timeout_ms(mut self, ms: u32) -> Self {
        self.node_timeout_ms = ms;
        self
    }

    /// Every node wants this password, also of its peers.
    pub fn password(mut self, password: &str) -> Self {
        self.password = Some(password.to_owned());
        self.conf(&format!("requirepass {password}")).conf(&format!("masterauth {password}"))
    }

    /// Boots it, and returns when every node says ok.
    pub fn boot(self) -> Cluster {
        let dir = TempDir::with_prefix("rce-cluster-").expect("temporary directory");
        let (primaries, replicas) = (self.primaries.to_string(), self.replicas.to_string());
        let mut command = script(&dir, "up", &[&primaries, &replicas, "auto"]);
        command.args(&self.conf).env("CLUSTER_HOST", self.host);
        command.env("CLUSTER_NODE_TIMEOUT", self.node_timeout_ms.to_string());
        if let Some(password) = &self.password {
            command.env("REDISCLI_AUTH", password);
        }
        let nodes = run(command).lines().map(str::to_owned).collect();
        Cluster { dir, nodes, primaries: self.primaries, password: self.password }
    }
}

/// `scripts/cluster VERB before… DIR`, to which the caller may add.
fn script(dir: &TempDir, verb: &str, before: &[&str]) -> Command {
    let mut command = Command::new(concat!(env!("CARGO_MANIFEST_DIR"), "/scripts/cluster"));
    command.arg(verb).args(before).arg(dir.path());
    command.env("REDIS_SERVER", server()).env("REDIS_CLI", cli_program());
    command
}

fn run(mut command: Command) -> String {
    let Output { status, stdout, stderr } = command.output().expect("scripts/cluster");
    assert!(status.success(), "{command:?}: {status}\n{}", String::from_utf8_lossy(&stderr));
    String::from_utf8(stdout).expect("UTF-8")
}

/// A running cluster. Dropped, also by a panic, it ends all of its processes.
pub struct Cluster {
    dir: TempDir,
    nodes: Vec<String>,
    primaries: usize,
    password: Option<String>,
}

impl Cluster {
    /// So many primaries, and so many replicas of each.
    pub fn of(primaries: usize, replicas: usize) -> Shape {
        let (conf, password) = (Vec::new(), None);
        Shape { primaries, replicas, conf, host: "127.0.0.1", node_timeout_ms: 5000, password }
    }

    /// Addresses, primaries first as they were at boot.
    pub fn nodes(&self) -> &[String] {
        &self.nodes
    }

    /// Address of a primary as it was at boot.
    pub fn primary(&self, at: usize) -> &str {
        assert!(at < self.primaries);
        &self.nodes[at]
    }

    /// Address of the first replica of that primary as it was at boot.
    pub fn replica(&self, at: usize) -> &str {
        &self.nodes[self.primaries + at]
    }

    /// What `redis-cli` prints.
    pub fn cli(&self, address: &str, words: &[&str]) -> String {
        cli(address, self.password.as_deref(), words)
    }

    /// A command that every node has to answer with OK.
    pub fn all(&self, words: &[&str]) {
        for node in &self.nodes {
            assert_eq!(self.cli(node, words), "OK", "{node}: {words:?}");
        }
    }

    /// A number out of a reply of `key:value` lines, such as INFO.
    pub fn number(&self, address: &str, words: &[&str], key: &str) -> f64 {
        let reply = self.cli(address, words);
        let value =
            field(&reply, key).unwrap_or_else(|| panic!("no {key} in {words:?} of {address}:\n{reply}"));
        value.parse().unwrap_or_else(|e| panic!("{key}:{value} of {address}: {e}"))
    }

    /// The columns of the node's own line in its `CLUSTER NODES`.
    pub fn myself(&self, address: &str) -> Vec<String> {
        let nodes = self.cli(address, &["CLUSTER", "NODES"]);
        let line = nodes.lines().find(|line| line.contains("myself,")).expect("a line `myself`");
        line.split(' ').map(str::to_owned).collect()
    }

    fn node_dir(&self, address: &str) -> PathBuf {
        self.dir.path().join(address.rsplit_once(':').expect("host:port").1)
    }

    /// Path of a file in the node's directory.
    pub fn file(&self, address: &str, name: &str) -> String {
        self.node_dir(address).join(name).to_str().expect("UTF-8").to_owned()
    }

    /// Its process.
    pub fn pid(&self, address: &str) -> u32 {
        let text = std::fs::read_to_string(self.node_dir(address).join("pid")).expect("pid file");
        text.trim().parse().expect("a number")
    }

    /// Ends the node at once, and returns when it no longer accepts connections.
    pub fn kill(&self, address: &str) {
        signal(self.pid(address), "KILL");
        await_that("the port is closed", || std::net::TcpStream::connect(address).is_err());
    }

    /// Freezes the node: it still accepts connections and never answers.
    pub fn stop(&self, address: &str) {
        signal(self.pid(address), "STOP");
    }

    /// Thaws it.
    pub fn resume(&self, address: &str) {
        signal(self.pid(address), "CONT");
    }

    /// Starts a node that was killed.
    pub fn start(&self, address: &str) {
        let mut command = script(&self.dir, "start", &[]);
        command.arg(address.rsplit_once(':').expect("host:port").1);
        if let Some(password) = &self.password {
            command.env("REDISCLI_AUTH", password);
        }
        run(command);
    }

    /// One line per node, as `scripts/cluster status` prints it.
    pub fn status(&self) -> String {
        run(script(&self.dir, "status", &[]))
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        let ended = script(&self.dir, "down", &[]).status().is_ok_and(|status| status.success());
        if !ended {
            eprintln!("the cluster in {} may still run", self.dir.path().display());
        }
    }
}

/// A server that is not in cluster mode.
pub struct Standalone {
    child: Child,
    /// Where it listens.
    pub address: String,
    _dir: TempDir,
}

impl Standalone {
    /// Starts it and waits for its first answer.
    pub fn start() -> Self {
        let dir = TempDir::with_prefix("rce-standalone-").expect("temporary directory");
        let port = free_port().to_string();
        let mut command = Command::new(server());
        command.args(["--port", &port, "--bind", "127.0.0.1", "--save", ""]).current_dir(dir.path());
        let child = command.stdout(Stdio::null()).spawn().expect("server");
        let this = Self { child, address: format!("127.0.0.1:{port}"), _dir: dir };
        await_that("the standalone server answers", || cli(&this.address, None, &["PING"]) == "PONG");
        this
    }
}

impl Drop for Standalone {
    fn drop(&mut self) {
        end(&mut self.child);
    }
}

/// Kills a child and collects it.
pub fn end(child: &mut Child) {
    if child.kill().and_then(|()| child.wait()).is_err() {
        eprintln!("process {} may still run", child.id());
    }
}
