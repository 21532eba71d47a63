//! What the program writes to stderr while it runs, read as a collector of logs reads it.
#![allow(
    clippy::unwrap_used,
    clippy::disallowed_methods,
    reason = "a test fails where it meets what it does not expect, and waits by the clock"
)]

use std::io::{BufRead, BufReader, PipeReader, Read, Write, pipe};
use std::net::TcpStream;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::thread::sleep;
use std::time::Duration;

/// The running program. Dropped, it is killed.
struct Program(Child);

impl Program {
    /// Starts it with a seed that refuses every connection, and gives what it writes.
    fn start(arguments: &[&str]) -> (Self, BufReader<PipeReader>) {
        let (lines, stderr) = pipe().unwrap();
        let mut command = Command::new(env!("CARGO_BIN_EXE_redis-cluster-exporter"));
        command.env_clear().stdout(Stdio::null()).stderr(stderr);
        command.args(["--web.listen-address", "127.0.0.1:0", "--poll.interval", "100ms"]).args(arguments);
        let child = command.args(["--poll.timeout", "90ms", "127.0.0.1:1"]).spawn().unwrap();
        (Self(child), BufReader::new(lines))
    }

    fn signal(&self, name: &str) {
        let pid = self.0.id().to_string();
        assert!(Command::new("sh").args(["-c", "kill -s $0 $1", name, &pid]).status().unwrap().success());
    }

    fn terminate(mut self) -> ExitStatus {
        self.signal("TERM");
        self.0.wait().unwrap()
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        drop(self.0.kill());
        drop(self.0.wait());
    }
}

fn line(lines: &mut impl BufRead) -> String {
    let mut line = String::new();
    lines.read_line(&mut line).unwrap();
    line
}

/// The address in the line that says where it listens.
fn address(line: &str) -> String {
    assert!(line.contains("msg=listening"), "{line}");
    line.split_once("address=").unwrap().1.split(' ').next().unwrap().to_owned()
}

fn polls(address: &str) -> u64 {
    let mut stream = TcpStream::connect(address).unwrap();
    write!(stream, "GET /metrics HTTP/1.0\r\nHost: {address}\r\n\r\n").unwrap();
    let mut text = String::new();
    stream.read_to_string(&mut text).unwrap();
    let polls = text.lines().find_map(|line| line.strip_prefix("rediscluster_exporter_polls_total{"));
    polls.map_or(0, |sample| sample.rsplit(' ').next().unwrap().parse().unwrap())
}

/// Waits until so many more polls are over.
fn await_polls(address: &str, more: u64) {
    let wanted = polls(address) + more;
    for _ in 0..400 {
        if polls(address) >= wanted {
            return;
        }
        sleep(Duration::from_millis(50));
    }
    panic!("no {more} polls within 20 s");
}

#[test]
fn a_life_in_logfmt() {
    let (program, mut lines) = Program::start(&["--cluster.name", "two words"]);
    let listening = line(&mut lines);
    await_polls(&address(&listening), 5);
    assert!(program.terminate().success());
    let mut told = listening;
    lines.read_to_string(&mut told).unwrap();
    let told: Vec<(&str, &str)> = told.lines().map(|line| line.split_once(' ').unwrap()).collect();
    for (instant, rest) in &told {
        let instant = instant.strip_prefix("ts=").unwrap();
        assert!(
            instant.len() == 24 && instant.starts_with("20") && instant.ends_with('Z'),
            "{instant} {rest}"
        );
    }
    let told: Vec<&str> = told.iter().map(|(_, rest)| *rest).collect();
    // Each thing once, however many polls found it again.
    assert_eq!(
        told[1..],
        [
            r#"level=warn msg="node does not answer" cluster="two words" node=127.0.0.1:1 error=connect reason="cannot connect: 127.0.0.1:1: Connection refused (os error 111)""#,
            r#"level=error msg="no node of the cluster answers" cluster="two words" nodes=0"#,
            "level=info msg=stopping signal=SIGTERM",
            "level=info msg=stopped",
        ]
    );
}

#[test]
fn a_life_in_json() {
    let (program, mut lines) = Program::start(&["--log.format", "json"]);
    let mut told: Vec<serde_json::Value> = Vec::new();
    for _ in 0..3 {
        told.push(serde_json::from_str(&line(&mut lines)).unwrap());
    }
    assert!(program.terminate().success());
    told.extend(lines.lines().map(|line| serde_json::from_str(&line.unwrap()).unwrap()));
    let messages: Vec<&str> = told.iter().map(|line| line["msg"].as_str().unwrap()).collect();
    assert_eq!(
        messages,
        ["listening", "node does not answer", "no node of the cluster answers", "stopping", "stopped"]
    );
    assert_eq!(told[1]["error"], "connect");
    assert_eq!(told[2]["nodes"], 0);
    assert!(told.iter().all(|line| line["ts"].is_string() && line["level"].is_string()), "{told:?}");
}

#[test]
fn it_goes_on_when_nobody_reads_its_lines() {
    let (program, mut lines) = Program::start(&["--log.level", "trace"]);
    let address = address(&line(&mut lines));
    drop(lines);
    for _ in 0..2 {
        program.signal("HUP");
        await_polls(&address, 2);
    }
    assert!(program.terminate().success());
}
