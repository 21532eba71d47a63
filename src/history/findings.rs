//! First sight of findings, and which of them came and went.

use std::collections::BTreeMap;

use crate::checks::Judgement;
use crate::model::event::{Ending, Happening};
use crate::model::finding::{Outcome, Severity, Subject};
use crate::model::time::Timestamp;

/// What a finding was when it was first seen.
#[derive(Clone, Debug)]
struct Held {
    since: Timestamp,
    severity: Severity,
    subject: Subject,
}

/// The findings of the last view, by code and subject.
#[derive(Clone, Debug, Default)]
pub(super) struct Findings {
    held: BTreeMap<(&'static str, String), Held>,
}

impl Findings {
    /// Dates the findings of a view, and tells which are new and which are gone.
    pub(super) fn fold(&mut self, judgements: &mut [Judgement], now: Timestamp) -> Vec<Happening> {
        let mut happened = Vec::new();
        let mut before = std::mem::take(&mut self.held);
        for judgement in &mut *judgements {
            let (check, severity) = (judgement.check.code, judgement.severity);
            for finding in judgement.outcome.findings() {
                let key = (check, finding.subject.key());
                let known = before.remove(&key);
                let held = self.held.entry(key).or_insert_with(|| {
                    known.unwrap_or_else(|| {
                        let subject = finding.subject.clone();
                        let summary = finding.summary.clone();
                        happened.push(Happening::Opened {
                            check,
                            severity,
                            subject: subject.clone(),
                            summary,
                        });
                        Held { since: now, severity, subject }
                    })
                });
                judgement.since.push(held.since);
            }
        }
        for ((check, _), held) in before {
            let Held { since, severity, subject } = held;
            let ending = ending(judgements, check);
            happened.push(Happening::Closed { check, severity, subject, since, ending });
        }
        happened
    }
}

fn ending(judgements: &[Judgement], check: &str) -> Ending {
    let judgement = judgements.iter().find(|judgement| judgement.check.code == check);
    match judgement.map(|judgement| &judgement.outcome) {
        Some(Outcome::Clear | Outcome::Firing(_)) => Ending::Clear,
        Some(Outcome::Unknown(_)) => Ending::Unknown,
        None => Ending::Disabled,
    }
}
