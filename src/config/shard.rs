//! Which of several exporters watches a cluster.
//!
//! Rendezvous hashing: every cluster weighs all exporters and goes to the heaviest. One exporter more is then the
//! heaviest for its share alone, and no cluster moves between two that were there before. The weights must never
//! change: exporters of different versions, side by side during an update, have to divide alike.

use std::fmt;

/// One exporter of several that divide the configured clusters. Key `shard:`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Shard {
    index: u32,
    count: u32,
}

impl Default for Shard {
    /// The only one: it watches everything.
    fn default() -> Self {
        Self { index: 0, count: 1 }
    }
}

impl fmt::Display for Shard {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.index, self.count)
    }
}

impl Shard {
    /// The most exporters that may divide the work.
    pub const MOST: u32 = 1024;

    /// The exporter of this number, from 0, among `count`; none if there is no such one.
    pub fn new(index: u32, count: u32) -> Option<Self> {
        (index < count && count <= Self::MOST).then_some(Self { index, count })
    }

    /// Whether it watches the cluster of this name. Of `count` exporters exactly one does.
    pub fn watches(self, cluster: &str) -> bool {
        let name = hash(cluster);
        let heaviest = (0..self.count).max_by_key(|index| weight(name, *index));
        heaviest == Some(self.index)
    }
}

/// FNV-1a with 64 bits.
fn hash(text: &str) -> u64 {
    text.bytes().fold(0xcbf2_9ce4_8422_2325, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3)
    })
}

/// The number at `index` of the sequence that `SplitMix64` makes of this seed.
fn weight(seed: u64, index: u32) -> u64 {
    let step = 0x9e37_79b9_7f4a_7c15_u64;
    let mut x = seed.wrapping_add(step.wrapping_mul(u64::from(index) + 1));
    x = (x ^ (x >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    x = (x ^ (x >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    x ^ (x >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;

    const CLUSTERS: usize = 2000;

    fn owners(count: u32) -> Vec<u32> {
        let owner = |name: String| {
            let all = (0..count).filter(|index| Shard::new(*index, count).unwrap().watches(&name));
            let all: Vec<_> = all.collect();
            let [one] = all[..] else { panic!("{name} is watched by {all:?} of {count}") };
            one
        };
        (0..CLUSTERS).map(|n| owner(format!("cluster-{n}"))).collect()
    }

    #[test]
    fn one_exporter_more_takes_its_share_and_moves_nothing_else() {
        let mut before = owners(1);
        for count in 2..=9 {
            let after = owners(count);
            let moved: Vec<_> = before.iter().zip(&after).filter(|(a, b)| a != b).map(|(_, b)| *b).collect();
            assert!(moved.iter().all(|to| *to == count - 1), "between exporters that were there: {moved:?}");
            let fair = CLUSTERS / count as usize;
            assert!(
                (fair * 4 / 5..fair * 6 / 5).contains(&moved.len()),
                "{} of {CLUSTERS} moved to {count}",
                moved.len()
            );
            before = after;
        }
    }

    #[test]
    fn shares_are_even() {
        let owners = owners(5);
        for index in 0..5 {
            let share = owners.iter().filter(|owner| **owner == index).count();
            assert!((320..=480).contains(&share), "exporter {index} has {share} of {CLUSTERS}");
        }
    }

    /// Other versions divide alike: a change here would leave clusters unwatched during an update.
    #[test]
    fn the_division_is_the_one_of_every_version() {
        // The published first outputs of SplitMix64 for the seed 1234567, and FNV-1a of "foobar".
        assert_eq!(weight(1_234_567, 0), 6_457_827_717_110_365_317);
        assert_eq!(weight(1_234_567, 1), 3_203_168_211_198_807_973);
        assert_eq!(hash("foobar"), 0x8594_4171_f739_67e8);
        // A name of no bytes too has one.
        assert_eq!((0..3).filter(|index| Shard::new(*index, 3).unwrap().watches("")).count(), 1);
    }

    #[test]
    fn only_shards_that_exist_can_be_made() {
        assert_eq!(Shard::new(0, 1), Some(Shard::default()));
        for (index, count) in [(0, 0), (1, 1), (3, 3), (0, Shard::MOST + 1)] {
            assert_eq!(Shard::new(index, count), None, "{index} of {count}");
        }
    }
}
