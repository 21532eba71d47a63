//! What the servers say that they did: differences of INFO over a window, read on connections of our own that stay.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::time::{Duration, Instant};

use crate::common::real::field;

/// A connection to every server.
pub(crate) struct Servers(Vec<BufReader<TcpStream>>);

/// What all servers together did within a window, but for the asking about it.
#[derive(Clone, Copy, Default)]
pub(crate) struct Spent {
    /// Length of the window.
    pub(crate) seconds: f64,
    /// `used_cpu_user`, `used_cpu_sys`
    pub(crate) cpu_seconds: f64,
    /// `usec` of `commandstats`
    pub(crate) command_seconds: f64,
    /// `calls` of `commandstats`
    pub(crate) commands: f64,
    /// `total_reads_processed`: one request that arrives in one piece is one read.
    pub(crate) reads: f64,
    /// `total_connections_received`
    pub(crate) connections: f64,
    /// `total_net_input_bytes` without replication
    pub(crate) bytes_in: f64,
    /// `total_net_output_bytes` without replication
    pub(crate) bytes_out: f64,
}

impl Servers {
    /// Connects to all of them.
    pub(crate) fn connect(addresses: &[String]) -> Self {
        let connect = |address: &String| {
            let stream = TcpStream::connect(address).expect("the server accepts");
            stream.set_read_timeout(Some(Duration::from_secs(10))).expect("a timeout");
            BufReader::new(stream)
        };
        Self(addresses.iter().map(connect).collect())
    }

    /// What they did while `window` ran.
    pub(crate) fn over(&mut self, window: impl FnOnce()) -> Spent {
        let (before, begun) = (self.count(), Instant::now());
        window();
        let (after, seconds) = (self.count(), begun.elapsed().as_secs_f64());
        // Of our own two INFO the first one is in the difference, with a read, a command and the bytes.
        let own = self.0.len() as f64;
        Spent {
            seconds,
            cpu_seconds: after.0.cpu_seconds - before.0.cpu_seconds,
            command_seconds: after.0.command_seconds - before.0.command_seconds,
            commands: after.0.commands - before.0.commands - own,
            reads: after.0.reads - before.0.reads - own,
            connections: after.0.connections - before.0.connections,
            bytes_in: after.0.bytes_in - before.0.bytes_in - own * INFO.len() as f64,
            bytes_out: after.0.bytes_out - before.0.bytes_out - before.1,
        }
    }

    /// The counters now, and how many bytes it took to tell.
    fn count(&mut self) -> (Spent, f64) {
        let (mut sum, mut told) = (Spent::default(), 0);
        for connection in &mut self.0 {
            let text = info(connection);
            told += text.len();
            let number =
                |key: &str| field(&text, key).and_then(|value| value.trim().parse().ok()).unwrap_or(0.0);
            sum.cpu_seconds += number("used_cpu_user") + number("used_cpu_sys");
            sum.reads += number("total_reads_processed");
            sum.connections += number("total_connections_received");
            sum.bytes_in += number("total_net_input_bytes") - number("total_net_repl_input_bytes");
            sum.bytes_out += number("total_net_output_bytes") - number("total_net_repl_output_bytes");
            for line in text.lines().filter(|line| line.starts_with("cmdstat_")) {
                sum.commands += part(line, "calls=");
                sum.command_seconds += part(line, "usec=") / 1e6;
            }
        }
        (sum, told as f64)
    }
}

const INFO: &str = "INFO ALL\r\n";

/// The text of INFO with all its sections.
fn info(connection: &mut BufReader<TcpStream>) -> String {
    connection.get_mut().write_all(INFO.as_bytes()).expect("the server reads");
    let mut head = String::new();
    connection.read_line(&mut head).expect("the server answers");
    let length: usize = head.trim_end().strip_prefix('$').expect("a bulk reply").parse().expect("its length");
    let mut text = vec![0; length + 2];
    connection.read_exact(&mut text).expect("the whole reply");
    String::from_utf8_lossy(&text).into_owned()
}

/// A number in `cmdstat_x:calls=1,usec=2,…`.
fn part(line: &str, key: &str) -> f64 {
    let value = line.split([':', ',']).find_map(|part| part.strip_prefix(key));
    value.and_then(|value| value.parse().ok()).unwrap_or(0.0)
}
