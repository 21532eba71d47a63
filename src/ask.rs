//! One node: connect, TLS, AUTH, all probes in one pipeline, one hard deadline over everything → [`Replies`].
//!
//! The client library makes the requests. Replies are read by our own reader: a connection of the library has a task and
//! buffers of its own, some 30 KB, and there are thousands that wait most of the time.
//!
//! | module | holds |
//! |---|---|
//! | `dial` | a target becomes an open stream |
//! | `tls` | rustls, its files followed as they change |
//! | `connection` | one open connection and its exchange of request for replies |
//! | `seen` | what passed over it: size limit, response time, first bytes |
//! | `room` | what replies are read into |
//! | `questions` | which probes are due, and their replies against their shapes |
//! | `explain` | why a connection ended |
//! | `backoff` | how long a node that cannot be connected to is left alone |

#![allow(clippy::disallowed_methods, reason = "part of the shell: deadlines and response times need a clock")]

mod backoff;
mod connection;
mod deadline;
mod dial;
mod explain;
mod login;
mod questions;
mod reply;
mod room;
mod seen;
mod tls;

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use crate::alarms::Alarms;
use crate::config::Cluster;
use crate::model::address::Target;
use crate::model::failure::AskError;
use crate::model::reply::Reply;
use crate::model::snapshot::CertificateEnds;
use crate::model::time::Timestamp;
use crate::probes::{Answer, ProbeId, Replies, Sweep};
use connection::{Connection, Lost};
use deadline::Deadline;
pub use dial::resolve;
use login::Login;
use room::Rooms;

/// What all links of one cluster share: its credentials and TLS, the deadline, and the count of connections.
#[derive(Debug)]
pub struct Dialer {
    cluster: Arc<Cluster>,
    timeout: Duration,
    longest_rest: Duration,
    tls: Option<tls::Client>,
    connects: AtomicU64,
    rooms: Rooms,
    alarms: Alarms,
}

impl Dialer {
    /// For the nodes of `cluster`; one ask may take `timeout`, from connect to the last reply.
    pub fn new(cluster: Arc<Cluster>, timeout: Duration) -> Self {
        let tls = cluster.tls.clone().map(tls::Client::new);
        let alarms = Alarms::every(timeout / ALARM_STEPS);
        let (connects, rooms) = (AtomicU64::new(0), Rooms::default());
        Self { cluster, timeout, longest_rest: Duration::MAX, tls, connects, rooms, alarms }
    }

    /// Leaves no node alone for longer than this after failed connects.
    #[must_use]
    pub fn resting_at_most(self, longest: Duration) -> Self {
        Self { longest_rest: longest, ..self }
    }

    /// Connections opened since the start, TLS handshake included.
    pub fn connects(&self) -> u64 {
        self.connects.load(Ordering::Relaxed)
    }
}

/// A deadline may be late by this part of the timeout.
const ALARM_STEPS: u32 = 50;

/// Slots whose keys are counted with one request of a sweep: some 60 µs of the server's time.
const SLOTS_AT_ONCE: usize = 256;

/// What is asked in one poll.
#[derive(Clone, Copy, Debug)]
pub struct Turn<'a> {
    /// Also send the slow and the opt-in probes.
    pub slow: bool,
    /// Also send CLUSTER NODES.
    pub tables: bool,
    /// Also send what is asked of nodes in turn: CLUSTER LINKS.
    pub links: bool,
    /// Slots whose keys are counted, with `CLUSTER COUNTKEYSINSLOT`.
    pub count_slots: &'a [u16],
    /// Nodes that the cluster is known to have: the size that replies may have grows with it.
    pub known_nodes: usize,
    /// The start of the poll by both clocks; the stamps count from it.
    pub started: (Timestamp, Instant),
}

impl Turn<'_> {
    /// 1 MiB, and 1 KiB for each node: a row of `CLUSTER NODES` and two of `CLUSTER LINKS`, with room for slots.
    fn byte_budget(&self) -> u64 {
        (1 << 20) + 1024 * self.known_nodes as u64
    }

    fn stamp(&self, at: Instant) -> Timestamp {
        self.started.0.plus(at.saturating_duration_since(self.started.1))
    }
}

/// The persistent connection to one target, opened when it is first asked and again after it broke.
#[derive(Debug)]
pub struct Link {
    target: Target,
    dialer: Arc<Dialer>,
    connection: Option<Connection>,
    rest: Option<Rest>,
    /// Commands that were answered since it was made.
    commands: u64,
}

/// After failed connects: left alone until then.
#[derive(Debug)]
struct Rest {
    failures: u32,
    until: Instant,
    failure: AskError,
}

/// What a successful exchange brought.
struct Heard {
    asked: Instant,
    response: Option<Duration>,
    took: Duration,
    answers: Vec<Answer>,
    key_counts: Vec<(u16, Reply)>,
    certificate_ends: CertificateEnds,
}

impl Link {
    /// A link that has not connected yet.
    pub fn new(target: Target, dialer: Arc<Dialer>) -> Self {
        Self { target, dialer, connection: None, rest: None, commands: 0 }
    }

    /// What it dials.
    pub fn target(&self) -> &Target {
        &self.target
    }

    /// Whether the connection stands.
    pub fn is_connected(&self) -> bool {
        self.connection.is_some()
    }

    /// Asks the node once. Returns within the deadline, whatever the node does; while a node that could not be
    /// connected to is left alone, returns at once with the last failure.
    ///
    /// The connection is kept for the next ask unless anything was wrong with it; it is also gone if the future
    /// is dropped before its end, so that no late reply can meet a later question.
    pub async fn ask(&mut self, turn: &Turn<'_>) -> Replies {
        let begun = Instant::now();
        if let Some(rest) = self.rest.as_ref().filter(|rest| begun < rest.until) {
            let failure = rest.failure.clone();
            return Replies::failed(self.target.clone(), turn.stamp(begun), Duration::ZERO, failure);
        }
        let dialer = Arc::clone(&self.dialer);
        let deadline = Deadline::after(begun, dialer.timeout, &dialer.alarms);
        match self.try_ask(turn, deadline).await {
            Ok(heard) => {
                self.rest = None;
                Replies {
                    target: self.target.clone(),
                    asked_at: turn.stamp(heard.asked),
                    response: heard.response,
                    took: heard.took,
                    failure: None,
                    answers: heard.answers,
                    key_counts: heard.key_counts,
                    sweep: None,
                    certificate_ends: heard.certificate_ends,
                    commands: self.commands,
                }
            }
            Err(lost) => {
                let took = begun.elapsed();
                let failed = Replies::failed(self.target.clone(), turn.stamp(begun), took, lost.failure);
                Replies { response: lost.response, ..failed }
            }
        }
    }

    /// Counts the keys of these slots, some hundred at a time so that no client of the node waits for them. `None`
    /// where the node was not connected or did not answer in full; the next ask then says why.
    pub async fn count_keys(&mut self, slots: &[u16]) -> Option<Sweep> {
        let mut connection = self.connection.take()?;
        let dialer = Arc::clone(&self.dialer);
        let of = slots.iter().map(|slot| (*slot, *slot)).collect();
        let mut sweep = Sweep { of, ..Sweep::default() };
        for slots in slots.chunks(SLOTS_AT_ONCE) {
            let plan = connection.memory.count(slots);
            let deadline = Deadline::after(Instant::now(), dialer.timeout, &dialer.alarms);
            let exchanged = connection.exchange(&plan, 1 << 20, &dialer.rooms, deadline).await.ok()?;
            self.commands += exchanged.replies.len() as u64;
            let heard = plan.read(exchanged.replies).ok()?;
            let refused = heard.sizes.iter().any(|reply| matches!(reply, Reply::Error { .. }));
            sweep.sizes.extend(heard.sizes);
            sweep.counts.extend(heard.key_counts);
            // Each refusal would stand in the server's ACL LOG.
            if refused {
                break;
            }
        }
        if connection.is_sound() {
            self.connection = Some(connection);
        }
        Some(sweep)
    }

    /// Asks these probes over a connection that ends with their answers, so that the room that large replies take is
    /// given back.
    pub async fn ask_apart(
        &mut self,
        probes: Vec<ProbeId>,
        turn: &Turn<'_>,
    ) -> Result<Vec<Answer>, AskError> {
        let dialer = Arc::clone(&self.dialer);
        let deadline = Deadline::after(Instant::now(), dialer.timeout, &dialer.alarms);
        let (mut connection, login) = self.connect(deadline).await?;
        let plan = connection.memory.only(login, probes);
        let exchanged = connection.exchange(&plan, turn.byte_budget(), &dialer.rooms, deadline).await;
        let exchanged = exchanged.map_err(|lost| lost.failure)?;
        self.commands += exchanged.replies.len() as u64;
        let heard = plan.read(exchanged.replies)?;
        connection.memory.learn(heard.answers, turn.stamp(exchanged.asked), exchanged.took);
        Ok(connection.memory.answers())
    }

    async fn try_ask(&mut self, turn: &Turn<'_>, deadline: Deadline<'_>) -> Result<Heard, Lost> {
        let warned = 2.0 * self.dialer.cluster.limits.certificate_remaining_seconds;
        let standing = self.connection.take().filter(|standing| !standing.is_outdated(turn.started, warned));
        if let Some(connection) = standing {
            match self.converse(connection, None, turn, deadline).await {
                // The server closed it since the last poll, without a word: a restart, its `timeout` setting, a
                // CLIENT KILL. Whether it is there now only a new connection tells.
                Err(lost) if lost.unheard => {}
                done => return done,
            }
        }
        let begun = Instant::now();
        // Boxed: a connect is rare, and the asks of all nodes would each make room for one.
        let done = Box::pin(self.connect_and_ask(turn, deadline)).await;
        if let Err(lost) = &done {
            let failures = self.rest.as_ref().map_or(0, |rest| rest.failures).saturating_add(1);
            let until = begun + backoff::pause(failures, self.dialer.longest_rest, rand::random());
            self.rest = Some(Rest { failures, until, failure: lost.failure.clone() });
        }
        done
    }

    async fn connect_and_ask(&mut self, turn: &Turn<'_>, deadline: Deadline<'_>) -> Result<Heard, Lost> {
        let (connection, login) = self.connect(deadline).await?;
        self.converse(connection, Some(login), turn, deadline).await
    }

    async fn connect(&mut self, deadline: Deadline<'_>) -> Result<(Connection, Option<Login>), AskError> {
        let login = Login::read(&self.dialer.cluster.credentials)?;
        let (stream, ends) = dial::dial(&self.target, self.dialer.tls.as_ref(), deadline).await?;
        self.dialer.connects.fetch_add(1, Ordering::Relaxed);
        Ok((Connection::over(stream, ends), login))
    }

    /// Asks over this connection; keeps it if all went well. `greeting` goes first on a new connection.
    async fn converse(
        &mut self,
        mut connection: Connection,
        greeting: Option<Option<Login>>,
        turn: &Turn<'_>,
        deadline: Deadline<'_>,
    ) -> Result<Heard, Lost> {
        let plan = connection.memory.plan(greeting, turn, &self.dialer.cluster);
        let exchanged = connection.exchange(&plan, turn.byte_budget(), &self.dialer.rooms, deadline).await?;
        self.commands += exchanged.replies.len() as u64;
        let (asked, response, took) = (exchanged.asked, exchanged.response, exchanged.took);
        let heard =
            plan.read(exchanged.replies).map_err(|failure| Lost { failure, response, unheard: false })?;
        connection.memory.learn(heard.answers, turn.stamp(asked), took);
        let answers = connection.memory.answers();
        let certificate_ends = connection.certificate_ends;
        if connection.is_sound() {
            self.connection = Some(connection);
        }
        Ok(Heard { asked, response, took, answers, key_counts: heard.key_counts, certificate_ends })
    }
}
