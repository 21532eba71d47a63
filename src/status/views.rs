//! Who sees whom: the tables of all nodes held beside each other.

use std::collections::BTreeMap;

use crate::model::node::Health;
use crate::model::view::ClusterView;

/// One view of the cluster and the nodes that share it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct SharedView {
    /// Indices of the members that see it so, ascending.
    pub(super) viewers: Vec<usize>,
    /// Which slot map they hold: an index into the maps in the order in which [`slot_maps`] has them.
    pub(super) slot_map: usize,
    /// What they hold each member to be, by index; `None` for one that is not in their table.
    pub(super) seen: Vec<Option<Health>>,
}

/// The distinct views of the members that told theirs: the one of most voters first. Nodes that differ in epochs alone
/// see the same.
pub(super) fn shared_views(view: &ClusterView) -> Vec<SharedView> {
    let maps = slot_maps(view);
    let mut views: Vec<SharedView> = Vec::new();
    let mut known: BTreeMap<(usize, Vec<Option<Health>>), usize> = BTreeMap::new();
    for held in &view.tables {
        let health = |member: &crate::model::view::Member| held.table.row(member.id).map(|row| row.health);
        let seen: Vec<Option<Health>> = view.members.iter().map(health).collect();
        let slot_map = maps.iter().position(|(hash, _)| *hash == held.table.slot_map).unwrap_or(0);
        let at = *known.entry((slot_map, seen)).or_insert_with_key(|(slot_map, seen)| {
            views.push(SharedView { viewers: Vec::new(), slot_map: *slot_map, seen: seen.clone() });
            views.len() - 1
        });
        views[at].viewers.extend(&held.viewers);
    }
    views.iter_mut().for_each(|view| view.viewers.sort_unstable());
    views
}

/// The distinct slot maps, that of most voters first: hash, and indices of the members that hold it, ascending.
pub(super) fn slot_maps(view: &ClusterView) -> Vec<(u64, Vec<usize>)> {
    let mut maps: Vec<(u64, Vec<usize>)> = Vec::new();
    for held in &view.tables {
        let hash = held.table.slot_map;
        match maps.iter_mut().find(|(known, _)| *known == hash) {
            Some((_, holders)) => holders.extend(&held.viewers),
            None => maps.push((hash, held.viewers.clone())),
        }
    }
    maps.iter_mut().for_each(|(_, holders)| holders.sort_unstable());
    maps
}
