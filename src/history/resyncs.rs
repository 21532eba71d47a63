//! Full resynchronisations of the last hour, and what explains them.

use std::collections::BTreeMap;

use super::run_id;
use crate::model::before::Before;
use crate::model::info::Field;
use crate::model::node::{NodeId, Role};
use crate::model::past::Resync;
use crate::model::snapshot::NodeSnapshot;
use crate::model::time::Timestamp;
use crate::model::view::{ClusterView, Member};

const SYNC_FULL: Field = Field::new("sync_full");
const CUT_OFF: Field = Field::new("client_output_buffer_limit_disconnections");

/// Remembered for so long, in seconds.
const WINDOW: f64 = 3600.0;

/// What was seen.
#[derive(Clone, Debug, Default)]
pub(super) struct Resyncs {
    seen: Vec<Resync>,
    replicas: BTreeMap<NodeId, Replica>,
}

/// What a replica may still explain.
#[derive(Clone, Debug, Default)]
struct Replica {
    /// The process, and the primary that it follows.
    life: (String, Option<NodeId>),
    /// It began anew and has not synchronised since.
    is_new: bool,
    /// When it last explained a full resynchronisation.
    explained_at: Option<Timestamp>,
}

impl Resyncs {
    /// Adds what the primaries gave since the view before; a restarted server begins at zero.
    pub(super) fn fold(&mut self, view: &ClusterView, before: &Before) -> Vec<Resync> {
        let is_first = before.view.is_none();
        for member in &view.members {
            self.meet(member, is_first);
        }
        for member in &view.members {
            let grown = |field: Field| {
                let count = |said: &NodeSnapshot| said.info.as_ref().ok()?.unsigned(field);
                let then = before.view.as_ref()?.member(member.id)?.said.as_deref().and_then(count)?;
                member.said.as_deref().and_then(count)?.checked_sub(then)
            };
            let (count, cut_off) = (grown(SYNC_FULL).unwrap_or(0), grown(CUT_OFF).unwrap_or(0));
            if count > 0 || cut_off > 0 {
                let explained = self.explain(view, member, count);
                let shard = member.shard.clone();
                self.seen.push(Resync { at: view.at, shard, count, explained, cut_off });
            }
        }
        for member in view.members.iter().filter(|member| is_in_sync(member)) {
            if let Some(replica) = self.replicas.get_mut(&member.id) {
                replica.is_new = false;
            }
        }
        self.replicas.retain(|id, _| view.member(*id).is_some());
        self.seen.retain(|resync| view.at.seconds_since(resync.at) < WINDOW);
        self.seen.clone()
    }

    /// Takes note of a replica that joined, restarted or follows another primary than before. The first view tells
    /// nothing of what was before it.
    fn meet(&mut self, member: &Member, is_first: bool) {
        let Some(said) = member.said.as_deref().filter(|said| said.info.is_ok()) else { return };
        let primary = member.primary.filter(|_| member.role == Some(Role::Replica));
        let life = (run_id(said).unwrap_or_default().to_owned(), primary);
        let replica = self.replicas.entry(member.id).or_default();
        if replica.life != life {
            replica.life = life;
            replica.is_new = !is_first && primary.is_some();
        }
    }

    /// How many of the `count` that a primary gave its new replicas explain.
    fn explain(&mut self, view: &ClusterView, primary: &Member, count: u64) -> u64 {
        let mut explained = 0;
        for follower in view.followers(primary.id) {
            let Some(replica) = self.replicas.get_mut(&follower.id).filter(|replica| replica.is_new) else {
                continue;
            };
            let is_due = |at: Timestamp| view.at.seconds_since(at) >= WINDOW;
            if explained < count && replica.explained_at.is_none_or(is_due) {
                explained += 1;
                replica.is_new = false;
                replica.explained_at = Some(view.at);
            }
        }
        explained
    }
}

fn is_in_sync(member: &Member) -> bool {
    let replication = member.said.as_deref().and_then(|said| said.replication.as_ref().ok());
    replication.and_then(|replication| replication.link.as_ref()).is_some_and(|link| link.up)
}
