//! Snapshots to one view.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use super::groups::groups;
use super::{ClusterView, Coverage, HeldTable, Member, Stranger};
use crate::model::address::{Address, Naming, Target};
use crate::model::node::{Health, NodeId, NodeRow, NodeTable, Role, Viewpoint};
use crate::model::slots::SlotSet;
use crate::model::snapshot::NodeSnapshot;
use crate::model::time::Timestamp;

/// A host name has 255 characters, a port six with its colon. Longer texts are no addresses: whoever announces them
/// must not make every scrape longer.
const LONGEST_LABEL: usize = 261;

/// Joins what all nodes said in one poll. `last` is the view before it: while no node at all tells a table, its
/// members stand, so that a total outage does not make the nodes vanish.
pub fn assemble(
    naming: &Naming,
    snapshots: Vec<Arc<NodeSnapshot>>,
    last: Option<&ClusterView>,
    at: Timestamp,
    took: Duration,
) -> ClusterView {
    let snapshots = once_each(naming, snapshots);
    let mut view = ClusterView { took, ..ClusterView::empty(at) };
    let tables = ranked_tables(&snapshots);
    view.members = match (tables.is_empty(), last) {
        (true, Some(last)) => last.members.iter().map(forget_words).collect(),
        _ => roster(naming, &snapshots, &tables),
    };
    attach(&mut view.members, &snapshots);
    view.by_id = by_id(&view.members);
    view.by_primary = by_primary(&view.members);
    view.tables = tables.iter().map(|table| held(&view, table, &snapshots)).collect();
    view.tables.retain(|held| !held.viewers.is_empty());
    view.reference = tables.into_iter().next().or_else(|| last?.reference.clone());
    give_labels(&mut view.members);
    count_suspicions(&mut view);
    name_shards(&mut view.members);
    view.coverage = Coverage::of(&view);
    view.groups = groups(&view.members, &view.tables);
    view.failures = snapshots.iter().filter_map(|said| said.outcome.clone().err()).collect();
    view.current_epoch = highest_epoch(&snapshots).or_else(|| last?.current_epoch);
    if view.members.is_empty() {
        view.strangers = snapshots.iter().filter_map(|said| stranger(said)).collect();
    }
    view
}

fn highest_epoch(snapshots: &[Arc<NodeSnapshot>]) -> Option<u64> {
    snapshots.iter().filter_map(|said| Some(said.cluster.as_ref().ok()?.current_epoch)).max()
}

fn stranger(said: &NodeSnapshot) -> Option<Stranger> {
    Some(Stranger { target: said.target.clone(), error: said.outcome.clone().err()? })
}

/// The distinct tables. First comes the one that most voters hold, by its own word on who votes; then the one
/// that most nodes hold; then that of the higher epochs; then that of the first address, so that of several with equal
/// rights it is the same one at every poll.
fn ranked_tables(snapshots: &[Arc<NodeSnapshot>]) -> Vec<Arc<NodeTable>> {
    let mut holders: BTreeMap<u64, Holders<'_>> = BTreeMap::new();
    for (said, view) in snapshots.iter().filter_map(|said| Some((said, said.nodes.as_ref().ok()?))) {
        let none = || Holders { table: &view.table, voters: 0, viewers: 0, first: &said.target };
        let of = holders.entry(view.table.fingerprint).or_insert_with(none);
        of.voters += usize::from(view.own_row().is_some_and(NodeRow::is_voter));
        of.viewers += 1;
        of.first = of.first.min(&said.target);
    }
    let mut tables: Vec<Holders<'_>> = holders.into_values().collect();
    let epochs = |table: &NodeTable| table.rows.iter().map(|row| row.config_epoch).max();
    tables.sort_by_cached_key(|of| (Reverse((of.voters, of.viewers, epochs(of.table))), of.first));
    tables.into_iter().map(|of| Arc::clone(of.table)).collect()
}

/// Who holds a table.
struct Holders<'a> {
    table: &'a Arc<NodeTable>,
    voters: usize,
    viewers: usize,
    /// The lowest address.
    first: &'a Target,
}

/// Everybody whom any table names, without handshakes: their ids are random and last a second.
fn roster(naming: &Naming, snapshots: &[Arc<NodeSnapshot>], tables: &[Arc<NodeTable>]) -> Vec<Member> {
    let mut rows: BTreeMap<NodeId, (&NodeRow, Option<&Target>)> = BTreeMap::new();
    let views = || snapshots.iter().filter_map(|said| Some((said, said.nodes.as_ref().ok()?)));
    let left: Vec<NodeId> =
        views().filter(|(_, view)| has_left(view, tables)).map(|(_, view)| view.myself).collect();
    for (said, view) in views() {
        // On itself a node's own word goes first.
        if let Some(own) = view.own_row() {
            rows.entry(own.id).or_insert((own, Some(&said.target)));
        }
    }
    for row in tables.iter().flat_map(|table| &table.rows).filter(|row| !row.handshake) {
        rows.entry(row.id).or_insert((row, None));
    }
    rows.retain(|id, _| !left.contains(id));
    let mut members: Vec<Member> =
        rows.into_values().map(|(row, dialled)| member(naming, row, dialled)).collect();
    members.sort_by(|a, b| (&a.label, a.id).cmp(&(&b.label, b.id)));
    members
}

/// A node that was reset, or put in the place of another: alone in its table, without slots, and in nobody else's.
/// One that still claims slots, or still names the others, is part of the story.
fn has_left(view: &Viewpoint, tables: &[Arc<NodeTable>]) -> bool {
    let alone = view.table.rows.iter().all(|row| row.id == view.myself || row.handshake);
    let owns = view.own_row().is_some_and(|own| !own.slots.is_empty());
    let mut others = tables.iter().filter(|table| table.fingerprint != view.table.fingerprint).peekable();
    alone && !owns && others.peek().is_some() && others.all(|table| table.row(view.myself).is_none())
}

fn member(naming: &Naming, row: &NodeRow, dialled: Option<&Target>) -> Member {
    let announced = announced(row, dialled);
    let route = announced.as_ref().map(|address| naming.route(address, row.hostname.as_deref()));
    let mut label = route.as_ref().map_or_else(|| row.id.to_string(), Target::to_string);
    if label.len() > LONGEST_LABEL {
        label = label.chars().take(LONGEST_LABEL).collect();
    }
    Member {
        id: row.id,
        label: Arc::from(label),
        owns_label: true,
        route: route.or_else(|| dialled.cloned()),
        announced,
        said: None,
        role: row.role,
        primary: row.primary,
        config_epoch: row.config_epoch,
        slots: if row.role == Some(Role::Primary) { row.slots.clone() } else { SlotSet::new() },
        shard: Arc::from(""),
        suspected_by: 0,
        failed: false,
    }
}

/// A lone node does not know its own address yet: then it is the one it was dialled at.
fn announced(row: &NodeRow, dialled: Option<&Target>) -> Option<Address> {
    let address = row.address.clone()?;
    if !address.host.is_empty() {
        return Some(address);
    }
    match dialled? {
        Target::Tcp(dialled) => Some(Address { host: dialled.host.clone(), port: address.port }),
        Target::Unix(_) => None,
    }
}

fn forget_words(member: &Member) -> Member {
    Member { said: None, suspected_by: 0, ..member.clone() }
}

/// Gives each member what it said: by the id it told, else by what was dialled.
fn attach(members: &mut [Member], snapshots: &[Arc<NodeSnapshot>]) {
    let by_id: BTreeMap<NodeId, &Arc<NodeSnapshot>> =
        snapshots.iter().filter_map(|said| Some((said.id()?, said))).collect();
    let nameless = snapshots.iter().filter(|said| said.id().is_none());
    let by_target: BTreeMap<&Target, &Arc<NodeSnapshot>> =
        nameless.map(|said| (&said.target, said)).collect();
    for member in members {
        let routed = || by_target.get(member.route.as_ref()?);
        let Some(said) = by_id.get(&member.id).or_else(routed) else { continue };
        // A node that tells no table (loading, or without the right) still tells its role in INFO.
        if let (Err(_), Ok(replication)) = (&said.nodes, &said.replication) {
            member.role = Some(replication.role);
        }
        member.said = Some(Arc::clone(said));
    }
}

/// A node that was reached in two ways (by a seed and by its own address) speaks once: by its own address if that
/// answers, so that a seed can be seen to be of no more use; else the first answer counts.
fn once_each(naming: &Naming, mut snapshots: Vec<Arc<NodeSnapshot>>) -> Vec<Arc<NodeSnapshot>> {
    snapshots.sort_by_cached_key(|said| !answers_by_own_route(naming, said));
    let mut told = BTreeSet::new();
    snapshots.retain(|said| said.id().is_none_or(|id| told.insert(id)));
    snapshots
}

fn answers_by_own_route(naming: &Naming, said: &NodeSnapshot) -> bool {
    let own = said.nodes.as_ref().ok().and_then(Viewpoint::own_row);
    let route = own.and_then(|row| {
        announced(row, Some(&said.target)).map(|address| naming.route(&address, row.hostname.as_deref()))
    });
    said.outcome.is_ok() && route.as_ref() == Some(&said.target)
}

fn by_id(members: &[Member]) -> Vec<usize> {
    let mut by_id: Vec<usize> = (0..members.len()).collect();
    by_id.sort_unstable_by_key(|at| members[*at].id);
    by_id
}

fn by_primary(members: &[Member]) -> Vec<usize> {
    let mut by_primary: Vec<usize> = (0..members.len()).filter(|at| members[*at].primary.is_some()).collect();
    by_primary.sort_by_key(|at| members[*at].primary);
    by_primary
}

fn held(view: &ClusterView, table: &Arc<NodeTable>, snapshots: &[Arc<NodeSnapshot>]) -> HeldTable {
    let views = snapshots.iter().filter_map(|said| said.nodes.as_ref().ok());
    let holds = views.filter(|view| view.table.fingerprint == table.fingerprint);
    let mut viewers: Vec<usize> = holds.filter_map(|holder| view.position(holder.myself)).collect();
    viewers.sort_unstable();
    viewers.dedup();
    HeldTable { table: Arc::clone(table), viewers }
}

/// One member per label: the one that answers, else the one of known role and of the highest epoch.
fn give_labels(members: &mut [Member]) {
    let rank = |m: &Member| (m.is_up(), m.said.is_some(), m.role.is_some(), m.config_epoch, m.id);
    for same in members.chunk_by_mut(|a, b| a.label == b.label) {
        let Some(owner) = same.iter().max_by_key(|member| rank(member)).map(|member| member.id) else {
            continue;
        };
        same.iter_mut().for_each(|member| member.owns_label = member.id == owner);
    }
}

fn count_suspicions(view: &mut ClusterView) {
    let is_voter: Vec<bool> = view.members.iter().map(|member| view.votes(member.id)).collect();
    let answering_voters =
        view.tables.iter().flat_map(|held| &held.viewers).filter(|at| is_voter[**at]).count();
    let mut counts = vec![(0u32, 0usize); view.members.len()];
    for held in &view.tables {
        let voters = held.viewers.iter().filter(|at| is_voter[**at]).count();
        for (at, member) in view.members.iter().enumerate() {
            let health = held.table.row(member.id).map(|row| row.health);
            if matches!(health, None | Some(Health::Alive)) {
                continue;
            }
            let is_viewer = usize::from(held.viewers.binary_search(&at).is_ok());
            counts[at].0 += (held.viewers.len() - is_viewer) as u32;
            if health == Some(Health::Failed) {
                counts[at].1 += voters - is_viewer.min(usize::from(is_voter[at]));
            }
        }
    }
    for (at, member) in view.members.iter_mut().enumerate() {
        let others = answering_voters - usize::from(is_voter[at] && member.viewpoint().is_some());
        member.suspected_by = counts[at].0;
        member.failed = counts[at].1 * 2 > others;
    }
}

/// A shard's name: the shard id that its primary told, or another of its nodes, else the id of its primary. The
/// primary's goes before a replica's own: that is asked for seldom, and a node that just joined had another one.
fn name_shards(members: &mut [Member]) {
    let primary_of = |member: &Member| match member.role {
        Some(Role::Replica) => member.primary.unwrap_or(member.id),
        _ => member.id,
    };
    let told = |member: &Member| member.said.as_ref()?.shard_id.as_ref().ok().cloned();
    let mut shards: BTreeMap<NodeId, Arc<str>> = BTreeMap::new();
    for member in members.iter() {
        let primary = primary_of(member);
        let is_primary = primary == member.id;
        if let Some(shard) = told(member)
            && (is_primary || !shards.contains_key(&primary))
        {
            shards.insert(primary, shard);
        }
    }
    for member in members.iter_mut() {
        let primary = primary_of(member);
        let known = shards.get(&primary).cloned().or_else(|| told(member));
        member.shard = known.unwrap_or_else(|| Arc::from(primary.to_string()));
    }
}
