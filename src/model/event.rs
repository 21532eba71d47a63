//! What happened to a cluster while this exporter watched, in the order in which it was seen.

use std::collections::VecDeque;
use std::sync::Arc;

use super::finding::{Severity, Subject};
use super::past::{Change, Event};
use super::time::Timestamp;

/// Something that happened, and when it was seen.
#[derive(Clone, Debug, PartialEq)]
pub struct Record {
    /// The instant of the poll that showed it.
    pub at: Timestamp,
    /// What it was.
    pub what: Happening,
}

/// What can happen.
#[derive(Clone, Debug, PartialEq)]
pub enum Happening {
    /// The topology changed.
    Changed(Event),
    /// A finding is there that was not there in the poll before.
    Opened {
        /// Code of the check.
        check: &'static str,
        /// How soon somebody must look.
        severity: Severity,
        /// What it is about.
        subject: Subject,
        /// Its sentence when it was first seen.
        summary: String,
    },
    /// A finding of the poll before is gone.
    Closed {
        /// Code of the check.
        check: &'static str,
        /// As it was when the finding was opened.
        severity: Severity,
        /// As it was when the finding was opened.
        subject: Subject,
        /// Since when it held.
        since: Timestamp,
        /// What became of it.
        ending: Ending,
    },
}

impl Happening {
    /// Stable short name: those of [`Change::kind`], `finding_opened`, `finding_closed`.
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Changed(event) => event.change.kind(),
            Self::Opened { .. } => "finding_opened",
            Self::Closed { .. } => "finding_closed",
        }
    }
}

/// Why a finding is no longer there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ending {
    /// The check looked and found it no more.
    Clear,
    /// The check cannot tell any more.
    Unknown,
    /// The check no longer runs.
    Disabled,
}

impl Ending {
    /// `clear`, `unknown`, `disabled`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Clear => "clear",
            Self::Unknown => "unknown",
            Self::Disabled => "disabled",
        }
    }
}

/// The newest records. Findings, slots and everything else are bounded apart: neither a finding that comes and goes with
/// every poll nor a long resharding drives out the failover before it.
#[derive(Clone, Debug, Default)]
pub struct EventLog {
    rings: [VecDeque<Arc<Record>>; 3],
    dropped: u64,
}

impl EventLog {
    /// Records that are kept of each sort.
    pub const MOST: usize = 256;

    /// Adds a record that is no older than those before it.
    pub fn push(&mut self, record: Record) {
        let ring = &mut self.rings[sort(&record.what)];
        if ring.len() == Self::MOST {
            ring.pop_front();
            self.dropped += 1;
        }
        ring.push_back(Arc::new(record));
    }

    /// All records, newest first.
    pub fn newest_first(&self) -> Vec<&Record> {
        let mut all: Vec<&Record> = self.rings.iter().flatten().map(|record| &**record).collect();
        all.sort_by_key(|record| record.at);
        all.reverse();
        all
    }

    /// How many records were driven out by newer ones.
    pub fn dropped(&self) -> u64 {
        self.dropped
    }
}

/// Index of the ring that holds such records.
fn sort(what: &Happening) -> usize {
    match what {
        Happening::Opened { .. } | Happening::Closed { .. } => 0,
        Happening::Changed(Event { change: Change::SlotsMoved { .. }, .. }) => 1,
        Happening::Changed(_) => 2,
    }
}
