//! A cluster so large that not every node is asked for its table with every poll: what changes is seen all the same,
//! at once where anything but a single table tells of it, else within a bound that is kept. In smaller ones, that CLUSTER
//! LINKS are asked in turn, and stand between.
#![allow(clippy::expect_used, clippy::unwrap_used, reason = "fails by panicking")]
#![allow(clippy::disallowed_methods, reason = "polls as the shell does")]

#[allow(dead_code, unreachable_pub, reason = "other tests use the rest")]
mod common {
    pub(crate) mod asking;
    pub(crate) mod fake_node;
    pub(crate) mod judged;
    pub(crate) mod samples;
    pub(crate) mod served;
    pub(crate) mod sim;
}

use std::sync::Arc;
use std::time::Duration;

use common::fake_node::Fault;
use common::served::Served;
use common::sim::Cluster;
use redis_cluster_exporter::clock::now;
use redis_cluster_exporter::config::{self, Credentials, Secret};
use redis_cluster_exporter::frame::Frame;
use redis_cluster_exporter::history::History;
use redis_cluster_exporter::model::address::{Address, Target};
use redis_cluster_exporter::model::failure::AskError;
use redis_cluster_exporter::model::node::Health;
use redis_cluster_exporter::model::view::Member;
use redis_cluster_exporter::poll::{Neighbours, Poller};
use redis_cluster_exporter::probes::{ProbeId, Replies};
use redis_cluster_exporter::self_metrics::SelfMetrics;
use tokio::runtime::{Builder, Runtime};

/// Primaries, with a replica each: just more nodes than are all asked.
const PRIMARIES: u16 = 101;
const NODES: usize = 2 * PRIMARIES as usize;

/// At ten seconds from poll to poll, every table is read within five minutes.
const INTERVAL: Duration = Duration::from_secs(10);
const TURNS: usize = NODES.div_ceil(30);
const POLLS: usize = NODES.div_ceil(TURNS);

/// CLUSTER LINKS is asked of two more.
const AND_LINKS: usize = 2;

struct Watched {
    served: Served,
    poller: Poller,
    runtime: Runtime,
}

impl Watched {
    /// Polled until all tables have been read once.
    fn start() -> Self {
        let mut watched = Self::of(PRIMARIES);
        let frame = watched.poll();
        assert_eq!(frame.view.reachable(), NODES);
        assert_eq!(frame.view.tables[0].viewers.len(), NODES, "at first every table is read");
        watched.asked("CLUSTER NODES");
        watched
    }

    /// So many primaries with a replica each, not polled yet.
    fn of(primaries: u16) -> Self {
        let served = Served::start(Cluster::healthy(primaries, 1));
        let (host, port) = {
            let label = served.label("m1");
            let (host, port) = label.rsplit_once(':').expect("host:port");
            (host.to_owned(), port.parse().expect("a port"))
        };
        let credentials =
            Credentials { username: None, password: Some(Secret::Value(Served::password().into())) };
        let seeds = vec![Target::Tcp(Address::new(&host, port))];
        let cluster = Arc::new(config::Cluster { seeds, credentials, ..common::asking::cluster() });
        let counts = SelfMetrics::new([Arc::clone(&cluster.name)], now()).cluster(&cluster.name);
        // The slow probes go with the first poll and with no other.
        let hour = Duration::from_secs(3600);
        let poll = config::Poll {
            interval: INTERVAL,
            timeout: Duration::from_secs(8),
            slow_interval: hour,
            sweep_interval: hour,
            ..config::Poll::default()
        };
        let poller = Poller::new(&cluster, poll, History::default(), counts, Neighbours::default());
        let runtime = Builder::new_current_thread().enable_all().build().expect("a runtime");
        Self { served, poller, runtime }
    }

    fn poll(&mut self) -> Frame {
        self.runtime.block_on(self.poller.poll())
    }

    /// Who was asked this since the last call, each as often as it was.
    fn asked(&self, what: &str) -> Vec<String> {
        let of = |name: &String| {
            let commands = self.served.node(name).new_commands();
            let times = commands.iter().filter(|command| *command == what).count();
            std::iter::repeat_n(name.clone(), times)
        };
        self.served.names().iter().flat_map(of).collect()
    }

    /// Tables that were asked for since the last call.
    fn tables(&self) -> usize {
        self.asked("CLUSTER NODES").len()
    }

    /// Polls once: whose links were asked, and whose are told.
    fn links(&mut self) -> [Vec<String>; 2] {
        let frame = self.poll();
        let told =
            |name: &String| self.member(&frame, name).said.as_ref().is_some_and(|said| said.links.is_ok());
        let mut names = self.served.names();
        names.retain(told);
        [self.asked("CLUSTER LINKS"), names]
    }

    fn member<'a>(&self, frame: &'a Frame, name: &str) -> &'a Member {
        let label = self.served.label(name);
        frame.view.members.iter().find(|member| *member.label == *label).expect("a member of this name")
    }
}

fn view_age(frame: Frame) -> f64 {
    common::judged::samples(&Arc::new(frame)).value("rediscluster_view_age_seconds", &[])
}

#[test]
fn answers_are_kept_only_for_whoever_wants_them() {
    let gathered = |wanted: bool| {
        let Watched { served, poller, runtime } = Watched::of(PRIMARIES);
        let mut poller = if wanted { poller.keeping_replies() } else { poller };
        let (replies, view) = runtime.block_on(poller.gather());
        assert_eq!((replies.len(), view.reachable()), (NODES, NODES));
        drop(served);
        replies
    };
    assert!(gathered(false).iter().all(|replies| replies.failure.is_none() && replies.answers.is_empty()));
    let has_all = |replies: &Replies| {
        [ProbeId::Info, ProbeId::ClusterNodes].iter().all(|probe| replies.answer(*probe).is_some())
    };
    assert!(gathered(true).iter().all(has_all));
}

#[test]
fn a_quiet_cluster_is_asked_for_few_tables_and_each_within_the_bound() {
    let mut watched = Watched::start();
    let connections: u64 =
        watched.served.names().iter().map(|name| watched.served.node(name).connections()).sum();
    let mut began = Vec::new();
    for _ in 0..POLLS {
        let frame = watched.poll();
        let asked = watched.tables();
        assert!((TURNS..=TURNS + AND_LINKS).contains(&asked), "{asked} tables in a poll");
        assert_eq!((frame.view.reachable(), frame.view.coverage.covered.len()), (NODES, 16384));
        assert_eq!((frame.view.groups.len(), frame.view.slot_maps()), (1, 1));
        assert_eq!(frame.view.tables[0].viewers.len(), NODES, "tables of polls before stand");
        began.push(frame.view.at);
    }
    let frame = watched.poll();
    let bound = frame.view.at.seconds_since(began[0]);
    let age = view_age(frame);
    assert!(age > 0.0 && age <= bound, "the oldest table is {age} s old, {POLLS} polls took {bound} s");
    let now: u64 = watched.served.names().iter().map(|name| watched.served.node(name).connections()).sum();
    let most = (POLLS + 1) * (TURNS + AND_LINKS);
    assert!(now - connections <= most as u64, "each table over a connection of its own, and no other");
}

#[test]
fn what_cluster_info_tells_is_seen_in_the_same_poll() {
    let mut watched = Watched::start();
    watched.served.change(|cluster| cluster.unassign(0..=0));
    let frame = watched.poll();
    assert_eq!(frame.view.coverage.covered.len(), 16383);
    assert_eq!(watched.tables(), NODES, "all of them tell another CLUSTER INFO");
    assert!(view_age(frame) < 10.0);
}

#[test]
fn a_failover_is_seen_in_the_same_poll() {
    let mut watched = Watched::start();
    watched.served.change(|cluster| cluster.promote("r7"));
    let frame = watched.poll();
    assert!(watched.member(&frame, "r7").is_primary() && !watched.member(&frame, "m7").is_primary());
    assert_eq!(frame.view.coverage.contested.len(), 0);
}

#[test]
fn what_a_single_table_shows_is_seen_within_the_bound_and_gone_at_once() {
    let mut watched = Watched::start();
    // Whether a replica is suspected no CLUSTER INFO tells.
    watched.served.change(|cluster| cluster.seen_from("r7", "r9", Health::Suspected));
    let mut polls = 0;
    loop {
        let frame = watched.poll();
        polls += 1;
        let asked = watched.tables();
        if watched.member(&frame, "r9").suspected_by == 1 {
            assert_eq!(asked, NODES, "one that shows anything new has all the others asked");
            break;
        }
        assert!(polls < POLLS, "not seen in {polls} polls");
    }
    let frame = watched.poll();
    assert_eq!(watched.member(&frame, "r9").suspected_by, 1);
    let asked = watched.tables();
    assert!((TURNS..=TURNS + AND_LINKS + 1).contains(&asked), "{asked} tables while nothing changes");
    watched.served.change(|cluster| cluster.seen_from("r7", "r9", Health::Alive));
    let frame = watched.poll();
    assert_eq!(watched.member(&frame, "r9").suspected_by, 0, "who sees a peer down is asked with every poll");
}

#[test]
fn a_slot_opened_on_one_node_is_seen_within_the_bound_and_its_other_end_too() {
    let mut watched = Watched::start();
    watched.served.change(|cluster| cluster.open_slot(0, "m1", "m2"));
    let open = |frame: &Frame, name: &str| !watched_open(frame, &watched.served.label(name)).is_empty();
    let mut frames = Vec::new();
    for _ in 0..POLLS {
        frames.push(watched.runtime.block_on(watched.poller.poll()));
    }
    let first = frames.iter().position(|frame| open(frame, "m1") || open(frame, "m2"));
    let first = first.expect("one end was seen");
    assert!(frames[first + 1..].iter().all(|frame| open(frame, "m1") && open(frame, "m2")));
}

#[test]
fn a_node_that_refuses_its_table_is_seen_within_the_bound_and_asked_until_it_tells_it() {
    let mut watched = Watched::start();
    let refusal = "NOPERM User monitor has no permissions to run the 'cluster|nodes' command";
    let mut healthy = None;
    watched.served.change(|cluster| {
        healthy = Some(cluster.clone());
        cluster.refuse("r7", ProbeId::ClusterNodes, refusal)
    });
    let reachable = |frame: &Frame| frame.view.reachable();
    let seen = (0..POLLS).find(|_| reachable(&watched.poll()) < NODES);
    assert!(seen.is_some(), "not seen in {POLLS} polls");
    for _ in 0..3 {
        watched.asked("CLUSTER NODES");
        let frame = watched.poll();
        assert_eq!(reachable(&frame), NODES - 1, "nobody else is given up");
        let refused = watched.member(&frame, "r7").said.as_ref().expect("it answers");
        assert_eq!(refused.outcome.as_ref().map_err(AskError::kind), Err("denied"));
        assert!(refused.info.is_ok(), "the rest of what it tells stands");
        assert!(watched.asked("CLUSTER NODES").contains(&"r7".to_owned()));
    }
    watched.served.change(|_| healthy.unwrap());
    assert_eq!(reachable(&watched.poll()), NODES);
}

fn watched_open(frame: &Frame, label: &str) -> Vec<u16> {
    let member = frame.view.members.iter().find(|member| *member.label == *label).expect("a member");
    member.viewpoint().expect("a table").open_slots.iter().map(|open| open.slot).collect()
}

/// Primaries of a cluster whose links are not asked all at once; two nodes have their turn with each poll.
const SOME: u16 = 15;
const TURN: usize = 2;

#[test]
fn links_are_asked_of_few_nodes_at_a_time_and_stand_between() {
    let mut watched = Watched::of(SOME);
    let nodes = 2 * usize::from(SOME);
    let mut told_before: Vec<String> = Vec::new();
    for poll in 0..nodes / TURN {
        let [asked, mut told] = watched.links();
        let most = if poll == 0 { 1 + TURN } else { TURN };
        assert!(asked.len() <= most, "poll {poll}: {asked:?}");
        let mut all = [told_before, asked].concat();
        all.sort_unstable();
        all.dedup();
        told.sort_unstable();
        assert_eq!(told, all, "poll {poll}: who was ever asked, and no other");
        told_before = told;
    }
    assert_eq!(told_before.len(), nodes);
    assert_eq!(watched.links()[0], [""; 0], "until the next slow poll");
}

#[test]
fn all_links_are_asked_at_once_where_they_are_few_and_by_whoever_polls_once() {
    for (primaries, all) in [(4, false), (SOME, true)] {
        let Watched { served, poller, runtime } = Watched::of(primaries);
        let poller = if all { poller.with_all_links() } else { poller };
        let mut watched = Watched { served, poller, runtime };
        assert_eq!(watched.links(), [watched.served.names(), watched.served.names()]);
        assert_eq!(watched.links(), [vec![], watched.served.names()]);
    }
}

#[test]
fn links_stand_when_a_connection_is_made_anew_but_not_past_an_outage_or_a_restart() {
    let mut watched = Watched::of(SOME);
    let names = watched.served.names();
    assert!((0..NODES).any(|_| watched.links()[1] == names), "all tell their links");
    let but_m3: Vec<String> = names.iter().filter(|name| *name != "m3").cloned().collect();

    watched.served.node("m3").hang_up();
    assert_eq!(watched.links(), [vec![], names.clone()]);

    watched.served.node("m3").fall_ill(Fault::Loading);
    assert_eq!(watched.links()[1], but_m3);
    watched.served.node("m3").heal();
    watched.asked("CLUSTER LINKS");
    assert_eq!(watched.links(), [vec!["m3".to_owned()], names.clone()]);

    watched.served.change(|cluster| cluster.info("m3", "run_id", &"e".repeat(40)));
    watched.asked("CLUSTER LINKS");
    assert_eq!(watched.links(), [vec![], but_m3]);
    assert_eq!(watched.links(), [vec!["m3".to_owned()], names]);
}

#[test]
fn links_whose_memory_moved_are_asked_with_the_next_poll() {
    for primaries in [SOME, PRIMARIES] {
        let mut watched = Watched::of(primaries);
        assert!((0..NODES).any(|_| watched.links()[1].contains(&"m7".to_owned())));
        watched.served.change(|cluster| cluster.info("m7", "mem_cluster_links", "9000000"));
        watched.poll();
        watched.asked("CLUSTER LINKS");
        assert!(watched.links()[0].contains(&"m7".to_owned()));
        assert!(!watched.links()[0].contains(&"m7".to_owned()));
    }
}
