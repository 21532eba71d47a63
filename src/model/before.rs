//! What the poll before this one showed. It is let go with the judgement: a frame that kept it would hold every node twice.

use std::sync::Arc;

use super::snapshot::NodeSnapshot;
use super::view::ClusterView;

/// The view before, and what its members said.
#[derive(Clone, Debug, Default)]
pub struct Before {
    /// The view; `None` on the first poll.
    pub view: Option<Arc<ClusterView>>,
    /// What each member said in it, unless it was restarted since; by index of the member in the view now. Empty on the
    /// first poll.
    pub said: Vec<Option<Arc<NodeSnapshot>>>,
}

impl Before {
    /// How fast a count of a member grows, per second; see [`Before::growth`].
    pub fn rate(
        &self,
        member: usize,
        now: &NodeSnapshot,
        count: impl Fn(&NodeSnapshot) -> Option<u64>,
    ) -> Option<f64> {
        let (grown, span) = self.growth(member, now, count)?;
        Some(grown as f64 / span)
    }

    /// By how much a count of a member, by index, grew between the view before and what it says `now`, and in how many
    /// seconds. `None` on the first poll, where the member did not answer one of the two, and after a restart: a
    /// counter that went down is no negative rate.
    pub fn growth(
        &self,
        member: usize,
        now: &NodeSnapshot,
        count: impl Fn(&NodeSnapshot) -> Option<u64>,
    ) -> Option<(u64, f64)> {
        let before = self.said.get(member)?.as_ref()?;
        let grown = count(now)?.checked_sub(count(before)?)?;
        let span = now.asked_at.seconds_since(before.asked_at);
        (span > 0.0).then_some((grown, span))
    }
}
