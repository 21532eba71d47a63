//! Whether a replica could take over from its primary.

use super::Context;
use crate::model::finding::seconds;
use crate::model::snapshot::{NodeSnapshot, PrimaryLink};
use crate::model::view::Member;

/// What stands between a replica and its promotion.
pub(in crate::checks) enum Promotion {
    /// Nothing that can be seen.
    Possible,
    /// This.
    Blocked(String),
    /// It does not answer, and its peers see nothing wrong with it.
    Unknown,
}

impl<'a> Context<'a> {
    /// Replicas of a primary that have an address, whether they answer or not.
    pub(in crate::checks) fn replicas_of(&self, primary: &Member) -> impl Iterator<Item = &'a Member> {
        self.view.followers(primary.id).filter(|member| !member.is_primary() && member.announced.is_some())
    }

    /// What would stop a replica from taking over if its primary failed. A link that is down does so only once the
    /// data is older than the validity factor allows: that is what the replica itself goes by.
    pub(in crate::checks) fn promotion(&self, replica: &Member) -> Promotion {
        match self.blocker(replica) {
            Some(why) => Promotion::Blocked(why),
            None if replica.is_up() => Promotion::Possible,
            None => Promotion::Unknown,
        }
    }

    fn blocker(&self, replica: &Member) -> Option<String> {
        let said = replica.said.as_deref();
        let own = replica.viewpoint().and_then(|view| view.own_row());
        let row = own.or_else(|| self.view.reference.as_ref()?.row(replica.id));
        if row.is_some_and(|row| row.nofailover) {
            return Some("cluster-replica-no-failover is set".to_owned());
        }
        if replica.failed {
            return Some("it is failed by quorum itself".to_owned());
        }
        if said.is_some_and(NodeSnapshot::is_loading) {
            return Some("it is loading its dataset".to_owned());
        }
        if !replica.is_up() {
            let suspects = replica.suspected_by;
            return (suspects > 0).then(|| format!("it does not answer and {suspects} peers suspect it"));
        }
        let replication = said?.replication.as_ref().ok()?;
        let link = replication.link.as_ref()?;
        // Before its first sync a replica writes an offset of -1, 0 or 1, by version; so does one that synced an empty
        // primary, but its link has been up and knows since when it is down.
        if !link.up && link.down_seconds.is_none() && replication.offset.is_none_or(|offset| offset <= 1) {
            return Some("it has never synced".to_owned());
        }
        self.stale_data(replica, link)
    }

    /// The rule of the servers: the time since the link last spoke, less the node timeout, must not exceed node
    /// timeout × validity factor + ping period. A factor of 0 lets data of any age take over.
    fn stale_data(&self, replica: &Member, link: &PrimaryLink) -> Option<String> {
        let setting = |name: &str, default: f64| {
            let settings = replica.said.as_ref().and_then(|said| said.settings.as_ref().ok());
            settings.and_then(|settings| settings.get(name)?.parse::<f64>().ok()).unwrap_or(default)
        };
        let timeout = setting("cluster-node-timeout", self.node_timeout() * 1e3) / 1e3;
        let factor = setting("cluster-replica-validity-factor", 10.0);
        let allowed = timeout * factor + setting("repl-ping-replica-period", 10.0);
        let silent = if link.up { link.last_io_seconds } else { link.down_seconds };
        let age = silent? as f64;
        (factor > 0.0 && age - timeout > allowed).then(|| {
            let (age, most) = (seconds(age), seconds(allowed + timeout));
            format!("its data is {age} old, and validity factor {factor} allows {most}")
        })
    }
}
