//! `alerts/alertmanager.example.yml`: who is told, and what is kept back since its cause is told of.

use super::alerts::alert_name;
use crate::checks::CHECKS;

/// Everything but the inhibition: by priority, grouped by cluster.
const ROUTING: &str = "\
# Routes by priority: P1 pages at once, P2 must be seen within the hour, P3 is a ticket for business hours.
#
# Replace the receivers; everything else works as it lies. Every alert has the labels priority, severity and
# redis_cluster (those about the exporter itself may lack the last), and the annotations summary, description and
# runbook_url, those about a cluster also status_url. The inhibition at the end is derived from the table of checks:
# `make docs` writes it anew.
route:
  receiver: nobody-said-who
  group_by: [redis_cluster]
  routes:
    - matchers: [priority=\"P1\"]
      receiver: pager
      # A page waits for nothing: what it explains is of lower priority or comes later.
      group_wait: 1s
      group_interval: 15s
      repeat_interval: 1h
    - matchers: [priority=\"P2\"]
      receiver: within-the-hour
      # Long enough for a cause to arrive, so that its symptoms are kept back.
      group_wait: 30s
      group_interval: 5m
      repeat_interval: 4h
    - matchers: [priority=\"P3\"]
      receiver: ticket
      group_by: [redis_cluster, alertname]
      group_wait: 5m
      group_interval: 1h
      repeat_interval: 72h
      active_time_intervals: [business-hours]

time_intervals:
  - name: business-hours
    time_intervals:
      - weekdays: [monday:friday]
        times: [{start_time: '09:00', end_time: '17:00'}]
        location: UTC  # yours, such as Europe/Berlin

receivers:
  # Whatever has no priority is none of ours: route it as you do today.
  - name: nobody-said-who
  # Wakes somebody: a pager service, a phone.
  - name: pager
    webhook_configs:
      - url: http://pager.example/p1
  # Somebody on duty sees it within the hour: a chat room, a pager with low urgency.
  - name: within-the-hour
    webhook_configs:
      - url: http://chat.example/p2
  # A queue that is worked on during the day.
  - name: ticket
    webhook_configs:
      - url: http://tickets.example/p3

";

/// What of the exporter's own trouble another alert of the same explains.
const OWN: &str = "\
  # The exporter itself. Without equal: where no exporter is left, no cluster is watched.
  - source_matchers: [alertname=\"RedisClusterExporterAbsent\"]
    target_matchers: [alertname=~\"RedisClusterNotWatched|RedisClusterExporterScrapeFailing\"]
  - source_matchers: [alertname=\"RedisClusterMemoryExhaustion\"]
    target_matchers: [alertname=\"RedisClusterMemoryFullSoon\"]
    equal: [redis_cluster]
";

/// The example of an Alertmanager's configuration: `alerts/alertmanager.example.yml`.
pub fn alertmanager_example() -> String {
    let mut text = format!("{ROUTING}inhibit_rules:\n");
    for check in CHECKS.into_iter().filter(|check| !check.explains.is_empty()) {
        let explained = CHECKS.into_iter().filter(|other| check.explains.contains(&other.code));
        let names: Vec<_> = explained.map(alert_name).collect();
        text += &format!(
            "  - source_matchers: [alertname=\"{}\"]\n    target_matchers: [alertname=~\"{}\"]\n    equal: \
             [redis_cluster]\n",
            alert_name(check),
            names.join("|")
        );
    }
    text + OWN
}
