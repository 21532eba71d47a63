//! What was read before and need not be read again.

use std::collections::BTreeMap;
use std::sync::{Arc, Weak};

use super::cluster_nodes::ByFingerprint;
use crate::model::failure::ParseError;
use crate::model::reply::Reply;
use crate::model::snapshot::{BusLinks, Settings};

/// Tables and other values that the replies of the last poll were read as. Equal tables are built once, and the
/// reply to a slow probe, which stands for many polls, is read once.
#[derive(Clone, Debug, Default)]
pub struct Tables {
    pub(super) by_fingerprint: ByFingerprint,
    pub(super) links: ByReply<BusLinks>,
    pub(super) settings: ByReply<Arc<Settings>>,
}

impl Tables {
    /// Forgets what nobody wanted since the last call.
    pub fn turn(&mut self) {
        self.by_fingerprint.turn();
        self.links.0.turn();
        self.settings.0.turn();
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

impl<K: Ord + Clone, V: Clone> Kept<K, V> {
    fn turn(&mut self) {
        self.last = std::mem::take(&mut self.met);
    }

    pub(super) fn get(&mut self, key: &K) -> Option<V> {
        if let Some(value) = self.met.get(key) {
            return Some(value.clone());
        }
        let value = self.last.remove(key)?;
        self.met.insert(key.clone(), value.clone());
        Some(value)
    }

    pub(super) fn keep(&mut self, key: K, value: V) -> V {
        self.met.insert(key, value.clone());
        value
    }
}

/// Values by the place of the reply that they were read from. A weak reference lets the reply go and holds its place:
/// no other one can stand there.
#[derive(Clone, Debug)]
pub(super) struct ByReply<T>(Kept<usize, (Weak<Reply>, T)>);

impl<T> Default for ByReply<T> {
    fn default() -> Self {
        Self(Kept::default())
    }
}

impl<T: Clone> ByReply<T> {
    /// The value of this very reply, read now if it was not before.
    pub(super) fn read(
        &mut self,
        reply: &Arc<Reply>,
        parse: impl FnOnce(&Reply) -> Result<T, ParseError>,
    ) -> Result<T, ParseError> {
        let place = Arc::as_ptr(reply).addr();
        if let Some((_, value)) = self.0.get(&place) {
            return Ok(value);
        }
        let value = parse(reply)?;
        self.0.keep(place, (Arc::downgrade(reply), value.clone()));
        Ok(value)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reply_is_read_once_and_another_one_anew() {
        let (one, other) = (Arc::new(Reply::Int(1)), Arc::new(Reply::Int(1)));
        let mut known = ByReply::<u32>::default();
        let mut reads = 0;
        for reply in [&one, &one, &other, &one] {
            let parse = |_: &Reply| {
                reads += 1;
                Ok(reads)
            };
            known.read(reply, parse).unwrap();
        }
        assert_eq!(reads, 2);
        known.0.turn();
        assert_eq!(known.read(&one, |_| panic!("read again")), Ok(1));
        known.0.turn();
        known.0.turn();
        assert_eq!(known.read(&one, |_| Ok(9)), Ok(9), "forgotten after a poll without it");
    }
}
