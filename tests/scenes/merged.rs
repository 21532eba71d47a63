//! Two configured clusters that one MEET joins, what remains of them, and how they are parted again.

use super::act::{About, evidence};
use super::stage::{LIMITS, Stage, await_truth, configuration};
use super::table::Table;
use super::truth::Truth;
use crate::common::naive::NaiveRow;
use crate::common::real::Cluster;
use crate::common::real::id;

pub(crate) fn scene(table: &Table) {
    let one = Cluster::of(3, 0).node_timeout_ms(3000).boot();
    let other = Cluster::of(3, 0).node_timeout_ms(3000).boot();
    let (truth_of_one, both) = (Truth::of(&[&one]), Truth::of(&[&one, &other]));
    let seeds = [("one", one.primary(0)), ("other", other.primary(0))];
    await_truth("both are well", || truth_of_one.is_well() && Truth::of(&[&other]).is_well());
    let stage = Stage::watching(&configuration(&seeds, LIMITS), table);

    let mut act = stage.act("two clusters joined by one MEET");
    one.meet(other.primary(0));
    let all = || one.nodes().iter().chain(other.nodes());
    let is_settled = |node: &String| {
        let rows = both.rows(node);
        rows.len() == 6 && rows.iter().all(|row| !row.flags.iter().any(|flag| flag == "handshake"))
    };
    act.shows(|| all().any(is_settled));
    let finding = act.names("clusters_merged", About::Whole);
    assert!(["one", "other"].contains(&&*evidence(&finding, "other_cluster")));
    act.may("ghost_nodes", "nodes shake hands, one pair after the other");
    act.may("membership_disagrees", "until all have, they know different nodes");
    act.may("slot_maps_disagree", "of each two owners of a slot the one with the higher epoch keeps it");
    act.may("nodes_unexpected", "while they do, they count slots differently");
    act.may("epoch_collision", "both clusters counted their epochs from one");
    act.may("split_brain", "both owners claim a slot until they hear of each other");
    act.may("replicas_missing", "a primary that has lost all of its slots follows the one that has them");
    act.may("failover_not_ready", "until it is in sync it could not be promoted");
    act.may("replica_link_down", "until then its link is down");
    // What remains: one cluster of six under two names. Before every slot has but one owner in all tables, a node may
    // still lose its own and follow a stranger; and nobody forgets its primary.
    act.shows(|| both.is_well());
    act.names("clusters_merged", About::Whole);

    // The way apart: those of the first cluster take their slots back, the others forget everything, and are forgotten.
    act.heals();
    let has_slots = |node: &str| both.rows(node).iter().any(|row| is_own(row) && !row.slots.is_empty());
    for node in one.nodes() {
        await_truth("it serves its slots, or follows who does", || {
            let follows = one.cli(node, &["INFO", "replication"]).contains("master_link_status:up");
            if follows {
                assert_eq!(one.cli(node, &["CLUSTER", "FAILOVER", "TAKEOVER"]), "OK");
            }
            has_slots(node)
        });
    }
    let strangers: Vec<String> = other.nodes().iter().map(|node| id(&other, node)).collect();
    for node in other.nodes() {
        assert_eq!(other.cli(node, &["CLUSTER", "RESET", "HARD"]), "OK");
    }
    for node in one.nodes() {
        for stranger in &strangers {
            // One may have told the others already whom it forgets.
            let reply = one.cli(node, &["CLUSTER", "FORGET", stranger]);
            assert!(reply == "OK" || reply.starts_with("ERR Unknown node"), "{node}: {reply}");
        }
    }
    let apart = |node: &String| both.rows(node).iter().all(|row| !strangers.contains(&row.id));
    act.ends("clusters_merged", || one.nodes().iter().all(apart));
}

fn is_own(row: &NaiveRow) -> bool {
    row.flags.iter().any(|flag| flag == "myself")
}
