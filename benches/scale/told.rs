//! The runs as tables and plots, beside what is aimed at.

use super::run::{Run, Window};
use crate::measure::exporter::Pace;
use crate::measure::plot::{Line, Plot};
use crate::measure::table::{Table, figure, publish, updates};

/// Prints the runs; writes them into the documentation where that is asked for.
pub(crate) fn tell(growing: &[Run], many: &[Run], pace: Pace) {
    let (nodes, clusters, bars) = (by_nodes(growing), by_clusters(many), bars(growing, many));
    println!("\none cluster; a poll every {:?}, a scrape in every interval where it says so", pace.interval);
    nodes.print();
    println!("clusters of twenty nodes");
    clusters.print();
    bars.print();
    if updates() {
        publish("scale, nodes", &nodes.markdown());
        publish("scale, clusters", &clusters.markdown());
        publish("scale, bars", &bars.markdown());
        plots(growing, many, pace);
    }
}

fn by_nodes(runs: &[Run]) -> Table {
    let mut table = Table::new([
        "nodes",
        "CPU of a poll",
        "of a node and poll",
        "with a scrape",
        "wall of a poll",
        "tables asked for",
        "received",
        "RSS, peak",
        "with scrapes",
        "series",
        "scrape",
    ]);
    for run in runs {
        let polls = run.alone.polls;
        table.row([
            run.shape.nodes().to_string(),
            ms(run.alone.per_poll()),
            format!("{} µs", figure(run.per_node())),
            ms(run.scraped.per_poll()),
            ms(run.wall.0 * 1e3),
            figure(run.alone.tables / polls),
            mb(run.alone.bytes / polls),
            memory(&run.alone),
            memory(&run.scraped),
            figure(run.series as f64),
            format!("{}, {}", ms(run.scrape * 1e3), mb(run.bytes.1 as f64)),
        ]);
    }
    table
}

fn by_clusters(runs: &[Run]) -> Table {
    let mut table = Table::new([
        "clusters",
        "share of a core",
        "CPU of a poll",
        "with a scrape",
        "wall of a poll",
        "RSS, peak",
        "with scrapes",
        "series",
        "scrape",
    ]);
    for run in runs {
        table.row([
            run.shape.clusters.to_string(),
            percent(run.alone.share()),
            ms(run.alone.per_poll()),
            percent(run.scraped.share()),
            ms(run.wall.0 * 1e3),
            memory(&run.alone),
            memory(&run.scraped),
            figure(run.series as f64),
            format!("{}, {}", ms(run.scrape * 1e3), mb(run.bytes.1 as f64)),
        ]);
    }
    table
}

/// What is aimed at, for those that were run.
fn bars(growing: &[Run], many: &[Run]) -> Table {
    let mut table = Table::new(["aimed at", "bar", "measured"]);
    let of = |nodes: usize| growing.iter().find(|run| run.shape.nodes() == nodes);
    if let Some(run) = of(1000) {
        let peak = run.scraped.usage.peak_mb.max(run.alone.usage.peak_mb);
        table.row([
            text("1000 nodes: CPU of a poll, checks included"),
            text("≤ 120 ms"),
            ms(run.alone.per_poll()),
        ]);
        table.row([text("1000 nodes: wall of a poll"), text("≤ 500 ms"), ms(run.wall.0 * 1e3)]);
        table.row([
            text("1000 nodes: RSS; peak; peak with scrapes"),
            text("≤ 100 MB"),
            format!("{:.0} MB; {:.0} MB; {peak:.0} MB", run.alone.usage.rss_mb, run.alone.usage.peak_mb),
        ]);
    }
    if let (Some(small), Some(large)) = (of(100), of(1000)) {
        let growth = large.per_node() / small.per_node();
        let told = format!("×{growth:.2}");
        table.row([text("100 to 1000 nodes: growth of the CPU of a node and poll"), text("≤ ×1.5"), told]);
    }
    if let Some(run) = many.iter().find(|run| run.shape.clusters == 300) {
        let shares = format!("{}; {}", percent(run.alone.share()), percent(run.scraped.share()));
        table.row([text("300 clusters of 20: share of a core; with scrapes"), text("≤ 15 %"), shares]);
        let (alone, scraped) = (run.alone.usage, run.scraped.usage);
        let told = format!("{:.0} MB; {:.0} MB; {:.0} MB", alone.rss_mb, scraped.rss_mb, scraped.peak_mb);
        table.row([text("300 clusters of 20: RSS; with scrapes; their peak"), text("≤ 300 MB"), told]);
    }
    table
}

fn plots(growing: &[Run], many: &[Run], pace: Pace) {
    let nodes = |value: &dyn Fn(&Run) -> f64| points(growing, |run| run.nodes() as f64, value);
    let clusters = |value: &dyn Fn(&Run) -> f64| points(many, |run| run.shape.clusters as f64, value);
    let linear = |points: &[(f64, f64)]| match points.first() {
        Some((x, y)) => points.iter().map(|point| (point.0, y * point.0 / x)).collect(),
        None => Vec::new(),
    };
    let cpu = nodes(&|run| run.alone.per_poll());
    let law = linear(&cpu);
    let lines = vec![
        line("nobody scrapes", cpu),
        line("one scrape a poll", nodes(&|run| run.scraped.per_poll())),
        Line { dashed: true, ..line("as the nodes grow", law) },
    ];
    let up = "CPU, milliseconds";
    Plot { title: "One poll of one cluster", across: "nodes", up, lines }.write("cost-nodes");
    let lines = vec![
        line("nobody scrapes", nodes(&|run| run.alone.usage.rss_mb)),
        line("one scrape a poll", nodes(&|run| run.scraped.usage.rss_mb)),
        line("its peak", nodes(&|run| run.scraped.usage.peak_mb)),
    ];
    Plot { title: "Memory, one cluster", across: "nodes", up: "RSS, MB", lines }.write("memory-nodes");
    let lines = vec![
        line("nobody scrapes", clusters(&|run| run.alone.share() * 100.0)),
        line("one scrape a poll", clusters(&|run| run.scraped.share() * 100.0)),
    ];
    let up = "share of a core, percent";
    Plot { title: "Clusters of 20 nodes, every 10 s", across: "clusters", up, lines }.write("cost-clusters");
    let mut all: Vec<&Run> = growing.iter().chain(many).collect();
    all.sort_by_key(|run| run.series);
    let scrape: Vec<_> = all.iter().map(|run| (run.series as f64, run.scrape * 1e3)).collect();
    let spent = all.iter().map(|run| (run.series as f64, run.per_scrape(pace)));
    // A scrape of few series costs less than the windows differ.
    let spent: Vec<_> = spent.filter(|point| point.1 > 0.5).collect();
    let lines = vec![line("wall", scrape), line("CPU, by difference", spent)];
    let up = "milliseconds";
    Plot { title: "One scrape of all, OpenMetrics, gzip", across: "series", up, lines }.write("cost-series");
}

fn points(runs: &[Run], across: impl Fn(&Run) -> f64, up: &dyn Fn(&Run) -> f64) -> Vec<(f64, f64)> {
    runs.iter().map(|run| (across(run), up(run))).collect()
}

fn line(name: &str, points: Vec<(f64, f64)>) -> Line {
    Line { name: name.to_owned(), points, dashed: false }
}

fn text(words: &str) -> String {
    words.to_owned()
}

fn ms(value: f64) -> String {
    format!("{} ms", figure(value))
}

fn mb(bytes: f64) -> String {
    format!("{} MB", figure(bytes / 1e6))
}

fn percent(share: f64) -> String {
    format!("{} %", figure(share * 100.0))
}

fn memory(window: &Window) -> String {
    format!("{:.0} MB, {:.0} MB", window.usage.rss_mb, window.usage.peak_mb)
}
