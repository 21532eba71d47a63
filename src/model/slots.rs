//! A set of hash slots.

use std::fmt;
use std::sync::{Arc, LazyLock};

/// Number of hash slots of every cluster.
pub const SLOT_COUNT: u16 = 16384;

const WORDS: usize = SLOT_COUNT as usize / 64;

/// A set of the 16384 hash slots, as bits. A copy shares them until it is changed: the same slots stand in the table,
/// in the view and in the history, poll after poll.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct SlotSet(Arc<Bits>);

#[derive(Clone, PartialEq, Eq, Hash)]
struct Bits {
    /// How many are set: asked far more often than changed.
    count: u32,
    words: [u64; WORDS],
}

/// Half of all nodes, the replicas, have this one.
static EMPTY: LazyLock<Arc<Bits>> = LazyLock::new(|| Arc::new(Bits { count: 0, words: [0; WORDS] }));
static ALL: LazyLock<Arc<Bits>> =
    LazyLock::new(|| Arc::new(Bits { count: SLOT_COUNT.into(), words: [u64::MAX; WORDS] }));

impl Default for SlotSet {
    fn default() -> Self {
        Self(Arc::clone(&EMPTY))
    }
}

impl SlotSet {
    /// The empty set.
    pub fn new() -> Self {
        Self::default()
    }

    /// All 16384 slots.
    pub fn all() -> Self {
        Self(Arc::clone(&ALL))
    }

    /// Adds a slot. Numbers of 16384 and above are no slots and are passed over.
    pub fn insert(&mut self, slot: u16) {
        self.insert_range(slot, slot);
    }

    /// Adds the slots from `first` to `last`, both included.
    pub fn insert_range(&mut self, first: u16, last: u16) {
        let last = last.min(SLOT_COUNT - 1);
        if first > last {
            return;
        }
        let (low, high) = (first as usize / 64, last as usize / 64);
        let bits = Arc::make_mut(&mut self.0);
        for (at, word) in bits.words.iter_mut().enumerate().take(high + 1).skip(low) {
            let from = if at == low { first % 64 } else { 0 };
            let to = if at == high { last % 64 } else { 63 };
            let before = word.count_ones();
            *word |= (u64::MAX << from) & (u64::MAX >> (63 - to));
            bits.count += word.count_ones() - before;
        }
    }

    /// Whether the slot is in the set.
    pub fn contains(&self, slot: u16) -> bool {
        slot < SLOT_COUNT && self.0.words[slot as usize / 64] >> (slot % 64) & 1 == 1
    }

    /// Whether both stand in the same place in memory.
    #[cfg(test)]
    pub(crate) fn is_shared_with(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }

    /// How many slots are in the set.
    pub fn len(&self) -> u32 {
        self.0.count
    }

    /// Whether no slot is in the set.
    pub fn is_empty(&self) -> bool {
        self.0.count == 0
    }

    /// Whether no slot is in both.
    pub fn is_disjoint(&self, other: &Self) -> bool {
        let apart = || self.0.words.iter().zip(&other.0.words).all(|(a, b)| a & b == 0);
        self.is_empty() || other.is_empty() || apart()
    }

    fn zip(&self, other: &Self, f: impl Fn(u64, u64) -> u64) -> Self {
        let words: [u64; WORDS] = std::array::from_fn(|at| f(self.0.words[at], other.0.words[at]));
        match words.iter().map(|word| word.count_ones()).sum() {
            0 => Self::new(),
            count => Self(Arc::new(Bits { count, words })),
        }
    }

    /// Slots in either.
    #[must_use]
    pub fn union(&self, other: &Self) -> Self {
        match (self.is_empty(), other.is_empty()) {
            (true, _) => other.clone(),
            (_, true) => self.clone(),
            _ => self.zip(other, |a, b| a | b),
        }
    }

    /// Slots in both.
    #[must_use]
    pub fn intersection(&self, other: &Self) -> Self {
        if self.is_empty() || other.is_empty() { Self::new() } else { self.zip(other, |a, b| a & b) }
    }

    /// Slots in `self` and not in `other`.
    #[must_use]
    pub fn difference(&self, other: &Self) -> Self {
        if self.is_empty() || other.is_empty() { self.clone() } else { self.zip(other, |a, b| a & !b) }
    }

    /// The slots in ascending order.
    pub fn iter(&self) -> impl Iterator<Item = u16> {
        let words = if self.is_empty() { &[][..] } else { &self.0.words[..] };
        words.iter().enumerate().filter(|(_, word)| **word != 0).flat_map(|(index, word)| {
            std::iter::successors(Some(*word), |w| {
                let rest = w & (w - 1);
                (rest != 0).then_some(rest)
            })
            .map(move |w| (index * 64) as u16 + w.trailing_zeros() as u16)
        })
    }

    /// The set as inclusive ranges, ascending.
    pub fn ranges(&self) -> Vec<(u16, u16)> {
        let mut ranges: Vec<(u16, u16)> = Vec::new();
        for slot in self.iter() {
            match ranges.last_mut() {
                Some((_, last)) if *last + 1 == slot => *last = slot,
                _ => ranges.push((slot, slot)),
            }
        }
        ranges
    }

    /// The 64-bit words, for hashing.
    pub fn words(&self) -> &[u64] {
        &self.0.words
    }
}

impl FromIterator<(u16, u16)> for SlotSet {
    fn from_iter<I: IntoIterator<Item = (u16, u16)>>(ranges: I) -> Self {
        let mut set = Self::new();
        for (first, last) in ranges {
            set.insert_range(first, last);
        }
        set
    }
}

/// `0-5460 5462 7000-7001`, the way `CLUSTER NODES` writes slots.
impl fmt::Display for SlotSet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (n, (first, last)) in self.ranges().into_iter().enumerate() {
            let gap = if n == 0 { "" } else { " " };
            if first == last {
                write!(f, "{gap}{first}")?;
            } else {
                write!(f, "{gap}{first}-{last}")?;
            }
        }
        Ok(())
    }
}

impl fmt::Debug for SlotSet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{{{self}}}")
    }
}
