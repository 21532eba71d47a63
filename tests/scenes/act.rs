//! A fault or an operation: when the servers show it, which findings name it, when all is well again, and that nothing
//! else was said.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Debug;
use std::thread::sleep;
use std::time::Duration;

use redis_cluster_exporter::checks::{CHECKS, Check};
use redis_cluster_exporter::clock::now;
use redis_cluster_exporter::model::finding::{Finding, Severity, Value};
use redis_cluster_exporter::model::time::Timestamp;

use super::stage::{FAILOVER_RECENT, Key, Note, RESYNCS_WINDOW, Stage, await_truth};
use super::table::Row;

/// From the poll that begins once the servers show it, a finding is there in the second at the latest; and gone in the
/// second once they show that all is well.
const POLLS: usize = 2;

/// What tells of the past by design, and for how many seconds under the limits of the campaign.
const REMEMBERED: [(&str, u64); 2] =
    [("failover_happened", FAILOVER_RECENT), ("resync_loop", RESYNCS_WINDOW)];

/// A P1 that may be true for a moment of an operation: its check, and of which findings that is said.
pub(crate) type Moment = (&'static str, fn(&Finding) -> bool);

/// Whom a finding is about.
#[derive(Clone, Copy, Debug)]
pub(crate) enum About<'a> {
    /// One node.
    Node(&'a str),
    /// A shard, whichever its name.
    Shard,
    /// Several nodes, slots, or the cluster.
    Whole,
}

impl About<'_> {
    fn is(self, [_, shard, node]: &[String; 3]) -> bool {
        match self {
            Self::Node(label) => node == label,
            Self::Shard => !shard.is_empty(),
            Self::Whole => node.is_empty() && shard.is_empty(),
        }
    }
}

/// A finding without a break: the polls of which it is part.
struct Stretch {
    key: Key,
    first: Timestamp,
    last: Timestamp,
    /// The first poll without it; `None` while it fires.
    gone: Option<Timestamp>,
}

/// A fault or an operation under way. Dropped, it becomes rows of the table.
pub(crate) struct Act<'s> {
    stage: &'s Stage<'s>,
    what: String,
    began: Timestamp,
    visible: Timestamp,
    healed: Option<Timestamp>,
    well: Option<Timestamp>,
    named: BTreeMap<&'static str, Timestamp>,
    allowed: BTreeSet<&'static str>,
}

impl<'s> Act<'s> {
    pub(super) fn new(stage: &'s Stage<'s>, what: &str) -> Self {
        let began = now();
        let (named, allowed) = (BTreeMap::new(), BTreeSet::new());
        let what = what.to_owned();
        Self { stage, what, began, visible: began, healed: None, well: None, named, allowed }
    }

    /// Waits until the servers show this: from now on what names it is due.
    pub(crate) fn shows(&mut self, truth: impl FnMut() -> bool) {
        await_truth(&self.what, truth);
        self.visible = now();
    }

    /// The check names this subject within two polls of what was last shown.
    pub(crate) fn names(&mut self, code: &'static str, about: About<'_>) -> Finding {
        self.names_within(POLLS, code, about)
    }

    /// The same for what must have lasted for so many seconds, by the polls that show it.
    pub(crate) fn names_after(&mut self, seconds: u64, code: &'static str, about: About<'_>) -> Finding {
        let first = self.stage.await_polls(self.visible, 1);
        let before = std::mem::replace(&mut self.visible, first.plus(Duration::from_secs(seconds)));
        let finding = self.names(code, about);
        self.visible = before;
        finding
    }

    /// The same for what takes more polls to be known.
    pub(crate) fn names_within(&mut self, polls: usize, code: &'static str, about: About<'_>) -> Finding {
        self.named.entry(code).or_insert(self.visible);
        let mut found = None;
        await_truth(&self.what, || {
            let due = self.stage.poll_since(self.visible, polls);
            found = self.find(code, about, due);
            found.is_some() || due.is_some()
        });
        let firing = self.stage.firing().into_keys().collect::<Vec<_>>();
        let what = &self.what;
        found.unwrap_or_else(|| {
            panic!("{what}: {code} does not name {about:?} within {polls} polls, only {firing:#?}")
        })
    }

    /// The last such finding of the act, in a poll that began no later than `due`.
    fn find(&self, code: &str, about: About<'_>, due: Option<Timestamp>) -> Option<Finding> {
        let notes = self.stage.notes();
        let ours = |note: &&Note| note.at >= self.began && due.is_none_or(|due| note.at <= due);
        notes.iter().rev().filter(ours).find_map(|note| {
            let is = |(key, _): &(&Key, &Finding)| key.0 == code && about.is(&key.1);
            note.findings.iter().find(is).map(|(_, finding)| finding.clone())
        })
    }

    /// What may be seen beside it, and why it is true.
    pub(crate) fn may(&mut self, code: &'static str, _why: &str) {
        self.allowed.insert(code);
    }

    /// From now on it is as it was.
    pub(crate) fn heals(&mut self) {
        self.healed = Some(now());
    }

    /// Waits until the servers show that all is well: two polls later nothing fires but what tells of the past, and that
    /// fades in its time. Fails too if anything was said that is not true of this fault.
    pub(crate) fn clears(self, truth: impl FnMut() -> bool) {
        self.clears_within(POLLS, truth);
    }

    /// The same for what the servers themselves tell of for so many seconds more.
    pub(crate) fn clears_after(self, seconds: u64, mut truth: impl FnMut() -> bool) {
        await_truth(&format!("all is well after: {}", self.what), &mut truth);
        self.stage.await_polls(now().plus(Duration::from_secs(seconds)), POLLS);
        self.clears(truth);
    }

    /// The same for what takes more polls to be known.
    pub(crate) fn clears_within(mut self, polls: usize, truth: impl FnMut() -> bool) {
        self.settles(polls, truth);
        let known = |key: &Key| self.named.contains_key(key.0) || self.allowed.contains(key.0);
        let unexpected = self.seen().into_iter().filter(|key| !known(key));
        self.denies("said and not true of it", unexpected.collect());
    }

    /// The same of one check, where the fault leaves other things behind.
    pub(crate) fn ends(mut self, code: &str, truth: impl FnMut() -> bool) {
        await_truth(&format!("{code} ends after: {}", self.what), truth);
        let well = now();
        self.well = Some(well);
        self.silent_after(well, POLLS, |other| other != code);
    }

    fn settles(&mut self, polls: usize, truth: impl FnMut() -> bool) {
        await_truth(&format!("all is well after: {}", self.what), truth);
        let well = now();
        self.well = Some(well);
        self.silent_after(well, polls, |code| REMEMBERED.iter().any(|(known, _)| *known == code));
        for (code, seconds) in REMEMBERED {
            if self.stage.firing().keys().any(|key| key.0 == code) {
                let faded = well.plus(Duration::from_secs(seconds));
                self.silent_after(faded, POLLS, |other| other != code);
            }
        }
    }

    /// So many polls after this nothing fires but what is excepted.
    fn silent_after(&self, since: Timestamp, polls: usize, excepted: impl Fn(&str) -> bool) {
        let due = self.stage.await_polls(since, polls);
        let notes = self.stage.notes();
        let fires = notes.iter().filter(|note| note.at == due).flat_map(|note| &note.findings);
        let left: Vec<_> = fires.filter(|(key, _)| !excepted(key.0)).collect();
        if !left.is_empty() {
            self.fails(&format!("still there {polls} polls after all is well: {}", told(left)));
        }
    }

    /// An operation that wakes nobody: no P1 at all, and no P2 for longer than its hold.
    pub(crate) fn was_quiet(self, truth: impl FnMut() -> bool) {
        self.alerts_nobody_but(&[], truth);
    }

    /// The same where these P1 are true for a moment: they must not last for longer than their hold either.
    pub(crate) fn alerts_nobody_but(mut self, moments: &[Moment], truth: impl FnMut() -> bool) {
        self.heals();
        await_truth(&format!("all is well after: {}", self.what), truth);
        let well = now();
        self.well = Some(well);
        let wakes = |code: &str| check(code).severity < Severity::P3;
        self.silent_after(well, POLLS, |code| !wakes(code));
        let wakes = |stretch: &Stretch| {
            let check = check(stretch.key.0);
            let lasted = stretch.last.since(stretch.first);
            let too_long = check.hold.is_zero() || lasted > check.hold;
            let is_true = |(code, holds): &Moment| *code == check.code && self.all(&stretch.key, holds);
            let page = check.severity == Severity::P1 && !moments.iter().any(is_true);
            page || (check.severity < Severity::P3 && too_long)
        };
        let loud = self.stretches().into_iter().filter(wakes).map(|stretch| stretch.key);
        self.denies("wakes somebody", loud.collect());
    }

    /// Whether this holds of every finding of the act with this key.
    fn all(&self, key: &Key, holds: impl Fn(&Finding) -> bool) -> bool {
        let notes = self.stage.notes();
        notes.iter().filter(|note| note.at >= self.began).filter_map(|note| note.findings.get(key)).all(holds)
    }

    /// A watched stretch of time in which nothing at all may fire.
    pub(crate) fn stays_silent_for(self, time: Duration) {
        sleep(time);
        self.stage.await_polls(now(), POLLS);
        self.denies("said of what is healthy", self.seen().into_iter().collect());
    }

    /// None of these may have been said.
    fn denies(&self, what: &str, keys: Vec<Key>) {
        if keys.is_empty() {
            return;
        }
        let findings: Vec<_> = keys.iter().map(|key| (key, self.find(key.0, About::of(key), None))).collect();
        let findings = findings.iter().filter_map(|(key, finding)| Some((*key, finding.as_ref()?)));
        self.fails(&format!("{what}: {}", told(findings)));
    }

    /// The scene goes on, so that one run tells all that is wrong, and fails at its end.
    fn fails(&self, why: &str) {
        self.stage.table.fail(format!("{}: {why}", self.what));
    }

    fn seen(&self) -> BTreeSet<Key> {
        self.stretches().into_iter().map(|stretch| stretch.key).collect()
    }

    /// What fired since it began, in the order of the polls.
    fn stretches(&self) -> Vec<Stretch> {
        let notes = self.stage.notes();
        let mut stretches: Vec<Stretch> = Vec::new();
        for note in notes.iter().filter(|note| note.at >= self.began) {
            let open = stretches.iter_mut().filter(|it| it.gone.is_none() && it.key.1[0] == note.cluster);
            let mut fires: BTreeSet<&Key> = note.findings.keys().collect();
            for stretch in open {
                if fires.remove(&stretch.key) {
                    stretch.last = note.at;
                } else {
                    stretch.gone = Some(note.at);
                }
            }
            let begin = |key: &Key| Stretch { key: key.clone(), first: note.at, last: note.at, gone: None };
            stretches.extend(fires.into_iter().map(begin));
        }
        stretches
    }

    /// Polls that began between two instants.
    fn polls(&self, after: Timestamp, until: Timestamp) -> usize {
        let notes = self.stage.notes();
        let name = notes.first().map(|note| note.cluster.clone());
        let ours = notes.iter().filter(|note| Some(&note.cluster) == name.as_ref());
        ours.filter(|note| note.at >= after && note.at <= until).count()
    }

    fn row(&self, code: &'static str, stretches: &[Stretch]) -> Row {
        let of = || stretches.iter().filter(|it| it.key.0 == code);
        let subjects = of().map(|it| &it.key).collect::<BTreeSet<_>>().len();
        let first = of().map(|it| it.first).min().unwrap_or(self.began);
        let visible = self.named.get(code);
        let gone = of().map(|it| it.gone).collect::<Option<Vec<_>>>();
        let gone = gone.and_then(|all| all.into_iter().max());
        let healed = self.healed.unwrap_or(self.began);
        Row {
            code,
            subjects,
            seen_after: first.seconds_since(self.began),
            seen_polls: visible.map(|visible| self.polls(*visible, first)),
            gone_after: gone.map(|gone| gone.seconds_since(healed)),
            gone_polls: gone.zip(self.well).map(|(gone, well)| self.polls(well, gone)),
        }
    }
}

impl About<'_> {
    fn of(key: &Key) -> About<'_> {
        match key.1.each_ref().map(String::as_str) {
            [_, "", ""] => About::Whole,
            [_, _, ""] => About::Shard,
            [_, _, node] => About::Node(node),
        }
    }
}

fn told<'a>(findings: impl IntoIterator<Item = (&'a Key, &'a Finding)>) -> String {
    let lines = findings.into_iter().map(|(key, finding)| format!("\n    {}: {}", key.0, finding.summary));
    lines.collect()
}

fn check(code: &str) -> &'static Check {
    CHECKS.into_iter().find(|check| check.code == code).expect("a known check")
}

impl Drop for Act<'_> {
    fn drop(&mut self) {
        let stretches = self.stretches();
        let mut codes: Vec<&'static str> = Vec::new();
        for stretch in &stretches {
            if !codes.contains(&stretch.key.0) {
                codes.push(stretch.key.0);
            }
        }
        let rows = codes.into_iter().map(|code| self.row(code, &stretches)).collect();
        self.stage.table.add(&self.what, rows);
    }
}

/// A piece of evidence, as people read it.
pub(crate) fn evidence(finding: &Finding, name: &str) -> String {
    let found = finding.evidence.iter().find(|(known, _)| *known == name);
    found.map_or_else(|| panic!("no {name} in {finding:#?}"), |(_, value)| Value::to_string(value))
}
