//! A setting is known to hurt on this cluster. One line of evidence per setting: nodes and values, why, what to set, and
//! what that costs.
//!
//! - `maxmemory 0`: only where the nodes of the host already hold more than half of its memory. With little data there is
//!   nothing to limit, and the default is silent.
//! - `repl-backlog-size`: only below the configured seconds of what this shard is being written: a shorter break of the
//!   link than that costs a full sync.
//! - `client-output-buffer-limit` of replicas: only below the backlog, or below as many seconds of writes: a full sync then
//!   outgrows it, is cut off, and begins anew.
//! - `cluster-node-timeout` below 2 s (a slow fork or script makes a failover) or above 60 s (as long no failover, and as
//!   long a cut-off primary takes writes that will be lost).
//! - `cluster-replica-validity-factor 0`: a replica of any age may take over.
//!
//! `cluster-require-full-coverage` is no line, with either value: `yes`, the default, stops all slots when one is lost,
//! `no` serves the others; which is right depends on the application, and `slots_uncovered` does not depend on it.

mod rules;

use std::collections::BTreeMap;
use std::sync::Arc;

use super::{Check, Context, Needs, minutes, runbook};
use crate::model::finding::{Finding, Outcome, Severity, Subject, Value};
use rules::{RULES, Rule};

pub(super) static CHECK: Check = Check {
    code: "config_risky",
    severity: Severity::P3,
    hold: minutes(10),
    summary: "A setting is known to hurt.",
    since: "0.1.0",
    explains: &[],
    runbook: runbook!("config_risky"),
    needs: Needs::Node,
    look,
};

/// Value and why it hurts, by node.
type Hit = BTreeMap<Arc<str>, (String, String)>;

fn look(context: &Context<'_>) -> Outcome {
    let nodes: Vec<_> = context.nodes().filter(|node| node.said.settings.is_ok()).collect();
    if nodes.is_empty() {
        return Outcome::Unknown("no node tells its settings".to_owned());
    }
    let mut risky: Vec<(&Rule, Hit)> = Vec::new();
    for rule in &RULES {
        let hit = nodes.iter().filter_map(|node| {
            let why = (rule.judge)(context, *node)?;
            let value = node.setting(rule.setting).unwrap_or_default().to_owned();
            Some((node.member.label.clone(), (value, why)))
        });
        let hit: Hit = hit.collect();
        if !hit.is_empty() {
            risky.push((rule, hit));
        }
    }
    if risky.is_empty() { Outcome::Clear } else { Outcome::Firing(vec![finding(context, &risky)]) }
}

fn finding(context: &Context<'_>, risky: &[(&Rule, Hit)]) -> Finding {
    let mut labels: Vec<_> = risky.iter().flat_map(|(_, hit)| hit.keys().cloned()).collect();
    labels.sort_unstable();
    labels.dedup();
    let words = |(rule, hit): &(&Rule, Hit)| {
        let (label, (_, why)) = hit.first_key_value()?;
        let more = match hit.len() {
            1 => String::new(),
            nodes => format!(" and {} more", nodes - 1),
        };
        Some(format!("{} on {label}{more} ({why})", rule.setting))
    };
    let words: Vec<String> = risky.iter().filter_map(words).collect();
    let line = |(rule, hit): &(&Rule, Hit)| {
        let text = |text: &str| Value::Text(text.to_owned());
        let nodes = hit.iter().map(|(label, (value, why))| {
            let facts = vec![("value".to_owned(), text(value)), ("why".to_owned(), text(why))];
            (label.to_string(), Value::Map(facts))
        });
        let facts = vec![
            ("nodes".to_owned(), Value::Map(nodes.collect())),
            ("set".to_owned(), text(rule.set)),
            ("costs".to_owned(), text(rule.costs)),
        ];
        (rule.setting.to_owned(), Value::Map(facts))
    };
    let lines: Vec<_> = risky.iter().map(line).collect();
    let mut finding =
        Finding::new(Subject::nodes(labels.iter().cloned()), format!("risky settings: {}", words.join("; ")))
            .with("settings", lines);
    for (rule, hit) in risky {
        let first =
            hit.keys().next().and_then(|label| context.view.members.iter().find(|m| m.label == *label));
        if let Some(member) = first {
            finding = finding.run(context.cli(member, &format!("CONFIG GET {}", rule.setting)));
        }
    }
    finding
}
