//! Verdicts and counts of a whole cluster. These series never vanish.

use super::Read::{Cluster, ClusterBy};
use super::{Metric, Num};
use crate::frame::Frame;
use crate::model::migration::Mechanism;
use crate::model::node::Role;
use crate::model::past::Change;

pub(super) static ROWS: &[Metric] = &[
    Metric::gauge(
        "up",
        "1 if at least one node answered the last poll",
        Cluster(|f| Some((f.view.reachable() > 0).into())),
    ),
    Metric::gauge(
        "poll_timestamp",
        "When the last poll began, by the exporter's clock",
        Cluster(|f| Some(Num::F(f.view.at.as_seconds()))),
    )
    .seconds(),
    Metric::gauge(
        "poll_duration",
        "How long the last poll took: at most twice poll.timeout, whatever the nodes do; five times above 200 nodes",
        Cluster(|f| Some(Num::F(f.view.took.as_secs_f64()))),
    )
    .seconds(),
    Metric::gauge(
        "nodes_known",
        "Nodes that any node names, failed ones too, those in handshake not (CLUSTER \
         NODES of all nodes)",
        Cluster(|f| Some(f.view.members.len().into())),
    ),
    Metric::gauge(
        "nodes_reachable",
        "Nodes that answered every required probe of the last poll",
        Cluster(|f| Some(f.view.reachable().into())),
    ),
    Metric::gauge(
        "primaries",
        "Known nodes that are primaries, on their own word where they answer",
        Cluster(|f| Some(f.view.count(Role::Primary).into())),
    ),
    Metric::gauge(
        "replicas",
        "Known nodes that are replicas, on their own word where they answer",
        Cluster(|f| Some(f.view.count(Role::Replica).into())),
    ),
    Metric::gauge("shards", "Shards that own slots", Cluster(|f| Some(f.view.shards().into()))),
    Metric::gauge(
        "slots_covered",
        "Slots with a live owner, 0 to 16384, whatever the nodes call cluster_state",
        Cluster(|f| Some(Num::U(f.view.coverage.covered.len().into()))),
    ),
    Metric::gauge(
        "slots_uncovered",
        "Slots without a live owner, by reason",
        ClusterBy(&["reason"], |f, emit| {
            for (reason, slots) in f.view.coverage.reasons() {
                emit(&[("reason", reason)], Num::U(slots.len().into()));
            }
        }),
    ),
    Metric::gauge(
        "slots_contested",
        "Slots claimed by two or more primaries, each on its own word: split brain, if \
         it lasts two polls",
        Cluster(|f| Some(Num::U(f.view.coverage.contested.len().into()))),
    ),
    Metric::gauge(
        "slots_open",
        "Slots in migration, by mechanism; a lower bound for atomic ones on Redis without the right for CLUSTER \
         MIGRATION STATUS",
        ClusterBy(&["mechanism"], |f, emit| {
            for mechanism in Mechanism::ALL {
                emit(&[("mechanism", mechanism.as_str())], Num::U(open_slots(f, mechanism)));
            }
        }),
    ),
    Metric::gauge(
        "slot_maps",
        "Distinct slot maps among the reachable nodes; 1 means all agree, 0 that no \
         node answers",
        Cluster(|f| Some(f.view.slot_maps().into())),
    ),
    Metric::gauge(
        "view_age",
        "Age of the oldest CLUSTER NODES in use: 0 up to 200 nodes; above that every node's is read anew at least every \
         5 minutes, and at once where anything else that it says has changed",
        Cluster(|f| Some(Num::F(f.view.oldest_table().as_secs_f64()))),
    )
    .seconds(),
    Metric::gauge(
        "partitions",
        "Groups of reachable nodes that hold each other for alive; 1 means whole, 0 \
         that no node answers",
        Cluster(|f| Some(f.view.groups.len().into())),
    ),
    Metric::gauge(
        "voting_primaries",
        "Primaries that own slots and so vote on a failover",
        Cluster(|f| Some(f.view.voters().count().into())),
    ),
    Metric::gauge(
        "voting_primaries_reachable",
        "Voting primaries in the largest group of reachable nodes that hold each other \
         for alive",
        Cluster(|f| Some(f.view.voters_reachable().into())),
    ),
    Metric::gauge("quorum_size", "Votes that a failover takes", Cluster(|f| Some(f.view.quorum().into()))),
    Metric::gauge(
        "current_epoch",
        "Highest current epoch that any node told, the last one while none answers (CLUSTER INFO \
         cluster_current_epoch)",
        Cluster(|f| f.view.current_epoch.map(Num::U)),
    ),
    Metric::counter(
        "failovers",
        "Replicas that became the primary of their primary's slots since this exporter \
         started, planned or not",
        Cluster(|f| Some(Num::U(f.past.totals.failovers))),
    ),
    Metric::counter(
        "topology_changes",
        "Changes of the topology since this exporter started, by kind",
        ClusterBy(&["kind"], |f, emit| {
            for (kind, count) in Change::KINDS.iter().zip(f.past.totals.changes) {
                emit(&[("kind", kind)], Num::U(count));
            }
        }),
    ),
    Metric::gauge(
        "migration_oldest_start_timestamp",
        "When the oldest open migration began: by the server's word where it tells, else when first seen; absent \
         without one",
        Cluster(|f| {
            let since = f.past.migrations.iter().filter_map(|migration| migration.since).min()?;
            Some(Num::F(since.as_seconds()))
        }),
    )
    .seconds(),
    Metric::gauge(
        "migration_keys_remaining",
        "Keys still at the source in open slots (CLUSTER COUNTKEYSINSLOT, at most 1024 \
         slots of a node)",
        Cluster(|f| {
            let keys = f.past.migrations.iter().filter_map(|migration| migration.keys_remaining);
            Some(Num::U(keys.sum()))
        }),
    ),
    Metric::gauge(
        "bus_messages_expected_per_second",
        "Upper bound of bus messages that a healthy node sends at this size and node timeout: 2 * (1 + 2 * (N - 1) \
         / T)",
        Cluster(|f| Some(Num::F(f.view.bus_bound(f.view.node_timeout())))),
    ),
];

fn open_slots(frame: &Frame, mechanism: Mechanism) -> u64 {
    let open = frame.past.migrations.iter().filter(|migration| migration.mechanism == mechanism);
    open.map(|migration| u64::from(migration.slots.len().max(1))).sum()
}
