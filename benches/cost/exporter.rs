//! The built program as a process: its HTTP side on one connection, and what Linux says of its use of the machine.

use std::fs::{self, File};
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::process::{Child, Command, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

use tempfile::TempDir;

use crate::common::real::{end, free_port};

/// A running exporter. Dropped, it is killed.
pub(crate) struct Exporter {
    child: Child,
    dir: TempDir,
    address: String,
    http: Option<BufReader<TcpStream>>,
}

/// What a process has used.
pub(crate) struct Usage {
    /// Of all its threads: `schedstat`, nanoseconds made seconds.
    pub(crate) cpu_seconds: f64,
    /// `VmRSS`
    pub(crate) rss_mb: f64,
    /// `VmHWM`
    pub(crate) peak_mb: f64,
    /// `Threads`
    pub(crate) threads: f64,
}

/// A body as it came.
pub(crate) struct Body {
    /// Its bytes, gzipped or not.
    pub(crate) body: Vec<u8>,
}

impl Body {
    /// A plain body.
    pub(crate) fn text(&self) -> String {
        String::from_utf8(self.body.clone()).expect("UTF-8")
    }
}

impl Exporter {
    /// Starts it with one seed and waits until it is ready.
    pub(crate) fn start(seed: &str, interval: Duration, slow_interval: Duration) -> Self {
        let dir = TempDir::with_prefix("rce-cost-").expect("temporary directory");
        let address = format!("127.0.0.1:{}", free_port());
        let log = File::create(dir.path().join("log")).expect("log file");
        let mut command = Command::new(env!("CARGO_BIN_EXE_redis-cluster-exporter"));
        command.args([seed, "--web.listen-address", &address]);
        command.env_clear().env("REDIS_CLUSTER_EXPORTER_POLL__INTERVAL", millis(interval));
        command.env("REDIS_CLUSTER_EXPORTER_POLL__TIMEOUT", millis(interval * 3 / 4));
        command.env("REDIS_CLUSTER_EXPORTER_POLL__SLOW_INTERVAL", millis(slow_interval));
        let child = command.stdout(Stdio::null()).stderr(log).spawn().expect("the program starts");
        let mut this = Self { child, dir, address, http: None };
        let until = Instant::now() + Duration::from_secs(20);
        while this.get("/-/ready", false).is_none() {
            assert!(Instant::now() < until, "not ready within 20 s:\n{}", this.log());
            this.http = None;
            sleep(Duration::from_millis(20));
        }
        this
    }

    /// All that it has logged.
    pub(crate) fn log(&self) -> String {
        fs::read_to_string(self.dir.path().join("log")).unwrap_or_default()
    }

    /// What it has used until now.
    pub(crate) fn usage(&self) -> Usage {
        let process = format!("/proc/{}", self.child.id());
        let threads = fs::read_dir(format!("{process}/task")).expect("the process lives");
        let nanoseconds = |thread: std::io::Result<fs::DirEntry>| {
            let text = fs::read_to_string(thread.ok()?.path().join("schedstat")).ok()?;
            text.split(' ').next()?.parse::<f64>().ok()
        };
        let status = fs::read_to_string(format!("{process}/status")).expect("the process lives");
        let number = |key: &str| {
            let line = status.lines().find_map(|line| line.strip_prefix(key)).expect("a line of status");
            line.split_ascii_whitespace().next().and_then(|word| word.parse::<f64>().ok()).expect("a number")
        };
        Usage {
            cpu_seconds: threads.filter_map(nanoseconds).sum::<f64>() / 1e9,
            rss_mb: number("VmRSS:") / 1024.0,
            peak_mb: number("VmHWM:") / 1024.0,
            threads: number("Threads:"),
        }
    }

    /// `/metrics`; on a new connection if there is none, or the exporter has closed it for being idle.
    pub(crate) fn metrics(&mut self, gzip: bool) -> Body {
        if let Some(body) = self.get("/metrics", gzip) {
            return body;
        }
        self.http = None;
        self.get("/metrics", gzip).unwrap_or_else(|| panic!("no answer:\n{}", self.log()))
    }

    /// `None` where there was no complete answer of code 200.
    fn get(&mut self, path: &str, gzip: bool) -> Option<Body> {
        if self.http.is_none() {
            let stream = TcpStream::connect(&self.address).ok()?;
            stream.set_nodelay(true).ok()?;
            stream.set_read_timeout(Some(Duration::from_secs(10))).ok()?;
            self.http = Some(BufReader::new(stream));
        }
        let http = self.http.as_mut()?;
        let encoding = if gzip { "Accept-Encoding: gzip\r\n" } else { "" };
        let request = format!("GET {path} HTTP/1.1\r\nHost: {}\r\n{encoding}\r\n", self.address);
        http.get_mut().write_all(request.as_bytes()).ok()?;
        let mut line = String::new();
        http.read_line(&mut line).ok()?;
        let is_ok = line.split(' ').nth(1) == Some("200");
        let mut length = 0;
        loop {
            line.clear();
            http.read_line(&mut line).ok()?;
            let Some((name, value)) = line.trim_end().split_once(": ") else { break };
            if name.eq_ignore_ascii_case("content-length") {
                length = value.parse().ok()?;
            }
        }
        let mut body = vec![0; length];
        http.read_exact(&mut body).ok()?;
        is_ok.then_some(Body { body })
    }
}

impl Drop for Exporter {
    fn drop(&mut self) {
        end(&mut self.child);
    }
}

fn millis(duration: Duration) -> String {
    format!("{}ms", duration.as_millis())
}
