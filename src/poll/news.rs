//! What is worth a line in the log, said once, when it changes.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::frame::Frame;
use crate::model::failure::AskError;
use crate::model::past::{Change, Event};
use crate::model::view::ClusterView;

/// What was last said of each node, by label.
pub(super) struct News {
    cluster: Arc<str>,
    told: BTreeMap<Arc<str>, Option<&'static str>>,
    up: Option<bool>,
}

impl News {
    /// Nothing is said again of the `last` view: it was there before a reload.
    pub(super) fn new(cluster: Arc<str>, last: Option<&ClusterView>) -> Self {
        let told = last.into_iter().flat_map(states).map(|(label, error)| (label, error.map(AskError::kind)));
        Self { cluster, told: told.collect(), up: last.map(|view| view.reachable() > 0) }
    }

    /// Logs what is new in a frame.
    pub(super) fn tell(&mut self, frame: &Frame) {
        frame.past.events.iter().for_each(|event| self.event(event));
        let mut now = BTreeMap::new();
        for (label, error) in states(&frame.view) {
            self.node(&label, error);
            now.insert(label, error.map(AskError::kind));
        }
        self.told = now;
        self.whole(frame);
    }

    fn node(&self, label: &Arc<str>, error: Option<&AskError>) {
        let cluster = &*self.cluster;
        let before = self.told.get(label).copied();
        match (before, error) {
            (Some(Some(_)), None) => tracing::info!(cluster, node = &**label, "node answers again"),
            (None | Some(None), Some(error)) => {
                tracing::warn!(cluster, node = &**label, error = error.kind(), reason = %error, "node does not answer");
            }
            (Some(Some(before)), Some(error)) if before != error.kind() => {
                tracing::warn!(cluster, node = &**label, error = error.kind(), reason = %error, "node still does not answer");
            }
            _ => {}
        }
    }

    fn whole(&mut self, frame: &Frame) {
        let up = frame.view.reachable() > 0;
        if self.up.replace(up) == Some(up) {
            return;
        }
        let (nodes, reachable) = (frame.view.members.len(), frame.view.reachable());
        let cluster = &*self.cluster;
        if up {
            tracing::info!(cluster, nodes, reachable, "cluster answers");
        } else {
            tracing::error!(cluster, nodes, "no node of the cluster answers");
        }
    }

    fn event(&self, event: &Event) {
        let (cluster, node) = (&*self.cluster, &*event.node);
        match &event.change {
            Change::Joined => tracing::info!(cluster, node, id = %event.id, "node joined"),
            Change::Left => tracing::info!(cluster, node, id = %event.id, "node left"),
            Change::AddressChanged { before } => {
                tracing::info!(cluster, node, id = %event.id, before = &**before, "node changed its address");
            }
            Change::RoleChanged { now } => {
                tracing::info!(cluster, node, role = now.as_str(), "node changed its role");
            }
            Change::SlotsMoved { gained, lost } => tracing::info!(cluster, node, gained, lost, "slots moved"),
            Change::Failover { before } => tracing::warn!(cluster, node, before = &**before, "failover"),
        }
    }
}

/// Everybody who was asked, by label, and why the ask failed.
fn states(view: &ClusterView) -> impl Iterator<Item = (Arc<str>, Option<&AskError>)> {
    let members = view.members.iter().filter(|member| member.owns_label && member.said.is_some());
    let members = members.map(|member| (Arc::clone(&member.label), member.error()));
    let strangers = view.strangers.iter();
    members.chain(strangers.map(|stranger| (Arc::from(stranger.target.to_string()), Some(&stranger.error))))
}
