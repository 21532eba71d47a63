//! Documents that derive from the tables, so that no fact is written twice.

use crate::metrics::{self, Kind};

/// The reference of all metrics: `docs/metrics.md`, and what the command `metrics` prints.
pub fn metrics_reference() -> String {
    let mut text = String::from(
        "# Metrics\n\n\
         Every series carries `redis_cluster`, the configured name; series of nodes also `redis_node`, the announced\n\
         `host:port` after `address_map`. Series of nodes vanish when the node does not answer; series about a whole\n\
         cluster never do. Attributes that change (role, shard, version) stand on `rediscluster_node_info`, so that a\n\
         failover breaks no series. The exporter's own metrics (`rediscluster_exporter_*`, `process_*`) are not\n\
         listed here.\n\n\
         | metric | type | labels | meaning |\n|---|---|---|---|\n",
    );
    for row in metrics::all() {
        let kind = match row.kind {
            Kind::Gauge => "gauge",
            Kind::Counter => "counter",
        };
        let labels = row.labels().iter().map(|label| format!("`{label}`")).collect::<Vec<_>>().join(", ");
        let help = row.help_text().replace('|', "\\|");
        text += &format!("| `{}` | {kind} | {labels} | {help} |\n", row.full_name());
    }
    text
}
