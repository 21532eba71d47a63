//! Real servers for the tests: a cluster booted by `scripts/cluster` in a directory of its own, gone when dropped.
//!
//! `RCE_SERVER` and `RCE_CLI` name other programs than `redis-server` and `redis-cli`.
#![allow(
    clippy::disallowed_methods,
    reason = "tests choose the server by the environment and wait by the clock"
)]

use std::fs::Permissions;
use std::io::Write;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
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
    cli_of(&cli_program(), address, password, words)
}

fn cli_of(program: &str, address: &str, password: Option<&str>, words: &[&str]) -> String {
    let (host, port) = address.rsplit_once(':').expect("host:port");
    let host = host.trim_start_matches('[').trim_end_matches(']');
    let mut command = Command::new("timeout");
    command.arg("10").arg(program).args(["-h", host, "-p", port]).args(words);
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
    cli_options: String,
}

impl Shape {
    /// A line for the configuration file of every node, where `{port}` is its port and `{spare}` another one.
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

    /// `redis-cli` reaches the nodes only with these options.
    pub fn cli_options(mut self, options: &str) -> Self {
        options.clone_into(&mut self.cli_options);
        self
    }

    /// Boots it, and returns when every node says ok.
    pub fn boot(self) -> Cluster {
        let dir = TempDir::with_prefix("rce-cluster-").expect("temporary directory");
        let cli = self.cli_script(&dir);
        let (primaries, replicas) = (self.primaries.to_string(), self.replicas.to_string());
        let mut command = script(&dir, &cli, "up", &[&primaries, &replicas, "auto"]);
        command.args(&self.conf).env("CLUSTER_HOST", self.host);
        command.env("CLUSTER_NODE_TIMEOUT", self.node_timeout_ms.to_string());
        if let Some(password) = &self.password {
            command.env("REDISCLI_AUTH", password);
        }
        let nodes = run(command).lines().map(str::to_owned).collect();
        Cluster { dir, nodes, primaries: self.primaries, password: self.password, cli }
    }

    /// A program that is `redis-cli` with the options.
    fn cli_script(&self, dir: &TempDir) -> String {
        if self.cli_options.is_empty() {
            return cli_program();
        }
        let path = dir.path().join("cli");
        let text = format!("#!/bin/sh\nexec {} {} \"$@\"\n", cli_program(), self.cli_options);
        std::fs::write(&path, text).expect("a script");
        std::fs::set_permissions(&path, Permissions::from_mode(0o700)).expect("permissions");
        path.to_str().expect("UTF-8").to_owned()
    }
}

/// `scripts/cluster VERB before… DIR`, to which the caller may add.
fn script(dir: &TempDir, cli: &str, verb: &str, before: &[&str]) -> Command {
    let mut command = Command::new(concat!(env!("CARGO_MANIFEST_DIR"), "/scripts/cluster"));
    command.arg(verb).args(before).arg(dir.path());
    command.env("REDIS_SERVER", server()).env("REDIS_CLI", cli);
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
    cli: String,
}

impl Cluster {
    /// So many primaries, and so many replicas of each.
    pub fn of(primaries: usize, replicas: usize) -> Shape {
        Shape {
            primaries,
            replicas,
            conf: Vec::new(),
            host: "127.0.0.1",
            node_timeout_ms: 5000,
            password: None,
            cli_options: String::new(),
        }
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
        cli_of(&self.cli, address, self.password.as_deref(), words)
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
        let mut command = script(&self.dir, &self.cli, "start", &[]);
        command.arg(address.rsplit_once(':').expect("host:port").1);
        if let Some(password) = &self.password {
            command.env("REDISCLI_AUTH", password);
        }
        run(command);
    }

    /// Starts an empty node with the configuration of the others, and returns its address. Nobody knows it yet.
    pub fn add(&mut self) -> String {
        let (address, dir) = self.elsewhere();
        std::fs::create_dir(&dir).expect("a directory");
        self.write_conf(&self.node_dir(&self.nodes[0]), &dir);
        self.start(&address);
        self.nodes.push(address.clone());
        address
    }

    /// Starts a node that was killed with the files that it had, but on other ports, and returns its address.
    pub fn start_elsewhere(&mut self, node: &str) -> String {
        let (address, dir) = self.elsewhere();
        std::fs::rename(self.node_dir(node), &dir).expect("renamed");
        self.write_conf(&dir, &dir);
        self.start(&address);
        let old = self.nodes.iter().position(|one| one == node).expect("a node of this cluster");
        self.nodes[old].clone_from(&address);
        address
    }

    /// An address that nobody listens at, and the directory of a node there.
    fn elsewhere(&self) -> (String, PathBuf) {
        let host = self.nodes[0].rsplit_once(':').expect("host:port").0;
        let address = format!("{host}:{}", free_port());
        let dir = self.node_dir(&address);
        (address, dir)
    }

    /// The configuration of the node in `from` for one in `to`, whose name is its port.
    fn write_conf(&self, from: &Path, to: &Path) {
        let conf = std::fs::read_to_string(from.join("conf")).expect("conf");
        let port = to.file_name().expect("a name").to_str().expect("UTF-8");
        let moved = conf.lines().map(|line| match line.split_once(' ') {
            Some(("port", _)) => format!("port {port}\n"),
            Some(("cluster-port", _)) => format!("cluster-port {}\n", free_port()),
            _ => format!("{line}\n"),
        });
        std::fs::write(to.join("conf"), moved.collect::<String>()).expect("conf");
    }

    /// Introduces a node to the first one.
    pub fn meet(&self, node: &str) {
        let (host, port) = node.rsplit_once(':').expect("host:port");
        let reply = self.cli(node, &["CONFIG", "GET", "cluster-port"]);
        let bus = reply.lines().nth(1).expect("a value");
        assert_eq!(self.cli(&self.nodes[0], &["CLUSTER", "MEET", host, port, bus]), "OK");
    }

    /// One line per node, as `scripts/cluster status` prints it.
    pub fn status(&self) -> String {
        run(script(&self.dir, &self.cli, "status", &[]))
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        let ended = script(&self.dir, &self.cli, "down", &[]).status().is_ok_and(|status| status.success());
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

/// A setting changed on one node.
pub fn set(cluster: &Cluster, node: &str, name: &str, value: &str) {
    assert_eq!(cluster.cli(node, &["CONFIG", "SET", name, value]), "OK", "{node}: {name} {value}");
}

/// The node's id.
pub fn id(cluster: &Cluster, node: &str) -> String {
    cluster.cli(node, &["CLUSTER", "MYID"])
}

/// Kills a child and collects it.
pub fn end(child: &mut Child) {
    if child.kill().and_then(|()| child.wait()).is_err() {
        eprintln!("process {} may still run", child.id());
    }
}
