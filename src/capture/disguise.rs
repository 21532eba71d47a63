//! Captures that may be shown: addresses and ids replaced, each by the same stand-in wherever it occurs, so that a
//! disguised capture is judged as the original is.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::net::IpAddr;
use std::sync::Arc;

use crate::model::address::{Address, Target};
use crate::model::failure::AskError;
use crate::model::info::sub_value;
use crate::model::reply::Reply;
use crate::probes::{ProbeId, Replies};

/// Digits of node, shard, run and replication ids.
const ID_DIGITS: usize = 40;

/// Lines of INFO that tell of the machine.
const PRIVATE_LINES: [&str; 3] = ["executable:", "config_file:", "os:"];

/// The line of INFO that tells the zone: which nodes share one is judged, its name is private.
const ZONE: &str = "availability_zone:";

/// The stand-ins.
#[derive(Debug, Default)]
pub struct Disguise {
    hosts: BTreeMap<String, String>,
    ids: BTreeMap<Vec<u8>, String>,
    zones: BTreeMap<String, String>,
}

impl Disguise {
    /// Stand-ins for every host that the replies name.
    pub fn of(replies: &[Replies]) -> Self {
        let mut hosts = Vec::new();
        for replies in replies {
            if let Target::Tcp(address) = &replies.target {
                hosts.push(address.host.to_string());
            }
            for probe in [ProbeId::ClusterNodes, ProbeId::Info] {
                let text = replies.answer(probe).and_then(|answer| answer.reply.text()).unwrap_or_default();
                hosts.extend(text.lines().flat_map(hosts_of));
            }
        }
        hosts.retain(|host| !host.is_empty());
        hosts.sort();
        hosts.dedup();
        let stand_in = |(n, host): (usize, String)| {
            let n = n + 1;
            let other = match host.parse::<IpAddr>() {
                // Checks about hosts pass loopback over. IPv6 has one such address only.
                Ok(IpAddr::V4(ip)) if ip.is_loopback() => format!("127.1.{}.{}", n / 256, n % 256),
                Ok(IpAddr::V6(ip)) if ip.is_loopback() => host.clone(),
                Ok(IpAddr::V4(_)) => format!("10.0.{}.{}", n / 256, n % 256),
                Ok(IpAddr::V6(_)) => format!("fd00::{n:x}"),
                Err(_) => format!("host-{n}.example"),
            };
            (host, other)
        };
        Self { hosts: hosts.into_iter().enumerate().map(stand_in).collect(), ..Self::default() }
    }

    /// Puts the stand-ins in place.
    pub fn apply(&mut self, replies: &mut [Replies]) {
        for replies in replies {
            if let Target::Tcp(address) = &replies.target {
                let host = self.hosts.get(&*address.host).map_or(&*address.host, String::as_str);
                replies.target = Target::Tcp(Address::new(host, address.port));
            } else {
                replies.target = Target::Unix("/disguised".into());
            }
            replies.failure = replies.failure.as_ref().map(without_words);
            for answer in &mut replies.answers {
                answer.reply = Arc::new(self.reply(&answer.reply));
            }
        }
    }

    fn reply(&mut self, reply: &Reply) -> Reply {
        match reply {
            Reply::Bulk(bytes) => match std::str::from_utf8(bytes) {
                Ok(text) => Reply::Bulk(self.text(text).into_bytes()),
                Err(_) => Reply::Bulk(bytes.clone()),
            },
            Reply::Error { code, text } => Reply::Error { code: code.clone(), text: self.text(text) },
            Reply::Array(items) => Reply::Array(items.iter().map(|item| self.reply(item)).collect()),
            other => other.clone(),
        }
    }

    fn text(&mut self, text: &str) -> String {
        let is_private = |line: &&str| !PRIVATE_LINES.iter().any(|private| line.starts_with(private));
        let lines = text.split_inclusive('\n').filter(is_private);
        let text: String = lines.map(|line| self.zone(line)).collect();
        let text = self.replace_ids(&text);
        // Longest first: 10.0.0.1 is part of 10.0.0.12.
        let mut hosts: Vec<_> = self.hosts.iter().collect();
        hosts.sort_by_key(|(host, _)| std::cmp::Reverse(host.len()));
        let mut out = String::with_capacity(text.len());
        let mut rest = text.as_str();
        while !rest.is_empty() {
            match hosts.iter().find(|(host, _)| rest.starts_with(host.as_str())) {
                Some((host, other)) => {
                    out.push_str(other);
                    rest = rest.get(host.len()..).unwrap_or_default();
                }
                None => {
                    let next = rest.chars().next().map_or(1, char::len_utf8);
                    out.push_str(rest.get(..next).unwrap_or_default());
                    rest = rest.get(next..).unwrap_or_default();
                }
            }
        }
        out
    }

    /// The line with a stand-in for the zone, if it tells one.
    fn zone<'a>(&mut self, line: &'a str) -> Cow<'a, str> {
        let Some(zone) = line.strip_prefix(ZONE).map(str::trim_end).filter(|zone| !zone.is_empty()) else {
            return Cow::Borrowed(line);
        };
        let n = self.zones.len() + 1;
        let other = self.zones.entry(zone.to_owned()).or_insert_with(|| format!("zone-{n}"));
        let end = line.get(ZONE.len() + zone.len()..).unwrap_or_default();
        Cow::Owned(format!("{ZONE}{other}{end}"))
    }

    fn replace_ids(&mut self, text: &str) -> String {
        let mut out = String::with_capacity(text.len());
        let is_word = |c: char| c.is_ascii_alphanumeric();
        for word in text.split_inclusive(|c: char| !is_word(c)) {
            let (id, end) = match word.char_indices().next_back() {
                Some((at, last)) if !is_word(last) => word.split_at(at),
                _ => (word, ""),
            };
            let is_id = id.len() == ID_DIGITS && id.bytes().all(|c| c.is_ascii_hexdigit());
            // 40 zeros say "none".
            if is_id && id.bytes().any(|c| c != b'0') {
                let n = self.ids.len() + 1;
                out.push_str(self.ids.entry(id.into()).or_insert_with(|| format!("{n:040x}")));
            } else {
                out.push_str(id);
            }
            out.push_str(end);
        }
        out
    }
}

/// The words of a resolver or server may name a machine: the kind alone stays.
fn without_words(failure: &AskError) -> AskError {
    let words = || "not shown".to_owned();
    match failure {
        AskError::Resolve { .. } => AskError::Resolve { host: words(), text: words() },
        AskError::Connect(_) => AskError::Connect(words()),
        AskError::Tls(_) => AskError::Tls(words()),
        AskError::Auth(_) => AskError::Auth(words()),
        AskError::Denied(_) => AskError::Denied(words()),
        AskError::Loading(_) => AskError::Loading(words()),
        AskError::Busy(_) => AskError::Busy(words()),
        AskError::Rejected(_) => AskError::Rejected(words()),
        AskError::Unsupported(_) => AskError::Unsupported(words()),
        AskError::Protocol(_) => AskError::Protocol(words()),
        AskError::Timeout { .. } | AskError::TooLarge { .. } => failure.clone(),
    }
}

/// Hosts in a line of CLUSTER NODES or INFO.
fn hosts_of(line: &str) -> Vec<String> {
    let mut hosts = Vec::new();
    let mut columns = line.split(' ');
    let is_id = |id: &str| id.len() == ID_DIGITS && id.bytes().all(|c| c.is_ascii_hexdigit());
    if columns.next().is_some_and(is_id)
        && let Some(address) = columns.next()
    {
        let (endpoint, name) = address.split_once(',').unwrap_or((address, ""));
        let endpoint = endpoint.split('@').next().unwrap_or_default();
        hosts.push(endpoint.rsplit_once(':').map_or("", |(host, _)| host).to_owned());
        hosts.push(name.split(',').next().unwrap_or_default().to_owned());
    }
    if let Some((key, value)) = line.split_once(':') {
        if key == "master_host" {
            hosts.push(value.trim_end().to_owned());
        }
        if key.starts_with("slave") {
            hosts.extend(sub_value(value, "ip").map(str::to_owned));
        }
    }
    hosts
}
