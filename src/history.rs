//! What one view cannot show: a fold over the views of a cluster since this exporter started. A restart of the
//! exporter loses first-seen times and nothing else.

mod contests;
mod findings;
mod migrations;
mod offsets;
mod orphans;
mod rates;
mod resyncs;
mod topology;

use std::sync::Arc;

use crate::checks::Judgement;
use crate::model::before::Before;
use crate::model::event::{EventLog, Happening, Record};
use crate::model::info::Field;
use crate::model::past::Past;
use crate::model::snapshot::NodeSnapshot;
use crate::model::time::Timestamp;
use crate::model::view::{ClusterView, Member};
use crate::parse::Tables;

const RUN_ID: Field = Field::new("run_id");

/// Rates are those of the last minute, in seconds: what a limit per second is held against must not depend on how often
/// the exporter polls.
const WINDOW: f64 = 60.0;

/// Over less than this, in seconds, nothing is called a rate.
const LEAST: f64 = 3.0;

/// Everything that is remembered of one cluster.
#[derive(Clone, Debug, Default)]
pub struct History {
    /// What the last poll was read as, so that equal replies are not read again.
    pub tables: Tables,
    /// The view before.
    pub last: Option<Arc<ClusterView>>,
    contests: contests::Contested,
    offsets: offsets::Offsets,
    topology: topology::Topology,
    migrations: migrations::Migrations,
    resyncs: resyncs::Resyncs,
    orphans: orphans::Counted,
    rates: rates::Rates,
    findings: findings::Findings,
    log: Arc<EventLog>,
}

impl History {
    /// Takes in a view; gives the one before it, and tells what all of them mean for this one.
    pub fn recall(&mut self, view: &Arc<ClusterView>) -> (Before, Past) {
        self.tables.turn();
        let last = self.last.replace(Arc::clone(view));
        let said = last.as_ref().map_or_else(Vec::new, |last| same_runs(last, view));
        let before = Before { view: last, said };
        let mut past = Past { events: self.topology.fold(view), ..Past::default() };
        self.topology.recall(&mut past);
        past.contests = self.contests.fold(view);
        past.lags = self.offsets.fold(view);
        past.clocks = self.offsets.clocks(view);
        past.write_rates = self.offsets.write_rates(view);
        past.rates = self.rates.fold(view);
        past.migrations = self.migrations.fold(view);
        past.resyncs = self.resyncs.fold(view, &before);
        past.orphans = self.orphans.fold(view);
        (before, past)
    }

    /// Dates the findings, those that held in the poll before by their first sight, and returns all that has happened
    /// up to this poll, of which `past` holds what changed.
    pub fn date(&mut self, judgements: &mut [Judgement], past: &Past, now: Timestamp) -> Arc<EventLog> {
        let changes = past.events.iter().map(|event| Happening::Changed(event.clone()));
        let happened: Vec<Happening> = changes.chain(self.findings.fold(judgements, now)).collect();
        if !happened.is_empty() {
            let log = Arc::make_mut(&mut self.log);
            happened.into_iter().for_each(|what| log.push(Record { at: now, what }));
        }
        Arc::clone(&self.log)
    }
}

/// What each member of `view` said in the `last`, if it is the same run of the server.
fn same_runs(last: &ClusterView, view: &ClusterView) -> Vec<Option<Arc<NodeSnapshot>>> {
    let before = |member: &Member| {
        let (now, before) = (member.said.as_ref()?, last.member(member.id)?.said.as_ref()?);
        let is_same = run_id(now).is_some_and(|id| run_id(before) == Some(id));
        is_same.then(|| Arc::clone(before))
    };
    view.members.iter().map(before).collect()
}

fn run_id(said: &NodeSnapshot) -> Option<&str> {
    said.info.as_ref().ok()?.text(RUN_ID)
}
