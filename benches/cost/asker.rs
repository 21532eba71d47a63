//! Programs that ask what a poll asks and do nothing with the replies: what they take is what asking alone costs on this
//! machine, in this hour. Each is this very executable, started anew, so that its CPU is counted like the exporter's.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::process::{Child, Command, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

use futures_util::future::join_all;
use redis::aio::MultiplexedConnection;
use redis_cluster_exporter::probes::{Every, Need, PROBES};

use crate::common::process::Usage;
use crate::common::real::end;

/// First argument of such a process.
const ARGUMENT: &str = "--ask";

/// The word that ends the last reply of a poll.
const MARK: &str = "that-is-all";

/// How it asks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Asker {
    /// With system calls alone: one `send` for each node, then one `recv` after the other.
    Sockets,
    /// With the asynchronous connections of the client library on a runtime of one thread.
    Library,
}

impl Asker {
    fn name(self) -> &'static str {
        match self {
            Self::Sockets => "sockets",
            Self::Library => "library",
        }
    }

    /// CPU seconds per node and poll of a process that asks these nodes each `interval`, over so long.
    pub(crate) fn cost(self, nodes: &[String], interval: Duration, window: Duration) -> f64 {
        let mut command = Command::new(std::env::current_exe().expect("this executable"));
        command.args([ARGUMENT, self.name(), &interval.as_millis().to_string()]).args(nodes);
        let mut process = command.stdin(Stdio::null()).stdout(Stdio::piped()).spawn().expect("it starts");
        let cost = watched(&mut process, nodes.len() as f64, window);
        end(&mut process);
        cost
    }
}

/// It writes a byte with every poll.
fn watched(process: &mut Child, nodes: f64, window: Duration) -> f64 {
    let mut polls = process.stdout.take().expect("its output");
    let mut until = |end: Instant| {
        let mut seen = 0.0;
        while Instant::now() < end {
            polls.read_exact(&mut [0]).expect("it polls");
            seen += 1.0;
        }
        seen
    };
    until(Instant::now() + window / 10);
    let before = Usage::of(process.id()).cpu_seconds;
    let seen = until(Instant::now() + window);
    (Usage::of(process.id()).cpu_seconds - before) / seen / nodes
}

/// Asks for as long as somebody listens, if this process was started for that.
pub(crate) fn asked() -> bool {
    let mut arguments = std::env::args().skip(1);
    if arguments.next().as_deref() != Some(ARGUMENT) {
        return false;
    }
    let how = arguments.next().expect("how");
    let interval = arguments.next().and_then(|millis| millis.parse().ok()).expect("milliseconds");
    let (interval, nodes) = (Duration::from_millis(interval), arguments.collect::<Vec<_>>());
    if how == Asker::Library.name() {
        by_library(&nodes, interval);
    } else {
        by_sockets(&nodes, interval);
    }
    true
}

/// Whether somebody still listens.
fn polled() -> bool {
    let mut out = std::io::stdout();
    out.write_all(b".").and_then(|()| out.flush()).is_ok()
}

/// What the exporter asks every node with every poll.
fn questions() -> redis::Pipeline {
    let mut questions = redis::pipe();
    for probe in PROBES.iter().filter(|probe| probe.every == Every::Poll && probe.need == Need::Required) {
        let (name, words) = probe.command.split_first().expect("a command");
        words.iter().fold(questions.cmd(name), redis::Pipeline::arg);
    }
    questions.cmd("PING").arg(MARK);
    questions
}

fn by_sockets(nodes: &[String], interval: Duration) {
    let request = questions().get_packed_pipeline();
    let mut streams: Vec<TcpStream> =
        nodes.iter().map(|node| TcpStream::connect(node).expect(node)).collect();
    let mut room = vec![0; 256 << 10];
    let end = format!("{MARK}\r\n");
    while polled() {
        let begun = Instant::now();
        streams.iter_mut().for_each(|stream| stream.write_all(&request).expect("it is sent"));
        for stream in &mut streams {
            let mut read = 0;
            while !room[..read].ends_with(end.as_bytes()) {
                let more = stream.read(&mut room[read..]).expect("it answers");
                assert!(more > 0, "a server closed the connection");
                read += more;
            }
        }
        sleep(interval.saturating_sub(begun.elapsed()));
    }
}

fn by_library(nodes: &[String], interval: Duration) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    runtime.block_on(async {
        let connect = async |node: &String| {
            let client = redis::Client::open(format!("redis://{node}/")).expect("an address");
            client.get_multiplexed_async_connection().await.expect("a connection")
        };
        let mut connections = join_all(nodes.iter().map(connect)).await;
        let questions = questions();
        let ask = async |connection: &mut MultiplexedConnection| {
            let replies: Vec<redis::Value> = questions.query_async(connection).await.expect("replies");
            drop(replies);
        };
        let mut ticks = tokio::time::interval(interval);
        while polled() {
            ticks.tick().await;
            join_all(connections.iter_mut().map(ask)).await;
        }
    });
}
