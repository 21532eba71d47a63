//! The rounds as tables, beside what is aimed at.

use super::hang::{Hang, Took};
use super::pass::{Contender, Pass};
use crate::Size;
use crate::measure::table::{Table, figure, publish, updates};

type Figure = (&'static str, fn(&Pass) -> f64);

/// What is told of a pass.
const FIGURES: [Figure; 12] = [
    ("CPU of the exporter, ms", |pass| pass.cpu_ms),
    ("wall time of all scrapes, ms", |pass| pass.wall_ms),
    ("peak RSS, MB", |pass| pass.peak_mb),
    ("peak RSS, all nodes scraped at once, MB", |pass| pass.burst_peak_mb),
    ("CPU of a server, ms", |pass| pass.server_cpu_ms),
    ("in commands, ms", |pass| pass.in_commands_ms),
    ("commands, a server", |pass| pass.commands),
    ("new connections, a server", |pass| pass.connections),
    ("bytes to a server", |pass| pass.bytes_in),
    ("bytes from a server", |pass| pass.bytes_out),
    ("series", |pass| pass.series),
    ("bytes of the scrapes, gzipped", |pass| pass.bytes),
];

/// Prints the rounds of one size.
pub(crate) fn print(size: &Size) {
    println!("\n{} nodes, one pass; times as much as this exporter in brackets", size.nodes);
    table(size).print();
}

/// Prints what was aimed at; writes all into the documentation where that is asked for.
pub(crate) fn tell(sizes: &[Size], hang: &Hang) {
    let mut text = String::new();
    for size in sizes {
        text += &format!("{} nodes:\n\n{}\n", size.nodes, table(size).markdown());
    }
    let bars = bars(sizes, hang);
    bars.print();
    if updates() {
        publish("peer", text.trim_end());
        publish("peer, bars", &bars.markdown());
    }
}

fn table(size: &Size) -> Table {
    let ours = of(size, |contender| matches!(contender, Contender::Ours));
    let default = of(size, |contender| contender.name() == "redis_exporter");
    let plain = of(size, |contender| contender.name() == "without latency histograms");
    let mut table = Table::new(["one pass", "redis_exporter", "without latency histograms", "this exporter"]);
    for (what, value) in FIGURES {
        let ours = median(ours, value);
        let beside = |rounds: Option<&Vec<Pass>>| match rounds {
            None => "not there".to_owned(),
            Some(_) => {
                let theirs = median(rounds, value);
                let ratio =
                    if ours > 0.0 { format!(" (×{})", figure(theirs / ours)) } else { String::new() };
                figure(theirs) + &ratio
            }
        };
        table.row([what.to_owned(), beside(default), beside(plain), figure(ours)]);
    }
    table
}

fn bars(sizes: &[Size], hang: &Hang) -> Table {
    let mut table = Table::new(["aimed at", "bar", "measured"]);
    let part = |size: &Size, name: &str, value: fn(&Pass) -> f64| {
        let ours = median(of(size, |contender| matches!(contender, Contender::Ours)), value);
        let theirs = of(size, |contender| contender.name() == name);
        theirs.map(|_| match median(theirs, value) {
            theirs if theirs > 0.0 && ours > 0.0 => format!("1/{:.1}", theirs / ours),
            // What the idle servers took is taken off; where that swings by more than what is left, nothing was measured.
            _ => "not told by this run".to_owned(),
        })
    };
    for size in sizes {
        let nodes = size.nodes;
        let mut row = |what: &str, bar: &str, measured: Option<String>| {
            if let Some(measured) = measured {
                table.row([format!("{nodes} nodes: {what}"), bar.to_owned(), measured]);
            }
        };
        let cpu = part(size, "without latency histograms", |pass| pass.cpu_ms);
        row("CPU against redis_exporter without histograms", "≤ 1/50", cpu);
        let bar = match nodes {
            6 => "≤ 1/3",
            100 => "≤ 1/10",
            _ => "",
        };
        row("peak RSS", bar, part(size, "redis_exporter", |pass| pass.burst_peak_mb));
        row("CPU of a server", "≤ 1/3", part(size, "redis_exporter", |pass| pass.server_cpu_ms));
    }
    let told =
        |took: Took| format!("{} ms, {} ms, {} ms", figure(took.p50), figure(took.p99), figure(took.most));
    let scrapes = hang.scrapes;
    let what = format!("6 nodes, {scrapes} scrapes: p50, p99, longest");
    table.row([what.clone(), "p50 ≤ 0.3 ms".to_owned(), told(hang.healthy)]);
    table.row([format!("{what}, while two nodes hang"), "p99 ≤ 10 ms".to_owned(), told(hang.hanging)]);
    table
}

fn of(size: &Size, is_it: impl Fn(&Contender) -> bool) -> Option<&Vec<Pass>> {
    size.contenders.iter().find(|(contender, _)| is_it(contender)).map(|(_, rounds)| rounds)
}

fn median(rounds: Option<&Vec<Pass>>, value: fn(&Pass) -> f64) -> f64 {
    let mut values: Vec<f64> = rounds.into_iter().flatten().map(value).collect();
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or(f64::NAN)
}
