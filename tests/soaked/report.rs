//! What came out, as tables.

use std::collections::BTreeMap;
use std::fmt::Write;

use super::load::Tallies;
use super::verdict::{STALLED, Seen, spread};
use super::watch::Sample;

/// All of it, without a word on how it was done.
pub(crate) fn text(seen: &Seen) -> String {
    [verdict(seen), faults(seen), process(seen), answers(seen)].concat()
}

fn verdict(seen: &Seen) -> String {
    let mut text = String::from("| what must hold | what was found | |\n|---|---|---|\n");
    for bar in seen.bars() {
        let is = if bar.holds { "holds" } else { "**broken**" };
        line(&mut text, format_args!("| {} | {} | {is} |", bar.what, bar.found));
    }
    let unexplained = seen.misses().into_iter().filter(|miss| miss.because.is_none());
    let failures = seen.scrapes.values().chain(seen.visits.values()).flat_map(|tally| tally.failures.iter());
    let mut broken: Vec<_> =
        unexplained.map(|miss| format!("{:.3}: {} {}", miss.at, miss.node, miss.why)).collect();
    broken.extend(failures.chain(&seen.looks_failed).cloned());
    if !broken.is_empty() {
        line(&mut text, format_args!("\n```"));
        broken.iter().take(40).for_each(|what| line(&mut text, format_args!("{what}")));
        line(&mut text, format_args!("```"));
    }
    text
}

/// How often each was there, for how long, and what was missed because of it.
fn faults(seen: &Seen) -> String {
    let mut rows: BTreeMap<&str, (usize, f64, BTreeMap<String, usize>)> = BTreeMap::new();
    for fault in &seen.faults {
        let row = rows.entry(fault.what).or_default();
        row.0 += 1;
        row.1 += fault.to - fault.from;
    }
    if !seen.stalls.is_empty() {
        let lasted = seen.stalls.iter().map(|(from, to)| to - from).sum();
        rows.insert(STALLED, (seen.stalls.len(), lasted, BTreeMap::new()));
    }
    for miss in seen.misses() {
        let row = rows.entry(miss.because.unwrap_or("nothing explains it")).or_default();
        *row.2.entry(miss.why).or_default() += 1;
    }
    let mut text = String::from(
        "\n| what happened | times | seconds until all was well, mean | asks missed because of it, by error |\n|---|--:|--:|---|\n",
    );
    for (what, (times, seconds, missed)) in rows {
        let missed: Vec<_> = missed.iter().map(|(why, count)| format!("{why} {count}")).collect();
        let missed = if missed.is_empty() { "none".to_owned() } else { missed.join(", ") };
        line(
            &mut text,
            format_args!("| {what} | {times} | {:.1} | {missed} |", seconds / times.max(1) as f64),
        );
    }
    text
}

/// What the process used.
fn process(seen: &Seen) -> String {
    let mut text = String::from(
        "\n| | before | first half: from … to | second half: from … to | afterwards |\n|---|--:|--:|--:|--:|\n",
    );
    let rows: [(&str, usize, fn(&Sample) -> f64); 8] = [
        ("resident memory, MB", 1, |s| s.usage.rss_mb),
        ("of it anonymous, MB", 1, |s| s.usage.anonymous_mb),
        ("highest until then, MB", 1, |s| s.usage.peak_mb),
        ("file descriptors", 0, |s| s.usage.fds),
        ("HTTP connections", 0, |s| s.connections),
        ("file descriptors beside those", 0, |s| s.other_fds),
        ("tasks beside those", 0, |s| s.other_tasks),
        ("threads", 0, |s| s.usage.threads),
    ];
    for (what, digits, of) in rows {
        let range = |half: &[Sample]| {
            let least = half.iter().map(of).fold(f64::MAX, f64::min);
            format!("{least:.digits$} … {:.digits$}", half.iter().map(of).fold(0.0, f64::max))
        };
        let [before, after] = &seen.quiet;
        let (first, second) = (range(seen.first_half()), range(seen.second_half()));
        line(
            &mut text,
            format_args!(
                "| {what} | {:.digits$} | {first} | {second} | {:.digits$} |",
                of(before),
                of(after)
            ),
        );
    }
    let (Some(first), Some(last)) = (seen.samples.first(), seen.samples.last()) else { return text };
    let cpu = (last.usage.cpu_seconds - first.usage.cpu_seconds) / (last.at - first.at);
    let (Some(begun), Some(ended)) = (seen.polls.first(), seen.polls.last()) else { return text };
    let took = spread(seen.polls.iter().map(|poll| poll.took));
    line(
        &mut text,
        format_args!(
            "\n{} polls, {} of them seen by a scrape; {:.0} ms each in the mean; {} outlasted the interval. {} asks failed. \
             The process used {:.0} % of one core.",
            ended.polls - begun.polls + 1.0,
            seen.polls.len(),
            took.mean * 1e3,
            ended.overruns - begun.overruns,
            ended.errors - begun.errors,
            cpu * 100.0
        ),
    );
    text
}

/// How long the answers took.
fn answers(seen: &Seen) -> String {
    let seconds = seen.to - seen.from;
    let count: usize = seen.scrapes.values().map(|tally| tally.took.len()).sum();
    let slow = &seen.slow;
    let mut text = format!(
        "\n{:.1} scrapes per second; {} half-open connections opened, {} closed by the exporter, {} not taken.\n\n\
         | request | answers | KB each | p50, ms | p99, ms | longest, ms |\n|---|--:|--:|--:|--:|--:|\n",
        count as f64 / seconds,
        slow.opened,
        slow.closed,
        slow.refused
    );
    table(&mut text, "/metrics: ", &seen.scrapes);
    table(&mut text, "", &seen.visits);
    text
}

fn table(text: &mut String, before: &str, tallies: &Tallies) {
    for (name, tally) in tallies {
        let mut took = tally.took.clone();
        took.sort_unstable();
        let Some(longest) = took.last() else { continue };
        let at = |share: f64| f64::from(took[(took.len() as f64 * share) as usize]) / 1e3;
        let each = tally.bytes as f64 / took.len() as f64 / 1e3;
        line(
            text,
            format_args!(
                "| {before}{name} | {} | {each:.1} | {:.1} | {:.1} | {:.0} |",
                took.len(),
                at(0.5),
                at(0.99),
                f64::from(*longest) / 1e3
            ),
        );
    }
}

fn line(text: &mut String, args: std::fmt::Arguments<'_>) {
    writeln!(text, "{args}").expect("a String takes it");
}
