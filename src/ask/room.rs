//! Room that replies are read into. It is taken when the first byte is there and given back with the last, so that a
//! connection that waits has none: thousands of them wait most of the time.

use std::sync::{Mutex, PoisonError};

/// What is taken for the first bytes: the replies of a poll of some ten nodes.
const FIRST: usize = 16 << 10;

/// Room of more than this is given back to the heap.
const MOST: usize = 64 << 10;

/// As long as less than this is left, more is taken.
const LEAST: usize = 4 << 10;

/// The room that was used last, for whoever reads next.
#[derive(Debug, Default)]
pub(super) struct Rooms(Mutex<Vec<u8>>);

/// Room that is lent; none is until it is asked for.
#[derive(Debug)]
pub(super) struct Room<'a> {
    of: &'a Rooms,
    bytes: Vec<u8>,
}

impl Rooms {
    /// Room to read into.
    pub(super) fn lend(&self) -> Room<'_> {
        Room { of: self, bytes: Vec::new() }
    }

    fn swap(&self, bytes: Vec<u8>) -> Vec<u8> {
        std::mem::replace(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner), bytes)
    }
}

impl Room<'_> {
    /// What was read.
    pub(super) fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// To read more into, behind what was read.
    pub(super) fn more(&mut self) -> &mut Vec<u8> {
        if self.bytes.capacity() == 0 {
            self.bytes = self.of.swap(Vec::new());
        }
        if self.bytes.capacity() - self.bytes.len() < LEAST {
            self.bytes.reserve(self.bytes.len().max(FIRST));
        }
        &mut self.bytes
    }

    /// Gives it back if there is nothing in it.
    pub(super) fn rest(&mut self) {
        if self.bytes.is_empty() {
            self.give_back();
        }
    }

    fn give_back(&mut self) {
        if (1..=MOST).contains(&self.bytes.capacity()) {
            self.bytes.clear();
            self.of.swap(std::mem::take(&mut self.bytes));
        }
    }
}

impl Drop for Room<'_> {
    fn drop(&mut self) {
        self.give_back();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn is_lent_again_empty() {
        let rooms = Rooms::default();
        let mut first = rooms.lend();
        first.more().extend_from_slice(b"a reply");
        let place = first.bytes().as_ptr();
        drop(first);
        let mut second = rooms.lend();
        assert!(second.more().is_empty());
        assert_eq!(second.bytes().as_ptr(), place, "the same room");
        second.rest();
        assert_eq!(second.bytes.capacity(), 0, "given back, since nothing came");
    }

    #[test]
    fn grows_and_is_not_kept_when_large() {
        let rooms = Rooms::default();
        let mut room = rooms.lend();
        for _ in 0..100 {
            assert!(room.more().spare_capacity_mut().len() >= LEAST);
            room.more().extend_from_slice(&[b'x'; LEAST]);
        }
        assert_eq!(room.bytes().len(), 100 * LEAST);
        drop(room);
        assert_eq!(rooms.swap(Vec::new()).capacity(), 0);
    }
}
