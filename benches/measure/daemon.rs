//! A program that serves HTTP, as a process, and one connection to it.

use std::fs::{self, File};
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::process::{Child, Command, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

use flate2::read::GzDecoder;
use tempfile::TempDir;

use crate::common::process::{self, Usage};
use crate::common::real::{end, free_port};

/// A running program. Dropped, it is killed.
pub(crate) struct Daemon {
    child: Child,
    dir: TempDir,
    client: Client,
}

/// A connection that stays while it can.
pub(crate) struct Client {
    address: String,
    http: Option<BufReader<TcpStream>>,
}

/// How a page is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Form {
    /// Without any wish.
    Plain,
    /// As Prometheus does: OpenMetrics before text, gzipped.
    Prometheus,
}

impl Form {
    fn headers(self) -> &'static str {
        match self {
            Self::Plain => "",
            Self::Prometheus => {
                "Accept: application/openmetrics-text;version=1.0.0;q=0.6,text/plain;version=0.0.4;q=0.3,*/*;q=0.2\r\n\
                 Accept-Encoding: gzip\r\n"
            }
        }
    }
}

/// A page as it came.
pub(crate) struct Page {
    /// Its bytes on the wire.
    pub(crate) body: Vec<u8>,
    gzipped: bool,
}

impl Page {
    /// Its text.
    pub(crate) fn text(&self) -> String {
        let mut text = String::new();
        let read = if self.gzipped {
            GzDecoder::new(&self.body[..]).read_to_string(&mut text)
        } else {
            (&self.body[..]).read_to_string(&mut text)
        };
        read.expect("UTF-8");
        text
    }
}

impl Daemon {
    /// Starts what `command` makes of a directory for its files and of the address to listen at, and waits until `ready`
    /// can be fetched.
    pub(crate) fn start(
        command: impl FnOnce(&TempDir, &str) -> Command,
        ready: &str,
        within: Duration,
    ) -> Self {
        let dir = TempDir::with_prefix("rce-bench-").expect("temporary directory");
        let address = format!("127.0.0.1:{}", free_port());
        let log = File::create(dir.path().join("log")).expect("log file");
        let mut command = command(&dir, &address);
        let child = command.stdout(Stdio::null()).stderr(log).spawn().expect("the program starts");
        let mut this = Self { child, dir, client: Client { address, http: None } };
        let until = Instant::now() + within;
        while this.client.get(ready, Form::Plain).is_none() {
            assert!(Instant::now() < until, "not ready within {within:?}:\n{}", this.log());
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
        Usage::of(self.child.id())
    }

    /// From now on its peak counts anew.
    pub(crate) fn forget_peak(&self) {
        process::forget_peak(self.child.id());
    }

    /// A page; on a new connection if there is none, or the program has closed it for being idle.
    pub(crate) fn page(&mut self, path: &str, form: Form) -> Page {
        let page = self.client.get(path, form).or_else(|| self.client.get(path, form));
        page.unwrap_or_else(|| panic!("no answer to {path}:\n{}", self.log()))
    }

    /// One more connection.
    pub(crate) fn client(&self) -> Client {
        Client { address: self.client.address.clone(), http: None }
    }

    /// `/metrics`.
    pub(crate) fn metrics(&mut self, form: Form) -> Page {
        self.page("/metrics", form)
    }
}

impl Client {
    /// `None` where there was no complete answer of code 200; the next one goes over a new connection.
    pub(crate) fn get(&mut self, path: &str, form: Form) -> Option<Page> {
        let page = self.try_get(path, form);
        if page.is_none() {
            self.http = None;
        }
        page
    }

    fn try_get(&mut self, path: &str, form: Form) -> Option<Page> {
        if self.http.is_none() {
            let stream = TcpStream::connect(&self.address).ok()?;
            stream.set_nodelay(true).ok()?;
            stream.set_read_timeout(Some(Duration::from_secs(60))).ok()?;
            self.http = Some(BufReader::new(stream));
        }
        let http = self.http.as_mut()?;
        let request = format!("GET {path} HTTP/1.1\r\nHost: {}\r\n{}\r\n", self.address, form.headers());
        http.get_mut().write_all(request.as_bytes()).ok()?;
        let mut line = String::new();
        http.read_line(&mut line).ok()?;
        let is_ok = line.split(' ').nth(1) == Some("200");
        let (mut length, mut gzipped) = (None, false);
        loop {
            line.clear();
            http.read_line(&mut line).ok()?;
            let Some((name, value)) = line.trim_end().split_once(": ") else { break };
            if name.eq_ignore_ascii_case("content-length") {
                length = value.parse().ok();
            }
            gzipped |= name.eq_ignore_ascii_case("content-encoding") && value == "gzip";
        }
        let body = match length {
            Some(length) => {
                let mut body = vec![0; length];
                http.read_exact(&mut body).ok()?;
                body
            }
            None => chunks(http)?,
        };
        is_ok.then_some(Page { body, gzipped })
    }
}

/// A body in chunks, each behind its length.
fn chunks(http: &mut BufReader<TcpStream>) -> Option<Vec<u8>> {
    let mut body = Vec::new();
    let mut line = String::new();
    loop {
        line.clear();
        http.read_line(&mut line).ok()?;
        let length = usize::from_str_radix(line.trim_end(), 16).ok()?;
        let begins = body.len();
        body.resize(begins + length + 2, 0);
        http.read_exact(&mut body[begins..]).ok()?;
        body.truncate(begins + length);
        if length == 0 {
            return Some(body);
        }
    }
}

impl Drop for Daemon {
    fn drop(&mut self) {
        end(&mut self.child);
    }
}

/// The one sample of a metric.
pub(crate) fn sample(text: &str, name: &str) -> f64 {
    let of = |line: &str| line.strip_prefix(name)?.rsplit_once(' ')?.1.parse().ok();
    text.lines().find_map(of).unwrap_or_else(|| panic!("no {name} in\n{text}"))
}

/// Lines that are no comment.
pub(crate) fn series(text: &str) -> usize {
    text.lines().filter(|line| !line.starts_with('#')).count()
}

/// The value below which this share of the ascending ones stands.
pub(crate) fn quantile(ascending: &[f64], share: f64) -> f64 {
    ascending[((ascending.len() as f64 * share) as usize).min(ascending.len() - 1)]
}
