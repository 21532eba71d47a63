//! Which peers hold a node for dead.

use super::Context;
use crate::model::finding::Value;
use crate::model::node::{Health, NodeId, NodeRow};
use crate::model::view::Member;

/// So many are named. A thousand nodes that fall into two halves would else name half a million.
const NAMED: usize = 20;

/// The answering peers that hold a node for dead.
pub(in crate::checks) struct Accusers<'a> {
    /// How many there are.
    pub(in crate::checks) count: usize,
    /// The first of them by label, each with what its table says of the node.
    pub(in crate::checks) named: Vec<(&'a Member, &'a NodeRow)>,
}

impl Accusers<'_> {
    /// How many are not named; `None` if all are.
    pub(in crate::checks) fn unnamed(&self) -> Option<Value> {
        let more = self.count - self.named.len();
        (more > 0).then_some(Value::Count(more as u64))
    }

    /// The labels of those that are named.
    pub(in crate::checks) fn labels(&self) -> Vec<Value> {
        self.named.iter().map(|(viewer, _)| Value::from(&viewer.label)).collect()
    }
}

impl<'a> Context<'a> {
    /// The peers whose tables show a node so.
    pub(in crate::checks) fn accusers(&self, id: NodeId, so: impl Fn(Health) -> bool) -> Accusers<'a> {
        let view = self.view;
        let rows = view.tables.iter().filter_map(|held| Some((held, held.table.row(id)?)));
        let rows = rows.filter(|(_, row)| so(row.health));
        let viewers = rows.flat_map(|(held, row)| held.viewers.iter().map(move |at| (*at, row)));
        let mut all: Vec<(usize, &NodeRow)> = viewers.filter(|(at, _)| view.members[*at].id != id).collect();
        let count = all.len();
        // Members stand in the order of their labels.
        if count > NAMED {
            all.select_nth_unstable_by_key(NAMED, |(at, _)| *at);
            all.truncate(NAMED);
        }
        all.sort_unstable_by_key(|(at, _)| *at);
        Accusers { count, named: all.into_iter().map(|(at, row)| (&view.members[at], row)).collect() }
    }
}
