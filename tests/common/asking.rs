//! A link to one fake node, asked as a poll would.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test fails by panicking")]
#![allow(dead_code, unreachable_pub, reason = "each test file uses its part")]
#![allow(clippy::disallowed_methods, reason = "plays the part of the shell")]

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use redis_cluster_exporter::ask::{Dialer, Link, Turn};
use redis_cluster_exporter::config::{Cluster, Credentials, Secret};
use redis_cluster_exporter::model::address::Target;
use redis_cluster_exporter::model::limits::{Expect, Limits};
use redis_cluster_exporter::model::time::Timestamp;
use redis_cluster_exporter::probes::Replies;

/// By which every ask must be over.
pub const TIMEOUT: Duration = Duration::from_millis(400);

pub fn cluster() -> Cluster {
    Cluster {
        name: Arc::from("test"),
        seeds: Vec::new(),
        credentials: Credentials::default(),
        tls: None,
        address_map: BTreeMap::new(),
        prefer_hostnames: false,
        expect: Expect::default(),
        limits: Limits::default(),
        checks: BTreeMap::new(),
        command_stats: false,
        latency_stats: false,
    }
}

/// A cluster whose password is that of a file.
pub fn with_password_file(path: PathBuf) -> Cluster {
    let credentials = Credentials { username: None, password: Some(Secret::File(path)) };
    Cluster { credentials, ..cluster() }
}

pub struct Asker {
    pub link: Link,
    pub dialer: Arc<Dialer>,
    begun: Instant,
}

impl Asker {
    pub fn of(target: Target) -> Self {
        Self::within(cluster(), target)
    }

    pub fn within(cluster: Cluster, target: Target) -> Self {
        Self::patient(cluster, target, TIMEOUT)
    }

    pub fn patient(cluster: Cluster, target: Target, timeout: Duration) -> Self {
        let dialer = Arc::new(Dialer::new(Arc::new(cluster), timeout));
        Self { link: Link::new(target, dialer.clone()), dialer, begun: Instant::now() }
    }

    pub async fn ask(&mut self) -> Replies {
        self.turn(false, &[]).await
    }

    pub async fn ask_slow(&mut self) -> Replies {
        self.turn(true, &[]).await
    }

    pub async fn turn(&mut self, slow: bool, count_slots: &[u16]) -> Replies {
        let started = (Timestamp(1_000_000), self.begun);
        let links = slow || !self.link.is_connected();
        self.link.ask(&Turn { slow, tables: true, links, count_slots, known_nodes: 6, started }).await
    }
}

/// The kind of the failure, or `none`.
pub fn kind(replies: &Replies) -> &'static str {
    replies.failure.as_ref().map_or("none", |failure| failure.kind())
}
