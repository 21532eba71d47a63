//! Asking one node: what goes out, what comes back, and over what.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test fails by panicking")]

mod common {
    pub(crate) mod asking;
    pub(crate) mod fake_node;
}

use std::time::Duration;

use common::asking::{Asker, cluster, kind, with_password_file};
use common::fake_node::{FakeNode, Fault};
use redis_cluster_exporter::config::Cluster;
use redis_cluster_exporter::model::address::{Address, Target};
use redis_cluster_exporter::model::failure::AskError;
use redis_cluster_exporter::model::reply::Reply;
use redis_cluster_exporter::model::time::Timestamp;
use redis_cluster_exporter::probes::{Every, PROBES, ProbeId, Replies, SETTINGS};

fn reply(replies: &Replies, probe: ProbeId) -> &Reply {
    &replies.answer(probe).unwrap_or_else(|| panic!("no answer to {probe:?}")).reply
}

#[tokio::test]
async fn the_first_ask_brings_an_answer_to_every_probe() {
    let node = FakeNode::healthy().spawn().await;
    let replies = Asker::of(node.target()).turn(false, &[5, 16383]).await;
    assert_eq!(replies.failure, None);
    let asked: Vec<ProbeId> = replies.answers.iter().map(|answer| answer.probe).collect();
    let wanted: Vec<ProbeId> = ProbeId::ALL
        .into_iter()
        .filter(|probe| !matches!(probe.row().every, Every::OptIn | Every::OnDemand))
        .collect();
    assert_eq!(asked, wanted);
    assert!(reply(&replies, ProbeId::Info).text().unwrap().contains("redis_version:7.0.15"));
    assert_eq!(reply(&replies, ProbeId::LastSave), &Reply::Int(1_795_361_599));
    assert_eq!(replies.key_counts, [(5, Reply::Int(7)), (16383, Reply::Int(7))]);
    assert!(replies.asked_at > Timestamp(1_000_000));
    assert!(replies.response.unwrap() > Duration::ZERO && replies.response.unwrap() <= replies.took);
}

#[tokio::test]
async fn twenty_asks_take_one_connection_and_one_write_each() {
    let node = FakeNode::healthy().spawn().await;
    let mut asker = Asker::of(node.target());
    for _ in 0..20 {
        assert_eq!(kind(&asker.ask().await), "none");
    }
    assert_eq!((node.connections(), asker.dialer.connects(), node.reads()), (1, 1, 20));
}

#[tokio::test]
async fn the_first_request_names_the_connection_and_no_other_does() {
    let node = FakeNode::healthy().spawn().await;
    let mut asker = Asker::of(node.target());
    asker.ask().await;
    let first = node.new_commands();
    assert_eq!(first[..2], ["CLIENT SETNAME redis-cluster-exporter", "PING"]);
    assert_eq!(
        first.len(),
        2 + 14,
        "every probe but the opt-in ones, one of them PING, and the mark: {first:?}"
    );
    asker.ask().await;
    assert_eq!(node.new_commands()[0], "PING");
}

#[tokio::test]
async fn slow_probes_wait_for_their_turn_and_their_last_answers_stand() {
    let node = FakeNode::healthy().spawn().await;
    let mut asker = Asker::of(node.target());
    let first = asker.ask().await;
    node.say("LASTSAVE", Reply::Int(1));
    node.new_commands();

    let second = asker.ask().await;
    assert_eq!(
        node.new_commands(),
        ["PING", "INFO", "CLUSTER INFO", "CLUSTER NODES", "PING redis-cluster-exporter-2"]
    );
    let (old, new) = (first.answer(ProbeId::LastSave).unwrap(), second.answer(ProbeId::LastSave).unwrap());
    assert_eq!((&old.reply, old.asked_at), (&new.reply, new.asked_at));
    assert!(second.answer(ProbeId::Info).unwrap().asked_at > old.asked_at);

    assert_eq!(reply(&asker.ask_slow().await, ProbeId::LastSave), &Reply::Int(1));
}

#[tokio::test]
async fn opt_in_probes_are_sent_where_they_are_turned_on() {
    let node = FakeNode::healthy().spawn().await;
    let mut asker =
        Asker::within(Cluster { command_stats: true, latency_stats: true, ..cluster() }, node.target());
    let replies = asker.ask().await;
    assert!(reply(&replies, ProbeId::CommandStats).text().unwrap().contains("cmdstat_ping"));
    let asked = PROBES.iter().filter(|probe| probe.every != Every::OnDemand);
    assert_eq!(replies.answers.len(), asked.count());
}

#[tokio::test]
async fn commands_that_the_server_lacks_are_asked_once_in_a_connection() {
    let node = FakeNode::healthy().spawn().await;
    let mut asker = Asker::of(node.target());
    asker.ask().await;
    let times = |commands: &[String]| commands.iter().filter(|c| *c == "CLUSTER GETSLOTMIGRATIONS").count();
    assert_eq!(times(&node.new_commands()), 1);
    let replies = asker.ask_slow().await;
    assert_eq!(times(&node.new_commands()), 0);
    assert!(
        matches!(reply(&replies, ProbeId::SlotMigrations), Reply::Error { .. }),
        "the refusal still stands"
    );

    node.say("CLUSTER GETSLOTMIGRATIONS", Reply::Array(Vec::new()));
    node.hang_up();
    let upgraded = asker.ask().await;
    assert_eq!(reply(&upgraded, ProbeId::SlotMigrations), &Reply::Array(Vec::new()));
}

#[tokio::test]
async fn refused_commands_are_asked_again_on_slow_turns_and_cost_nothing_else() {
    let node = FakeNode::healthy().fault(Fault::NoPerm(&["CONFIG", "CLUSTER GETSLOT"])).spawn().await;
    let mut asker = Asker::of(node.target());
    let replies = asker.ask().await;
    assert_eq!(replies.failure, None);
    let denied = reply(&replies, ProbeId::ConfigGet).clone();
    assert!(matches!(denied, Reply::Error { code, .. } if code == "NOPERM"));

    node.heal();
    asker.ask().await;
    assert!(matches!(reply(&asker.ask().await, ProbeId::ConfigGet), Reply::Error { .. }));
    assert!(matches!(reply(&asker.ask_slow().await, ProbeId::ConfigGet), Reply::Array(_)));
}

#[tokio::test]
async fn a_refused_required_command_is_an_answer() {
    let node = FakeNode::healthy().fault(Fault::NoPerm(&["CLUSTER"])).spawn().await;
    let mut asker = Asker::of(node.target());
    for _ in 0..2 {
        let replies = asker.ask().await;
        assert_eq!(replies.failure, None);
        assert!(
            matches!(reply(&replies, ProbeId::ClusterNodes), Reply::Error { code, .. } if code == "NOPERM")
        );
    }
    assert_eq!(node.connections(), 1);
}

#[tokio::test]
async fn loading_busy_and_redirecting_nodes_answer_with_their_errors() {
    for (fault, code) in [(Fault::Loading, "LOADING"), (Fault::Busy, "BUSY"), (Fault::Moved, "MOVED")] {
        let node = FakeNode::healthy().fault(fault).spawn().await;
        let mut asker = Asker::of(node.target());
        let replies = asker.ask().await;
        assert_eq!(replies.failure, None, "{fault:?}");
        assert!(
            matches!(reply(&replies, ProbeId::Info), Reply::Error { code: c, .. } if c == code),
            "{fault:?}"
        );
        node.heal();
        let healed = asker.ask().await;
        assert_eq!(healed.answers.len(), 14);
        let settings_are_back = matches!(reply(&healed, ProbeId::ConfigGet), Reply::Array(_));
        assert_eq!(
            settings_are_back,
            fault != Fault::Moved,
            "loading and busy pass by themselves: {fault:?}"
        );
    }
}

#[tokio::test]
async fn settings_are_asked_one_by_one_where_several_are_refused() {
    let node = FakeNode::healthy().fault(Fault::OneSetting).spawn().await;
    let mut asker = Asker::of(node.target());
    assert!(matches!(reply(&asker.ask().await, ProbeId::ConfigGet), Reply::Error { .. }));
    node.new_commands();
    let replies = asker.ask().await;
    let singles = |commands: Vec<String>| commands.iter().filter(|c| c.starts_with("CONFIG GET ")).count();
    assert_eq!(singles(node.new_commands()), SETTINGS.len());
    let pairs: Vec<_> =
        reply(&replies, ProbeId::ConfigGet).pairs().map(|(name, value)| (name, value.text())).collect();
    assert_eq!(
        pairs,
        [("appendonly", Some("no")), ("cluster-node-timeout", Some("15000")), ("maxmemory", Some("0"))]
    );
    asker.ask().await;
    assert_eq!(singles(node.new_commands()), 0);
    asker.ask_slow().await;
    assert_eq!(singles(node.new_commands()), SETTINGS.len());
}

#[tokio::test]
async fn a_name_without_an_address_is_named() {
    let target = Target::Tcp(Address::new("no-such-host.invalid", 6379));
    let mut asker = Asker::patient(cluster(), target, Duration::from_secs(20));
    let failure = asker.ask().await.failure.unwrap();
    assert!(
        matches!(&failure, AskError::Resolve { host, .. } if host == "no-such-host.invalid"),
        "{failure}"
    );
}

#[tokio::test]
async fn a_host_name_is_dialled_at_all_its_addresses() {
    // Where the name has an IPv6 address as well, it refuses: the node listens on IPv4 only.
    let node = FakeNode::healthy().spawn().await;
    let target = Target::Tcp(Address::new("localhost", node.address().port));
    assert_eq!(kind(&Asker::of(target).ask().await), "none");
}

#[tokio::test]
async fn speaks_over_ipv6_and_unix_sockets() {
    let node = FakeNode::healthy().spawn_at("[::1]:0").await;
    assert_eq!(kind(&Asker::of(node.target()).ask().await), "none");

    let dir = tempfile::tempdir().unwrap();
    let node = FakeNode::healthy().spawn_unix(&dir.path().join("redis.sock")).await;
    assert_eq!(kind(&Asker::of(node.target()).ask().await), "none");
    let gone = Target::Unix(dir.path().join("gone.sock"));
    assert_eq!(kind(&Asker::of(gone).ask().await), "connect");
}

#[tokio::test]
async fn a_password_file_is_read_at_every_connect() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("password");
    std::fs::write(&file, "old\n").unwrap();
    let node = FakeNode::healthy().password("old").spawn().await;
    let mut asker = Asker::within(with_password_file(file.clone()), node.target());
    assert_eq!(kind(&asker.ask().await), "none");
    assert_eq!(node.new_commands()[0], "AUTH old");

    node.set_password("new");
    assert_eq!(kind(&asker.ask().await), "none", "a live connection stays admitted");
    node.hang_up();
    let refused = asker.ask().await.failure.unwrap();
    assert_eq!(
        refused.to_string(),
        "authentication failed: WRONGPASS invalid username-password pair or user is disabled."
    );
    std::fs::write(&file, "new").unwrap();
    assert_eq!(kind(&asker.ask().await), "none");

    std::fs::remove_file(&file).unwrap();
    node.hang_up();
    let missing = asker.ask().await.failure.unwrap();
    assert!(
        matches!(&missing, AskError::Auth(text) if text.contains("cannot read the password from")),
        "{missing}"
    );
}

#[tokio::test]
async fn passwords_on_one_side_only_are_told() {
    let node = FakeNode::healthy().password("secret").spawn().await;
    let failure = Asker::of(node.target()).ask().await.failure.unwrap();
    assert!(matches!(&failure, AskError::Auth(text) if text.starts_with("NOAUTH")), "{failure}");

    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("password");
    std::fs::write(&file, "secret").unwrap();
    let node = FakeNode::healthy().spawn().await;
    let failure = Asker::within(with_password_file(file), node.target()).ask().await.failure.unwrap();
    assert!(
        matches!(&failure, AskError::Auth(text) if text.contains("without any password configured")),
        "{failure}"
    );
    assert!(!failure.to_string().contains("secret"));
}
