//! Laws of the judgements.

use std::collections::BTreeMap;
use std::sync::Arc;

use proptest::prelude::*;
use proptest::sample::select;
use redis_cluster_exporter::checks::{Judgement, Needs};
use redis_cluster_exporter::frame::Frame;
use redis_cluster_exporter::model::address::Naming;
use redis_cluster_exporter::model::failure::AskError;
use redis_cluster_exporter::model::finding::Outcome;
use redis_cluster_exporter::probes::Replies;

use super::frames::scenario;
use crate::common::judged::frame_of;
use crate::common::sim::{Cluster, Server};
use crate::config;

fn judged(replies: &[Replies], polls: u32) -> Arc<Frame> {
    frame_of(replies, Naming::default(), polls)
}

fn firing(frame: &Frame) -> Vec<&'static str> {
    let firing = frame.judgements.iter().filter(|judgement| is_firing(judgement));
    firing.map(|judgement| judgement.check.code).collect()
}

fn is_firing(judgement: &Judgement) -> bool {
    matches!(judgement.outcome, Outcome::Firing(_))
}

/// Codes and outcomes, as text.
fn told(frame: &Frame) -> Vec<String> {
    frame
        .judgements
        .iter()
        .map(|judgement| format!("{}: {:?}", judgement.check.code, judgement.outcome))
        .collect()
}

proptest! {
    #![proptest_config(config(24))]

    #[test]
    fn a_healthy_cluster_of_any_size_has_no_finding(
        // Fewer than three primaries, and none to take over, are findings.
        primaries in 3..20u16,
        replicas in 1..4u16,
        server in select(vec![Server::Redis72, Server::Redis84, Server::Valkey9]),
    ) {
        let replies = Cluster::healthy(primaries, replicas).server(server).replies();
        for polls in [1, 2] {
            prop_assert_eq!(firing(&judged(&replies, polls)), Vec::<&str>::new(), "{} polls", polls);
        }
    }

    #[test]
    fn the_order_of_nodes_changes_no_judgement(
        cluster in scenario(), order in Just(Vec::from_iter(0..6usize)).prop_shuffle(),
    ) {
        let replies = cluster.replies();
        let shuffled: Vec<_> = order.into_iter().map(|at| replies[at].clone()).collect();
        prop_assert_eq!(told(&judged(&shuffled, 2)), told(&judged(&replies, 2)));
    }

    #[test]
    fn other_names_change_no_judgement_but_its_names(cluster in scenario(), number in 1..200u64) {
        let renamed = cluster.clone().renamed(number * 256);
        // A node without an address bears its id. The first of several nodes is named as an example: it must be the
        // first under its other name too.
        let stands_first = |cluster: &Cluster| cluster.id("r3").to_string() < cluster.address("m1").to_string();
        prop_assume!(stands_first(&renamed) == stands_first(&cluster));
        let mut names = BTreeMap::new();
        for name in cluster.names() {
            names.insert(renamed.id(&name).to_string(), cluster.id(&name).to_string());
            names.insert(renamed.address(&name).to_string(), cluster.address(&name).to_string());
            names.insert(format!("{}", renamed.address(&name).host), format!("{}", cluster.address(&name).host));
        }
        // What stands in the order of ids stands in another one: the lines and words are the same.
        let sorted = |text: String| {
            let mut words: Vec<String> = text.split([' ', ',', '"', '[', ']', '(', ')', '{', '}']).map(str::to_owned).collect();
            words.sort();
            words
        };
        for (one, other) in told(&judged(&cluster.replies(), 2)).into_iter().zip(told(&judged(&renamed.replies(), 2))) {
            let mut other = other;
            // Longest first: 10.9.0.1 is part of 10.9.0.12.
            let mut pairs: Vec<_> = names.iter().collect();
            pairs.sort_by_key(|(new, _)| std::cmp::Reverse(new.len()));
            for (new, old) in pairs {
                other = other.replace(new.as_str(), old);
            }
            prop_assert_eq!(sorted(other), sorted(one));
        }
    }

    #[test]
    fn hiding_a_node_clears_no_verdict_about_the_cluster(cluster in scenario(), hidden in 0..6usize) {
        let whole = judged(&cluster.replies(), 2);
        let name = &cluster.names()[hidden];
        let mut replies = cluster.replies();
        let gone = AskError::Connect("Connection refused".to_owned());
        let one = &mut replies[hidden];
        *one = Replies::failed(one.target.clone(), one.asked_at, one.took, gone);
        let less = judged(&replies, 2);
        // Of a node that does not answer and that nobody names there is nothing to tell.
        prop_assume!(less.view.members.iter().any(|member| member.id == cluster.id(name)));
        let label = cluster.address(name).to_string();
        let reports = |judgement: &Judgement| {
            judgement.outcome.findings().iter().any(|f| f.subject.nodes.iter().any(|node| **node == *label))
        };
        let reported = less.judgements.iter().any(reports);
        for (before, after) in whole.judgements.iter().zip(&less.judgements) {
            let cleared = before.check.needs == Needs::Majority && is_firing(before) && after.outcome == Outcome::Clear;
            prop_assert!(!cleared || reported, "{} without {}: {:?}", before.check.code, name, before.outcome);
        }
    }
}
