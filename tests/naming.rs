//! Who is who: one node by two addresses, by none, under another name.
#![allow(clippy::unwrap_used, reason = "a test fails where it meets what it does not expect")]

mod common {
    pub(crate) mod sim;
}

use std::sync::Arc;
use std::time::Duration;

use common::sim::{Cluster, START};
use redis_cluster_exporter::frame::{self, Frame, Setup};
use redis_cluster_exporter::history::History;
use redis_cluster_exporter::model::address::{Address, Naming, Target};
use redis_cluster_exporter::model::past::Change;
use redis_cluster_exporter::probes::Replies;

fn analyze(naming: &Naming, replies: &[Replies], history: &mut History) -> Frame {
    let setup = Setup {
        cluster: Arc::from("sim"),
        naming: naming.clone(),
        interval: Duration::from_secs(5),
        ..Setup::default()
    };
    frame::analyze(&setup, replies, history, START, Duration::ZERO)
}

#[test]
fn a_node_that_answers_by_a_seed_too_speaks_by_its_own_address() {
    let cluster = Cluster::healthy(3, 0);
    let own = Target::Tcp(cluster.address("m1"));
    // One address comes before all nodes in the order of asking, the other after them.
    for alias in ["10.0.0.0", "lb.example"] {
        let mut replies = cluster.replies();
        let mut seed = replies.iter().find(|said| said.target == own).unwrap().clone();
        seed.target = Target::Tcp(Address::new(alias, 6379));
        replies.push(seed);
        replies.sort_by(|a, b| a.target.cmp(&b.target));
        let frame = analyze(&Naming::default(), &replies, &mut History::default());
        assert_eq!(frame.view.members.len(), 3);
        let said = frame.view.member(cluster.id("m1")).unwrap().said.as_ref().unwrap();
        assert_eq!(said.target, own, "beside {alias}");
    }
}

#[test]
fn an_address_that_is_lost_and_found_again_is_no_change() {
    let cluster = Cluster::healthy(3, 1);
    let mut history = History::default();
    let mut changes = |cluster: &Cluster| {
        let frame = analyze(&Naming::default(), &cluster.replies(), &mut history);
        frame.past.events.into_iter().map(|event| event.change).collect::<Vec<_>>()
    };
    assert_eq!(changes(&cluster), []);
    assert_eq!(changes(&cluster.clone().noaddr("r1")), []);
    assert_eq!(changes(&cluster), []);

    let before = Arc::from(cluster.address("r1").to_string());
    let moved = cluster.everywhere("r1", |row| row.address = Some(Address::new("10.9.9.9", 6379)));
    assert_eq!(changes(&moved), [Change::AddressChanged { before }]);
}

#[test]
fn another_name_for_the_same_address_is_no_change() {
    let cluster = Cluster::healthy(3, 0).hostname("m1", "one.example");
    let mut history = History::default();
    let by_address = Naming::default();
    let by_name = Naming { prefer_hostnames: true, ..Naming::default() };
    for naming in [&by_address, &by_name, &by_address] {
        let frame = analyze(naming, &cluster.replies(), &mut history);
        assert_eq!(frame.past.events, []);
        let label = &frame.view.member(cluster.id("m1")).unwrap().label;
        assert_eq!(label.starts_with("one.example:"), naming.prefer_hostnames, "{label}");
    }
}
