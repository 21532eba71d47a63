//! What was read before and need not be read again.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::cluster_nodes::ByFingerprint;
use crate::model::address::Target;
use crate::model::info::{Info, Layout};
use crate::model::snapshot::Settings;

/// Tables and layouts that the replies of the last poll were read as: equal ones are built once.
#[derive(Clone, Debug, Default)]
pub struct Tables {
    pub(super) by_fingerprint: ByFingerprint,
    pub(super) info: Layouts,
    pub(super) cluster_info: Layouts,
    pub(super) settings: Shared<Settings>,
}

impl Tables {
    /// Forgets what nobody wanted since the last call.
    pub fn turn(&mut self) {
        self.by_fingerprint.turn();
        self.info.turn();
        self.cluster_info.turn();
        self.settings.turn();
    }
}

/// Values of the last poll, and those met in this one.
#[derive(Clone, Debug)]
pub(super) struct Kept<K, V> {
    last: BTreeMap<K, V>,
    met: BTreeMap<K, V>,
}

impl<K, V> Default for Kept<K, V> {
    fn default() -> Self {
        Self { last: BTreeMap::new(), met: BTreeMap::new() }
    }
}

impl<K: Ord, V: Clone> Kept<K, V> {
    fn turn(&mut self) {
        self.last = std::mem::take(&mut self.met);
    }

    pub(super) fn get(&mut self, key: &K) -> Option<V> {
        if let Some(value) = self.met.get(key) {
            return Some(value.clone());
        }
        let (key, value) = self.last.remove_entry(key)?;
        self.met.insert(key, value.clone());
        Some(value)
    }

    /// One of them, those of this poll before those of the last.
    pub(super) fn any<T>(&self) -> Option<&T>
    where
        V: AsRef<T>,
    {
        self.met.values().chain(self.last.values()).next().map(AsRef::as_ref)
    }

    pub(super) fn keep(&mut self, key: K, value: V) -> V {
        self.met.insert(key, value.clone());
        value
    }
}

/// The layouts of the replies to one command: the last one of each node, and all that are in use.
#[derive(Clone, Debug, Default)]
pub(super) struct Layouts {
    last: Kept<Target, Arc<Layout>>,
    used: Vec<Arc<Layout>>,
}

impl Layouts {
    /// Reads what a node said, as before if it has the layout of before.
    pub(super) fn read(&mut self, target: &Target, text: &str) -> Info {
        let before = self.last.get(target);
        if let Some(info) = before.and_then(|layout| Info::like(&layout, text)) {
            return info;
        }
        let info = self.used.iter().find_map(|layout| Info::like(layout, text)).unwrap_or_else(|| {
            let info = Info::new(text);
            self.used.push(Arc::clone(info.layout()));
            info
        });
        self.last.keep(target.clone(), Arc::clone(info.layout()));
        info
    }

    fn turn(&mut self) {
        self.last.turn();
        self.used.retain(is_used);
    }
}

/// Values that many nodes have in common, each kept once.
#[derive(Clone, Debug)]
pub(super) struct Shared<T>(BTreeSet<Arc<T>>);

impl<T> Default for Shared<T> {
    fn default() -> Self {
        Self(BTreeSet::new())
    }
}

impl<T: Ord> Shared<T> {
    /// The one that is equal to it, or itself.
    pub(super) fn share(&mut self, value: T) -> Arc<T> {
        if let Some(known) = self.0.get(&value) {
            return Arc::clone(known);
        }
        let new = Arc::new(value);
        self.0.insert(Arc::clone(&new));
        new
    }

    fn turn(&mut self) {
        self.0.retain(is_used);
    }
}

/// One that only a list of all holds is no node's any more.
fn is_used<T>(value: &Arc<T>) -> bool {
    Arc::strong_count(value) > 1
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nodes_of_one_layout_share_it_and_a_new_one_is_learnt() {
        let mut layouts = Layouts::default();
        let target = |port| Target::Tcp(crate::model::address::Address::new("h", port));
        let a = layouts.read(&target(1), "x:1\r\ny:2\r\n");
        let b = layouts.read(&target(2), "x:3\r\ny:4\r\n");
        assert!(Arc::ptr_eq(a.layout(), b.layout()));
        layouts.turn();
        let changed = layouts.read(&target(1), "x:1\r\nz:2\r\n");
        assert_eq!(changed.get("z"), Some("2"));
        let same = layouts.read(&target(1), "x:1\r\nz:5\r\n");
        assert!(Arc::ptr_eq(changed.layout(), same.layout()));
        drop((a, b, changed, same));
        layouts.turn();
        layouts.turn();
        assert!(layouts.used.is_empty(), "nobody has them any more");
    }

    #[test]
    fn equal_values_are_one() {
        let mut shared = Shared::default();
        let (a, b, c) = (shared.share("x"), shared.share("x"), shared.share("y"));
        assert!(Arc::ptr_eq(&a, &b) && *c == "y");
        drop(c);
        shared.turn();
        assert_eq!(shared.0.len(), 1);
        assert!(Arc::ptr_eq(&a, &shared.share("x")));
    }
}
