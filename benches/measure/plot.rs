//! Lines over logarithmic axes, as an SVG file.

use std::fmt::Write as _;
use std::fs;

/// One line.
pub(crate) struct Line {
    pub(crate) name: String,
    /// Ascending by the first number; all numbers above 0.
    pub(crate) points: Vec<(f64, f64)>,
    /// What was not measured: a bar, a law.
    pub(crate) dashed: bool,
}

/// A picture.
pub(crate) struct Plot {
    pub(crate) title: &'static str,
    pub(crate) across: &'static str,
    pub(crate) up: &'static str,
    pub(crate) lines: Vec<Line>,
}

const WIDTH: f64 = 720.0;
const HEIGHT: f64 = 400.0;
/// Around the lines: left, right, above, below.
const MARGIN: [f64; 4] = [72.0, 190.0, 48.0, 52.0];
/// Told apart by those who see few colours too.
const COLOURS: [&str; 4] = ["#0072b2", "#d55e00", "#009e73", "#7a4f9a"];
const GREY: &str = "#777777";

/// One axis: values to places.
struct Axis {
    low: f64,
    high: f64,
    from: f64,
    to: f64,
}

impl Axis {
    /// From the decade step (1, 2, 5) below all values to that above.
    fn over(values: impl Iterator<Item = f64> + Clone, from: f64, to: f64) -> Self {
        let (low, high) = (values.clone().fold(f64::MAX, f64::min), values.fold(0.0, f64::max));
        let low = steps(low / 10.0, low).last().copied().unwrap_or(low);
        let high = steps(high, high * 10.0).first().copied().unwrap_or(high);
        Self { low, high, from, to }
    }

    fn at(&self, value: f64) -> f64 {
        self.from + (self.to - self.from) * (value / self.low).ln() / (self.high / self.low).ln()
    }

    fn ticks(&self) -> Vec<f64> {
        let all = steps(self.low, self.high);
        if all.len() <= 8 {
            return all;
        }
        all.into_iter().filter(|step| (step.log10() - step.log10().round()).abs() < 1e-6).collect()
    }
}

/// 1, 2 and 5 times powers of ten from `low` to `high`.
fn steps(low: f64, high: f64) -> Vec<f64> {
    let all = (-9..12).flat_map(|power| [1.0, 2.0, 5.0].map(|step| step * 10f64.powi(power)));
    all.filter(|step| (low * 0.999..=high * 1.001).contains(step)).collect()
}

impl Plot {
    /// Writes the picture into `docs/images`.
    pub(crate) fn write(&self, name: &str) {
        let path = format!("{}/docs/images/{name}.svg", env!("CARGO_MANIFEST_DIR"));
        fs::write(&path, self.svg()).expect("written");
        println!("wrote {path}");
    }

    fn svg(&self) -> String {
        let points = || self.lines.iter().flat_map(|line| &line.points);
        let [left, right, above, below] = MARGIN;
        let x = Axis::over(points().map(|point| point.0), left, WIDTH - right);
        let y = Axis::over(points().map(|point| point.1), HEIGHT - below, above);
        let mut svg = format!(
            "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH} {HEIGHT}\" font-family=\"sans-serif\" \
             font-size=\"13\" role=\"img\" aria-label=\"{}\">\n<rect width=\"100%\" height=\"100%\" fill=\"#ffffff\"/>\n",
            self.title
        );
        let middle = f64::midpoint(x.from, x.to);
        text(&mut svg, left, 26.0, "font-size=\"15\" font-weight=\"bold\"", self.title);
        text(&mut svg, middle, HEIGHT - 12.0, "text-anchor=\"middle\"", self.across);
        let (at, centre) = (18.0, f64::midpoint(y.from, y.to));
        let turned = format!("text-anchor=\"middle\" transform=\"rotate(-90 {at} {centre})\"");
        text(&mut svg, at, centre, &turned, self.up);
        for tick in x.ticks() {
            rule(&mut svg, (x.at(tick), y.from), (x.at(tick), y.to));
            text(&mut svg, x.at(tick), y.from + 18.0, "text-anchor=\"middle\"", &short(tick));
        }
        for tick in y.ticks() {
            rule(&mut svg, (x.from, y.at(tick)), (x.to, y.at(tick)));
            text(&mut svg, x.from - 8.0, y.at(tick) + 4.0, "text-anchor=\"end\"", &short(tick));
        }
        let mut colours = COLOURS.iter().cycle();
        let mut names = Vec::new();
        for line in &self.lines {
            let colour = if line.dashed { GREY } else { colours.next().unwrap_or(&GREY) };
            let places: Vec<_> = line.points.iter().map(|point| (x.at(point.0), y.at(point.1))).collect();
            draw(&mut svg, &places, colour, line.dashed);
            names.extend(places.last().map(|last| (last.1, colour, line.name.as_str())));
        }
        name_lines(&mut svg, x.to + 12.0, names);
        svg + "</svg>\n"
    }
}

fn draw(svg: &mut String, places: &[(f64, f64)], colour: &str, dashed: bool) {
    let path: Vec<String> = places.iter().map(|(x, y)| format!("{x:.1},{y:.1}")).collect();
    let dash = if dashed { " stroke-dasharray=\"6 5\"" } else { "" };
    let path = path.join(" ");
    writeln!(svg, "<polyline points=\"{path}\" fill=\"none\" stroke=\"{colour}\" stroke-width=\"2\"{dash}/>")
        .expect("a string");
    for (x, y) in places.iter().filter(|_| !dashed) {
        writeln!(svg, "<circle cx=\"{x:.1}\" cy=\"{y:.1}\" r=\"3.5\" fill=\"{colour}\"/>").expect("a string");
    }
}

/// Each name beside the end of its line, below the one above it where two would overlap.
fn name_lines(svg: &mut String, x: f64, mut names: Vec<(f64, &str, &str)>) {
    const APART: f64 = 16.0;
    names.sort_by(|a, b| a.0.total_cmp(&b.0));
    let mut free = f64::MIN;
    for (y, colour, name) in names {
        let y = y.max(free);
        free = y + APART;
        text(svg, x, y + 4.0, &format!("fill=\"{colour}\""), name);
    }
}

fn text(svg: &mut String, x: f64, y: f64, attributes: &str, text: &str) {
    writeln!(svg, "<text x=\"{x:.1}\" y=\"{y:.1}\" {attributes}>{text}</text>").expect("a string");
}

fn rule(svg: &mut String, from: (f64, f64), to: (f64, f64)) {
    writeln!(
        svg,
        "<line x1=\"{:.1}\" y1=\"{:.1}\" x2=\"{:.1}\" y2=\"{:.1}\" stroke=\"#e2e2e2\"/>",
        from.0, from.1, to.0, to.1
    )
    .expect("a string");
}

/// A tick's number.
fn short(value: f64) -> String {
    match value {
        1e6.. => format!("{}M", value / 1e6),
        1e3.. => format!("{}k", value / 1e3),
        1.0.. => format!("{value:.0}"),
        _ => format!("{}", (value * 1e6).round() / 1e6),
    }
}
