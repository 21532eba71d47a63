//! Clients that open connections and do not ask: some say nothing, some send the head of a request byte by byte, some
//! close their half in the middle of it. Where the server closes one, another takes its place.

use std::io::{ErrorKind, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpStream};
use std::thread::sleep;
use std::time::Duration;

use super::Over;

/// Connections that are held open; of these every other one drips, the others say nothing.
pub(crate) const HELD: usize = 500;
/// Beside those, connections whose half is closed in the middle of a head. None of them lasts.
pub(crate) const HALF_CLOSED: usize = 50;
/// Opened with one look at most, so that they do not come, and are not closed, all at once: `header_timeout` is ten looks.
const AT_ONCE: usize = 60;
/// How often each is looked at, and those that drip send a byte.
const STEP: Duration = Duration::from_millis(500);
/// The head that never ends.
const HEAD: &[u8] = b"GET /metrics HTTP/1.1\r\nHost: exporter\r\nX-Slow: ";

/// What they went through.
#[derive(Default)]
pub(crate) struct Slow {
    /// Connections opened.
    pub(crate) opened: usize,
    /// Closed by the server, all in all.
    pub(crate) closed: usize,
    /// The server did not take a connection.
    pub(crate) refused: usize,
}

struct Held {
    stream: TcpStream,
    sent: usize,
}

fn open(address: SocketAddr, number: usize) -> Option<Held> {
    let mut stream = TcpStream::connect_timeout(&address, Duration::from_secs(1)).ok()?;
    let half_closed = number >= HELD;
    if half_closed {
        stream.write_all(HEAD).ok()?;
        stream.shutdown(Shutdown::Write).ok()?;
    }
    stream.set_nonblocking(true).ok()?;
    let silent = half_closed || number.is_multiple_of(2);
    Some(Held { stream, sent: if silent { HEAD.len() } else { 0 } })
}

impl Held {
    /// Sends its next byte; whether the server still has it.
    fn drip(&mut self) -> bool {
        if let Some(byte) = HEAD.get(self.sent..=self.sent) {
            self.sent += 1;
            if self.stream.write_all(byte).is_err() {
                return false;
            }
        }
        matches!(self.stream.read(&mut [0; 512]), Err(error) if error.kind() == ErrorKind::WouldBlock)
    }
}

/// Holds them until it is over.
pub(crate) fn hold(address: &str, over: &Over) -> Slow {
    let address: SocketAddr = address.parse().expect("host:port");
    let mut all: Vec<Option<Held>> = (0..HELD + HALF_CLOSED).map(|_| None).collect();
    let mut slow = Slow::default();
    while !over.is() {
        let mut room = AT_ONCE;
        for (number, place) in all.iter_mut().enumerate() {
            if place.as_mut().is_some_and(|held| !held.drip()) {
                *place = None;
                slow.closed += 1;
            }
            if place.is_none() && (number >= HELD || room > 0) {
                room -= usize::from(number < HELD);
                *place = open(address, number);
                if place.is_some() { slow.opened += 1 } else { slow.refused += 1 }
            }
        }
        sleep(STEP);
    }
    slow
}
