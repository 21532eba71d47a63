//! What is worth a line in the log, said once, when it changes.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::frame::Frame;
use crate::model::failure::AskError;
use crate::model::past::{Change, Event};

/// What was last said of each node, by label.
pub(super) struct News {
    cluster: Arc<str>,
    told: BTreeMap<Arc<str>, Option<&'static str>>,
    up: Option<bool>,
}

impl News {
    pub(super) fn new(cluster: Arc<str>) -> Self {
        Self { cluster, told: BTreeMap::new(), up: None }
    }

    /// Logs what is new in a frame.
    pub(super) fn tell(&mut self, frame: &Frame) {
        frame.past.events.iter().for_each(|event| self.event(event));
        let mut now = BTreeMap::new();
        for member in frame.view.members.iter().filter(|member| member.owns_label && member.said.is_some()) {
            self.node(&member.label, member.error());
            now.insert(Arc::clone(&member.label), member.error().map(AskError::kind));
        }
        for stranger in &frame.view.strangers {
            let label: Arc<str> = Arc::from(stranger.target.to_string());
            self.node(&label, Some(&stranger.error));
            now.insert(label, Some(stranger.error.kind()));
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
