//! What page and API tell of one node, each fact taken from where it is known.

use crate::frame::Frame;
use crate::model::failure::AskError;
use crate::model::info::Field;
use crate::model::past::{Counter, Lag};
use crate::model::snapshot::{NodeSnapshot, Replication};
use crate::model::view::Member;

/// Facts of one node; what it did not tell is `None`.
#[derive(Clone, Copy)]
pub(super) struct NodeFacts<'a> {
    /// The node.
    pub(super) member: &'a Member,
    /// The label of the primary that it follows, or that one's id where nobody knows more of it.
    pub(super) primary: Option<&'a Member>,
    /// Why it did not answer.
    pub(super) error: Option<&'a AskError>,
    /// `valkey_version`, else `redis_version`.
    pub(super) version: Option<&'a str>,
    /// Time to the first reply, seconds.
    pub(super) response: Option<f64>,
    /// `cluster_state` is `ok`: the node's own verdict.
    pub(super) state_ok: Option<bool>,
    /// `used_memory`, bytes.
    pub(super) memory_used: Option<u64>,
    /// What that is measured against, bytes.
    pub(super) memory_limit: Option<u64>,
    /// INFO replication.
    pub(super) replication: Option<&'a Replication>,
    /// How far it is behind its primary.
    pub(super) lag: Option<Lag>,
    /// Bus messages sent per second over the last minute, publish left out; takes some seconds of watching.
    pub(super) bus_rate: Option<f64>,
}

impl<'a> NodeFacts<'a> {
    /// Of the member at this index.
    pub(super) fn of(frame: &'a Frame, at: usize) -> Self {
        const VALKEY: Field = Field::new("valkey_version");
        const REDIS: Field = Field::new("redis_version");
        const USED: Field = Field::new("used_memory");
        let member = &frame.view.members[at];
        let said = member.said.as_deref();
        let info = said.and_then(|said| said.info.as_ref().ok());
        Self {
            member,
            primary: member.primary.and_then(|id| frame.view.member(id)),
            error: member.error(),
            version: info.and_then(|info| info.text(VALKEY).or_else(|| info.text(REDIS))),
            response: said.and_then(|said| Some(said.response?.as_secs_f64())),
            state_ok: said.and_then(|said| Some(said.cluster.as_ref().ok()?.state_ok)),
            memory_used: info.and_then(|info| info.unsigned(USED)),
            memory_limit: said.and_then(NodeSnapshot::memory_limit),
            replication: said.and_then(|said| said.replication.as_ref().ok()),
            lag: frame.past.lags.get(at).copied().flatten(),
            bus_rate: frame.past.rates.get(at).and_then(|rates| rates.get(Counter::Bus)),
        }
    }

    /// Of all members, in the order of the view.
    pub(super) fn all(frame: &'a Frame) -> impl Iterator<Item = Self> {
        (0..frame.view.members.len()).map(|at| Self::of(frame, at))
    }
}
