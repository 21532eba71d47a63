//! The fleet is what it says: sound to every check while nobody acts, and every act shows where it is meant to.
#![allow(clippy::unwrap_used, reason = "a test fails where it meets what it does not expect")]

mod common {
    pub(crate) mod asking;
    pub(crate) mod fleet;
}

use std::sync::Arc;
use std::time::Duration;

use common::fleet::{Act, Fleet, Heard, Shape};
use redis_cluster_exporter::config::{Cluster, Poll};
use redis_cluster_exporter::frame::Frame;
use redis_cluster_exporter::history::History;
use redis_cluster_exporter::model::address::{Address, Target};
use redis_cluster_exporter::model::finding::Outcome;
use redis_cluster_exporter::poll::{Neighbours, Poller};
use redis_cluster_exporter::self_metrics::ClusterCounts;

const SHAPE: Shape = Shape { clusters: 2, primaries: 5, replicas: 1 };

fn poller(fleet: &Fleet, cluster: usize) -> Poller {
    let seed = fleet.address(cluster * SHAPE.nodes());
    let seeds = vec![Target::Tcp(Address::new(&seed.ip().to_string(), seed.port()))];
    let cluster = Arc::new(Cluster { name: "fleet".into(), seeds, ..common::asking::cluster() });
    let poll = Poll {
        interval: Duration::from_secs(2),
        timeout: Duration::from_secs(1),
        slow_interval: Duration::from_secs(2),
        sweep_interval: Duration::from_secs(300),
        concurrency: 64,
    };
    let counts = Arc::new(ClusterCounts::default());
    Poller::new(&cluster, poll, History::default(), counts, Neighbours::default())
}

/// What any check found, in words.
fn findings(frame: &Frame) -> Vec<String> {
    let found = frame.judgements.iter().flat_map(|judgement| {
        let code = judgement.check.code;
        judgement.outcome.findings().iter().map(move |found| format!("{code}: {}", found.summary))
    });
    found.collect()
}

/// The checks that could not tell.
fn undecided(frame: &Frame) -> Vec<&str> {
    let unknown =
        frame.judgements.iter().filter(|judgement| matches!(judgement.outcome, Outcome::Unknown(_)));
    unknown.map(|judgement| judgement.check.code).collect()
}

/// What the node of this number told in CLUSTER INFO: known nodes, and slots whose owner it suspects.
fn counts(frame: &Frame, fleet: &Fleet, node: usize) -> (u64, Option<u64>) {
    let is_it = |address: &Address| *address.host == *fleet.address(node).ip().to_string();
    let mut members = frame.view.members.iter();
    let member = members.find(|member| member.announced.as_ref().is_some_and(is_it)).unwrap();
    let info = member.said.as_ref().unwrap().cluster.as_ref().unwrap();
    (info.known_nodes, info.fields.get("cluster_slots_pfail").and_then(|text| text.parse().ok()))
}

#[tokio::test]
async fn two_sound_clusters_are_sound_and_their_counters_move() {
    let fleet = Fleet::start(SHAPE, 0).unwrap();
    for cluster in 0..SHAPE.clusters {
        let mut poller = poller(&fleet, cluster);
        let first = poller.poll().await;
        assert_eq!(first.view.members.len(), SHAPE.nodes());
        assert_eq!(first.view.reachable(), SHAPE.nodes());
        assert_eq!(first.view.tables.len(), 1);
        poller.sweep_all().await;
        let second = poller.poll().await;
        assert_eq!(findings(&second), Vec::<String>::new());
        // Rates want seconds, sizes of keys a newer server.
        assert_eq!(undecided(&second), ["redirect_storm", "gossip_rate_high", "big_keys"]);
        let commands = |frame: &Frame| {
            let info = frame.view.members[0].said.as_ref().unwrap().info.clone().unwrap();
            info.get("total_commands_processed").unwrap().parse::<u64>().unwrap()
        };
        assert!(commands(&second) > commands(&first));
        assert!(second.past.lags.iter().flatten().count() > 0, "replicas have a lag");
    }
    assert!(fleet.heard_by_all().tables >= 4 * SHAPE.nodes() as u64);
}

#[tokio::test]
async fn what_one_node_shows_is_found_with_it_alone() {
    let fleet = Fleet::start(SHAPE, 0).unwrap();
    let mut poller = poller(&fleet, 0);
    let slots = Some(3277);
    let size = SHAPE.nodes() as u64;
    for (act, known, suspected) in [
        (Act::Suspects(1), size, slots),
        (Act::Suspects(6), size, Some(0)),
        (Act::Outdated(1), size, Some(0)),
        (Act::Forgets(6), size - 1, Some(0)),
    ] {
        poller.poll().await;
        fleet.act(4, act);
        let frame = poller.poll().await;
        assert_eq!(frame.view.tables.len(), 2, "{act:?}");
        assert_eq!(frame.view.tables[1].viewers.len(), 1, "{act:?}");
        assert_eq!(counts(&frame, &fleet, 4), (known, suspected), "{act:?}");
        assert_eq!(counts(&frame, &fleet, 3), (size, Some(0)), "{act:?}");
        fleet.act(4, Act::Sound);
    }
    fleet.act(7, Act::Promoted);
    let frame = poller.poll().await;
    assert_eq!(frame.view.tables.len(), 2);
    assert_eq!(counts(&frame, &fleet, 7), (size, Some(0)));
    assert!(!findings(&frame).is_empty());
    fleet.act(7, Act::Silent);
    assert_eq!(poller.poll().await.view.reachable(), SHAPE.nodes() - 1);
    fleet.act(7, Act::Sound);
    let before = fleet.heard(7);
    assert_eq!(poller.poll().await.view.reachable(), SHAPE.nodes());
    let Heard { tables, bytes, .. } = fleet.heard(7);
    assert!(tables > before.tables && bytes > before.bytes);
}
