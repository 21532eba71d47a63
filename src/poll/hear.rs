//! Asks and reads what comes back; in large clusters in two steps, the tables of some nodes after all else.

use std::collections::{BTreeMap, BTreeSet};
use std::panic::resume_unwind;
use std::pin::pin;
use std::sync::Arc;
use std::time::Instant;

use futures_util::StreamExt;
use tokio::task::spawn_blocking;

use super::views::{Due, Views};
use super::window::Window;
use super::{PATIENCE, Poller};
use crate::ask::{Link, Turn};
use crate::frame;
use crate::history::History;
use crate::model::address::Target;
use crate::model::failure::AskError;
use crate::model::snapshot::NodeSnapshot;
use crate::model::time::Timestamp;
use crate::model::view::ClusterView;
use crate::probes::{Answer, Replies};

/// Large replies that are read at a time.
const APART_AT_ONCE: usize = 8;

/// So many nodes are joined in less than a millisecond or two.
const MANY: usize = 50;

/// What some nodes said, unread and read, in the same order.
#[derive(Default)]
pub(super) struct Heard {
    pub(super) replies: Vec<Replies>,
    pub(super) snapshots: Vec<Arc<NodeSnapshot>>,
}

impl Heard {
    pub(super) fn add(&mut self, other: Self) {
        self.replies.extend(other.replies);
        self.snapshots.extend(other.snapshots);
    }

    /// All that a node said, with what it was asked apart.
    fn whole(&self, (due, told): (Due, Result<Vec<Answer>, AskError>)) -> (Due, Replies) {
        let mut whole = self.replies[due.at].clone();
        match told {
            Ok(answers) => whole.answers.extend(answers),
            Err(failure) => whole.failure = Some(failure),
        }
        (due, whole)
    }

    /// Puts what a node said with its table in the place of what it said without. Whether the table is another than the one
    /// before.
    fn renew(&mut self, at: usize, replies: Replies, said: Arc<NodeSnapshot>) -> bool {
        self.replies[at] = replies;
        let before = std::mem::replace(&mut self.snapshots[at], said);
        let fingerprint = |said: &NodeSnapshot| Some(said.nodes.as_ref().ok()?.table.fingerprint);
        fingerprint(&before).zip(fingerprint(&self.snapshots[at])).is_some_and(|(then, now)| then != now)
    }

    pub(super) fn leave_out(&mut self, targets: &BTreeSet<Target>) {
        self.replies.retain(|replies| !targets.contains(&replies.target));
        self.snapshots.retain(|said| !targets.contains(&said.target));
    }
}

/// Does it, on a thread of its own if it takes long.
async fn beside<T: Send + 'static>(takes_long: bool, work: impl FnOnce() -> T + Send + 'static) -> T {
    if !takes_long {
        return work();
    }
    spawn_blocking(work).await.unwrap_or_else(|error| resume_unwind(error.into_panic()))
}

/// The replies, their answers only if these are wanted once more.
fn kept(replies: Replies, whole: bool) -> Replies {
    if whole { replies } else { Replies { answers: Vec::new(), ..replies } }
}

/// Reads what came back. Of many nodes this takes a while, and it is done beside the thread that serves, so that no
/// scrape waits for it.
async fn read(history: &mut History, replies: Vec<Replies>) -> Heard {
    let (many, last) = (replies.len() > MANY, history.last.clone());
    // Should this future be dropped before its end, the history lacks only what can be read again.
    let mut tables = std::mem::take(&mut history.tables);
    let work = move || {
        let snapshots = frame::read(&replies, &mut tables, last.as_deref());
        (Heard { replies, snapshots }, tables)
    };
    let (heard, tables) = beside(many, work).await;
    history.tables = tables;
    heard
}

impl Poller {
    /// Asks these targets, or all if none are given, and reads what they say.
    pub(super) async fn hear(&mut self, turn: Turn<'_>, only: &[Target]) -> Heard {
        let links = self.links_due(turn, only);
        let mut replies = self.ask(turn, only, &links).await;
        for replies in &mut replies {
            replies.sweep = self.sweeps.take(&replies.target);
        }
        let mut heard = read(&mut self.history, replies).await;
        if turn.tables {
            let asked = heard.snapshots.iter().filter(|said| links.contains(&said.target));
            asked.for_each(|said| self.link_turns.done(said));
        } else {
            self.read_tables(&mut heard, turn, &links).await;
        }
        let replies = heard.replies.into_iter().map(|replies| kept(replies, self.keeps_replies));
        Heard { replies: replies.collect(), ..heard }
    }

    /// Whose CLUSTER LINKS are asked with this poll, of these targets, or of all if none are given.
    fn links_due(&mut self, turn: Turn<'_>, only: &[Target]) -> BTreeSet<Target> {
        let links = &self.links;
        self.link_turns.retain(|target| links.contains_key(target));
        let before = self.history.last.as_deref().map(ClusterView::said_by_target).unwrap_or_default();
        if only.is_empty() {
            self.link_turns.due(links.keys(), turn.known_nodes.max(links.len()), &before)
        } else {
            self.link_turns.due(only, turn.known_nodes.max(only.len()), &before)
        }
    }

    /// In a large cluster: asks some nodes for their tables, and all if there is anything new in these.
    async fn read_tables(&mut self, heard: &mut Heard, turn: Turn<'_>, links: &BTreeSet<Target>) {
        let dialled = &self.links;
        self.views.retain(|target| dialled.contains_key(target));
        let last = self.history.last.as_deref();
        let due = self.views.due(&heard.snapshots, last, self.poll.interval, links);
        let begun = Instant::now();
        if self.read_apart(heard, turn, &due, begun).await {
            let others = Views::others(&heard.snapshots, &due);
            self.views.owe(others.iter().map(|due| heard.replies[due.at].target.clone()));
            self.read_apart(heard, turn, &others, begun).await;
        }
    }

    /// Whether one of these tables is not as its node told it before. None is asked for once half the timeout has passed
    /// since `begun`; those wait for the next poll.
    async fn read_apart(&mut self, heard: &mut Heard, turn: Turn<'_>, due: &[Due], begun: Instant) -> bool {
        let in_time = self.poll.timeout / 2;
        let of: BTreeMap<&Target, Due> =
            due.iter().map(|due| (&heard.replies[due.at].target, *due)).collect();
        let ask = async |due: Due, link: &mut Link| {
            if begun.elapsed() > in_time {
                return None;
            }
            Some((due, link.ask_apart(due.probes(), &turn).await))
        };
        let chosen = self.links.iter_mut().filter_map(|(target, link)| Some((*of.get(target)?, link)));
        let asks = chosen.map(|(due, link)| ask(due, link)).collect();
        let told = Window::new(APART_AT_ONCE, self.poll.timeout / PATIENCE).run_all(asks);
        // Read as they come: a thousand tables that wait to be read are a hundred megabytes.
        let mut told = pin!(told.ready_chunks(APART_AT_ONCE));
        let mut is_news = false;
        while let Some(told) = told.next().await {
            let (due, replies): (Vec<_>, _) = told.into_iter().flatten().map(|it| heard.whole(it)).unzip();
            let anew = read(&mut self.history, replies).await;
            let replies = anew.replies.into_iter().map(|replies| kept(replies, self.keeps_replies));
            for (due, (replies, said)) in due.into_iter().zip(replies.zip(anew.snapshots)) {
                is_news |= heard.renew(due.at, replies, said);
                let said = &heard.snapshots[due.at];
                self.views.done(said);
                if due.links {
                    self.link_turns.done(said);
                }
            }
        }
        is_news
    }

    /// Joins what was read; as [`read`].
    pub(super) async fn join(&mut self, heard: &Heard, started: (Timestamp, Instant)) -> ClusterView {
        let (snapshots, took) = (heard.snapshots.clone(), started.1.elapsed());
        let (setup, last) = (Arc::clone(&self.setup), self.history.last.clone());
        let work = move || frame::join(&setup, snapshots, last.as_deref(), started.0, took);
        beside(heard.snapshots.len() > MANY, work).await
    }
}
