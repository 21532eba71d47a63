//! The run as a picture: memory, file descriptors and tasks over time, with the faults in the background.

use std::fmt::Write;

use super::verdict::Seen;
use super::watch::Sample;

const WIDTH: f64 = 900.0;
const LEFT: f64 = 60.0;
const RIGHT: f64 = 20.0;
/// Of one panel, and from panel to panel.
const HEIGHT: f64 = 150.0;
const STEP: f64 = 205.0;
const TOP: f64 = 30.0;

/// One line of a panel: its name, colour and values.
type Line = (&'static str, &'static str, fn(&Sample) -> f64);

const PANELS: [(&str, &[Line]); 3] = [
    (
        "memory, MB",
        &[
            ("resident", "#1f6feb", |s| s.usage.rss_mb),
            ("of it anonymous", "#8250df", |s| s.usage.anonymous_mb),
        ],
    ),
    ("HTTP connections", &[("open", "#1a7f37", |s| s.connections)]),
    (
        "beside the HTTP connections",
        &[("file descriptors", "#bc4c00", |s| s.other_fds), ("tasks", "#57606a", |s| s.other_tasks)],
    ),
];

/// As SVG.
pub(crate) fn svg(seen: &Seen) -> String {
    let height = TOP + STEP * PANELS.len() as f64;
    let mut text = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH} {height}\" width=\"{WIDTH}\" height=\"{height}\" \
         font-family=\"sans-serif\" font-size=\"12\">\n<rect width=\"100%\" height=\"100%\" fill=\"#ffffff\"/>\n"
    );
    for (number, (title, lines)) in PANELS.iter().enumerate() {
        panel(&mut text, seen, TOP + STEP * number as f64, title, lines);
    }
    text + "</svg>\n"
}

fn panel(text: &mut String, seen: &Seen, top: f64, title: &str, lines: &[Line]) {
    let minutes = (seen.to - seen.from) / 60.0;
    let x = |at: f64| LEFT + (at - seen.from) / (seen.to - seen.from) * (WIDTH - LEFT - RIGHT);
    let most = lines.iter().flat_map(|line| seen.samples.iter().map(line.2)).fold(1.0, f64::max);
    let tick = step(most, 4.0);
    let ceiling = (most / tick).ceil() * tick;
    let y = |value: f64| top + HEIGHT - value / ceiling * HEIGHT;
    let mut put = |line: String| writeln!(text, "{line}").expect("a String takes it");
    for fault in &seen.faults {
        let (from, width) = (x(fault.from), x(fault.to) - x(fault.from));
        put(format!(
            "<rect x=\"{from:.1}\" y=\"{top}\" width=\"{:.1}\" height=\"{HEIGHT}\" fill=\"#f0e9dd\"><title>{}</title></rect>",
            width.max(1.0),
            fault.what
        ));
    }
    let mut value = 0.0;
    while value <= ceiling {
        let at = y(value);
        put(format!("<path d=\"M{LEFT} {at:.1}H{}\" stroke=\"#d8dee4\"/>", WIDTH - RIGHT));
        put(format!(
            "<text x=\"{}\" y=\"{:.1}\" text-anchor=\"end\" fill=\"#57606a\">{value}</text>",
            LEFT - 6.0,
            at + 4.0
        ));
        value += tick;
    }
    let every = step(minutes, 8.0);
    for mark in 0..=(minutes / every) as u32 {
        let minute = f64::from(mark) * every;
        let (at, below) = (x(seen.from + minute * 60.0), top + HEIGHT + 16.0);
        put(format!(
            "<text x=\"{at:.1}\" y=\"{below}\" text-anchor=\"middle\" fill=\"#57606a\">{minute:.0} min</text>"
        ));
    }
    put(format!(
        "<text x=\"{LEFT}\" y=\"{}\" font-weight=\"bold\" fill=\"#24292f\">{title}</text>",
        top - 8.0
    ));
    for (number, (name, colour, of)) in lines.iter().enumerate() {
        let points: Vec<_> =
            seen.samples.iter().map(|sample| format!("{:.1},{:.1}", x(sample.at), y(of(sample)))).collect();
        put(format!(
            "<polyline points=\"{}\" fill=\"none\" stroke=\"{colour}\" stroke-width=\"1.5\"/>",
            points.join(" ")
        ));
        let at = WIDTH - RIGHT - 130.0 * (lines.len() - number) as f64;
        put(format!("<path d=\"M{at} {0}h18\" stroke=\"{colour}\" stroke-width=\"3\"/>", top - 12.0));
        put(format!("<text x=\"{}\" y=\"{}\" fill=\"#24292f\">{name}</text>", at + 24.0, top - 8.0));
    }
}

/// A round distance of marks, so that there are about so many up to `most`.
fn step(most: f64, marks: f64) -> f64 {
    let rough = most / marks;
    let magnitude = 10f64.powf(rough.log10().floor());
    let round = [1.0, 2.0, 5.0, 10.0].into_iter().find(|round| round * magnitude >= rough);
    round.unwrap_or(10.0) * magnitude
}
