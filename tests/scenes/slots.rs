//! Slots on the move that do not get on, and keys left where they do not belong.

use super::act::{About, evidence};
use super::stage::{LIMITS, STALLED_AFTER, Stage, configuration};
use super::table::Table;
use super::truth::Truth;
use crate::common::real::Cluster;
use crate::common::real::id;

/// One primary of three is counted after each poll, the first count may have begun before the keys were orphans, two in
/// a row must find them, and the next poll tells.
const POLLS_TO_COUNT: usize = 3 * 3 + 1;

/// `{06S}` hashes to slot 0, which the first primary owns.
pub(crate) fn scene(table: &Table) {
    let cluster = Cluster::of(3, 1).node_timeout_ms(3000).boot();
    let truth = Truth::of(&[&cluster]);
    let (source, target) = (cluster.primary(0), cluster.primary(1));
    for key in 0..40 {
        assert_eq!(cluster.cli(source, &["SET", &format!("{{06S}}{key}"), "1"]), "OK");
    }
    let yaml =
        configuration(&[("e2e", source)], LIMITS).replace("sweep_interval: 3s", "sweep_interval: 500ms");
    let stage = Stage::with(&cluster, &yaml, table);
    let slot = |node: &str, words: &[&str]| {
        assert_eq!(cluster.cli(node, &[&["CLUSTER", "SETSLOT", "0"], words].concat()), "OK");
    };
    let is_open = |node: &str| truth.rows(node).iter().any(|row| !row.open.is_empty());
    let (source_id, target_id) = (id(&cluster, source), id(&cluster, target));

    let mut act = stage.act("slot open at the source only");
    slot(source, &["MIGRATING", &target_id]);
    act.shows(|| is_open(source));
    let finding = act.names("migration_stalled", About::Whole);
    assert_eq!(evidence(&finding, "reasons"), "only_source_open: 0");
    assert_eq!((evidence(&finding, "source"), evidence(&finding, "target")), (source.into(), target.into()));
    act.heals();
    slot(source, &["STABLE"]);
    act.clears(|| truth.is_well());

    let mut act = stage.act("slot open at the target only");
    slot(target, &["IMPORTING", &source_id]);
    act.shows(|| is_open(target));
    let finding = act.names("migration_stalled", About::Whole);
    assert_eq!(evidence(&finding, "reasons"), "only_target_open: 0");
    act.heals();
    slot(target, &["STABLE"]);
    act.clears(|| truth.is_well());

    let mut act = stage.act("slot open at both ends, no key moves");
    slot(target, &["IMPORTING", &source_id]);
    slot(source, &["MIGRATING", &target_id]);
    act.shows(|| is_open(source) && is_open(target));
    let finding = act.names_after(STALLED_AFTER, "migration_stalled", About::Whole);
    assert_eq!(evidence(&finding, "reasons"), "no_progress: 0");
    assert_eq!(evidence(&finding, "keys_at_source"), "40");
    act.may("migration_slow", "it is open for longer than that before it counts as stalled");
    act.heals();
    slot(source, &["STABLE"]);
    slot(target, &["STABLE"]);
    act.clears(|| truth.is_well());

    // The source lets go of a slot with keys without handing them over.
    let mut act = stage.act("keys orphaned");
    assert_eq!(cluster.cli(source, &["CLUSTER", "DELSLOTS", "0"]), "OK");
    assert_eq!(cluster.cli(target, &["CLUSTER", "DELSLOTS", "0"]), "OK");
    assert_eq!(cluster.cli(target, &["CLUSTER", "ADDSLOTS", "0"]), "OK");
    // Whose epoch is the highest already says so; nodes whose epochs collided when they met may have any.
    let epoch = cluster.cli(target, &["CLUSTER", "BUMPEPOCH"]);
    assert!(epoch.starts_with("BUMPED") || epoch.starts_with("STILL"), "{epoch}");
    act.shows(|| truth.owns(target, 0) && !truth.owns(source, 0));
    let finding = act.names_within(POLLS_TO_COUNT, "orphaned_keys", About::Node(source));
    assert_eq!(evidence(&finding, "keys"), "40");
    act.may("slot_maps_disagree", "the new owner is known to one node after the other");
    act.may("nodes_unexpected", "until then they count slots differently");
    act.heals();
    slot(source, &["NODE", &target_id]);
    assert_eq!(cluster.cli(source, &["FLUSHALL"]), "OK");
    act.clears_within(POLLS_TO_COUNT, || truth.is_well());
}
