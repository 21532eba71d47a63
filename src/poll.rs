//! The poll loop of one cluster: at every tick ask all nodes at once, look, ask those that were only just named,
//! judge, publish. A node that hangs, trickles or lies costs only itself: every ask has a hard deadline, and a frame
//! without it is published on time.
//!
//! | module | holds |
//! |---|---|
//! | `hear` | asks and reads, in large clusters in two steps |
//! | `targets` | what is dialled: the nodes that any node names, and the seeds while they are of use |
//! | `views` | whose tables are read when, in large clusters |
//! | `link_turns` | whose CLUSTER LINKS are asked when |
//! | `neighbours` | the nodes of the other clusters |
//! | `sweeps` | whose keys are counted when |
//! | `window` | how many are asked at a time |
//! | `news` | what is logged: changes of state, once |

#![allow(clippy::disallowed_methods, reason = "part of the shell: the loop turns by the clock")]

mod hear;
mod link_turns;
mod neighbours;
mod news;
mod sweeps;
mod targets;
mod views;
mod window;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::{Duration, Instant};

use futures_util::StreamExt;
use tokio::sync::watch;
use tokio::time::{MissedTickBehavior, interval_at};

use crate::ask::{Dialer, Link, Turn};
use crate::checks::Override;
use crate::clock::now;
use crate::config::{CheckOverride, Cluster, Poll};
use crate::frame::{self, Frame, Setup};
use crate::history::History;
use crate::model::address::{Naming, Target};
use crate::model::finding::Severity;
use crate::model::time::Timestamp;
use crate::model::view::ClusterView;
use crate::probes::Replies;
use crate::self_metrics::ClusterCounts;
use link_turns::LinkTurns;
pub use neighbours::Neighbours;
use news::News;
use sweeps::Sweeps;
use targets::Seeds;
use views::Views;
pub use window::Window;
use window::all_at_once;

/// Open slots whose keys are counted on one node with one poll: 0.2 µs of server time each.
const MOST_SLOTS: usize = 1024;

/// This part of the timeout a node, or a cluster at the start, may keep others waiting.
pub const PATIENCE: u32 = 20;

/// Polls one cluster.
pub struct Poller {
    setup: Arc<Setup>,
    poll: Poll,
    dialer: Arc<Dialer>,
    links: BTreeMap<Target, Link>,
    seeds: Seeds,
    history: History,
    count_slots: BTreeMap<Target, Vec<u16>>,
    slow_due: Instant,
    sweeps: Sweeps,
    views: Views,
    link_turns: LinkTurns,
    news: News,
    neighbours: Neighbours,
    counts: Arc<ClusterCounts>,
    keeps_replies: bool,
    first_within: Option<Window>,
}

impl Poller {
    /// For `cluster`; `history` is that of the same cluster before a reload, or empty.
    pub fn new(
        cluster: &Arc<Cluster>,
        poll: Poll,
        history: History,
        counts: Arc<ClusterCounts>,
        neighbours: Neighbours,
    ) -> Self {
        // One that is back is seen at the second poll at the latest.
        let longest_rest = poll.interval + poll.interval / 2;
        let dialer = Dialer::new(Arc::clone(cluster), poll.timeout).resting_at_most(longest_rest);
        Self {
            setup: Arc::new(setup(cluster, poll.interval)),
            poll,
            dialer: Arc::new(dialer),
            links: BTreeMap::new(),
            seeds: Seeds::new(cluster),
            count_slots: BTreeMap::new(),
            slow_due: Instant::now(),
            sweeps: Sweeps::new(poll.sweep_interval),
            views: Views::default(),
            link_turns: LinkTurns::new(cluster.limits.bus_link_buffer_ratio),
            news: News::new(cluster.name.clone(), history.last.as_deref()),
            neighbours,
            counts,
            keeps_replies: false,
            first_within: None,
            history,
        }
    }

    /// Asks all nodes for their CLUSTER LINKS with each slow poll, not a few at a time, unless they are so many that their
    /// tables are not all asked for either: for whoever polls once.
    #[must_use]
    pub fn with_all_links(mut self) -> Self {
        self.link_turns.all_at_once();
        self
    }

    /// Gives all answers back from [`Self::gather`]; else none, for they are let go of as soon as they are read: those of a
    /// thousand nodes take more room than all that is known of them.
    #[must_use]
    pub fn keeping_replies(self) -> Self {
        Self { keeps_replies: true, ..self }
    }

    /// Polls for the first time when there is a place in this window, which it shares with other clusters.
    #[must_use]
    pub fn first_within(self, window: Window) -> Self {
        Self { first_within: Some(window), ..self }
    }

    /// Polls at once and then at every tick, until `shutdown` ends; gives back what is remembered.
    pub async fn run(
        mut self,
        publish: Arc<watch::Sender<Option<Arc<Frame>>>>,
        shutdown: impl Future<Output = ()>,
    ) -> History {
        let interval = self.poll.interval;
        let mut ticks =
            interval_at(tokio::time::Instant::now() + phase(&self.setup.cluster, interval), interval);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Skip);
        let mut shutdown = std::pin::pin!(shutdown);
        loop {
            let begun = Instant::now();
            tokio::select! {
                () = &mut shutdown => break,
                frame = self.poll_in_turn() => { publish.send_replace(Some(Arc::new(frame))); }
            }
            self.counts.polled();
            if begun.elapsed() > interval {
                self.counts.overran();
            }
            tokio::select! {
                () = &mut shutdown => break,
                _ = self.sweep_one() => {}
            }
            tokio::select! {
                () = &mut shutdown => break,
                _ = ticks.tick() => {}
            }
        }
        self.history
    }

    async fn poll_in_turn(&mut self) -> Frame {
        match self.first_within.take() {
            Some(window) => window.run(Box::pin(self.poll())).await,
            None => self.poll().await,
        }
    }

    /// Polls once: asks, judges, logs what is new.
    pub async fn poll(&mut self) -> Frame {
        let (_, view) = self.gather().await;
        let others = self.neighbours.exchange(&self.setup.cluster, &view);
        let frame = frame::judge(&self.setup, view, &mut self.history, &others);
        self.count_slots = slots_to_count(&frame);
        frame.view.failures.iter().for_each(|error| self.counts.failed(error));
        self.news.tell(&frame);
        frame
    }

    /// Asks every node that any node names, and looks. The answers among the replies are gone unless they are
    /// [kept](Self::keeping_replies).
    pub async fn gather(&mut self) -> (Vec<Replies>, ClusterView) {
        let started = (now(), Instant::now());
        // A tick comes a moment early or late: the turn of the slow probes must not slip to the next poll.
        let slow = started.1 + self.poll.interval / 2 >= self.slow_due;
        if slow {
            self.slow_due = started.1 + self.poll.slow_interval;
        }
        self.link_turns.begin(slow);
        let connects = self.dialer.connects();
        self.seeds.resolve(slow, self.history.last.as_deref(), self.poll.timeout).await;
        self.keep_links();
        let turn = Turn { slow, ..self.turn(started, 0) };
        let mut heard = self.hear(turn, &[]).await;
        let mut view = self.join(&heard, started).await;
        let newly_named = self.newly_named(&view);
        if !newly_named.is_empty() {
            let turn = Turn { slow, ..self.turn(started, view.members.len()) };
            let also = self.hear(turn, &newly_named).await;
            heard.add(also);
            view = self.join(&heard, started).await;
        }
        let answering =
            heard.replies.iter().filter(|reply| reply.failure.is_none()).map(|reply| &reply.target);
        let seeds: Vec<&Target> = answering.filter(|target| self.seeds.resolved().contains(target)).collect();
        let strays = self.neighbours.strays(&self.setup.cluster, &view, &seeds);
        if !strays.is_empty() {
            heard.leave_out(&strays);
            view = self.join(&heard, started).await;
        }
        let replies = heard.replies;
        self.seeds.settle(&view, &replies);
        for _ in connects..self.dialer.connects() {
            self.counts.connected();
        }
        (replies, view)
    }

    /// Counts all keys of every primary whose turn it is.
    pub async fn sweep_all(&mut self) {
        while self.sweep_one().await {}
    }

    /// Between two polls, counts all keys of the one node whose turn it is.
    async fn sweep_one(&mut self) -> bool {
        let Some(view) = &self.history.last else { return false };
        let Some((target, slots)) = self.sweeps.due(view, Instant::now()) else { return false };
        let Some(link) = self.links.get_mut(&target) else { return false };
        let swept = link.count_keys(&slots).await;
        self.sweeps.keep(target, swept);
        true
    }

    /// A turn in a cluster that has so many nodes, or those of the view before.
    fn turn(&self, started: (Timestamp, Instant), nodes: usize) -> Turn<'static> {
        let known_nodes = self.history.last.as_ref().map_or(0, |view| view.members.len()).max(nodes);
        let tables = !views::is_large(known_nodes);
        Turn { slow: false, tables, links: false, count_slots: &[], known_nodes, started }
    }

    /// One link for every node that was named, and for every seed that is of use; no others.
    fn keep_links(&mut self) {
        let mut wanted: Vec<Target> = self
            .history
            .last
            .iter()
            .flat_map(|view| view.members.iter())
            .filter_map(|m| m.route.clone())
            .collect();
        wanted.extend(self.seeds.wanted().cloned());
        self.links.retain(|target, _| wanted.contains(target));
        for target in wanted {
            self.link(target);
        }
    }

    fn link(&mut self, target: Target) {
        let dialer = &self.dialer;
        self.links.entry(target.clone()).or_insert_with(|| Link::new(target, Arc::clone(dialer)));
    }

    /// Routes that no link leads to yet.
    fn newly_named(&mut self, view: &ClusterView) -> Vec<Target> {
        let routes = view.members.iter().filter_map(|member| member.route.clone());
        let new: Vec<Target> = routes.filter(|route| !self.links.contains_key(route)).collect();
        new.iter().for_each(|target| self.link(target.clone()));
        new
    }

    /// Asks these targets, or all if none are given. Nodes that answered last time are asked a window at a time;
    /// the others all at once beside them: they may take up to the deadline and must not hold up anybody.
    async fn ask(&mut self, turn: Turn<'_>, only: &[Target], links: &BTreeSet<Target>) -> Vec<Replies> {
        let counts = &self.count_slots;
        let chosen = self.links.values_mut().filter(|link| only.is_empty() || only.contains(link.target()));
        let turn = |link: &Link| Turn {
            count_slots: counts.get(link.target()).map_or(&[][..], Vec::as_slice),
            links: turn.tables && links.contains(link.target()),
            ..turn
        };
        let (mut windowed, mut beside) = (Vec::new(), Vec::new());
        for link in chosen {
            let asks = if link.is_connected() { &mut windowed } else { &mut beside };
            asks.push(ask_one(turn(link), link));
        }
        let window = Window::new(self.poll.concurrency, self.poll.timeout / PATIENCE);
        let sound = window.run_all(windowed).collect();
        let doubtful = all_at_once(beside);
        let (mut replies, others): (Vec<_>, _) = tokio::join!(sound, doubtful);
        replies.extend(others);
        replies.sort_by(|a, b| a.target.cmp(&b.target));
        replies
    }
}

/// What the core is told of a configured cluster.
pub fn setup(cluster: &Cluster, interval: Duration) -> Setup {
    let naming =
        Naming { address_map: cluster.address_map.clone(), prefer_hostnames: cluster.prefer_hostnames };
    let severity = |number: u8| Severity::ALL.get(usize::from(number).checked_sub(1)?).copied();
    let change = |change: &CheckOverride| Override {
        enabled: change.enabled,
        severity: change.severity.and_then(severity),
    };
    Setup {
        cluster: cluster.name.clone(),
        naming,
        interval,
        limits: cluster.limits.clone(),
        expect: cluster.expect,
        overrides: cluster.checks.iter().map(|(code, o)| (code.clone(), change(o))).collect(),
    }
}

async fn ask_one(turn: Turn<'_>, link: &mut Link) -> Replies {
    link.ask(&turn).await
}

fn slots_to_count(frame: &Frame) -> BTreeMap<Target, Vec<u16>> {
    let open = &frame.past.migrations;
    let slots = |member| frame.view.slots_to_count(open, member, MOST_SLOTS);
    let members = frame.view.members.iter().filter_map(|member| Some((member.route.clone()?, slots(member))));
    members.filter(|(_, slots)| !slots.is_empty()).collect()
}

/// Clusters are polled at different moments of the interval, each at its own in every run: the exporter and the
/// network then have an even load.
fn phase(name: &str, interval: Duration) -> Duration {
    let hash = name.bytes().fold(0u64, |hash, byte| hash.wrapping_mul(31).wrapping_add(byte.into()));
    let into = now().0 % (interval.as_micros().max(1) as u64);
    let moment = hash.wrapping_mul(0x9e37_79b9_7f4a_7c15) % (interval.as_micros().max(1) as u64);
    let wait = if moment > into { moment - into } else { moment + interval.as_micros() as u64 - into };
    Duration::from_micros(wait)
}
