//! What was read before and need not be read again.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::cluster_nodes::ByFingerprint;
use crate::model::address::Target;
use crate::model::info::{Info, Layout};

/// Tables and layouts that the replies of the last poll were read as: equal ones are built once.
#[derive(Clone, Debug, Default)]
pub struct Tables {
    pub(super) by_fingerprint: ByFingerprint,
    pub(super) info: Layouts,
    pub(super) cluster_info: Layouts,
}

impl Tables {
    /// Forgets what nobody wanted since the last call.
    pub fn turn(&mut self) {
        self.by_fingerprint.turn();
        self.info.turn();
        self.cluster_info.turn();
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
    pub(super) fn read(&mut self, target: &Target, text: String) -> Info {
        let info = match self.last.get(target) {
            Some(layout) => match Info::like(&layout, text) {
                Ok(info) => return info,
                Err(text) => self.look_up(text),
            },
            None => self.look_up(text),
        };
        self.last.keep(target.clone(), Arc::clone(info.layout()));
        info
    }

    fn look_up(&mut self, mut text: String) -> Info {
        for layout in &self.used {
            match Info::like(layout, text) {
                Ok(info) => return info,
                Err(other) => text = other,
            }
        }
        let info = Info::new(text);
        self.used.push(Arc::clone(info.layout()));
        info
    }

    fn turn(&mut self) {
        self.last.turn();
        // One that only this list holds is no node's any more.
        self.used.retain(|layout| Arc::strong_count(layout) > 1);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nodes_of_one_layout_share_it_and_a_new_one_is_learnt() {
        let mut layouts = Layouts::default();
        let target = |port| Target::Tcp(crate::model::address::Address::new("h", port));
        let a = layouts.read(&target(1), "x:1\r\ny:2\r\n".to_owned());
        let b = layouts.read(&target(2), "x:3\r\ny:4\r\n".to_owned());
        assert!(Arc::ptr_eq(a.layout(), b.layout()));
        layouts.turn();
        let changed = layouts.read(&target(1), "x:1\r\nz:2\r\n".to_owned());
        assert_eq!(changed.get("z"), Some("2"));
        let same = layouts.read(&target(1), "x:1\r\nz:5\r\n".to_owned());
        assert!(Arc::ptr_eq(changed.layout(), same.layout()));
        drop((a, b, changed, same));
        layouts.turn();
        layouts.turn();
        assert!(layouts.used.is_empty(), "nobody has them any more");
    }
}
