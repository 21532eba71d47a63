//! An HTTP client that asks as Prometheus does: on a connection that stays, or on one of its own.
#![allow(dead_code, reason = "each test binary uses its own part")]

use std::io::{BufRead, BufReader, Error, ErrorKind, Read, Result, Write};
use std::net::TcpStream;
use std::time::Duration;

/// Longer than any answer takes.
const PATIENCE: Duration = Duration::from_secs(10);

/// A client of one server.
pub(crate) struct Client {
    address: String,
    kept: Option<BufReader<TcpStream>>,
}

/// A complete answer.
#[derive(Default)]
pub(crate) struct Answer {
    /// Status code.
    pub(crate) code: u16,
    /// Bytes as they came, gzipped or not.
    pub(crate) body: Vec<u8>,
}

impl Client {
    /// Of the server at `host:port`. Connects when it first asks.
    pub(crate) fn of(address: &str) -> Self {
        Self { address: address.to_owned(), kept: None }
    }

    /// One GET on the connection that stays. A server may close an idle one: then a new one is opened, once.
    pub(crate) fn get(&mut self, path: &str, headers: &str) -> Result<Answer> {
        let request = self.request(path, headers);
        if let Some(kept) = self.kept.take()
            && let Ok(answer) = self.keep(kept, &request)
        {
            return Ok(answer);
        }
        let fresh = self.connect()?;
        self.keep(fresh, &request)
    }

    /// One GET on a connection of its own.
    pub(crate) fn get_once(&self, path: &str, headers: &str) -> Result<Answer> {
        let request = self.request(path, &format!("{headers}Connection: close\r\n"));
        ask(&mut self.connect()?, &request)
    }

    fn request(&self, path: &str, headers: &str) -> String {
        format!("GET {path} HTTP/1.1\r\nHost: {}\r\n{headers}\r\n", self.address)
    }

    fn connect(&self) -> Result<BufReader<TcpStream>> {
        let stream = TcpStream::connect(&self.address)?;
        stream.set_nodelay(true)?;
        stream.set_read_timeout(Some(PATIENCE))?;
        Ok(BufReader::new(stream))
    }

    fn keep(&mut self, mut stream: BufReader<TcpStream>, request: &str) -> Result<Answer> {
        let answer = ask(&mut stream, request)?;
        self.kept = Some(stream);
        Ok(answer)
    }
}

fn ask(stream: &mut BufReader<TcpStream>, request: &str) -> Result<Answer> {
    stream.get_mut().write_all(request.as_bytes())?;
    let mut line = String::new();
    stream.read_line(&mut line)?;
    let wrong = |line: &str| Error::new(ErrorKind::InvalidData, format!("not an HTTP answer: {line:?}"));
    let code = line.split(' ').nth(1).and_then(|code| code.parse().ok()).ok_or_else(|| wrong(&line))?;
    let mut length = 0;
    loop {
        line.clear();
        stream.read_line(&mut line)?;
        let Some((name, value)) = line.trim_end().split_once(": ") else { break };
        if name.eq_ignore_ascii_case("content-length") {
            length = value.parse().map_err(|_| wrong(&line))?;
        }
    }
    let mut body = vec![0; length];
    stream.read_exact(&mut body)?;
    Ok(Answer { code, body })
}
