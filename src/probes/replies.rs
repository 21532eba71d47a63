//! What came back from one node in one poll, unread.

use std::sync::Arc;
use std::time::Duration;

use super::ProbeId;
use crate::model::address::Target;
use crate::model::failure::AskError;
use crate::model::reply::Reply;
use crate::model::slots::SlotSet;
use crate::model::snapshot::CertificateEnds;
use crate::model::time::Timestamp;

/// The reply to one probe.
#[derive(Clone, Debug)]
pub struct Answer {
    /// Which probe.
    pub probe: ProbeId,
    /// When the pipeline that carried it was sent; for a slow probe this may be polls ago.
    pub asked_at: Timestamp,
    /// From then to the last reply of that pipeline.
    pub took: Duration,
    /// The reply; an error reply is an answer too.
    pub reply: Arc<Reply>,
}

/// What came back from one node.
#[derive(Clone, Debug)]
pub struct Replies {
    /// What was dialled.
    pub target: Target,
    /// When the pipeline of this poll was sent, or would have been.
    pub asked_at: Timestamp,
    /// Time to the first byte of the first reply; `None` if nothing came.
    pub response: Option<Duration>,
    /// Time to the last reply, or until the ask was given up.
    pub took: Duration,
    /// Why the connection gave no complete answer to this poll, if so.
    pub failure: Option<AskError>,
    /// The answers, in the order of the probe table; the slow ones as they were last given.
    pub answers: Vec<Answer>,
    /// `CLUSTER COUNTKEYSINSLOT` for the slots that were open before: slot and reply.
    pub key_counts: Vec<(u16, Reply)>,
    /// A count of all keys of the node, where one ended since the poll before.
    pub sweep: Option<Sweep>,
    /// When the certificates end that were presented when the connection was made.
    pub certificate_ends: CertificateEnds,
    /// Commands that the target answered us since it was first dialled, those of sweeps too; 0 where nobody counted.
    pub commands: u64,
}

/// A count of all keys of one node, slot by slot. Written keys come and go while it runs: DBSIZE stands at both ends.
#[derive(Clone, Debug, Default)]
pub struct Sweep {
    /// `DBSIZE` before and after.
    pub sizes: Vec<Reply>,
    /// The slots that were to be counted: those that the node then owned or imported, or all.
    pub of: SlotSet,
    /// `CLUSTER COUNTKEYSINSLOT`: slot and reply; slots without keys may be left out.
    pub counts: Vec<(u16, Reply)>,
}

impl Replies {
    /// A node that did not answer at all.
    pub fn failed(target: Target, asked_at: Timestamp, took: Duration, failure: AskError) -> Self {
        Self {
            target,
            asked_at,
            response: None,
            took,
            failure: Some(failure),
            answers: Vec::new(),
            key_counts: Vec::new(),
            sweep: None,
            certificate_ends: CertificateEnds::default(),
            commands: 0,
        }
    }

    /// The answer to a probe.
    pub fn answer(&self, probe: ProbeId) -> Option<&Answer> {
        self.answers.iter().find(|answer| answer.probe == probe)
    }
}
