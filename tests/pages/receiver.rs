//! Where Alertmanager sends its notifications: a webhook that writes down who was told of what, and when.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::thread::spawn;
use std::time::Instant;

use serde_json::Value;

/// One alert that a notification tells of for the first time, or tells of as resolved.
#[derive(Clone, Debug)]
pub(crate) struct Told {
    /// When it came.
    pub(crate) at: Instant,
    /// Number of the notification.
    pub(crate) notification: usize,
    /// Path that it came by: `/p1`.
    pub(crate) route: String,
    /// Whether it fires; else it is resolved.
    pub(crate) firing: bool,
    /// As Alertmanager tells it.
    pub(crate) alert: Value,
}

impl Told {
    /// A label, empty where there is none.
    pub(crate) fn label(&self, name: &str) -> &str {
        self.alert["labels"][name].as_str().unwrap_or_default()
    }

    /// An annotation.
    pub(crate) fn annotation(&self, name: &str) -> &str {
        self.alert["annotations"][name].as_str().unwrap_or_default()
    }
}

#[derive(Default)]
struct Book {
    notifications: usize,
    fires: BTreeMap<String, bool>,
    told: Vec<Told>,
}

/// The webhook. It listens until the test ends.
pub(crate) struct Receiver {
    /// Where it listens.
    pub(crate) address: String,
    book: Arc<Mutex<Book>>,
}

impl Receiver {
    /// Listens.
    pub(crate) fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("bind");
        let address = listener.local_addr().expect("address").to_string();
        let book = Arc::<Mutex<Book>>::default();
        let writer = Arc::clone(&book);
        spawn(move || {
            for stream in listener.incoming().flatten() {
                if let Some((path, body)) = answered(stream) {
                    writer.lock().expect("no panic while it is held").note(&path, &body);
                }
            }
        });
        Self { address, book }
    }

    /// All that was told about a cluster since then.
    pub(crate) fn about(&self, cluster: &str, since: Instant) -> Vec<Told> {
        let book = self.book.lock().expect("no panic while it is held");
        let about = |told: &&Told| told.at >= since && told.label("redis_cluster") == cluster;
        book.told.iter().filter(about).cloned().collect()
    }
}

impl Book {
    /// A group is told of again whenever one of its alerts changes: only what changed is news.
    fn note(&mut self, path: &str, body: &str) {
        self.notifications += 1;
        let notification: Value = serde_json::from_str(body).expect("JSON of Alertmanager");
        for alert in notification["alerts"].as_array().expect("alerts") {
            let fingerprint = format!("{path} {}", alert["fingerprint"]);
            let firing = alert["status"] == "firing";
            let before = self.fires.insert(fingerprint, firing).unwrap_or(false);
            if before != firing {
                let (at, route) = (Instant::now(), path.to_owned());
                let notification = self.notifications;
                self.told.push(Told { at, notification, route, firing, alert: alert.clone() });
            }
        }
    }
}

/// Reads one request and answers it: its path and its body.
fn answered(mut stream: TcpStream) -> Option<(String, String)> {
    let mut reader = BufReader::new(stream.try_clone().ok()?);
    let (mut path, mut length) = (String::new(), 0);
    for line in reader.by_ref().lines() {
        let line = line.ok()?;
        if line.is_empty() {
            break;
        }
        if path.is_empty() {
            path = line.split(' ').nth(1)?.to_owned();
        } else if let Some((name, value)) = line.split_once(": ")
            && name.eq_ignore_ascii_case("content-length")
        {
            length = value.parse().ok()?;
        }
    }
    let mut body = vec![0; length];
    reader.read_exact(&mut body).ok()?;
    stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n").ok()?;
    Some((path, String::from_utf8(body).ok()?))
}
