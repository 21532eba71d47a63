//! Which members hold each other for alive.

use std::collections::BTreeMap;

use super::{HeldTable, Member};
use crate::model::node::{Health, NodeTable};

/// Groups of members that answered with a table, joined wherever two hold each other for alive; largest first,
/// each ascending. A member that the others have forgotten stands alone.
pub(super) fn groups(members: &[Member], tables: &[HeldTable]) -> Vec<Vec<usize>> {
    let alive: Vec<Vec<bool>> = tables.iter().map(|held| alive(&held.table, members)).collect();
    let mut joined = Joined((0..members.len()).collect());
    for (one, ours) in tables.iter().enumerate() {
        for (other, theirs) in tables.iter().enumerate().skip(one) {
            // Viewers of one table are seen alike by all viewers of the other: whoever of the ones is held for alive and
            // whoever of the others is, all of them hold each other for it.
            let ours = ours.viewers.iter().filter(|at| alive[other][**at]);
            let theirs = theirs.viewers.iter().filter(|at| alive[one][**at]);
            joined.all_with_all(ours, theirs);
        }
    }
    let mut answered: Vec<usize> = tables.iter().flat_map(|held| &held.viewers).copied().collect();
    answered.sort_unstable();
    let mut groups: BTreeMap<usize, Vec<usize>> = BTreeMap::new();
    for at in answered {
        groups.entry(joined.least(at)).or_default().push(at);
    }
    let mut groups: Vec<Vec<usize>> = groups.into_values().collect();
    groups.sort_by_key(|group| (std::cmp::Reverse(group.len()), group[0]));
    groups
}

fn alive(table: &NodeTable, members: &[Member]) -> Vec<bool> {
    let is_alive = |member: &Member| table.row(member.id).is_some_and(|row| row.health == Health::Alive);
    members.iter().map(is_alive).collect()
}

/// For each member one of its group with a lower index, or itself if it is the least.
struct Joined(Vec<usize>);

impl Joined {
    /// Joins everyone of the ones with everyone of the others; nobody if either side is empty.
    fn all_with_all<'a>(
        &mut self,
        ones: impl Iterator<Item = &'a usize>,
        others: impl Iterator<Item = &'a usize> + Clone,
    ) {
        let Some(first) = others.clone().next() else { return };
        let mut ones = ones.peekable();
        if ones.peek().is_some() {
            ones.chain(others).for_each(|at| self.join(*first, *at));
        }
    }

    fn join(&mut self, a: usize, b: usize) {
        let (a, b) = (self.least(a), self.least(b));
        self.0[a.max(b)] = a.min(b);
    }

    /// The least member of its group. The way there is halved for the next time.
    fn least(&mut self, mut at: usize) -> usize {
        while self.0[at] != at {
            self.0[at] = self.0[self.0[at]];
            at = self.0[at];
        }
        at
    }
}

#[cfg(test)]
mod tests {
    use super::Joined;

    #[test]
    fn both_sides_are_joined_through_each_other_and_neither_without_the_other() {
        let mut joined = Joined((0..6).collect());
        joined.all_with_all([0, 3].iter(), [4, 5].iter());
        joined.all_with_all([1, 2].iter(), [].iter());
        joined.all_with_all([].iter(), [1, 2].iter());
        assert_eq!([0, 1, 2, 3, 4, 5].map(|at| joined.least(at)), [0, 1, 2, 0, 0, 0]);
    }
}
