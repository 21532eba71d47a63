//! The words that change a simulated cluster.

use std::ops::RangeInclusive;
use std::time::Duration;

use redis_cluster_exporter::model::address::Address;
use redis_cluster_exporter::model::failure::AskError;
use redis_cluster_exporter::model::node::{Direction, Health};
use redis_cluster_exporter::model::slots::SlotSet;
use redis_cluster_exporter::probes::{ProbeId, SETTINGS};

use super::{Atomic, Cluster, Link, Process, Row, Server};

fn set(slots: RangeInclusive<u16>) -> SlotSet {
    SlotSet::from_iter([(*slots.start(), *slots.end())])
}

impl Cluster {
    // Processes.

    /// The process is gone: connections are refused, the peers' links to it are down. Nobody has flagged it yet.
    pub(crate) fn kill(self, name: &str) -> Self {
        self.hide(name).everywhere(name, |row| row.link_up = false)
    }

    /// The exporter alone cannot connect; its peers see nothing wrong.
    pub(crate) fn hide(self, name: &str) -> Self {
        self.silent(name, AskError::Connect("Connection refused (os error 111)".to_owned()))
    }

    /// The process takes connections and never answers.
    pub(crate) fn hang(self, name: &str) -> Self {
        self.silent(name, AskError::Timeout { during: "reading the replies", after_ms: 2000 })
    }

    /// The node does not answer, for this reason.
    pub(crate) fn silent(self, name: &str, why: AskError) -> Self {
        self.with(name, |node| node.process = Process::Silent(why))
    }

    /// The process reads its dataset, and refuses as Redis does what it cannot answer then.
    pub(crate) fn loading(self, name: &str) -> Self {
        self.with(name, |node| node.process = Process::Loading).info(name, "loading", "1")
    }

    /// A script blocks the process: every command is refused.
    pub(crate) fn busy(self, name: &str) -> Self {
        self.with(name, |node| node.process = Process::Busy)
    }

    /// One command is refused with this error line: `NOPERM …`, `ERR unknown command …`.
    pub(crate) fn refuse(self, name: &str, probe: ProbeId, error: &str) -> Self {
        self.with(name, |node| {
            node.refused.insert(probe, error.to_owned());
        })
    }

    /// The node was asked this much after the others.
    pub(crate) fn asked_late(self, name: &str, by: Duration) -> Self {
        self.with(name, |node| node.late = by)
    }

    /// The node's clock is ahead of the exporter's by so much.
    pub(crate) fn clock_ahead(self, name: &str, by: Duration) -> Self {
        self.with(name, |node| node.ahead = by)
    }

    // Views.

    /// What one node holds another one to be.
    pub(crate) fn seen_from(self, viewer: &str, name: &str, health: Health) -> Self {
        self.told(viewer, name, |row| {
            row.health = health;
            row.link_up = row.link_up && health == Health::Alive;
        })
    }

    /// Every other node holds it to be so.
    pub(crate) fn seen_by_all(self, name: &str, health: Health) -> Self {
        let viewers = self.names().into_iter().filter(|viewer| viewer != name);
        viewers
            .collect::<Vec<_>>()
            .iter()
            .fold(self, |cluster, viewer| cluster.seen_from(viewer, name, health))
    }

    /// The bus between these nodes and the rest is cut. The side with most voters has agreed on `fail`; the other
    /// one can only suspect.
    pub(crate) fn split(mut self, side: &[&str]) -> Self {
        let voters = |inside: bool| {
            let voter = |(name, row): &(&String, &Row)| {
                side.contains(&name.as_str()) == inside && row.primary.is_none() && !row.slots.is_empty()
            };
            self.rows.iter().filter(voter).count()
        };
        let (inside, outside) = (voters(true), voters(false));
        let verdict =
            |own: usize| if own * 2 > inside + outside { Health::Failed } else { Health::Suspected };
        let (inside, outside) = (verdict(inside), verdict(outside));
        for viewer in self.names() {
            let from = side.contains(&viewer.as_str());
            for name in self.names().iter().filter(|name| side.contains(&name.as_str()) != from) {
                self = self.seen_from(&viewer, name, if from { inside } else { outside });
            }
        }
        self
    }

    /// One table does not hold a node at all.
    pub(crate) fn forget(self, viewer: &str, name: &str) -> Self {
        self.with(viewer, |node| {
            node.unknown.insert(name.to_owned());
        })
    }

    /// These nodes and the others do not know of each other: two clusters.
    pub(crate) fn strangers(mut self, side: &[&str]) -> Self {
        for viewer in self.names() {
            for name in self.names() {
                if side.contains(&viewer.as_str()) != side.contains(&name.as_str()) {
                    self = self.forget(&viewer, &name);
                }
            }
        }
        self
    }

    /// All tables have lost the address of a node, which is gone.
    pub(crate) fn noaddr(self, name: &str) -> Self {
        self.kill(name).everywhere(name, |row| row.address = None)
    }

    /// A new primary without slots, known to all.
    pub(crate) fn join(mut self, name: &str) -> Self {
        self.insert(name, None, 0);
        self
    }

    /// A new replica of `primary`, known to all.
    pub(crate) fn join_replica(mut self, name: &str, primary: &str) -> Self {
        let epoch = self.row(primary).epoch;
        self.insert(name, Some(primary.to_owned()), epoch);
        self
    }

    /// A node listens elsewhere, and all tables know.
    pub(crate) fn at(self, name: &str, address: &Address) -> Self {
        self.with(name, |node| node.address = address.clone())
            .everywhere(name, |row| row.address = Some(address.clone()))
    }

    /// A node announces a host name.
    pub(crate) fn hostname(self, name: &str, host: &str) -> Self {
        self.everywhere(name, |row| row.hostname = Some(host.to_owned()))
    }

    // Slots, roles, epochs.

    /// A replica has taken over: all tables agree. Its primary follows it, or stays a failed primary without slots
    /// if its process does not answer.
    pub(crate) fn promote(self, name: &str) -> Self {
        let old = self.rows[name].primary.clone().unwrap_or_else(|| panic!("{name} is no replica"));
        let row = self.rows[&old].clone();
        let gone = matches!(self.nodes[&old].process, Process::Silent(_));
        let epoch = self.current_epoch + 1;
        let names = self.names();
        let followers: Vec<_> =
            names.into_iter().filter(|n| n != name && self.rows[n].primary.as_ref() == Some(&old)).collect();
        let cluster = self.epoch(name, epoch).everywhere(name, |own| {
            own.primary = None;
            own.slots = row.slots.clone();
        });
        let cluster = cluster.everywhere(&old, |row| {
            row.slots = SlotSet::new();
            row.primary = (!gone).then(|| name.to_owned());
            row.health = if gone { Health::Failed } else { row.health };
        });
        followers
            .iter()
            .fold(cluster, |c, follower| c.everywhere(follower, |row| row.primary = Some(name.to_owned())))
    }

    /// On its own word alone a node is a primary with these slots, with an epoch that nobody else has heard of.
    pub(crate) fn claims(mut self, name: &str, slots: RangeInclusive<u16>) -> Self {
        self.current_epoch += 1;
        let epoch = self.current_epoch;
        self.told(name, name, |row| {
            row.primary = None;
            row.slots = row.slots.union(&set(slots));
            row.epoch = epoch;
        })
    }

    /// All tables give these slots to this primary, and to no other.
    pub(crate) fn assign(self, name: &str, slots: RangeInclusive<u16>) -> Self {
        self.unassign(slots.clone()).everywhere(name, |row| row.slots = row.slots.union(&set(slots.clone())))
    }

    /// No table gives these slots to anybody.
    pub(crate) fn unassign(self, slots: RangeInclusive<u16>) -> Self {
        let slots = set(slots);
        let names = self.names();
        names.iter().fold(self, |c, name| c.everywhere(name, |row| row.slots = row.slots.difference(&slots)))
    }

    /// The configuration epoch of a node, in all tables.
    pub(crate) fn epoch(mut self, name: &str, epoch: u64) -> Self {
        self.current_epoch = self.current_epoch.max(epoch);
        self.everywhere(name, |row| row.epoch = epoch)
    }

    // Migrations.

    /// A slot opened by SETSLOT at both ends.
    pub(crate) fn open_slot(self, slot: u16, source: &str, target: &str) -> Self {
        self.migrating(source, slot, target).importing(target, slot, source)
    }

    /// A slot opened by SETSLOT at its source alone.
    pub(crate) fn migrating(self, name: &str, slot: u16, target: &str) -> Self {
        self.with(name, |node| node.open.push((slot, Direction::Migrating, target.to_owned())))
    }

    /// A slot opened by SETSLOT at its target alone.
    pub(crate) fn importing(self, name: &str, slot: u16, source: &str) -> Self {
        self.with(name, |node| node.open.push((slot, Direction::Importing, source.to_owned())))
    }

    /// An atomic migration, in the log of both ends, in a state in the server's own words.
    pub(crate) fn atomic(self, source: &str, target: &str, slots: RangeInclusive<u16>, state: &str) -> Self {
        assert!(self.server != Server::Redis72, "Redis 7.2 has no atomic migration: call server() first");
        let (source, target, state) = (source.to_owned(), target.to_owned(), state.to_owned());
        let entry = Atomic { source: source.clone(), target: target.clone(), slots: set(slots), state };
        self.with(&source, |node| node.migrations.push(entry.clone()))
            .with(&target, |node| node.migrations.push(entry.clone()))
    }

    /// Keys in a slot, as COUNTKEYSINSLOT of one node counts them.
    pub(crate) fn key_count(self, name: &str, slot: u16, keys: u64) -> Self {
        self.with(name, |node| {
            node.key_counts.insert(slot, keys);
        })
    }

    // Values.

    /// The node's own replication offset.
    pub(crate) fn offset(self, name: &str, offset: u64) -> Self {
        self.with(name, |node| node.offset = offset)
    }

    /// A replica's link to its primary.
    pub(crate) fn link(self, name: &str, link: Link) -> Self {
        self.with(name, |node| node.link = link)
    }

    /// A line of INFO, in place of the usual one or at the end.
    pub(crate) fn info(self, name: &str, key: &str, value: &str) -> Self {
        self.with(name, |node| node.info.push((key.to_owned(), value.to_owned())))
    }

    /// A line of CLUSTER INFO, in place of the usual one or at the end.
    pub(crate) fn cluster_info(self, name: &str, key: &str, value: &str) -> Self {
        self.with(name, |node| node.cluster_info.push((key.to_owned(), value.to_owned())))
    }

    /// A setting of one node.
    pub(crate) fn setting(self, name: &str, key: &str, value: &str) -> Self {
        assert!(SETTINGS.contains(&key), "{key} is not asked for");
        self.with(name, |node| {
            node.settings.insert(key.to_owned(), value.to_owned());
        })
    }
}
