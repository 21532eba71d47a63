//! What one view cannot show: a fold over the views of a cluster since this exporter started. A restart of the
//! exporter loses first-seen times and nothing else.

mod clock;
mod offsets;
mod topology;

use std::collections::BTreeMap;
use std::sync::Arc;

pub use offsets::{Basis, Lag};
pub use topology::{Change, Event, Totals};

use crate::model::migration::OpenMigration;
use crate::model::node::NodeId;
use crate::model::time::Timestamp;
use crate::model::view::ClusterView;
use crate::parse::Tables;

/// Everything that is remembered of one cluster.
#[derive(Clone, Debug, Default)]
pub struct History {
    /// What the last poll was read as, so that equal replies are not read again.
    pub tables: Tables,
    /// The view before.
    pub last: Option<Arc<ClusterView>>,
    offsets: offsets::Offsets,
    topology: topology::Topology,
    open_since: BTreeMap<(u16, Option<NodeId>), Timestamp>,
}

/// What a view means in the light of those before it.
#[derive(Clone, Debug)]
pub struct Hindsight {
    /// Replication lag, by index of the member.
    pub lags: Vec<Option<Lag>>,
    /// Counts since the exporter started.
    pub totals: Totals,
    /// What happened between the last view and this one.
    pub events: Vec<Event>,
    /// Migrations that are open now, with the time of first sight where the server tells none.
    pub migrations: Vec<OpenMigration>,
}

impl History {
    /// Takes in a view.
    pub fn fold(&mut self, view: &Arc<ClusterView>) -> Hindsight {
        self.tables.turn();
        let mut migrations = view.open_migrations();
        self.date_migrations(&mut migrations, view.at);
        let events = self.topology.fold(view);
        let lags = self.offsets.fold(view);
        self.last = Some(Arc::clone(view));
        Hindsight { lags, totals: self.topology.totals(), events, migrations }
    }

    /// SETSLOT tells no time: the first sight of the slot at this source counts.
    fn date_migrations(&mut self, migrations: &mut [OpenMigration], now: Timestamp) {
        let key = |migration: &OpenMigration| Some((migration.slots.iter().next()?, migration.source));
        let last = std::mem::take(&mut self.open_since);
        for migration in migrations.iter_mut().filter(|migration| migration.since.is_none()) {
            let Some(key) = key(migration) else { continue };
            let since = last.get(&key).copied().unwrap_or(now);
            self.open_since.insert(key, since);
            migration.since = Some(since);
        }
    }
}
