//! By command, where the configuration asks for it: `command_stats`, `latency_stats`.

use super::Read::NodeBy;
use super::{EmitLabels, Metric, Num};
use crate::model::info::{read_number, sub_value};
use crate::model::snapshot::NodeSnapshot;

pub(super) static ROWS: &[Metric] = &[
    Metric::counter(
        "node_command_calls",
        "Calls by command, with command_stats (INFO commandstats calls)",
        NodeBy(&["command"], |s, emit| by_command(s, "calls", 1.0, emit)),
    ),
    Metric::counter(
        "node_command_duration",
        "Time spent by command, with command_stats (INFO commandstats usec)",
        NodeBy(&["command"], |s, emit| by_command(s, "usec", 1e-6, emit)),
    )
    .seconds(),
    Metric::counter(
        "node_command_rejected",
        "Calls refused before they ran, by command, with command_stats (INFO \
         commandstats rejected_calls)",
        NodeBy(&["command"], |s, emit| by_command(s, "rejected_calls", 1.0, emit)),
    ),
    Metric::counter(
        "node_command_failed",
        "Calls that failed, by command, with command_stats (INFO commandstats \
         failed_calls)",
        NodeBy(&["command"], |s, emit| by_command(s, "failed_calls", 1.0, emit)),
    ),
    Metric::gauge(
        "node_command_latency",
        "Latency by command and percentile since the last reset, with latency_stats (INFO latencystats)",
        NodeBy(&["command", "percentile"], percentiles),
    )
    .seconds(),
];

fn by_command(said: &NodeSnapshot, key: &str, scale: f64, emit: &mut EmitLabels<'_>) {
    let Ok(stats) = &said.command_stats else { return };
    for (command, value) in stats.with_prefix("cmdstat_") {
        let Some(count) = sub_value(value, key).and_then(|count| count.parse::<u64>().ok()) else { continue };
        let count = if scale == 1.0 { Num::U(count) } else { Num::F(count as f64 * scale) };
        emit(&[("command", command)], count);
    }
}

/// `latency_percentiles_usec_get:p50=1.003,p99=2.007,p99.9=5.023`. Not under the label `quantile`, which belongs to
/// summaries.
fn percentiles(said: &NodeSnapshot, emit: &mut EmitLabels<'_>) {
    let Ok(stats) = &said.latency_stats else { return };
    for (command, value) in stats.with_prefix("latency_percentiles_usec_") {
        for (percentile, micros) in
            value.split(',').filter_map(|pair| pair.strip_prefix('p')?.split_once('='))
        {
            let (Some(_), Some(micros)) = (read_number(percentile), read_number(micros)) else { continue };
            emit(&[("command", command), ("percentile", percentile)], Num::F(micros.as_f64() / 1e6));
        }
    }
}
