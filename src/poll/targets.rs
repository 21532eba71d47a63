//! The seeds: dialled while they are of use.
//!
//! A host name means all its addresses. Once the cluster is known its nodes are reached by the addresses that they
//! announce; a seed that turns out to lead to one of them (a load balancer, another name, a forwarded port) is let
//! go, unless that node cannot be reached in any other way.

use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::time::Duration;

use tokio::time::timeout;

use crate::ask;
use crate::config::Cluster;
use crate::model::address::{Address, Target};
use crate::model::view::ClusterView;
use crate::probes::Replies;

/// The configured seeds and what they resolved to.
pub(super) struct Seeds {
    configured: Vec<Target>,
    /// Dial host names as they are: a certificate is checked against the name.
    by_name: bool,
    resolved: Vec<Target>,
    /// Lead to nodes that answer at their own address.
    settled: BTreeSet<Target>,
    /// Dialled this time.
    wanted: Vec<Target>,
}

impl Seeds {
    pub(super) fn new(cluster: &Cluster) -> Self {
        let by_name = cluster.tls.as_ref().is_some_and(|tls| tls.server_name.is_none());
        let configured = cluster.seeds.clone();
        Self { configured, by_name, resolved: Vec::new(), settled: BTreeSet::new(), wanted: Vec::new() }
    }

    /// What to dial beside the known nodes.
    pub(super) fn wanted(&self) -> impl Iterator<Item = &Target> {
        self.wanted.iter()
    }

    /// What the configured seeds stand for.
    pub(super) fn resolved(&self) -> &[Target] {
        &self.resolved
    }

    /// Looks names up anew on a slow turn, and at every turn while no node answers.
    pub(super) async fn resolve(&mut self, slow: bool, last: Option<&ClusterView>, limit: Duration) {
        let blind = last.is_none_or(|view| view.reachable() == 0);
        if blind {
            self.settled.clear();
        }
        if blind || slow {
            self.look_up(limit).await;
        }
        let is_route = |target: &Target| {
            last.is_some_and(|view| view.members.iter().any(|member| member.route.as_ref() == Some(target)))
        };
        let carries = |target: &Target| {
            // The only way to its node: the answer of the last poll came through it.
            last.is_some_and(|view| {
                view.members
                    .iter()
                    .filter_map(|m| m.said.as_ref())
                    .any(|said| said.target == *target && said.outcome.is_ok())
            })
        };
        self.wanted = self
            .resolved
            .iter()
            .filter(|target| !is_route(target) && !self.settled.contains(target))
            .filter(|target| blind || slow || carries(target))
            .cloned()
            .collect();
    }

    async fn look_up(&mut self, limit: Duration) {
        let mut resolved = Vec::new();
        for seed in &self.configured {
            let found = match seed {
                Target::Tcp(address) if !self.by_name => timeout(limit, ask::resolve(address)).await,
                _ => Ok(Ok(Vec::new())),
            };
            match found {
                Ok(Ok(addresses)) if !addresses.is_empty() => {
                    resolved.extend(addresses.into_iter().map(target));
                }
                // Dialled as it is written, a name that cannot be resolved fails with the reason.
                _ => resolved.push(seed.clone()),
            }
        }
        resolved.sort();
        resolved.dedup();
        self.resolved = resolved;
    }

    /// Lets go of the seeds whose nodes answered at their own address too.
    pub(super) fn settle(&mut self, view: &ClusterView, replies: &[Replies]) {
        let answered = |target: &Target| replies.iter().any(|r| r.target == *target && r.failure.is_none());
        for seed in &self.wanted {
            let is_other = |target: &&Target| *target != seed;
            // A node speaks once, by its own route if that answers: then its route is not the seed.
            let spare = view.members.iter().filter_map(|member| member.route.as_ref()).filter(is_other);
            let carries =
                view.members.iter().filter_map(|m| m.said.as_ref()).any(|said| said.target == *seed);
            let known = spare.into_iter().any(answered);
            if answered(seed) && known && !carries {
                self.settled.insert(seed.clone());
            }
        }
    }
}

fn target(address: SocketAddr) -> Target {
    Target::Tcp(Address::new(&address.ip().to_string(), address.port()))
}
