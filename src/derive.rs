//! Documents that derive from the tables, so that no fact is written twice.

mod alerts;
mod live;
mod routing;
mod telling;

use std::time::Duration;

pub use alerts::{alert_name, first_step, health_rules, keep_firing_for};
pub use routing::alertmanager_example;

use crate::checks::{CHECKS, Check};
use crate::metrics::{self, Kind};
use crate::probes::{Every, Need, PROBES};

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

/// The reference of all checks: `docs/checks.md`, and what the command `checks` prints.
pub fn checks_reference() -> String {
    let mut text = String::from(
        "# Checks\n\n\
         P1 pages now, P2 wants somebody within the hour, P3 on the next business day. *Hold* is how long a check\n\
         fires before anybody is told. Every check has a series from the first poll on:\n\
         `rediscluster_check_firing{check,severity}` is 1 while it fires, `rediscluster_check_unknown{check}` while it\n\
         cannot judge, and `rediscluster_finding` has one series per subject. Thresholds are the keys of `limits:` in\n\
         `config.example.yaml`; severity and enablement can be changed per cluster under `checks:`.\n\n\
         | check | severity | hold | says | explains |\n|---|---|---|---|---|\n",
    );
    for check in CHECKS {
        text += &check_row(check);
    }
    text
}

fn check_row(check: &Check) -> String {
    let explains = check.explains.iter().map(|code| format!("`{code}`")).collect::<Vec<_>>().join(", ");
    let (code, severity, summary) = (check.code, check.severity.as_str(), check.summary);
    let hold = if check.hold.is_zero() { "-".to_owned() } else { duration(check.hold) };
    format!("| [`{code}`](runbooks/{code}.md) | {severity} | {hold} | {summary} | {explains} |\n")
}

/// As Prometheus writes it: `30s`, `1m30s`, `6h`.
fn duration(duration: Duration) -> String {
    let seconds = duration.as_secs();
    let parts = [(seconds / 3600, "h"), (seconds / 60 % 60, "m"), (seconds % 60, "s")];
    parts.iter().filter(|(n, _)| *n > 0).map(|(n, unit)| format!("{n}{unit}")).collect()
}

/// Rules beside those of the probes: the name under which our connections are listed.
const CLIENT_NAME_RULE: &str = "+client|setname";

/// The least rights, as one line for servers that have all commands of `since`: one unknown subcommand would refuse
/// the whole line.
pub fn acl_line(since: &[&str]) -> String {
    let mut rules: Vec<&str> = Vec::new();
    for probe in PROBES.iter().filter(|probe| probe.since == "all" || since.contains(&probe.since)) {
        if !probe.acl.is_empty() && !rules.contains(&probe.acl) {
            rules.push(probe.acl);
        }
    }
    format!(
        "ACL SETUSER monitor on >PASSWORD resetkeys resetchannels -@all {} {CLIENT_NAME_RULE}",
        rules.join(" ")
    )
}

/// Servers, newest commands last, with what of [`crate::probes::Probe::since`] they have.
pub const ACL_SERVERS: [(&str, &[&str]); 5] = [
    ("Redis 6.2", &[]),
    ("Redis 7.0", &["Redis 7.0, Valkey 7.2"]),
    ("Redis 7.2 to 8.0, Valkey 7.2", &["Redis 7.0, Valkey 7.2", "Redis 7.2, Valkey 7.2"]),
    (
        "Redis 8.2 and later, Valkey 8.0 and 8.1",
        &["Redis 7.0, Valkey 7.2", "Redis 7.2, Valkey 7.2", "Redis 8.2, Valkey 8.0"],
    ),
    ("Valkey 9", &["Redis 7.0, Valkey 7.2", "Redis 7.2, Valkey 7.2", "Redis 8.2, Valkey 8.0", "Valkey 9.0"]),
];

/// The reference of what is asked, and of the rights that it takes: `docs/access.md`.
pub fn access_reference() -> String {
    let mut text = String::from(
        "# What is asked, and the rights that it takes\n\n\
         | probe | command | needed | sent | servers | rule |\n|---|---|---|---|---|---|\n",
    );
    for probe in &PROBES {
        let need = if probe.need == Need::Required { "required" } else { "optional" };
        let every = match probe.every {
            Every::Poll => "every poll",
            Every::Slow => "each `poll.slow_interval`",
            Every::InTurn => "each `poll.slow_interval`; in turn where there are more than 8 nodes",
            Every::OptIn => "each `poll.slow_interval`, where turned on",
            Every::OnDemand => "for open slots, and in sweeps",
        };
        let command = match probe.command {
            [name, part, _, _, _, ..] => format!("{name} {part} …"),
            words => words.join(" "),
        };
        let rule = if probe.acl.is_empty() {
            "-".to_owned()
        } else {
            format!("`{}`", probe.acl.replace('|', "\\|"))
        };
        text += &format!("| {} | {command} | {need} | {every} | {} | {rule} |\n", probe.name, probe.since);
    }
    text += "\nA user with the least rights, by server; none of them can read or write a key. `CLUSTER MIGRATION` is left\n\
             out on purpose: its right also allows to start and to cancel migrations.\n";
    for (servers, since) in ACL_SERVERS {
        text += &format!("\n{servers}:\n\n```\n{}\n```\n", acl_line(since));
    }
    text
}
