//! Every poll as a scrape tells of it, what the process uses, and whether the machine itself stood still.

use std::thread::sleep;
use std::time::{Duration, Instant};

use super::{Over, now};
use crate::common::client::Client;
use crate::common::process::Usage;
use crate::common::samples::Samples;

/// How often the newest poll is looked at: none must be overlooked.
const LOOK: Duration = Duration::from_millis(300);
/// How long a thread that measures the machine sleeps …
const NAP: Duration = Duration::from_millis(20);
/// … and how late it wakes up where the machine stood still.
const STOOD_STILL: Duration = Duration::from_millis(250);

/// What one poll came to.
pub(crate) struct Poll {
    /// When it began, in seconds since the epoch, and how many it took.
    pub(crate) at: f64,
    pub(crate) took: f64,
    /// Polls, failed asks and lost ticks that the exporter counts until then.
    pub(crate) polls: f64,
    pub(crate) errors: f64,
    pub(crate) overruns: f64,
    /// Nodes that did not answer in full, each with the kind of error, or why it is not there.
    pub(crate) missed: Vec<(String, String)>,
}

/// What the process used at a moment.
#[derive(Clone)]
pub(crate) struct Sample {
    /// Seconds since the epoch.
    pub(crate) at: f64,
    pub(crate) usage: Usage,
    /// `rediscluster_exporter_http_connections`
    pub(crate) connections: f64,
    /// File descriptors that are no HTTP connection: `process_open_fds` of the same scrape, less those.
    pub(crate) other_fds: f64,
    /// `rediscluster_exporter_tasks` of the same scrape, less one for each HTTP connection.
    pub(crate) other_tasks: f64,
}

/// The metrics that tell of a poll, without the thousands of others.
const TOLD_BY: [&str; 8] = [
    "rediscluster_poll_timestamp_seconds",
    "rediscluster_poll_duration_seconds",
    "rediscluster_node_up",
    "rediscluster_node_ask_error",
    "rediscluster_exporter_polls_total",
    "rediscluster_exporter_polls_overrun_total",
    "rediscluster_exporter_ask_errors_total",
    "process_open_fds",
];

/// Those of the process.
const USED: [&str; 3] =
    ["process_open_fds", "rediscluster_exporter_http_connections", "rediscluster_exporter_tasks"];

/// A scrape of only these metrics.
fn scrape(client: &mut Client, wanted: &[&str]) -> Result<Samples, String> {
    let answer = client.get("/metrics", "").map_err(|error| error.to_string())?;
    let text = String::from_utf8(answer.body).map_err(|error| error.to_string())?;
    let name = |line: &str| {
        let line = line.strip_prefix("# HELP ").or_else(|| line.strip_prefix("# TYPE ")).unwrap_or(line);
        line.split(['{', ' ']).next().is_some_and(|name| wanted.contains(&name))
    };
    let lines = text.lines().filter(|line| name(line));
    Samples::parse(&lines.map(|line| format!("{line}\n")).collect::<String>())
}

/// Every poll until it is over; what went wrong with looking, last.
pub(crate) fn polls(address: &str, nodes: &[String], over: &Over) -> (Vec<Poll>, Vec<String>) {
    let mut client = Client::of(address);
    let (mut polls, mut failures) = (Vec::<Poll>::new(), Vec::new());
    while !over.is() {
        match scrape(&mut client, &TOLD_BY) {
            Ok(samples) => {
                let poll = Poll::read(&samples, nodes);
                if polls.last().is_none_or(|last| last.at < poll.at) {
                    polls.push(poll);
                }
            }
            Err(why) => failures.push(format!("{:.3}: {why}", now())),
        }
        sleep(LOOK);
    }
    (polls, failures)
}

impl Poll {
    fn read(samples: &Samples, nodes: &[String]) -> Self {
        let missed = |node: &String| {
            let label = [("redis_node", &**node)];
            let why = match samples.find("rediscluster_node_up", &label) {
                Some(1.0) => return None,
                Some(_) => {
                    let failed =
                        samples.all("rediscluster_node_ask_error", &label).find(|(_, is)| *is == 1.0);
                    failed.and_then(|(labels, _)| labels.get("error").cloned()).unwrap_or_default()
                }
                None => "not known".to_owned(),
            };
            Some((node.clone(), why))
        };
        Self {
            at: samples.value("rediscluster_poll_timestamp_seconds", &[]),
            took: samples.value("rediscluster_poll_duration_seconds", &[]),
            polls: samples.value("rediscluster_exporter_polls_total", &[]),
            errors: samples.sum("rediscluster_exporter_ask_errors_total", &[]),
            overruns: samples.value("rediscluster_exporter_polls_overrun_total", &[]),
            missed: nodes.iter().filter_map(missed).collect(),
        }
    }
}

/// What the process uses, every so often until it is over.
pub(crate) fn samples(address: &str, pid: u32, every: Duration, over: &Over) -> Vec<Sample> {
    let mut client = Client::of(address);
    let (mut samples, mut due) = (Vec::new(), Instant::now());
    while !over.is() {
        samples.extend(sample(&mut client, pid));
        due += every;
        while !over.is() && Instant::now() < due {
            sleep(NAP);
        }
    }
    samples
}

/// What the process uses now; nothing where a scrape fails, which is somebody else's to tell.
pub(crate) fn sample(client: &mut Client, pid: u32) -> Option<Sample> {
    let told = scrape(client, &USED).ok()?;
    let connections = told.value("rediscluster_exporter_http_connections", &[]);
    Some(Sample {
        at: now(),
        usage: Usage::of(pid),
        connections,
        other_fds: told.value("process_open_fds", &[]) - connections,
        other_tasks: told.value("rediscluster_exporter_tasks", &[]) - connections,
    })
}

/// From when to when this process was not let run, though it only slept: nobody else was, then.
pub(crate) fn stalls(over: &Over) -> Vec<(f64, f64)> {
    let mut stalls = Vec::new();
    while !over.is() {
        let slept = Instant::now();
        sleep(NAP);
        let slept = slept.elapsed();
        if slept > STOOD_STILL {
            let to = now();
            stalls.push((to - slept.as_secs_f64(), to));
        }
    }
    stalls
}
