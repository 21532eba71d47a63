//! Clients at work: keys in every slot range are written and read, MOVED is followed.

use std::collections::BTreeMap;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{JoinHandle, sleep, spawn};
use std::time::Duration;

/// Keys that there are.
const KEYS: usize = 5000;

/// A client until it is dropped.
pub(crate) struct Load {
    end: Arc<AtomicBool>,
    client: Option<JoinHandle<()>>,
}

impl Load {
    /// Writes some thousand keys, then a hundred of them over and over, some two hundred commands a second.
    pub(crate) fn on(nodes: &[String]) -> Self {
        let (end, nodes) = (Arc::<AtomicBool>::default(), nodes.to_vec());
        let ended = Arc::clone(&end);
        let mut client = Client { nodes, owners: BTreeMap::new(), streams: BTreeMap::new() };
        // The first time round it learns where each of them belongs.
        for turn in 0..2 * KEYS {
            client.write(turn % KEYS, turn);
        }
        let client = spawn(move || {
            for turn in 0_usize.. {
                if ended.load(Ordering::Relaxed) {
                    return;
                }
                client.write(turn % 100, turn);
                sleep(Duration::from_millis(4));
            }
        });
        Self { end, client: Some(client) }
    }
}

impl Drop for Load {
    fn drop(&mut self) {
        self.end.store(true, Ordering::Relaxed);
        if let Some(client) = self.client.take() {
            drop(client.join());
        }
    }
}

struct Client {
    nodes: Vec<String>,
    owners: BTreeMap<usize, String>,
    streams: BTreeMap<String, TcpStream>,
}

impl Client {
    /// What a client does: asks the owner it knows, and whoever it is sent to.
    fn write(&mut self, key: usize, turn: usize) {
        let owner = self.owners.get(&key).unwrap_or(&self.nodes[turn % self.nodes.len()]).clone();
        let Some(reply) = self.ask(&owner, &format!("SET load:{key} {turn}\r\n")) else {
            self.streams.remove(&owner);
            self.owners.remove(&key);
            return;
        };
        let mut words = reply.split_whitespace();
        match words.next() {
            Some("-MOVED") => {
                self.owners.insert(key, words.nth(1).unwrap_or_default().to_owned());
            }
            Some("-ASK") => {
                let target = words.nth(1).unwrap_or_default().to_owned();
                drop(self.ask(&target, "ASKING\r\n"));
                drop(self.ask(&target, &format!("SET load:{key} {turn}\r\n")));
            }
            Some("+OK") => drop(self.owners.insert(key, owner)),
            _ => drop(self.owners.remove(&key)),
        }
    }

    fn ask(&mut self, node: &str, command: &str) -> Option<String> {
        if !self.streams.contains_key(node) {
            let stream = TcpStream::connect(node).ok()?;
            stream.set_read_timeout(Some(Duration::from_millis(300))).ok()?;
            self.streams.insert(node.to_owned(), stream);
        }
        let stream = self.streams.get_mut(node)?;
        stream.write_all(command.as_bytes()).ok()?;
        let mut reply = Vec::new();
        while !reply.ends_with(b"\r\n") {
            let mut byte = [0];
            stream.read_exact(&mut byte).ok()?;
            reply.push(byte[0]);
        }
        String::from_utf8(reply).ok()
    }
}

/// Writes so many bytes to slot 0 of this node, 10 kB at a time in pipelines of 100, to `keys` keys.
pub(crate) fn write(address: &str, bytes: usize, keys: usize) {
    let mut stream = TcpStream::connect(address).expect("connect");
    let value = "x".repeat(10_000);
    let (mut written, mut at) = (0, 0);
    while written < bytes {
        let mut batch = String::new();
        for _ in 0..100 {
            at = (at + 1) % keys;
            let key = format!("{{06S}}{at:04}");
            batch += &format!("*3\r\n$3\r\nSET\r\n$9\r\n{key}\r\n$10000\r\n{value}\r\n");
        }
        stream.write_all(batch.as_bytes()).expect("write");
        let mut replies = [0; 500];
        stream.read_exact(&mut replies).expect("100 times +OK");
        assert!(replies.starts_with(b"+OK\r\n"), "{}", String::from_utf8_lossy(&replies));
        written += batch.len();
    }
}
