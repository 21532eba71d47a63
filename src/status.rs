//! Frames for people and programs: pages, JSON, and the report of `check`. Pure: rendered only when somebody asks.
//!
//! | module | holds |
//! |---|---|
//! | `fleet`, `cluster`, `runbook` | the pages |
//! | `findings`, `slot_map`, `matrix`, `shards`, `events` | the sections of a cluster's page |
//! | `html` | what all pages have in common |
//! | `views`, `node` | what pages and JSON both tell of views and nodes |
//! | [`api`] | the replies of `/api/v1` |
//! | [`report`] | the report of `check`, and verdicts |

pub mod api;
mod cluster;
mod events;
mod findings;
mod fleet;
mod html;
mod matrix;
mod moving;
mod node;
pub mod report;
mod runbook;
mod shards;
mod slot_map;
mod views;

pub use cluster::cluster;
pub use fleet::fleet;
pub use html::{SCRIPT, STYLE};
pub use runbook::{index, runbook};

use crate::frame::Frame;
use crate::model::time::Timestamp;
use report::Verdict;

/// A configured cluster as it is known at an instant.
#[derive(Clone, Copy, Debug)]
pub struct Polled<'a> {
    /// The configured name.
    pub name: &'a str,
    /// Its newest frame; `None` before the first.
    pub frame: Option<&'a Frame>,
    /// The exporter's clock.
    pub now: Timestamp,
}

impl Polled<'_> {
    /// Whether the poll loop stands still, and what is shown may long have changed.
    pub fn is_stale(&self) -> bool {
        self.frame.is_some_and(|frame| frame.is_stale(self.now))
    }

    /// What is said of it now: of a cluster that is no longer polled nothing is known.
    fn verdict(&self) -> Verdict {
        match self.frame {
            Some(frame) if !self.is_stale() => report::verdict(frame),
            _ => Verdict::Unknown,
        }
    }

    /// Seconds after which a page of it is worth a refresh: the interval of its polls, at least one.
    fn refresh(&self) -> Option<f64> {
        self.frame.map(|frame| frame.interval.as_secs_f64().max(1.0))
    }
}
