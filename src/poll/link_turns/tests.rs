use std::sync::Arc;
use std::time::Duration;

use super::*;
use crate::model::address::Address;
use crate::model::reply::Reply;
use crate::model::snapshot::{BusLinks, Settings};
use crate::model::time::Timestamp;
use crate::parse::{self, Tables};
use crate::probes::{Answer, ProbeId, Replies};

const FULL: f64 = 0.8;
const BASELINE: u64 = 10_000;

fn target(node: usize) -> Target {
    Target::Tcp(Address::new("h", node as u16))
}

/// A node that answers and has told no links.
fn node(node: usize, memory: u64) -> NodeSnapshot {
    let info = format!("run_id:a\r\nmem_cluster_links:{memory}\r\n");
    let took = Duration::ZERO;
    let reply = Arc::new(Reply::Bulk(info.into_bytes()));
    let answers = vec![Answer { probe: ProbeId::Info, asked_at: Timestamp::default(), took, reply }];
    let failed =
        Replies::failed(target(node), Timestamp::default(), took, AskError::Connect("refused".to_owned()));
    let said = parse::snapshot(&Replies { failure: None, answers, ..failed }, &mut Tables::default());
    NodeSnapshot { outcome: Ok(()), ..said }
}

/// A cluster whose nodes tell their links when they have their turn.
struct Cluster {
    turns: LinkTurns,
    nodes: Vec<NodeSnapshot>,
}

impl Cluster {
    fn of(nodes: usize) -> Self {
        let nodes = (0..nodes).map(|at| node(at, BASELINE)).collect();
        Self { turns: LinkTurns::new(FULL), nodes }
    }

    /// Polls; who had their turn, by number.
    fn poll(&mut self, slow: bool) -> Vec<usize> {
        let targets: Vec<Target> = self.nodes.iter().map(|said| said.target.clone()).collect();
        let before = self.nodes.iter().map(|said| (&said.target, said)).collect();
        self.turns.begin(slow);
        let due = self.turns.due(&targets, targets.len(), &before);
        let had: Vec<usize> = (0..targets.len()).filter(|at| due.contains(&targets[*at])).collect();
        for at in &had {
            let said = &mut self.nodes[*at];
            if said.outcome.is_ok() {
                said.links = Ok(BusLinks::default());
            }
            self.turns.done(said);
        }
        had
    }

    /// As many polls as this, every third of them slow; who had their turn in each.
    fn polls(&mut self, count: usize) -> Vec<Vec<usize>> {
        (0..count).map(|at| self.poll(at % 3 == 0)).collect()
    }

    /// In which of these polls each node had its turn.
    fn by_node(&self, polls: &[Vec<usize>]) -> Vec<Vec<usize>> {
        let of = |node: usize| (0..polls.len()).filter(|at| polls[*at].contains(&node)).collect();
        (0..self.nodes.len()).map(of).collect()
    }

    /// Polled until each node has told its links.
    fn told(mut self) -> Self {
        while self.nodes.iter().any(|said| said.links.is_err()) {
            self.poll(false);
        }
        self
    }

    fn memory(&mut self, at: usize, memory: u64) {
        let NodeSnapshot { links, settings, .. } = self.nodes[at].clone();
        self.nodes[at] = NodeSnapshot { links, settings, ..node(at, memory) };
    }

    fn limit(&mut self, limit: u64) {
        let settings = Settings(vec![("cluster-link-sendbuf-limit".to_owned(), limit.to_string())]);
        let settings = Arc::new(settings);
        self.nodes.iter_mut().for_each(|said| said.settings = Ok(Arc::clone(&settings)));
    }
}

#[test]
fn up_to_eight_nodes_all_have_their_turn_with_each_slow_poll_and_no_other() {
    for nodes in 1..=8 {
        let mut cluster = Cluster::of(nodes);
        let all: Vec<usize> = (0..nodes).collect();
        assert_eq!(cluster.polls(6), [all.clone(), vec![], vec![], all, vec![], vec![]]);
    }
}

#[test]
fn with_one_poll_the_rows_are_never_more_than_of_eight_nodes_or_two_from_the_first_poll_on() {
    for nodes in [9, 12, 20, 57, 100, 200, 1000] {
        let mut cluster = Cluster::of(nodes);
        let most = (8 * 14 / (2 * (nodes - 1))).max(2);
        let sizes: Vec<usize> = cluster.polls(60).iter().map(Vec::len).collect();
        assert!(sizes.iter().all(|size| *size <= most), "{nodes} nodes, {most} at most: {sizes:?}");
        assert_eq!(sizes[0], most);
    }
}

#[test]
fn every_node_has_its_turn_before_any_has_it_again() {
    for (nodes, within) in [(9, 3), (12, 3), (20, 10), (100, 50), (300, 150)] {
        let mut cluster = Cluster::of(nodes);
        let polls = cluster.polls(2 * within);
        for (node, turns) in cluster.by_node(&polls).into_iter().enumerate() {
            assert!(
                matches!(turns[..], [first, second] if second - first <= within),
                "{nodes}: {node} at {turns:?}"
            );
        }
    }
}

#[test]
fn links_whose_memory_moved_much_are_asked_with_the_next_poll() {
    let mut cluster = Cluster::of(100).told();
    cluster.memory(70, BASELINE + CHANGE - 1);
    assert_eq!(cluster.poll(false), [0; 0]);
    for node in [70, 20, 45] {
        cluster.memory(node, BASELINE + CHANGE);
    }
    assert_eq!(cluster.poll(false), [20, 45, 70]);
    assert_eq!(cluster.poll(false), [0; 0], "once they were asked it is no news");
    cluster.memory(20, BASELINE);
    assert_eq!(cluster.poll(false), [20], "nor is less memory");
}

#[test]
fn where_a_link_may_be_full_it_is_asked_with_every_poll() {
    let mut cluster = Cluster::of(100).told();
    cluster.limit(100_000);
    cluster.memory(3, 79_999);
    assert_eq!(cluster.poll(false), [0; 0]);
    cluster.memory(3, 80_000);
    assert_eq!([cluster.poll(false), cluster.poll(false)], [[3], [3]]);
    cluster.limit(0);
    assert_eq!(cluster.poll(false), [0; 0], "without a limit none is full");
}

#[test]
fn news_of_all_nodes_is_asked_of_eight_at_a_time() {
    let mut cluster = Cluster::of(40).told();
    (0..40).for_each(|node| cluster.memory(node, BASELINE + CHANGE));
    let polls: Vec<Vec<usize>> = (0..5).map(|_| cluster.poll(false)).collect();
    assert!(polls.iter().all(|polled| polled.len() == NEWS_AT_ONCE));
    assert!(cluster.by_node(&polls).iter().all(|turns| turns.len() == 1));
}

#[test]
fn who_has_told_none_comes_before_whose_turn_it_is() {
    let mut cluster = Cluster::of(100).told();
    cluster.nodes[33].links = Err(ReadError::NotAsked);
    let had = cluster.poll(true);
    assert!(had.len() == 2 && had.contains(&33), "{had:?}");
}

#[test]
fn nodes_that_do_not_answer_take_no_turn_from_the_others_and_have_theirs_when_they_do() {
    let mut cluster = Cluster::of(100);
    let dead = AskError::Connect("refused".to_owned());
    for said in &mut cluster.nodes[..10] {
        said.outcome = Err(dead.clone());
        said.links = Err(ReadError::Failed(dead.clone()));
    }
    let polls = cluster.polls(100);
    assert!(cluster.by_node(&polls).iter().all(|turns| turns.len() == 2), "each as often as any other");
    for said in &mut cluster.nodes[..2] {
        *said = NodeSnapshot { outcome: Ok(()), links: Err(ReadError::NotAsked), ..said.clone() };
    }
    assert_eq!(cluster.poll(false), [0, 1]);
}

#[test]
fn who_lacks_the_command_or_the_right_is_asked_as_often_as_any_other() {
    let mut cluster = Cluster::of(8).told();
    cluster.nodes[0].links = Err(ReadError::Unsupported);
    cluster.nodes[1].links = Err(ReadError::Failed(AskError::Denied("NOPERM".to_owned())));
    assert_eq!(cluster.poll(false), [0; 0]);
    assert_eq!(cluster.poll(true).len(), 8);
}

#[test]
fn whoever_polls_once_asks_all_unless_they_are_very_many() {
    for (nodes, asked) in [(100, [100, 0]), (200, [200, 0]), (201, [2, 2])] {
        let mut cluster = Cluster::of(nodes);
        cluster.turns.all_at_once();
        assert_eq!([cluster.poll(true), cluster.poll(false)].map(|had| had.len()), asked);
    }
}

#[test]
fn nodes_that_are_gone_are_forgotten() {
    let mut cluster = Cluster::of(3).told();
    cluster.turns.retain(|known| *known == target(1));
    assert_eq!(cluster.turns.asked.keys().collect::<Vec<_>>(), [&target(1)]);
}

/// What is told to people elsewhere, where the number cannot be written in.
#[test]
fn the_reference_names_the_bound() {
    let reference = crate::derive::access_reference();
    assert!(reference.contains(&format!("more than {TOGETHER} nodes")), "{reference}");
}
