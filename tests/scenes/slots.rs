//! Slots on the move that do not get on, and keys left where they do not belong.

use super::stage::{About, LIMITS, Stage, Table, configuration, id};
use crate::common::real::Cluster;

/// `{06S}` hashes to slot 0, which the first primary owns.
pub(crate) fn scene(table: &Table) {
    let cluster = Cluster::of(3, 1).node_timeout_ms(3000).boot();
    let (source, target) = (cluster.primary(0), cluster.primary(1));
    for key in 0..40 {
        assert_eq!(cluster.cli(source, &["SET", &format!("{{06S}}{key}"), "1"]), "OK");
    }
    let yaml = configuration(&[("e2e", source)], LIMITS).replace("sweep_interval: 1h", "sweep_interval: 1s");
    let stage = Stage::with(&cluster, &yaml, table);
    let slot = |node: &str, words: &[&str]| {
        assert_eq!(cluster.cli(node, &[&["CLUSTER", "SETSLOT", "0"], words].concat()), "OK");
    };
    let (source_id, target_id) = (id(&cluster, source), id(&cluster, target));

    let mut act = stage.act("slot open at the source only");
    slot(source, &["MIGRATING", &target_id]);
    act.names("migration_stalled", About::Whole);
    act.may(&["migration_slow"]);
    act.heals();
    slot(source, &["STABLE"]);
    act.clears();

    let mut act = stage.act("slot open at the target only");
    slot(target, &["IMPORTING", &source_id]);
    act.names("migration_stalled", About::Whole);
    act.may(&["migration_slow"]);
    act.heals();
    slot(target, &["STABLE"]);
    act.clears();

    let mut act = stage.act("slot open at both ends, no key moves");
    slot(target, &["IMPORTING", &source_id]);
    slot(source, &["MIGRATING", &target_id]);
    act.names("migration_stalled", About::Whole);
    act.may(&["migration_slow"]);
    act.heals();
    slot(source, &["STABLE"]);
    slot(target, &["STABLE"]);
    act.clears();

    // The source lets go of a slot with keys without handing them over.
    let mut act = stage.act("keys orphaned");
    assert_eq!(cluster.cli(source, &["CLUSTER", "DELSLOTS", "0"]), "OK");
    assert_eq!(cluster.cli(target, &["CLUSTER", "DELSLOTS", "0"]), "OK");
    assert_eq!(cluster.cli(target, &["CLUSTER", "ADDSLOTS", "0"]), "OK");
    assert!(cluster.cli(target, &["CLUSTER", "BUMPEPOCH"]).starts_with("BUMPED"));
    act.may(&["slot_maps_disagree", "slots_uncovered", "commands_refused", "nodes_unexpected"]);
    act.names("orphaned_keys", About::Node(source));
    act.heals();
    slot(source, &["NODE", &target_id]);
    assert_eq!(cluster.cli(source, &["FLUSHALL"]), "OK");
    act.clears();
}
