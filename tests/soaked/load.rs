//! Scrapers, and people who look at pages: an open-loop load that knows how long each answer took and whether it was
//! complete.

use std::collections::BTreeMap;
use std::io::Read;
use std::thread::sleep;
use std::time::{Duration, Instant};

use flate2::read::GzDecoder;

use super::Over;
use crate::common::client::{Answer, Client};

/// Scrapes per second and scraper.
pub(crate) const PER_SCRAPER: u32 = 50;
/// Scrapers, each with a connection that stays.
pub(crate) const SCRAPERS: u32 = 4;
/// Pages and replies of the API per second.
pub(crate) const PAGES: u32 = 10;
/// Who is further behind than this leaves requests out: they would come in a burst that no scraper makes.
const TOO_LATE: Duration = Duration::from_secs(1);
/// One in so many gzipped bodies is unpacked. All would cost more than serving them.
const UNPACKED: usize = 50;

const OPENMETRICS: &str = "Accept: application/openmetrics-text; version=1.0.0\r\n";
const GZIP: &str = "Accept-Encoding: gzip\r\n";

/// A request that comes again and again.
pub(crate) struct Request {
    /// What it is called in the report.
    pub(crate) name: &'static str,
    path: &'static str,
    headers: [&'static str; 2],
    /// On a connection of its own.
    fresh: bool,
    /// How the body ends, once it is unpacked.
    end: &'static str,
}

const fn scrape(name: &'static str, headers: [&'static str; 2], fresh: bool, end: &'static str) -> Request {
    Request { name, path: "/metrics", headers, fresh, end }
}

const fn page(name: &'static str, headers: [&'static str; 2], fresh: bool, end: &'static str) -> Request {
    Request { name, path: name, headers, fresh, end }
}

/// What one scraper asks for in turn: mostly what Prometheus does.
pub(crate) const SCRAPES: [Request; 5] = [
    scrape("OpenMetrics, gzip", [OPENMETRICS, GZIP], false, "# EOF\n"),
    scrape("text, gzip", ["", GZIP], false, "\n"),
    scrape("OpenMetrics, gzip, new connection", [OPENMETRICS, GZIP], true, "# EOF\n"),
    scrape("text", ["", ""], false, "\n"),
    scrape("OpenMetrics, new connection", [OPENMETRICS, ""], true, "# EOF\n"),
];

/// What people and scripts look at in turn.
pub(crate) const VISITS: [Request; 8] = [
    page("/", ["", GZIP], false, "</html>"),
    page("/-/healthy", ["", ""], true, "healthy\n"),
    page("/clusters/soak", ["", ""], false, "</html>"),
    page("/api/v1/clusters", ["", ""], true, "}"),
    page("/api/v1/clusters/soak", ["", GZIP], false, "}"),
    page("/api/v1/clusters/soak/events", ["", ""], false, "}"),
    page("/runbooks/split_brain", ["", ""], true, "\n"),
    page("/api/v1/sd", ["", ""], false, "]"),
];

/// How one sort of requests went.
#[derive(Default)]
pub(crate) struct Tally {
    /// Microseconds from the connection or the request to the last byte, of the complete answers.
    pub(crate) took: Vec<u32>,
    /// Bytes of bodies.
    pub(crate) bytes: u64,
    /// What was wrong with the others.
    pub(crate) failures: Vec<String>,
}

/// By name of the request.
pub(crate) type Tallies = BTreeMap<&'static str, Tally>;

/// Asks for `requests` in turn until it is over.
pub(crate) fn ask(address: &str, requests: &'static [Request], over: &Over) -> Tallies {
    let rate = if requests.len() == VISITS.len() { PAGES } else { PER_SCRAPER };
    let mut client = Client::of(address);
    let mut tallies = Tallies::new();
    let mut due = Instant::now();
    for (number, request) in requests.iter().cycle().enumerate() {
        due += Duration::from_secs(1) / rate;
        sleep(due.saturating_duration_since(Instant::now()));
        if over.is() {
            break;
        }
        if due.elapsed() > TOO_LATE {
            due = Instant::now();
        }
        let headers = request.headers.concat();
        let begun = Instant::now();
        let answer = if request.fresh {
            client.get_once(request.path, &headers)
        } else {
            client.get(request.path, &headers)
        };
        let took = begun.elapsed();
        let tally = tallies.entry(request.name).or_default();
        match answer.map_err(|error| error.to_string()).and_then(|answer| request.check(answer, number)) {
            Ok(bytes) => {
                tally.took.push(took.as_micros() as u32);
                tally.bytes += bytes as u64;
            }
            Err(why) => tally.failures.push(format!("{:.3}: {why}", super::now())),
        }
    }
    tallies
}

impl Request {
    /// Whether the answer is what was asked for, and how long its body is.
    fn check(&self, answer: Answer, number: usize) -> Result<usize, String> {
        let Answer { code, body } = answer;
        let bytes = body.len();
        if code != 200 {
            return Err(format!("{code}: {}", String::from_utf8_lossy(&body)));
        }
        let text = if body.starts_with(&[0x1f, 0x8b]) {
            if number % UNPACKED >= self.turns() {
                return Ok(bytes);
            }
            let mut text = Vec::new();
            GzDecoder::new(&*body).read_to_end(&mut text).map_err(|error| format!("gzip: {error}"))?;
            text
        } else {
            body
        };
        if text.trim_ascii_end().ends_with(self.end.trim_ascii_end().as_bytes()) {
            Ok(bytes)
        } else {
            Err(format!("{bytes} bytes that do not end with {:?}", self.end))
        }
    }

    /// A whole turn of requests is looked at, so that each sort is.
    fn turns(&self) -> usize {
        if self.path == "/metrics" { SCRAPES.len() } else { VISITS.len() }
    }
}
