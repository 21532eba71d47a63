//! `alerts/health.rules.yml`: one alert per check.

use std::time::Duration;

use super::duration;
use super::telling::TELLINGS;
use crate::checks::{CHECKS, Check};
use crate::model::finding::Severity;

/// What stands above the rules.
const HEAD: &str = "\
# One alert per check, derived from the table of checks: `make docs` writes it anew. Change a threshold, a severity or
# whether a check runs in the exporter's configuration; priority and severity follow it.
#
# Any number of exporters may watch the same cluster: what they say is joined before it is judged, and whichever says
# it first is heard. A P1 is held per cluster, since what counts is how long clients suffer, whoever is to blame for it
# at the moment. The others are held per shard or node: in a rolling restart each node is gone for a moment, and none
# for long. `keep_firing_for` carries a firing alert over the exporter's own restart, and a cause outlives what it
# explains, so that no symptom pages on its own in the moment after.
#
# Links lead to an exporter that knows the cluster, at the address that Prometheus scrapes; where people reach it
# elsewhere, give the target a label `exporter_url`.
groups:
";

/// The recorded verdict that P1 alerts are made of.
const VERDICT: &str = "redis_cluster:rediscluster_check_firing:verdict";

/// What no exporter may claim alone: if another one reaches the cluster, the first is the one that is cut off.
const TAKES_ALL: &str = "cluster_unreachable";

/// Checks of rates and times that hover around their limit.
const FLAPPING: [&str; 6] = [
    "node_slow",
    "redirect_storm",
    "eviction_pressure",
    "clients_near_limit",
    "gossip_rate_high",
    "load_imbalanced",
];

/// Longer than an exporter takes to restart and to judge by two polls.
const RESTART: Duration = Duration::from_secs(60);

/// Longer than one that flaps stays quiet.
const FLAP: Duration = Duration::from_secs(120);

/// By how much a cause outlives what it explains.
const OUTLIVES: Duration = Duration::from_secs(30);

/// The alert rules of all checks: `alerts/health.rules.yml`.
pub fn health_rules() -> String {
    let mut text = HEAD.to_owned();
    for severity in Severity::ALL {
        text += &format!("  - name: redis-cluster-{}\n", severity.as_str().to_lowercase());
        if severity == Severity::P1 {
            // A page does not wait for the interval of all other rules.
            text += &format!("    interval: 5s\n    rules:\n{}", verdict());
        } else {
            text += "    rules:\n";
        }
        for check in CHECKS.into_iter().filter(|check| check.severity == severity) {
            text += &rule(check);
        }
    }
    text
}

/// The name of a check's alert: `RedisClusterSplitBrain`.
pub fn alert_name(check: &Check) -> String {
    let capital = |word: &str| {
        let (first, rest) = word.split_at_checked(1).unwrap_or_default();
        first.to_uppercase() + rest
    };
    format!("RedisCluster{}", check.code.split('_').map(capital).collect::<String>())
}

/// For how long an alert goes on after its check is clear.
pub fn keep_firing_for(check: &Check) -> Duration {
    let own = if FLAPPING.contains(&check.code) { FLAP } else { RESTART };
    let explained = CHECKS.into_iter().filter(|other| check.explains.contains(&other.code));
    let causes = explained.map(|other| keep_firing_for(other) + OUTLIVES);
    causes.max().map_or(own, |longest| longest.max(own))
}

/// What to do first about a check, in one sentence.
pub fn first_step(check: &Check) -> &'static str {
    TELLINGS.iter().find(|telling| telling.code == check.code).map_or("", |telling| telling.first)
}

/// Where nobody can judge, the verdict of before stands: not to know is no reason to say that all is well.
fn verdict() -> String {
    let codes: Vec<_> = held_per_cluster().map(|check| check.code).collect();
    let of = format!("{{check=~\"{}\"}}", codes.join("|"));
    format!(
        "      # The last verdict, for checks that page. Where nobody can judge, that of before stands.\n\
         \x20     - record: {VERDICT}\n        expr: |\n\
         \x20         max by (redis_cluster, check, severity) (\n\
         \x20           rediscluster_check_firing{of}\n\
         \x20             unless ignoring (severity) rediscluster_check_unknown == 1\n\
         \x20         )\n\
         \x20         or last_over_time({VERDICT}[5m])\n\
         \x20           and on (redis_cluster, check) min by (redis_cluster, check) (rediscluster_check_unknown) == 1\n"
    )
}

fn held_per_cluster() -> impl Iterator<Item = &'static Check> {
    CHECKS.into_iter().filter(|check| check.severity == Severity::P1 && check.code != TAKES_ALL)
}

fn rule(check: &Check) -> String {
    let (code, summary) = (check.code, check.summary);
    let (hold, keep) = (duration(check.hold), duration(keep_firing_for(check)));
    let hold = if check.hold.is_zero() { String::new() } else { format!("        for: {hold}\n") };
    let exporter = format!(
        "{{{{ with query (printf `rediscluster_check_firing{{redis_cluster=%q,check=\"{code}\"}}` \
         $labels.redis_cluster) }}}}{{{{ with sortByLabel `instance` . | first }}}}{{{{ or .Labels.exporter_url (print `http://` \
         .Labels.instance) }}}}{{{{ end }}}}{{{{ end }}}}"
    );
    format!(
        "      - alert: {}\n        expr: |\n{}{hold}        keep_firing_for: {keep}\n        labels:\n\
         \x20         check: {code}\n\
         \x20         priority: '{{{{ $labels.severity }}}}'\n\
         \x20         severity: '{{{{ if eq $labels.severity `P1` }}}}critical{{{{ else if eq $labels.severity `P2` \
         }}}}warning{{{{ else }}}}info{{{{ end }}}}'\n\
         \x20       annotations:\n          summary: {summary:?}\n          description: >-\n{}\
         \x20         runbook_url: '{exporter}/runbooks/{code}'\n\
         \x20         status_url: '{exporter}/clusters/{{{{ $labels.redis_cluster }}}}'\n",
        alert_name(check),
        expression(check),
        description(check),
    )
}

fn expression(check: &Check) -> String {
    let code = check.code;
    if code == TAKES_ALL {
        return format!(
            "          min by (redis_cluster, severity) (rediscluster_check_firing{{check=\"{code}\"}}) == 1\n"
        );
    }
    if check.severity == Severity::P1 {
        return format!("          {VERDICT}{{check=\"{code}\"}} == 1\n");
    }
    format!(
        "          max by (redis_cluster, severity, redis_shard, redis_node) (rediscluster_finding{{check=\"{code}\"}}) == 1\n\
         \x20         or\n\
         \x20         max by (redis_cluster, severity) (rediscluster_check_firing{{check=\"{code}\"}}) == 1\n\
         \x20           unless on (redis_cluster) rediscluster_finding{{check=\"{code}\"}}\n"
    )
}

fn description(check: &Check) -> String {
    let mut text = String::from("            {{ $labels.redis_cluster }}");
    if check.severity != Severity::P1 {
        text += "{{ if $labels.redis_node }}, node {{ $labels.redis_node }}{{ else if $labels.redis_shard }}, \
                 shard {{ $labels.redis_shard }}{{ end }}";
    }
    text.push('\n');
    let Some(telling) = TELLINGS.iter().find(|telling| telling.code == check.code) else { return text };
    for live in telling.live {
        text += &format!("            {}\n", live.template());
    }
    text + &format!("            {{{{- `.` }}}} First: {}\n", telling.first)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_check_explains_itself_by_way_of_others() {
        fn below(check: &Check, depth: usize) -> usize {
            assert!(depth < CHECKS.len(), "{} explains what explains it", check.code);
            let explained = CHECKS.into_iter().filter(|other| check.explains.contains(&other.code));
            explained.map(|other| below(other, depth + 1)).max().unwrap_or(depth)
        }
        for check in CHECKS {
            below(check, 0);
        }
    }

    #[test]
    fn a_cause_outlives_what_it_explains() {
        for check in CHECKS {
            for other in CHECKS.into_iter().filter(|other| check.explains.contains(&other.code)) {
                assert!(keep_firing_for(check) > keep_firing_for(other), "{} and {}", check.code, other.code);
            }
        }
        assert!(FLAPPING.iter().all(|code| CHECKS.iter().any(|check| check.code == *code)));
    }

    #[test]
    fn names_are_made_of_codes() {
        let check = CHECKS.into_iter().find(|check| check.code == "split_brain").expect("a check");
        assert_eq!(alert_name(check), "RedisClusterSplitBrain");
    }
}
