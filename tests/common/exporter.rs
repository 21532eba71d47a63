//! The built program as a process, and its HTTP side as a client sees it.
#![allow(clippy::disallowed_methods, reason = "tests pass PATH on and wait by the clock")]

use std::fs::File;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use tempfile::TempDir;

use super::real::{end, free_port, signal};
use super::samples::Samples;

/// The name that the tests give to the one cluster.
pub const CLUSTER: &str = "e2e";

/// Name of the configuration file.
const FILE: &str = "config.yaml";

/// A running exporter that polls twice a second unless told otherwise. Dropped, it is killed.
pub struct Exporter {
    child: Child,
    dir: TempDir,
    /// Where it serves.
    pub address: String,
}

/// An HTTP answer.
pub struct Response {
    /// Status code.
    pub code: u16,
    /// Header lines as they came.
    pub head: String,
    /// The body.
    pub body: String,
}

impl Exporter {
    /// Starts it with these seeds (flags may stand among them) and waits until it is ready.
    pub fn start(arguments: &[&str]) -> Self {
        let dir = TempDir::with_prefix("rce-exporter-").expect("temporary directory");
        Self::launch(dir, &[&["--cluster.name", CLUSTER], arguments].concat())
    }

    /// Starts it with this YAML as its configuration file, and waits until it is ready.
    pub fn with_file(yaml: &str) -> Self {
        Self::with_file_and(yaml, &[])
    }

    /// The same with flags, which win over the file.
    pub fn with_file_and(yaml: &str, flags: &[&str]) -> Self {
        let dir = TempDir::with_prefix("rce-exporter-").expect("temporary directory");
        let path = dir.path().join(FILE);
        std::fs::write(&path, yaml).expect("configuration");
        Self::launch(dir, &[&["--config.file", path.to_str().expect("UTF-8")], flags].concat())
    }

    /// Sends it a signal.
    pub fn signal(&self, name: &str) {
        signal(self.child.id(), name);
    }

    /// Writes its configuration file anew and asks it with SIGHUP to read that.
    pub fn reload(&self, yaml: &str) {
        std::fs::write(self.dir.path().join(FILE), yaml).expect("configuration");
        self.signal("HUP");
    }

    fn launch(dir: TempDir, arguments: &[&str]) -> Self {
        let address = format!("127.0.0.1:{}", free_port());
        let log = File::create(dir.path().join("log")).expect("log file");
        let mut command = Command::new(env!("CARGO_BIN_EXE_redis-cluster-exporter"));
        command.args(["--web.listen-address", &address]);
        if !arguments.contains(&"--poll.interval") {
            command.args(["--poll.interval", "500ms", "--poll.timeout", "400ms"]);
        }
        command.args(arguments);
        command.env_clear().env("PATH", std::env::var("PATH").unwrap_or_default());
        let child = command.stdout(Stdio::null()).stderr(log).spawn().expect("the program starts");
        let mut this = Self { child, dir, address };
        let until = Instant::now() + Duration::from_secs(20);
        while this.get("/-/ready", "").is_none_or(|response| response.code != 200) {
            assert!(this.lives(), "the exporter ended:\n{}", this.log());
            assert!(Instant::now() < until, "not ready within 20 s:\n{}", this.log());
            sleep(Duration::from_millis(20));
        }
        this
    }

    /// Whether the process runs.
    pub fn lives(&mut self) -> bool {
        self.child.try_wait().expect("wait").is_none()
    }

    /// Its process.
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// The most memory that it ever had in RAM, in bytes.
    pub fn peak_memory(&self) -> u64 {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.child.id())).expect("it runs");
        let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).expect("VmHWM");
        peak.trim().trim_end_matches(" kB").parse::<u64>().expect("kB") * 1024
    }

    /// All that it has logged.
    pub fn log(&self) -> String {
        std::fs::read_to_string(self.dir.path().join("log")).unwrap_or_default()
    }

    /// One GET on a connection of its own; `None` where there was no complete answer.
    pub fn get(&self, path: &str, accept: &str) -> Option<Response> {
        let mut stream = TcpStream::connect(&self.address).ok()?;
        stream.set_read_timeout(Some(Duration::from_secs(10))).ok()?;
        let accept = if accept.is_empty() { String::new() } else { format!("Accept: {accept}\r\n") };
        let host = &self.address;
        // HTTP/1.0: the body ends where the connection ends.
        write!(stream, "GET {path} HTTP/1.0\r\nHost: {host}\r\n{accept}\r\n").ok()?;
        let mut text = String::new();
        stream.read_to_string(&mut text).ok()?;
        let (head, body) = text.split_once("\r\n\r\n")?;
        let code = head.split(' ').nth(1)?.parse().ok()?;
        Some(Response { code, head: head.to_owned(), body: body.to_owned() })
    }

    /// `/metrics` as text 0.0.4.
    pub fn text(&self) -> String {
        let response = self.get("/metrics", "").unwrap_or_else(|| panic!("no answer:\n{}", self.log()));
        assert_eq!(response.code, 200, "{}", response.body);
        response.body
    }

    /// `/metrics`, read.
    pub fn scrape(&self) -> Samples {
        Samples::parse(&self.text()).expect("a sound exposition")
    }

    /// A scrape of a poll that began after this call.
    pub fn fresh(&self) -> Samples {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).expect("after 1970").as_secs_f64();
        self.until("a new frame", |samples| {
            samples.find("rediscluster_poll_timestamp_seconds", &[]) > Some(now)
        })
    }

    /// Scrapes until `holds`; fails with what was waited for, the last scrape and the log.
    pub fn until(&self, what: &str, holds: impl Fn(&Samples) -> bool) -> Samples {
        let until = Instant::now() + Duration::from_secs(30);
        loop {
            let text = self.text();
            let samples = Samples::parse(&text).expect("a sound exposition");
            if holds(&samples) {
                return samples;
            }
            assert!(Instant::now() < until, "not within 30 s: {what}\n{}\n{}", outline(&text), self.log());
            sleep(Duration::from_millis(100));
        }
    }

    /// Asks it to end with SIGTERM, and returns how it ended.
    pub fn terminate(mut self) -> ExitStatus {
        signal(self.child.id(), "TERM");
        let until = Instant::now() + Duration::from_secs(20);
        while self.lives() {
            assert!(Instant::now() < until, "not ended within 20 s of SIGTERM:\n{}", self.log());
            sleep(Duration::from_millis(20));
        }
        self.child.wait().expect("wait")
    }
}

/// The lines of a scrape that tell about the cluster and about which node answers: enough for a failed test.
fn outline(text: &str) -> String {
    let tells = |line: &&str| !line.starts_with('#') && !line.starts_with("process_");
    let whole =
        |line: &&str| !line.contains("_node_") || line.contains("_node_up") || line.contains("_ask_error");
    text.lines().filter(tells).filter(whole).collect::<Vec<_>>().join("\n")
}

impl Drop for Exporter {
    fn drop(&mut self) {
        end(&mut self.child);
    }
}
