//! What a node may do wrong: each fault has its kind, is over in time, and leaves nothing behind.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test fails by panicking")]
#![allow(clippy::disallowed_methods, reason = "measures against a real clock")]

mod common {
    pub(crate) mod asking;
    pub(crate) mod fake_node;
}

use std::time::{Duration, Instant};

use common::asking::{Asker, TIMEOUT, cluster, kind};
use common::fake_node::{FakeNode, Fault};
use redis_cluster_exporter::model::failure::AskError;
use redis_cluster_exporter::model::reply::Reply;
use redis_cluster_exporter::probes::ProbeId;

#[tokio::test]
async fn each_fault_has_its_kind_within_the_deadline() {
    for (fault, wanted) in [
        (Fault::Refuse, "connect"),
        (Fault::Hang, "timeout"),
        (Fault::Frozen, "timeout"),
        (Fault::Trickle, "timeout"),
        (Fault::CutMidReply, "connect"),
        (Fault::SilentClose, "connect"),
        (Fault::Garbage, "protocol"),
        (Fault::Http, "protocol"),
        (Fault::TlsAlert, "tls"),
        (Fault::EndlessBulk, "too_large"),
        (Fault::MillionElements, "too_large"),
        (Fault::Nesting, "protocol"),
        (Fault::NoAuth, "auth"),
        (Fault::MaxClients, "rejected"),
        (Fault::ProtectedMode, "rejected"),
        (Fault::ExtraReply(0), "protocol"),
        (Fault::ExtraReply(1), "protocol"),
        (Fault::ExtraReply(7), "protocol"),
    ] {
        let node = FakeNode::healthy().fault(fault).spawn().await;
        // How long a flood takes to reach its limit depends on the machine.
        let floods = matches!(fault, Fault::EndlessBulk | Fault::MillionElements);
        let timeout = if floods { Duration::from_secs(20) } else { TIMEOUT };
        let mut asker = Asker::patient(cluster(), node.target(), timeout);
        let begun = Instant::now();
        let replies = asker.ask().await;
        assert!(begun.elapsed() < timeout + Duration::from_secs(2), "{fault:?} took {:?}", begun.elapsed());
        assert_eq!(kind(&replies), wanted, "{fault:?} gave {:?}", replies.failure);
        assert!(replies.answers.is_empty(), "{fault:?}");
        assert!(!asker.link.is_connected(), "{fault:?}");

        node.heal();
        // A closed port is opened by another task: give it a moment.
        tokio::time::sleep(Duration::from_millis(20)).await;
        assert_eq!(kind(&asker.ask().await), "none", "{fault:?}: the first retry comes with the next ask");
    }
}

#[tokio::test]
async fn faults_of_a_node_that_was_sound_have_the_same_kinds() {
    for (fault, wanted) in [
        (Fault::Refuse, "connect"),
        (Fault::Hang, "timeout"),
        (Fault::CutMidReply, "connect"),
        (Fault::SilentClose, "connect"),
        (Fault::Garbage, "protocol"),
        (Fault::NoAuth, "auth"),
        (Fault::ExtraReply(2), "protocol"),
        (Fault::ExtraReply(4), "protocol"),
    ] {
        let node = FakeNode::healthy().spawn().await;
        let mut asker = Asker::of(node.target());
        assert_eq!(kind(&asker.ask().await), "none");
        node.fall_ill(fault);
        tokio::time::sleep(Duration::from_millis(20)).await;
        let replies = asker.ask().await;
        assert_eq!(kind(&replies), wanted, "{fault:?} gave {:?}", replies.failure);
        node.heal();
        tokio::time::sleep(Duration::from_millis(20)).await;
        assert_eq!(kind(&asker.ask().await), "none", "{fault:?}");
    }
}

#[tokio::test]
async fn an_http_server_is_named() {
    let node = FakeNode::healthy().fault(Fault::Http).spawn().await;
    let failure = Asker::of(node.target()).ask().await.failure.unwrap();
    assert_eq!(failure.to_string(), "protocol: an HTTP server answered: \"HTTP/1.1 400 Bad Request\"");
}

#[tokio::test]
async fn a_timeout_says_what_was_going_on() {
    for (fault, wanted) in [(Fault::Hang, "waiting for replies"), (Fault::Trickle, "reading replies")] {
        let node = FakeNode::healthy().fault(fault).spawn().await;
        let replies = Asker::of(node.target()).ask().await;
        let Some(AskError::Timeout { during, after_ms: 400 }) = replies.failure else {
            panic!("{:?}", replies.failure);
        };
        assert_eq!(during, wanted);
        assert_eq!(replies.response.is_some(), fault == Fault::Trickle);
    }
}

#[tokio::test]
async fn a_connection_that_was_closed_between_polls_is_opened_again_at_once() {
    let node = FakeNode::healthy().spawn().await;
    let mut asker = Asker::of(node.target());
    for round in 1..4 {
        assert_eq!(kind(&asker.ask().await), "none");
        assert_eq!(node.connections(), round);
        node.hang_up();
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

#[tokio::test]
async fn a_late_reply_meets_no_later_question() {
    let node = FakeNode::healthy().fault(Fault::LateReply).spawn().await;
    let mut asker = Asker::of(node.target());
    assert_eq!(kind(&asker.ask().await), "none");
    tokio::time::sleep(Duration::from_millis(80)).await;
    node.heal();
    // It lies in the socket now: this ask is not harmed, and the connection is not used again.
    let replies = asker.ask().await;
    assert_eq!(replies.failure, None);
    assert_eq!(*replies.answer(ProbeId::Ping).unwrap().reply, Reply::Status("PONG".into()));
    assert!(!asker.link.is_connected());
    assert_eq!(kind(&asker.ask().await), "none");
    assert_eq!(node.connections(), 2);
}

#[tokio::test]
async fn an_ask_that_is_given_up_leaves_no_connection_behind() {
    let node = FakeNode::healthy().spawn().await;
    let mut asker = Asker::of(node.target());
    asker.ask().await;
    node.fall_ill(Fault::Hang);
    assert!(tokio::time::timeout(Duration::from_millis(50), asker.ask()).await.is_err());
    assert!(!asker.link.is_connected());
    node.heal();
    assert_eq!(kind(&asker.ask().await), "none");
}

#[tokio::test]
async fn a_node_that_stays_away_is_left_alone_for_a_while() {
    let node = FakeNode::healthy().fault(Fault::SilentClose).spawn().await;
    let mut asker = Asker::of(node.target());
    asker.ask().await;
    asker.ask().await;
    assert_eq!(node.connections(), 2);
    let replies = asker.ask().await;
    assert_eq!((node.connections(), kind(&replies), replies.took), (2, "connect", Duration::ZERO));
    node.heal();
    tokio::time::sleep(Duration::from_millis(1050)).await;
    assert_eq!(kind(&asker.ask().await), "none");
}
