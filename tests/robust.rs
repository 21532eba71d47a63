//! Whatever nodes reply: nothing panics, and what is exported is sound.
#![allow(clippy::unwrap_used, reason = "a test fails where it meets what it does not expect")]

mod common {
    pub(crate) mod judged;
    #[allow(dead_code, unreachable_pub, reason = "shared with other test programs")]
    pub(crate) mod samples;
    pub(crate) mod sim;
}

use std::sync::{Arc, LazyLock};

use common::judged::exposition_of;
use common::sim::{Cluster, Server};
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::{Index, select};
use redis_cluster_exporter::model::reply::Reply;
use redis_cluster_exporter::model::snapshot::NodeSnapshot;
use redis_cluster_exporter::parse::{self, Tables};
use redis_cluster_exporter::probes::{ProbeId, Replies};

fn config(cases: u32) -> ProptestConfig {
    // Nothing is written beside the sources: a failing case is printed whole.
    ProptestConfig { cases, failure_persistence: None, ..ProptestConfig::default() }
}

/// Sound replies of all kinds of servers, to be damaged.
static SOUND: LazyLock<Vec<Replies>> = LazyLock::new(|| {
    let plain = Cluster::healthy(2, 1).open_slot(7, "m1", "m2").key_count("m1", 7, 3);
    let atomic = |server, state| Cluster::healthy(2, 1).server(server).atomic("m1", "m2", 0..=9, state);
    let clusters = [plain, atomic(Server::Valkey9, "snapshotting"), atomic(Server::Redis84, "completed")];
    clusters.iter().flat_map(Cluster::replies).collect()
});

fn arbitrary_reply() -> impl Strategy<Value = Reply> {
    let leaf = prop_oneof![
        any::<String>().prop_map(Reply::Status),
        (any::<String>(), any::<String>()).prop_map(|(code, text)| Reply::Error { code, text }),
        any::<i64>().prop_map(Reply::Int),
        vec(any::<u8>(), 0..200).prop_map(Reply::Bulk),
        "[ :@,\\[\\]<>\r\n0-9a-f-]{0,300}".prop_map(|text| Reply::Bulk(text.into_bytes())),
        Just(Reply::Nil),
    ];
    leaf.prop_recursive(3, 24, 8, |inner| vec(inner, 0..8).prop_map(Reply::Array))
}

/// Overwrites, inserts or cuts bytes in every text of a reply.
fn damage(reply: &Reply, at: Index, cut: usize, bytes: &[u8]) -> Reply {
    match reply {
        Reply::Bulk(text) => {
            let mut text = text.clone();
            let start = at.index(text.len() + 1);
            let end = (start + cut).min(text.len());
            text.splice(start..end, bytes.iter().copied());
            Reply::Bulk(text)
        }
        Reply::Array(items) => {
            let mut items = items.clone();
            if !items.is_empty() {
                let item = at.index(items.len());
                items[item] = damage(&items[item], at, cut, bytes);
                items.truncate(items.len() - cut % 2);
            }
            Reply::Array(items)
        }
        Reply::Int(n) => Reply::Int(n.wrapping_mul(-1).wrapping_sub(cut as i64)),
        other => other.clone(),
    }
}

/// What holds of every snapshot, whatever it was made of.
fn sound(snapshot: &NodeSnapshot) -> Result<(), TestCaseError> {
    let required = snapshot.info.is_ok() && snapshot.cluster.is_ok() && snapshot.nodes.is_ok();
    prop_assert_eq!(snapshot.outcome.is_ok(), required);
    if let Ok(view) = &snapshot.nodes {
        prop_assert!(view.own_row().is_some());
        prop_assert!(view.table.rows.windows(2).all(|pair| pair[0].id < pair[1].id));
    }
    Ok(())
}

proptest! {
    #![proptest_config(config(256))]

    #[test]
    fn arbitrary_replies_do_no_harm(answers in vec(arbitrary_reply(), ProbeId::ALL.len())) {
        let mut replies = SOUND[0].clone();
        for (answer, reply) in replies.answers.iter_mut().zip(answers) {
            answer.reply = Arc::new(reply);
        }
        sound(&parse::snapshot(&replies, &mut Tables::default()))?;
        exposition_of(&[replies]);
    }

    #[test]
    fn damaged_replies_do_no_harm(
        which in any::<Index>(),
        at in any::<Index>(),
        cut in 0..40usize,
        bytes in prop_oneof![
            vec(any::<u8>(), 0..20),
            select(vec![&b"\n"[..], b":", b" ", b"-", b"[", b"]", b"@", b"18446744073709551616", b"-1", b"myself,"])
                .prop_map(<[u8]>::to_vec),
        ],
    ) {
        let mut replies = SOUND[which.index(SOUND.len())].clone();
        for answer in &mut replies.answers {
            answer.reply = Arc::new(damage(&answer.reply, at, cut, &bytes));
        }
        sound(&parse::snapshot(&replies, &mut Tables::default()))?;
        let mut all = SOUND.clone();
        all.push(replies);
        exposition_of(&all);
    }
}
