//! Polls of a whole cluster, from what its nodes reply to all that is served of it.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use redis_cluster_exporter::checks::CHECKS;
use redis_cluster_exporter::frame::{self, Frame, Setup};
use redis_cluster_exporter::history::History;
use redis_cluster_exporter::metrics::{self, Format};
use redis_cluster_exporter::model::address::{Address, Target};
use redis_cluster_exporter::model::failure::AskError;
use redis_cluster_exporter::model::reply::Reply;
use redis_cluster_exporter::model::slots::{SLOT_COUNT, SlotSet};
use redis_cluster_exporter::model::snapshot::CertificateEnds;
use redis_cluster_exporter::model::time::Timestamp;
use redis_cluster_exporter::probes::{Answer, Every, ProbeId, Replies, Sweep};
use redis_cluster_exporter::resp;
use redis_cluster_exporter::status::{self, Polled, api, report};

use super::markup::Page;
use super::samples::Samples;

const START: Timestamp = Timestamp(1_760_000_000_000_000);
const INTERVAL: Duration = Duration::from_secs(5);
const TOOK: Duration = Duration::from_millis(40);

/// Polls that one input may hold.
const MOST_POLLS: usize = 4;

/// Names in the map of a node, beside those of the probes.
pub mod key {
    /// The address that it was asked at.
    pub const ADDRESS: &str = "address";
    /// `CLUSTER COUNTKEYSINSLOT`: slot, reply, slot, reply, …
    pub const KEY_COUNTS: &str = "key_counts";
    /// `DBSIZE` before, after, and then as above.
    pub const SWEEP: &str = "sweep";
    /// An error: the node did not answer.
    pub const FAILURE: &str = "failure";
}

/// What all nodes of a cluster replied.
#[derive(Clone, Debug)]
pub struct Poll {
    /// Since the poll before, in milliseconds. Clocks are set back, too.
    after_ms: i64,
    nodes: Vec<Replies>,
}

impl Poll {
    /// One node, an interval after the poll before.
    pub fn of(replies: Replies) -> Self {
        Self { after_ms: INTERVAL.as_millis() as i64, nodes: vec![replies] }
    }

    /// As RESP: an array of the milliseconds and a map for each node.
    fn read(reply: &Reply) -> Option<Self> {
        let (after, nodes) = reply.array()?.split_first()?;
        let nodes = nodes.iter().map(|map| {
            let address =
                map.pairs().find(|(name, _)| *name == key::ADDRESS).and_then(|(_, text)| text.text());
            node(address.unwrap_or_default(), map.pairs())
        });
        // As the poller has them: one link for each target, in their order.
        let nodes: BTreeMap<_, _> = nodes.map(|replies| (replies.target.clone(), replies)).collect();
        Some(Self { after_ms: after.int()?, nodes: nodes.into_values().collect() })
    }
}

/// Several polls of one cluster, as one RESP array; all pages of the last one.
pub fn polls(bytes: &[u8]) {
    let Ok(Reply::Array(polls)) = resp::parse(bytes) else { return };
    let polls: Vec<_> = polls.iter().take(MOST_POLLS).filter_map(Poll::read).collect();
    if !polls.is_empty() {
        let frame = judged(&polls);
        sound(&frame);
        presentable(&frame);
    }
}

/// What a node replied to the probes of these names; where one is named twice, the first time.
pub fn node<'a>(address: &str, replies: impl Iterator<Item = (&'a str, &'a Reply)>) -> Replies {
    let mut map = BTreeMap::new();
    for (name, reply) in replies {
        map.entry(name).or_insert(reply);
    }
    let target = Target::Tcp(address.parse().unwrap_or_else(|_| Address::new(address, 0)));
    let asked = ProbeId::ALL.into_iter().filter(|probe| probe.row().every != Every::OnDemand);
    let answers = asked.filter_map(|probe| {
        let reply = Arc::new((*map.get(probe.row().name)?).clone());
        Some(Answer { probe, asked_at: START, took: TOOK, reply })
    });
    let list = |name: &str| map.get(name).and_then(|reply| reply.array()).unwrap_or_default();
    let failure = match map.get(key::FAILURE) {
        Some(Reply::Error { code, text }) => Some(AskError::from_reply(code, text)),
        _ => None,
    };
    Replies {
        target,
        asked_at: START,
        response: Some(TOOK),
        took: TOOK,
        failure,
        answers: answers.collect(),
        key_counts: counts(list(key::KEY_COUNTS)),
        sweep: list(key::SWEEP).split_at_checked(2).map(|(sizes, rest)| sweep(sizes, rest)),
        certificate_ends: CertificateEnds::default(),
        commands: 1,
    }
}

/// The slots are those that were asked for, so they are slots.
fn counts(list: &[Reply]) -> Vec<(u16, Reply)> {
    let slot = |reply: &Reply| u16::try_from(reply.int()?).ok().filter(|slot| *slot < SLOT_COUNT);
    list.chunks_exact(2).filter_map(|pair| Some((slot(&pair[0])?, pair[1].clone()))).collect()
}

fn sweep(sizes: &[Reply], rest: &[Reply]) -> Sweep {
    let counts = counts(rest);
    let of: SlotSet = counts.iter().map(|(slot, _)| (*slot, *slot)).collect();
    Sweep { sizes: sizes.to_vec(), of, counts }
}

/// The last one of these polls, each judged in the light of those before it.
pub fn judged(polls: &[Poll]) -> Arc<Frame> {
    let setup = Setup { cluster: Arc::from("fuzzed"), interval: INTERVAL, ..Setup::default() };
    let (mut history, mut at, mut last) = (History::default(), START, None);
    let mut said = BTreeMap::new();
    for poll in polls {
        at = Timestamp(at.0.saturating_add_signed(poll.after_ms.saturating_mul(1000)));
        let mut nodes = poll.nodes.clone();
        for replies in &mut nodes {
            replies.asked_at = at;
            replies.answers.iter_mut().for_each(|answer| answer.asked_at = at);
            repeat(replies, &mut said);
        }
        last = Some(frame::analyze(&setup, &nodes, &mut history, at, TOOK));
    }
    Arc::new(last.expect("at least one poll"))
}

type Replied = BTreeMap<(Target, ProbeId), Arc<Reply>>;

/// An answer that is the same as before is the same one, as those to slow probes are between their turns.
fn repeat(replies: &mut Replies, said: &mut Replied) {
    for answer in &mut replies.answers {
        let before =
            said.entry((replies.target.clone(), answer.probe)).or_insert_with(|| answer.reply.clone());
        if *before == answer.reply {
            answer.reply = Arc::clone(before);
        } else {
            *before = Arc::clone(&answer.reply);
        }
    }
}

/// What holds of everything that is exported.
pub fn sound(frame: &Arc<Frame>) {
    let text = metrics::encode(&[Arc::clone(frame)], frame.view.at, Format::Classic);
    let samples = Samples::parse(&text).unwrap_or_else(|error| panic!("{error}"));
    let (mut slots, mut dropped) = (0.0, 0.0);
    let mut checks: BTreeMap<&str, Said> = BTreeMap::new();
    for (name, labels, value) in samples.iter() {
        assert!(value.is_finite(), "{name} {labels:?} {value}");
        assert!(
            name.starts_with("rediscluster_") && labels["redis_cluster"] == "fuzzed",
            "{name} {labels:?}"
        );
        match name {
            "rediscluster_slots_covered" | "rediscluster_slots_uncovered" => slots += value,
            "rediscluster_check_firing" => checks.entry(&labels["check"]).or_default().firing += value,
            "rediscluster_check_unknown" => checks.entry(&labels["check"]).or_default().unknown += value,
            "rediscluster_finding" => checks.entry(&labels["check"]).or_default().subjects += value,
            "rediscluster_findings_dropped" => dropped = value,
            _ => {}
        }
    }
    assert_eq!(slots, f64::from(SLOT_COUNT), "slots that are neither covered nor uncovered");
    assert_eq!(checks.len(), CHECKS.len(), "a check that says nothing");
    for (code, said) in checks {
        assert!(said.firing + said.unknown <= 1.0, "{code} fires and cannot judge");
        assert!(
            (said.subjects > 0.0) == (said.firing == 1.0) || dropped > 0.0,
            "{code} fires without a subject"
        );
    }
}

/// The series of one check.
#[derive(Default)]
struct Said {
    firing: f64,
    unknown: f64,
    subjects: f64,
}

/// What holds of all pages, reports and answers of the API.
fn presentable(frame: &Arc<Frame>) {
    let polled = Polled { name: &frame.cluster, frame: Some(frame), now: frame.view.at.plus(TOOK) };
    Page::read(&status::cluster(&polled));
    Page::read(&status::fleet(&[polled], true));
    let answers = [api::clusters(&[polled]), api::cluster(&polled), api::events(&polled)];
    for answer in answers.into_iter().chain([report::json(std::iter::once(&**frame))]) {
        let text = answer.to_string();
        let read: serde_json::Value = serde_json::from_str(&text).expect("JSON");
        assert!(read.is_object() || read.is_array(), "{text}");
    }
    let text = report::text(std::iter::once(&**frame));
    for judgement in frame.judgements.iter().filter(|judgement| !judgement.outcome.findings().is_empty()) {
        assert!(text.contains(judgement.check.code), "{} is in no report", judgement.check.code);
    }
}
