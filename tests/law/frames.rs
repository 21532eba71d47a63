//! Laws of the whole way, from replies to exposition.

use std::collections::{BTreeMap, BTreeSet};

use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::select;
use redis_cluster_exporter::model::address::Naming;
use redis_cluster_exporter::model::failure::AskError;
use redis_cluster_exporter::model::node::Health;
use redis_cluster_exporter::model::reply::Reply;
use redis_cluster_exporter::model::slots::SlotSet;
use redis_cluster_exporter::model::view::ClusterView;
use redis_cluster_exporter::probes::{ProbeId, Replies};

use crate::common::judged::{exposition_of, frame_of, samples};
use crate::common::sim::{Cluster, Server};
use crate::config;

const CHANGES: usize = 14;

fn change(cluster: Cluster, number: usize) -> Cluster {
    match number {
        0 => cluster.kill("m1"),
        1 => cluster.split(&["m1", "r2"]),
        2 => cluster.claims("r1", 0..=5460),
        3 => cluster.open_slot(100, "m1", "m2"),
        4 => cluster.loading("m3"),
        5 => cluster.seen_from("m2", "r3", Health::Suspected),
        6 => cluster.unassign(0..=99),
        7 => cluster.hide("r1").offset("r2", 900_000),
        8 => cluster.noaddr("r3"),
        9 => cluster.strangers(&["m2"]),
        10 => cluster.hang("m2").seen_by_all("m2", Health::Failed),
        11 => cluster.claims("m2", 0..=99),
        12 => cluster.refuse(
            "m3",
            ProbeId::Info,
            "NOPERM this user has no permissions to run the 'info' command",
        ),
        _ => cluster.busy("r2").forget("m1", "r2"),
    }
}

pub(super) fn scenario() -> impl Strategy<Value = Cluster> {
    vec(0..CHANGES, 0..4).prop_map(|changes| changes.into_iter().fold(Cluster::healthy(3, 1), change))
}

/// CLUSTER NODES in another order of its lines.
fn turned(mut replies: Replies, by: usize) -> Replies {
    let nodes = |answer: &&mut redis_cluster_exporter::probes::Answer| answer.probe == ProbeId::ClusterNodes;
    if let Some(answer) = replies.answers.iter_mut().find(nodes)
        && let Some(text) = answer.reply.text()
    {
        let mut lines: Vec<&str> = text.lines().collect();
        let by = by % lines.len();
        lines.rotate_left(by);
        answer.reply = Reply::Bulk((lines.join("\n") + "\n").into_bytes()).into();
    }
    replies
}

/// Slots that two or more nodes claim, each in its own table.
fn claimed_twice(cluster: &Cluster, viewers: &[String]) -> u32 {
    let (mut once, mut twice) = (SlotSet::new(), SlotSet::new());
    for row in viewers.iter().map(|name| cluster.seen(name, name)).filter(|row| row.primary.is_none()) {
        twice = twice.union(&once.intersection(&row.slots));
        once = once.union(&row.slots);
    }
    twice.len()
}

/// The groups of a view, found by asking every two members what they hold of each other, over and over.
fn groups_by_pairs(view: &ClusterView) -> Vec<Vec<usize>> {
    let told: Vec<usize> =
        (0..view.members.len()).filter(|at| view.members[*at].viewpoint().is_some()).collect();
    let holds = |viewer: usize, seen: usize| {
        let row = view.members[viewer].viewpoint().and_then(|own| own.table.row(view.members[seen].id));
        row.is_some_and(|row| row.health == Health::Alive)
    };
    let mut least: BTreeMap<usize, usize> = told.iter().map(|at| (*at, *at)).collect();
    for _ in &told {
        for (a, b) in told.iter().flat_map(|a| told.iter().map(move |b| (*a, *b))) {
            if a != b && holds(a, b) && holds(b, a) {
                let both = least[&a].min(least[&b]);
                least.extend([(a, both), (b, both)]);
            }
        }
    }
    let mut groups: BTreeMap<usize, Vec<usize>> = BTreeMap::new();
    least.iter().for_each(|(at, least)| groups.entry(*least).or_default().push(*at));
    let mut groups: Vec<Vec<usize>> = groups.into_values().collect();
    groups.sort_by_key(|group| (std::cmp::Reverse(group.len()), group[0]));
    groups
}

proptest! {
    #![proptest_config(config(40))]

    #[test]
    fn the_order_of_nodes_and_lines_changes_nothing(
        cluster in scenario(), order in Just(Vec::from_iter(0..6usize)).prop_shuffle(), by in 0..6usize,
    ) {
        let replies = cluster.replies();
        let shuffled: Vec<_> = order.into_iter().map(|at| turned(replies[at].clone(), by + at)).collect();
        prop_assert_eq!(exposition_of(&shuffled), exposition_of(&replies));
    }

    #[test]
    fn a_healthy_cluster_of_any_size_is_whole(
        primaries in 1..24u16,
        replicas in 0..4u16,
        server in select(vec![Server::Redis72, Server::Redis84, Server::Valkey9]),
    ) {
        let cluster = Cluster::healthy(primaries, replicas).server(server);
        let samples = samples(&frame_of(&cluster.replies(), Naming::default(), 2));
        let value = |name: &str| samples.value(&format!("rediscluster_{name}"), &[]) as u16;
        let sum = |name: &str| samples.sum(&format!("rediscluster_{name}"), &[]) as u16;
        let nodes = primaries * (1 + replicas);
        for (name, expected) in [
            ("up", 1),
            ("nodes_known", nodes),
            ("nodes_reachable", nodes),
            ("primaries", primaries),
            ("replicas", nodes - primaries),
            ("shards", primaries),
            ("slots_covered", 16384),
            ("slots_contested", 0),
            ("slot_maps", 1),
            ("partitions", 1),
            ("voting_primaries", primaries),
            ("voting_primaries_reachable", primaries),
            ("quorum_size", primaries / 2 + 1),
            ("failovers_total", 0),
        ] {
            prop_assert_eq!(value(name), expected, "{}", name);
        }
        for (name, expected) in [
            ("slots_uncovered", 0),
            ("slots_open", 0),
            ("topology_changes_total", 0),
            ("node_up", nodes),
            ("node_suspected_by", 0),
            ("node_slots_owned", 16384),
        ] {
            prop_assert_eq!(sum(name), expected, "{}", name);
        }
    }

    #[test]
    fn other_names_change_names_only(cluster in scenario(), number in 1..200u64) {
        // A step of 256: smaller ones make ids of one name equal to those of another.
        let renamed = cluster.clone().renamed(number * 256);
        let names: BTreeMap<String, String> = cluster
            .names()
            .iter()
            .flat_map(|name| {
                let ids = (renamed.id(name).to_string(), cluster.id(name).to_string());
                [ids, (renamed.address(name).to_string(), cluster.address(name).to_string())]
            })
            .collect();
        let mut text = exposition_of(&renamed.replies());
        for (new, old) in &names {
            text = text.replace(&format!("\"{new}\""), &format!("\"{old}\""));
        }
        // A node without an address bears its id, and stands elsewhere under another one.
        let before = exposition_of(&cluster.replies());
        let lines = |text: &str| text.lines().map(str::to_owned).collect::<BTreeSet<String>>();
        let (before, after) = (lines(&before), lines(&text));
        let differing: Vec<_> = before.symmetric_difference(&after).collect();
        prop_assert!(differing.is_empty(), "{:#?}", differing);
    }

    #[test]
    fn a_contest_stays_while_two_who_claim_are_heard(cluster in scenario(), hidden in 0..6usize) {
        let names = cluster.names();
        let mut replies = cluster.replies();
        let mut heard = Vec::new();
        let gone = AskError::Connect("Connection refused".to_owned());
        replies[hidden] = Replies::failed(
            replies[hidden].target.clone(), replies[hidden].asked_at, replies[hidden].took, gone,
        );
        let frame = frame_of(&replies, Naming::default(), 1);
        for (name, replies) in names.iter().zip(&replies) {
            let told = replies.answer(ProbeId::ClusterNodes).is_some_and(|answer| answer.reply.text().is_some());
            if told && replies.failure.is_none() {
                heard.push(name.clone());
            }
        }
        prop_assert!(!heard.contains(&names[hidden]));
        let samples = samples(&frame);
        let contested = samples.value("rediscluster_slots_contested", &[]) as u32;
        prop_assert_eq!(contested, claimed_twice(&cluster, &heard));
        let label = cluster.address(&names[hidden]).to_string();
        let up = samples.find("rediscluster_node_up", &[("redis_node", &label)]);
        prop_assert!(up.is_none_or(|up| up == 0.0), "the hidden node is down, or nobody names it");
    }

    #[test]
    fn a_group_is_all_who_hold_each_other_for_alive_one_through_another(
        cluster in scenario(), accused in vec((0..6usize, 1..6usize), 0..16),
    ) {
        let names = cluster.names();
        let accuse = |cluster: Cluster, (viewer, step): (usize, usize)| {
            cluster.seen_from(&names[viewer], &names[(viewer + step) % 6], Health::Suspected)
        };
        let cluster = accused.into_iter().fold(cluster, accuse);
        let frame = frame_of(&cluster.replies(), Naming::default(), 1);
        prop_assert_eq!(&frame.view.groups, &groups_by_pairs(&frame.view));
    }

    #[test]
    fn slots_are_shared_out_whatever_happens(cluster in scenario()) {
        let samples = samples(&frame_of(&cluster.replies(), Naming::default(), 2));
        let value = |name: &str| samples.value(&format!("rediscluster_{name}"), &[]);
        let uncovered = samples.sum("rediscluster_slots_uncovered", &[]);
        prop_assert_eq!(value("slots_covered") + uncovered, 16384.0);
        prop_assert!(value("voting_primaries_reachable") <= value("voting_primaries"));
        prop_assert!(value("nodes_reachable") <= value("nodes_known"));
        prop_assert!(value("primaries") + value("replicas") <= value("nodes_known"));
        prop_assert!(value("quorum_size") * 2.0 > value("voting_primaries"));
    }
}
