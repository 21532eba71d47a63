//! Which members hold each other for alive.

use super::{HeldTable, Member};
use crate::model::node::{Health, NodeTable};

/// Groups of members that answered with a table, joined wherever two hold each other for alive; largest first,
/// each ascending. A member that the others have forgotten stands alone.
pub(super) fn groups(members: &[Member], tables: &[HeldTable]) -> Vec<Vec<usize>> {
    let viewers =
        || tables.iter().enumerate().flat_map(|(t, held)| held.viewers.iter().map(move |at| (*at, t)));
    let alive: Vec<Vec<bool>> = tables.iter().map(|held| alive(&held.table, members)).collect();
    let mut answered: Vec<(usize, usize)> = viewers().collect();
    answered.sort_unstable();
    let mut root: Vec<usize> = (0..members.len()).collect();
    for (n, (a, table_a)) in answered.iter().enumerate() {
        for (b, table_b) in &answered[n + 1..] {
            if alive[*table_a][*b] && alive[*table_b][*a] {
                let (low, high) = (find(&root, *a), find(&root, *b));
                root[low.max(high)] = low.min(high);
            }
        }
    }
    let mut groups: Vec<Vec<usize>> = Vec::new();
    for (at, _) in &answered {
        let top = find(&root, *at);
        match groups.iter_mut().find(|group| find(&root, group[0]) == top) {
            Some(group) => group.push(*at),
            None => groups.push(vec![*at]),
        }
    }
    groups.sort_by_key(|group| (std::cmp::Reverse(group.len()), group[0]));
    groups
}

fn alive(table: &NodeTable, members: &[Member]) -> Vec<bool> {
    let is_alive = |member: &Member| table.row(member.id).is_some_and(|row| row.health == Health::Alive);
    members.iter().map(is_alive).collect()
}

fn find(root: &[usize], mut at: usize) -> usize {
    while root[at] != at {
        at = root[at];
    }
    at
}
