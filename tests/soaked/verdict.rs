//! What the run has shown, against what it had to show. Counts and sizes only: nothing fails for being slow.

use super::faults::Fault;
use super::load::Tallies;
use super::slow::Slow;
use super::watch::{Poll, Sample};

/// From poll to poll, in seconds.
pub(crate) const INTERVAL: f64 = 1.0;
/// A node that is back is asked again by the second poll; so long may it be missed after all is well.
const BACK: f64 = 2.0 * INTERVAL;
/// How far resident memory may lie from its mean in the second half of the run.
const FLAT: f64 = 0.02;
/// The same where the run is too short for the allocator to have settled.
const ROUGHLY_FLAT: f64 = 0.15;
/// More file descriptors or tasks than before, of the highest count of each half: one of each may be on its way at the
/// moment of a scrape.
const ON_ITS_WAY: f64 = 2.0;

/// All that was seen.
pub(crate) struct Seen {
    pub(crate) full: bool,
    /// Seconds since the epoch.
    pub(crate) from: f64,
    pub(crate) to: f64,
    pub(crate) nodes: usize,
    pub(crate) faults: Vec<Fault>,
    pub(crate) polls: Vec<Poll>,
    /// Of those who watched.
    pub(crate) looks_failed: Vec<String>,
    pub(crate) stalls: Vec<(f64, f64)>,
    pub(crate) samples: Vec<Sample>,
    pub(crate) scrapes: Tallies,
    pub(crate) visits: Tallies,
    pub(crate) slow: Slow,
    /// With nobody but one client, before and after all that.
    pub(crate) quiet: [Sample; 2],
}

/// A node that a poll had no answer of, or a poll that did not come.
pub(crate) struct Miss {
    pub(crate) at: f64,
    /// Its address; empty where it is about the poll itself.
    pub(crate) node: String,
    pub(crate) why: String,
    /// The fault, or that the machine stood still.
    pub(crate) because: Option<&'static str>,
}

/// Something that had to hold.
pub(crate) struct Bar {
    pub(crate) what: &'static str,
    pub(crate) found: String,
    pub(crate) holds: bool,
}

/// When the machine was not there, for nobody.
pub(crate) const STALLED: &str = "the machine stood still";

impl Seen {
    /// Every miss, with what explains it.
    pub(crate) fn misses(&self) -> Vec<Miss> {
        let mut misses = Vec::new();
        for poll in &self.polls {
            let end = poll.at + poll.took;
            misses.extend(poll.missed.iter().map(|(node, why)| {
                let because = self.reason((poll.at, end), |fault| fault.nodes.contains(node));
                Miss { at: poll.at, node: node.clone(), why: why.clone(), because }
            }));
        }
        for pair in self.polls.windows(2) {
            let [before, after] = pair else { continue };
            let whole = (before.at, after.at + after.took);
            let nobody = |why: String, because| Miss { at: before.at, node: String::new(), why, because };
            if after.overruns > before.overruns {
                misses.push(nobody("a poll outlasted the interval".into(), self.reason(whole, |_| false)));
            }
            let polls = after.polls - before.polls;
            // A new configuration begins with a poll at once: then two are closer than an interval.
            if after.at - before.at > INTERVAL * (polls.max(1.0) + 0.5) {
                let why = format!("{:.1} s from poll to poll", after.at - before.at);
                misses.push(nobody(why, self.reason(whole, |_| false)));
            }
            let hidden = after.errors - before.errors - after.missed.len() as f64;
            if polls > 1.0 && hidden > 0.0 {
                let because = self.reason(whole, |fault| !fault.nodes.is_empty());
                misses.push(nobody(format!("{hidden} failed asks in a poll that was not seen"), because));
            }
        }
        misses
    }

    /// Why something may have been missed in this time.
    fn reason(&self, (from, to): (f64, f64), concerns: impl Fn(&Fault) -> bool) -> Option<&'static str> {
        let fault = self.faults.iter().find(|f| f.from <= to && from <= f.to + BACK && concerns(f));
        let stalled = || self.stalls.iter().any(|(began, ended)| *began <= to && from <= *ended + INTERVAL);
        fault.map(|fault| fault.what).or_else(|| stalled().then_some(STALLED))
    }

    /// What had to hold, and whether it does.
    pub(crate) fn bars(&self) -> Vec<Bar> {
        let misses = self.misses();
        let unexplained: Vec<_> = misses.iter().filter(|miss| miss.because.is_none()).collect();
        let failed: usize = self.tallies().map(|tally| tally.failures.len()).sum();
        let asked: usize = failed + self.tallies().map(|tally| tally.took.len()).sum::<usize>();
        let rss = spread(self.second_half().iter().map(|sample| sample.usage.rss_mb));
        let flat = if self.full { FLAT } else { ROUGHLY_FLAT };
        let [before, after] = &self.quiet;
        let same = |of: fn(&Sample) -> f64| of(before) == of(after);
        let unmoved = |of: fn(&Sample) -> f64| {
            let highest = |half: &[Sample]| half.iter().map(of).fold(0.0, f64::max);
            let (first, second) = (highest(self.first_half()), highest(self.second_half()));
            (
                format!("{first} at most in the first half, {second} in the second"),
                second <= first + ON_ITS_WAY,
            )
        };
        let bar = |what, (found, holds)| Bar { what, found, holds };
        vec![
            bar(
                "no poll misses a node, and none is lost, that a fault does not explain",
                (
                    format!("{} misses, {} of them unexplained", misses.len(), unexplained.len()),
                    unexplained.is_empty(),
                ),
            ),
            bar(
                "no scrape and no page fails",
                (
                    format!("{failed} of {} failed", asked + self.looks_failed.len()),
                    asked > 0 && failed == 0 && self.looks_failed.is_empty(),
                ),
            ),
            bar(
                if self.full {
                    "resident memory within 2 % of its mean in the second half"
                } else {
                    "resident memory within 15 % of its mean in the second half"
                },
                (
                    format!(
                        "{:.2} MB, from −{:.2} % to +{:.2} %",
                        rss.mean,
                        rss.below * 100.0,
                        rss.above * 100.0
                    ),
                    rss.below <= flat && rss.above <= flat,
                ),
            ),
            bar(
                "file descriptors beside the HTTP connections do not grow",
                unmoved(|sample| sample.other_fds),
            ),
            bar("tasks beside the HTTP connections do not grow", unmoved(|sample| sample.other_tasks)),
            bar(
                "afterwards as many connections, file descriptors and tasks as before",
                (
                    format!(
                        "{}, {} and {}; before {}, {} and {}",
                        after.connections,
                        after.usage.fds,
                        after.tasks(),
                        before.connections,
                        before.usage.fds,
                        before.tasks()
                    ),
                    same(|it| it.connections) && same(|it| it.usage.fds) && same(Sample::tasks),
                ),
            ),
        ]
    }

    pub(crate) fn first_half(&self) -> &[Sample] {
        &self.samples[..self.samples.len() / 2]
    }

    pub(crate) fn second_half(&self) -> &[Sample] {
        &self.samples[self.samples.len() / 2..]
    }

    fn tallies(&self) -> impl Iterator<Item = &super::load::Tally> {
        self.scrapes.values().chain(self.visits.values())
    }
}

impl Sample {
    /// All there are.
    pub(crate) fn tasks(&self) -> f64 {
        self.other_tasks + self.connections
    }
}

/// Where values lie.
pub(crate) struct Spread {
    pub(crate) mean: f64,
    /// Parts of the mean that the lowest and the highest are away from it.
    pub(crate) below: f64,
    pub(crate) above: f64,
}

/// Of values that are not 0.
pub(crate) fn spread(values: impl Iterator<Item = f64> + Clone) -> Spread {
    let mean = values.clone().sum::<f64>() / values.clone().count() as f64;
    let (least, most) = (values.clone().fold(f64::MAX, f64::min), values.fold(0.0, f64::max));
    Spread { mean, below: (mean - least) / mean, above: (most - mean) / mean }
}

#[test]
fn a_spread_is_told_as_parts_of_the_mean() {
    let Spread { mean, below, above } = spread([98.0, 100.0, 105.0].into_iter());
    assert_eq!((mean, (below * 1000.0).round(), (above * 1000.0).round()), (101.0, 30.0, 40.0));
}
