//! What a check sees, and the questions that many checks ask of it.

mod accusers;
mod promotion;

use std::cell::OnceCell;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

pub(super) use promotion::Promotion;

use super::shell::shell_word;
use crate::model::before::Before;
use crate::model::finding::{Finding, Outcome};
use crate::model::info::{Field, Number, sub_value};
use crate::model::limits::{Expect, Limits};
use crate::model::migration::{Mechanism, OpenMigration};
use crate::model::node::{NodeId, NodeRow, Role};
use crate::model::past::{Counter, Lag, Past};
use crate::model::snapshot::{ConnectedReplica, NodeSnapshot};
use crate::model::view::{ClusterView, Member};

/// One view, its past, and what the configuration wants of it.
pub struct Context<'a> {
    /// All nodes side by side.
    pub view: &'a ClusterView,
    /// The view before.
    pub before: &'a Before,
    /// What all views before tell.
    pub past: &'a Past,
    /// Thresholds.
    pub limits: &'a Limits,
    /// What the cluster should look like.
    pub expect: &'a Expect,
    /// From one poll to the next.
    pub interval: Duration,
    /// Ids of the nodes of the other configured clusters, by cluster.
    pub others: &'a [(Arc<str>, Arc<BTreeSet<NodeId>>)],
    /// Voters that told their tables, and all: asked by most checks.
    turnout: (usize, usize),
    /// `cluster-node-timeout`, seconds.
    node_timeout: f64,
    /// By host, made when it is first asked for.
    hosts: OnceCell<BTreeMap<Option<&'a str>, HostMemory>>,
}

/// Memory of one host, bytes.
#[derive(Clone, Copy, Default)]
struct HostMemory {
    /// What the answering nodes that announce its address hold together.
    resident: u64,
    /// All of it, as the least of them tells.
    total: Option<u64>,
}

impl HostMemory {
    fn add(&mut self, node: Node<'_>) {
        let told = node.unsigned(Field::new("total_system_memory")).filter(|total| *total > 0);
        self.total = self.total.into_iter().chain(told).min();
        self.resident += node.unsigned(Field::new("used_memory_rss")).unwrap_or(0);
    }
}

/// What a check says of one node.
pub(super) enum Said {
    /// Nothing is wrong with it.
    Fine,
    /// This is.
    Wrong(Finding),
    /// It cannot be told, for this reason.
    Unknown(String),
}

impl Said {
    /// What is said of several together: firing if anything is wrong with any, unknown if it can be told of none.
    pub(super) fn join(all: impl IntoIterator<Item = Self>) -> Outcome {
        let (mut findings, mut unknown, mut fine) = (Vec::new(), None, false);
        for said in all {
            match said {
                Self::Fine => fine = true,
                Self::Wrong(finding) => findings.push(finding),
                Self::Unknown(why) => {
                    unknown.get_or_insert(why);
                }
            }
        }
        match unknown {
            Some(why) if findings.is_empty() && !fine => Outcome::Unknown(why),
            _ => Outcome::of(findings),
        }
    }
}

impl From<Option<Finding>> for Said {
    fn from(finding: Option<Finding>) -> Self {
        finding.map_or(Self::Fine, Self::Wrong)
    }
}

/// A node that answers, with what it said.
#[derive(Clone, Copy)]
pub(super) struct Node<'a> {
    /// Index of the member.
    pub at: usize,
    /// The member.
    pub member: &'a Member,
    /// What it said.
    pub said: &'a NodeSnapshot,
}

impl Node<'_> {
    /// A line of INFO as an unsigned number.
    pub(super) fn unsigned(&self, field: Field) -> Option<u64> {
        self.said.info.as_ref().ok()?.unsigned(field)
    }

    /// A line of INFO as a number.
    pub(super) fn number(&self, field: Field) -> Option<f64> {
        self.said.info.as_ref().ok()?.number(field).map(Number::as_f64)
    }

    /// A line of INFO as text.
    pub(super) fn text(&self, field: Field) -> Option<&str> {
        self.said.info.as_ref().ok()?.text(field)
    }

    /// A setting (CONFIG GET).
    pub(super) fn setting(&self, name: &str) -> Option<&str> {
        self.said.settings.as_ref().ok()?.get(name)
    }

    /// Keys, and how many of them have a TTL.
    pub(super) fn keys(&self) -> (u64, u64) {
        let Ok(info) = &self.said.info else { return (0, 0) };
        // Key sizes stand there as `db0_distrib_…`.
        let keyspace = info.with_prefix("db").filter(|(db, _)| db.bytes().all(|byte| byte.is_ascii_digit()));
        keyspace.fold((0u64, 0u64), |(keys, expires), (_, counts)| {
            let count =
                |key: &str| sub_value(counts, key).and_then(|count| count.parse().ok()).unwrap_or(0u64);
            (keys.saturating_add(count("keys")), expires.saturating_add(count("expires")))
        })
    }

    /// The least that `client-output-buffer-limit` lets a replica's buffer hold, hard or soft; `None` without a
    /// limit. Servers take no limit below the size of the backlog seriously.
    pub(super) fn replica_buffer_limit(&self) -> Option<u64> {
        let words: Vec<&str> = self.setting("client-output-buffer-limit")?.split_whitespace().collect();
        let class = words.chunks(4).find(|class| matches!(class.first(), Some(&"slave" | &"replica")))?;
        let limits = class.iter().skip(1).take(2).filter_map(|limit| limit.parse::<u64>().ok());
        let least = limits.filter(|limit| *limit > 0).min()?;
        Some(least.max(self.unsigned(Field::new("repl_backlog_size")).unwrap_or(0)))
    }
}

fn host(member: &Member) -> Option<&str> {
    member.announced.as_ref().map(|address| &*address.host)
}

/// Voters that told their tables, and all. Where no primary owns slots all primaries stand for them, so that a cluster
/// without any slots can be judged.
fn turnout(view: &ClusterView) -> (usize, usize) {
    let rows = || view.reference.iter().flat_map(|table| &table.rows);
    let none_votes = view.voters().next().is_none();
    let votes = |row: &&NodeRow| row.is_voter() || (none_votes && row.role == Some(Role::Primary));
    let told = |row: &&NodeRow| view.member(row.id).is_some_and(|member| member.viewpoint().is_some());
    (rows().filter(votes).filter(told).count(), rows().filter(votes).count())
}

impl<'a> Context<'a> {
    /// A context for all checks of one view. `others` are the ids of the nodes of the other configured clusters.
    pub fn new(
        view: &'a ClusterView,
        before: &'a Before,
        past: &'a Past,
        limits: &'a Limits,
        expect: &'a Expect,
        interval: Duration,
        others: &'a [(Arc<str>, Arc<BTreeSet<NodeId>>)],
    ) -> Self {
        let (turnout, node_timeout) = (turnout(view), view.node_timeout());
        let hosts = OnceCell::new();
        Self { view, before, past, limits, expect, interval, others, turnout, node_timeout, hosts }
    }

    /// Whether a majority of the voting primaries told their tables.
    pub(super) fn has_majority(&self) -> bool {
        let (answering, voters) = self.turnout;
        answering * 2 > voters
    }

    /// Why a verdict about the cluster is unknown.
    pub(super) fn minority(&self) -> String {
        match self.turnout {
            (_, 0) => "no node told who votes".to_owned(),
            (answering, voters) => format!("only {answering} of {voters} voting primaries answered"),
        }
    }

    /// A verdict about the cluster whose findings are facts by themselves: firing if there are any; clear only on
    /// the word of a majority of the voting primaries.
    pub(super) fn verdict(&self, findings: Vec<Finding>) -> Outcome {
        if findings.is_empty() && !self.has_majority() {
            return Outcome::Unknown(self.minority());
        }
        Outcome::of(findings)
    }

    /// The members that answer.
    pub(super) fn nodes(&self) -> impl Iterator<Item = Node<'a>> {
        let members = self.view.members.iter().enumerate();
        members.filter_map(|(at, member)| {
            let said = member.said.as_deref().filter(|said| said.info.is_ok())?;
            Some(Node { at, member, said })
        })
    }

    /// Asks of every node that answers. Firing if anything is wrong with any; unknown if it can be told of none; a
    /// node that does not answer is another check's business.
    pub(super) fn each_node(&self, judge: impl Fn(Node<'a>) -> Said) -> Outcome {
        Said::join(self.nodes().map(judge))
    }

    /// How fast a line of INFO of a node grows, per second; see [`Before::rate`].
    pub(super) fn rate(&self, node: Node<'_>, field: Field) -> Option<f64> {
        self.before.rate(node.at, node.said, |said| said.info.as_ref().ok()?.unsigned(field))
    }

    /// How many error replies of a kind (`errorstat_…` of INFO) a node gave since the poll before, and in how many
    /// seconds. `None` as in [`Before::growth`] and [`NodeSnapshot::errors`].
    pub(super) fn errors(&self, node: Node<'_>, kind: Field) -> Option<(u64, f64)> {
        match node.said.errors(kind)? {
            // The usual case: before there were none either.
            0 => self.before.growth(node.at, node.said, |_| Some(0)),
            _ => self.before.growth(node.at, node.said, |said| said.errors(kind)),
        }
    }

    /// How fast a counter of a node grows, per second, over the last minute; `None` until it was watched for some
    /// seconds.
    pub(super) fn pace(&self, node: Node<'_>, counter: Counter) -> Option<f64> {
        self.past.rates.get(node.at)?.get(counter)
    }

    /// A node by its id, if it answers.
    pub(super) fn node(&self, id: NodeId) -> Option<Node<'a>> {
        let at = self.view.position(id)?;
        let member = self.view.members.get(at)?;
        let said = member.said.as_deref().filter(|said| said.info.is_ok())?;
        Some(Node { at, member, said })
    }

    /// Lag of a member.
    pub(super) fn lag(&self, at: usize) -> Option<Lag> {
        *self.past.lags.get(at)?
    }

    /// How its primary has a replica connected: the `slaveN` line with its announced address.
    pub(super) fn fed_by_primary(&self, replica: &Member) -> Option<&'a ConnectedReplica> {
        let primary = self.view.member(replica.primary?)?.said.as_deref()?;
        let at = replica.announced.as_ref()?;
        let is_it = |line: &&ConnectedReplica| *at.host == *line.ip && at.port == line.port;
        primary.replication.as_ref().ok()?.replicas.iter().find(is_it)
    }

    /// The label of a node, or its id where it is no member.
    pub(super) fn label(&self, id: NodeId) -> Arc<str> {
        self.view.member(id).map_or_else(|| Arc::from(id.to_string()), |member| member.label.clone())
    }

    /// The label of one end of a migration; `?` where no log tells which node it is.
    pub(super) fn end_label(&self, end: Option<NodeId>) -> Arc<str> {
        end.map_or_else(|| Arc::from("?"), |id| self.label(id))
    }

    /// How long a migration has been open, seconds, and whether that is too long without a key having moved. What an
    /// atomic migration has sent does not show in key counts: that alone never makes one stall.
    pub(super) fn open_for(&self, migration: &OpenMigration) -> (f64, bool) {
        let past = |at| self.view.at.seconds_since(at);
        let open = migration.since.map_or(0.0, past);
        let idle = migration.progressed_at.map_or(0.0, past);
        let stalled = migration.mechanism == Mechanism::SetSlot
            && open > self.limits.migration_stalled_seconds
            && idle > self.limits.migration_idle_seconds;
        (open, stalled)
    }

    /// What the answering nodes on the host of a member hold resident, and what they may: the configured
    /// `host_memory_bytes`, else the host's memory as INFO tells it. Bytes.
    pub(super) fn host_memory(&self, member: &Member) -> Option<(u64, u64)> {
        let hosts = self.hosts.get_or_init(|| {
            let mut hosts: BTreeMap<Option<&str>, HostMemory> = BTreeMap::new();
            for node in self.nodes() {
                hosts.entry(host(node.member)).or_default().add(node);
            }
            hosts
        });
        let memory = hosts.get(&host(member))?;
        Some((memory.resident, self.limits.host_memory_bytes.or(memory.total)?))
    }

    /// `cluster-node-timeout`, seconds: the least that any node has; the default of 15 where none tells.
    pub(super) fn node_timeout(&self) -> f64 {
        self.node_timeout
    }

    /// A command line for one node.
    pub(super) fn cli(&self, member: &Member, command: &str) -> String {
        match &member.route {
            Some(crate::model::address::Target::Tcp(address)) => {
                format!("redis-cli -h {} -p {} {command}", shell_word(&address.host), address.port)
            }
            Some(crate::model::address::Target::Unix(path)) => {
                format!("redis-cli -s {} {command}", shell_word(&path.display().to_string()))
            }
            None => format!("redis-cli {command}  # on {}", member.label),
        }
    }

    /// Replicas of a primary that answer.
    pub(super) fn heirs(&self, primary: &Member) -> impl Iterator<Item = &'a Member> {
        self.view.followers(primary.id).filter(|member| member.is_up() && !member.is_primary())
    }

    /// Some member that answers, to begin with: a primary if there is one.
    pub(super) fn any_node(&self) -> Option<&'a Member> {
        let up = || self.view.members.iter().filter(|member| member.is_up());
        up().find(|member| member.is_primary()).or_else(|| up().next())
    }
}
