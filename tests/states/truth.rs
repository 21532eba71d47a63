//! What all recorded states are exported as, against what is true in them: `_truth.json`, and a second reading of
//! the recorded tables.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use redis_cluster_exporter::frame::Frame;
use redis_cluster_exporter::model::migration::OpenMigration;
use redis_cluster_exporter::model::node::Role;
use redis_cluster_exporter::model::view::Member;
use serde_json::Value;

use crate::common::captures::{State, states};
use crate::common::judged::{CLUSTER, samples};
use crate::common::naive::{Files, NaiveRow};
use crate::common::samples::Samples;
use crate::judged;

/// One state, joined by the exporter and as its truth tells it.
struct Case {
    state: State,
    frame: Arc<Frame>,
    samples: Samples,
}

impl Case {
    fn of(state: State) -> Self {
        let frame = judged(&state);
        let samples = samples(&frame);
        Self { state, frame, samples }
    }

    /// The one series of a cluster.
    fn value(&self, name: &str) -> u64 {
        self.samples.value(&format!("rediscluster_{name}"), &[("redis_cluster", CLUSTER)]) as u64
    }

    fn labelled(&self, name: &str, label: &str, value: &str) -> u64 {
        self.samples.value(&format!("rediscluster_{name}"), &[(label, value)]) as u64
    }

    /// A series of one node, if there is one.
    fn of_node(&self, name: &str, member: &Member) -> Option<f64> {
        self.samples.find(&format!("rediscluster_{name}"), &[("redis_node", &member.label)])
    }

    fn observed(&self, key: &str) -> &Value {
        &self.state.truth["observed"][key]
    }

    /// Nodes as the truth names them: by the name of their process, or by the first letters of their id.
    fn member(&self, name: &str) -> Option<&Member> {
        let id = self.state.truth["nodes"][name]["id"].as_str().unwrap_or(name);
        self.frame.view.members.iter().find(|member| member.id.to_string().starts_with(id))
    }

    fn told(&self, key: &str) -> Vec<(&str, &Value)> {
        let told = self.observed(key).as_object();
        told.into_iter().flatten().map(|(name, value)| (name.as_str(), value)).collect()
    }

    /// CLUSTER NODES of every node that told it, by the id of that node.
    fn tables(&self) -> BTreeMap<String, Vec<NaiveRow>> {
        let mut tables = BTreeMap::new();
        for (name, replies) in self.state.nodes() {
            let files = Files::new(self.state.dir.join(name));
            let text = files.text("CLUSTER_NODES").filter(|text| text.contains("myself"));
            if replies.failure.is_none() && text.is_some() {
                let rows = files.rows();
                tables.insert(myself(&rows).id.clone(), rows);
            }
        }
        // A node that was put in the place of another is a cluster of its own until it joins.
        let others = |id: &String, rows: &[NaiveRow]| {
            rows.len() > 1 || !myself(rows).slots.is_empty() || tables_name(&tables, id) > 1
        };
        let here: BTreeSet<String> =
            tables.iter().filter(|(id, rows)| others(id, rows)).map(|(id, _)| id.clone()).collect();
        tables.retain(|id, _| here.contains(id));
        tables
    }
}

fn tables_name(tables: &BTreeMap<String, Vec<NaiveRow>>, id: &str) -> usize {
    tables.values().filter(|rows| rows.iter().any(|row| row.id == id)).count()
}

fn myself(rows: &[NaiveRow]) -> &NaiveRow {
    rows.iter().find(|row| has(row, "myself")).unwrap()
}

fn has(row: &NaiveRow, flag: &str) -> bool {
    row.flags.iter().any(|have| have == flag)
}

/// `0-5460, 6000`
fn slots(text: &str) -> BTreeSet<u16> {
    let ranges = text.split([' ', ',']).filter(|range| !range.is_empty());
    let ends = ranges.map(|range| range.split_once('-').unwrap_or((range, range)));
    ends.flat_map(|(first, last)| first.parse::<u16>().unwrap()..=last.parse().unwrap()).collect()
}

type Compare = fn(&Case) -> Vec<String>;

const COMPARISONS: [(&str, Compare); 5] = [
    ("slots", slots_are_as_their_owners_say),
    ("open slots", open_slots_are_those_that_the_nodes_show),
    ("suspicions", who_suspects_whom_is_as_the_flags_say),
    ("nodes", nodes_are_what_they_say_of_themselves),
    ("view", the_joined_view_equals_a_second_reading),
];

/// All states, and every one that differs is shown.
#[test]
fn what_is_exported_is_true() {
    let mut wrong = Vec::new();
    let mut count = 0;
    for case in states().into_iter().map(Case::of) {
        count += 1;
        for (about, compare) in COMPARISONS {
            wrong.extend(compare(&case).into_iter().map(|what| format!("{}: {about}: {what}", case.state)));
        }
    }
    assert!(count >= 386, "{count} states");
    assert!(wrong.is_empty(), "{} differ:\n{}", wrong.len(), wrong.join("\n"));
}

fn expect<T: PartialEq + std::fmt::Debug>(wrong: &mut Vec<String>, what: &str, actual: T, expected: T) {
    if actual != expected {
        wrong.push(format!("{what} is {actual:?}, not {expected:?}"));
    }
}

fn slots_are_as_their_owners_say(case: &Case) -> Vec<String> {
    let mut wrong = Vec::new();
    let claimed_twice: BTreeSet<u16> = case
        .told("slots_claimed_by_two_masters_in_their_own_view")
        .into_iter()
        .flat_map(|(_, text)| slots(text.as_str().unwrap()))
        .collect();
    expect(&mut wrong, "contested", case.value("slots_contested"), claimed_twice.len() as u64);
    let reasons = ["unassigned", "owner_failed", "owner_unreachable", "owner_loading"];
    let by_reason = reasons.map(|reason| case.labelled("slots_uncovered", "reason", reason));
    let covered = case.value("slots_covered");
    expect(&mut wrong, "covered and uncovered", covered + by_reason.iter().sum::<u64>(), 16384);
    let coverage = &case.frame.view.coverage;
    let unclaimed = slots(case.observed("slots_no_answering_master_claims").as_str().unwrap_or(""));
    // What nobody claims is lost, unless its owner is silent and its peers vouch for it.
    let orphans: BTreeSet<u16> = coverage.unassigned.iter().collect();
    if !orphans.is_subset(&unclaimed) {
        wrong.push(format!("unassigned {} is claimed", coverage.unassigned));
    }
    let unreachable: BTreeSet<u16> = coverage.owner_unreachable.iter().collect();
    if !unreachable.is_subset(&unclaimed) {
        wrong.push(format!("unreachable {} is claimed", coverage.owner_unreachable));
    }
    let calm = case.told("flags_seen").is_empty() && unclaimed.is_empty();
    if calm && case.state.truth["truth"]["findings"].as_array().unwrap().is_empty() {
        expect(&mut wrong, "covered", covered, 16384);
    }
    // Every slot that a failed primary alone has is lost, also while it answers behind a partition.
    let failed = case.state.truth["truth"]["findings"].to_string();
    if failed.contains("served by a failed master") || failed.contains("lost\"") {
        let lost = by_reason[1] + by_reason[2];
        expect(&mut wrong, "any slots lost", lost > 5000, true);
    }
    wrong
}

fn open_slots_are_those_that_the_nodes_show(case: &Case) -> Vec<String> {
    let mut wrong = Vec::new();
    let shown = case.observed("open_slots").as_array();
    let open: BTreeSet<String> = shown
        .into_iter()
        .flatten()
        .map(|text| text.as_str().unwrap().split(' ').nth(2).unwrap().to_owned())
        .collect();
    let exported = case.labelled("slots_open", "mechanism", "setslot");
    expect(&mut wrong, "open", exported, open.len() as u64);
    let findings = case.state.truth["truth"]["findings"].to_string();
    let running = ["slot migration running 0-199", "job 300-310"].map(|job| findings.contains(job));
    let atomic = u64::from(running[0]) * 200 + u64::from(running[1]) * 11;
    expect(&mut wrong, "atomic", case.labelled("slots_open", "mechanism", "atomic"), atomic);
    // Keys were counted where the truth has counts of one open slot.
    let source = |migration: &&OpenMigration| {
        let id = migration.source.map(|id| id.to_string());
        let nodes = case.state.truth["nodes"].as_object().unwrap();
        nodes.iter().find(|(_, node)| node["id"].as_str() == id.as_deref()).map(|(name, _)| name.clone())
    };
    for migration in case.frame.hindsight.migrations.iter().filter(|m| m.keys_remaining.is_some()) {
        let Some(name) = source(&migration) else { continue };
        let slot = migration.slots.iter().next().unwrap().to_string();
        if let Some(keys) = case.state.truth["truth"]["keys"][&slot][&name].as_u64() {
            expect(&mut wrong, "keys remaining", migration.keys_remaining, Some(keys));
        }
    }
    wrong
}

fn who_suspects_whom_is_as_the_flags_say(case: &Case) -> Vec<String> {
    let mut wrong = Vec::new();
    let mut suspicions: BTreeMap<String, u32> = BTreeMap::new();
    let answering = case.tables();
    for (viewer, flags) in case.told("flags_seen") {
        let id = case.state.truth["nodes"][viewer]["id"].as_str().unwrap();
        assert!(answering.contains_key(id), "{}: {viewer} has flagged, and not answered", case.state);
        for (name, flag) in flags.as_object().unwrap() {
            if flag.as_str().unwrap().split(',').any(|flag| matches!(flag, "fail" | "fail?")) {
                *suspicions.entry(name.clone()).or_default() += 1;
            }
        }
    }
    let mut flagged = 0;
    for (name, count) in &suspicions {
        let Some(member) = case.member(name) else {
            wrong.push(format!("{name} is flagged and no member"));
            continue;
        };
        flagged += u64::from(*count);
        expect(&mut wrong, name, member.suspected_by, *count);
    }
    let all = case.samples.sum("rediscluster_node_suspected_by", &[("redis_cluster", CLUSTER)]);
    expect(&mut wrong, "suspicions in all", all as u64, flagged);
    wrong
}

fn nodes_are_what_they_say_of_themselves(case: &Case) -> Vec<String> {
    let mut wrong = Vec::new();
    let mut epochs = BTreeSet::new();
    let silent: Vec<&str> = case.told("no_usable_topology_from").into_iter().map(|(name, _)| name).collect();
    for (name, text) in case.told("cluster_state") {
        // `ok known=6 size=3 epoch=1/6`
        let words: Vec<&str> = text.as_str().unwrap().split([' ', '=', '/']).collect();
        epochs.insert(words.last().unwrap().parse::<u64>().unwrap());
        let Some(member) = case.member(name).filter(|member| member.is_up()) else { continue };
        let exported = |metric: &str| case.of_node(metric, member).unwrap() as u64;
        expect(&mut wrong, name, exported("node_cluster_state_ok"), u64::from(words[0] == "ok"));
        expect(&mut wrong, name, exported("node_known_nodes"), words[2].parse().unwrap());
    }
    if let Some(epoch) = epochs.last() {
        expect(&mut wrong, "epoch", case.value("current_epoch"), *epoch);
    }
    for name in silent {
        let up = case.member(name).and_then(|member| case.of_node("node_up", member));
        expect(&mut wrong, name, up.unwrap_or(0.0) as u64, 0);
    }
    for (name, text) in case.told("replication") {
        let text = text.as_str().unwrap();
        let Some(member) = case.member(name).filter(|member| member.is_up()) else { continue };
        let labels = [("redis_node", &*member.label)];
        let role = case.samples.label("rediscluster_node_info", &labels, "role");
        let link = case.of_node("node_replication_link_up", member);
        let expected = text.strip_prefix("link ").map(|rest| f64::from(u8::from(rest.starts_with("up"))));
        expect(&mut wrong, name, link, expected);
        let own = member.viewpoint().and_then(|view| view.own_row()?.role);
        // INFO and CLUSTER NODES of one node may stand on both sides of a failover.
        expect(&mut wrong, name, Some(role.as_str()), own.map(Role::as_str));
    }
    wrong
}

fn the_joined_view_equals_a_second_reading(case: &Case) -> Vec<String> {
    let mut wrong = Vec::new();
    let tables = case.tables();
    if tables.is_empty() {
        return wrong;
    }
    let named: BTreeSet<&str> =
        tables.values().flatten().filter(|row| !has(row, "handshake")).map(|row| row.id.as_str()).collect();
    expect(&mut wrong, "nodes known", case.value("nodes_known"), named.len() as u64);
    let maps: BTreeSet<Vec<(&str, &[u16])>> = tables
        .values()
        .map(|rows| {
            let owners = rows.iter().filter(|row| !row.slots.is_empty());
            let mut map: Vec<_> = owners.map(|row| (row.id.as_str(), &row.slots[..])).collect();
            map.sort_unstable();
            map
        })
        .collect();
    expect(&mut wrong, "slot maps", case.value("slot_maps"), maps.len() as u64);
    expect(&mut wrong, "partitions", case.value("partitions"), partitions(&tables));
    wrong
}

/// Groups of nodes that hold each other for alive, directly or through others.
fn partitions(tables: &BTreeMap<String, Vec<NaiveRow>>) -> u64 {
    let alive = |viewer: &str, id: &str| {
        let row = tables[viewer].iter().find(|row| row.id == id);
        row.is_some_and(|row| !has(row, "fail") && !has(row, "fail?"))
    };
    let mut left: BTreeSet<&str> = tables.keys().map(String::as_str).collect();
    let mut groups = 0;
    while let Some(first) = left.pop_first() {
        groups += 1;
        let mut reached = vec![first];
        while let Some(viewer) = reached.pop() {
            let friends: Vec<&str> =
                left.iter().copied().filter(|id| alive(viewer, id) && alive(id, viewer)).collect();
            for friend in friends {
                left.remove(friend);
                reached.push(friend);
            }
        }
    }
    groups
}
