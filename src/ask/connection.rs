//! One open connection, and its exchange of a request for replies.

use std::fmt;
use std::future::poll_fn;
use std::io;
use std::pin::pin;
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use tokio::io::{AsyncReadExt, AsyncWriteExt};

use super::deadline::Deadline;
use super::dial::Stream;
use super::explain::explain;
use super::questions::{Memory, Plan};
use super::room::{Room, Rooms};
use super::seen::{End, Seen};
use crate::model::failure::AskError;
use crate::model::reply::Reply;
use crate::model::snapshot::CertificateEnds;
use crate::model::time::Timestamp;
use crate::resp::{self, Framing};

/// A connection whose certificate is about to end is made anew after this long.
const LOOK_AGAIN: Duration = Duration::from_secs(3600);

/// A connection that can be asked. It is read only while an exchange waits for it, so a node that sends without being
/// asked fills its own socket and nothing of ours.
pub(super) struct Connection {
    stream: Stream,
    /// Set for good when bytes came that nobody had asked for.
    unsound: bool,
    /// What the node has answered on this connection.
    pub(super) memory: Memory,
    /// Of the handshake.
    pub(super) certificate_ends: CertificateEnds,
    opened: Instant,
}

impl fmt::Debug for Connection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Connection").field("unsound", &self.unsound).finish_non_exhaustive()
    }
}

/// A complete set of replies.
pub(super) struct Exchanged {
    /// One for each command.
    pub(super) replies: Vec<Reply>,
    /// When the request left.
    pub(super) asked: Instant,
    /// From then to the first byte of the first reply.
    pub(super) response: Option<Duration>,
    /// From then to the last reply.
    pub(super) took: Duration,
}

/// No complete set of replies.
#[derive(Debug)]
pub(super) struct Lost {
    /// Why.
    pub(super) failure: AskError,
    /// From the request to the first byte that came back, if one did.
    pub(super) response: Option<Duration>,
    /// The connection had ended before the request could be read: it tells nothing about the node as it is now.
    pub(super) unheard: bool,
}

impl From<AskError> for Lost {
    fn from(failure: AskError) -> Self {
        Self { failure, response: None, unheard: false }
    }
}

impl Connection {
    /// Takes an open stream. Nothing is sent yet: AUTH goes with the first request, so that its refusal comes back
    /// in the server's own words.
    pub(super) fn over(stream: Stream, certificate_ends: CertificateEnds) -> Self {
        Self { stream, unsound: false, memory: Memory::default(), certificate_ends, opened: Instant::now() }
    }

    /// Sends the plan in one write and waits for all its replies.
    pub(super) async fn exchange(
        &mut self,
        plan: &Plan,
        limit: u64,
        rooms: &Rooms,
        deadline: Deadline<'_>,
    ) -> Result<Exchanged, Lost> {
        let begun = Instant::now();
        let (mut seen, mut room) = (Seen::up_to(limit), rooms.lend());
        let done = deadline.over("waiting for replies", self.converse(plan, &mut seen, &mut room)).await;
        let asked = seen.written.unwrap_or(begun);
        let response = seen.first_byte.map(|first| first.saturating_duration_since(asked));
        self.unsound |= seen.unasked;
        match done {
            Ok(Ok(replies)) => Ok(Exchanged { replies, asked, response, took: asked.elapsed() }),
            Ok(Err(end)) => {
                let unheard = seen.read == 0 && matches!(end, End::Closed | End::Broken(_));
                Err(Lost { failure: explain(&seen, &end, plan.has_secret()), response, unheard })
            }
            Err(_) if seen.read > 0 => {
                Err(Lost { failure: deadline.missed("reading replies"), response, unheard: false })
            }
            Err(failure) => Err(Lost { failure, response, unheard: false }),
        }
    }

    /// Whether, at this instant by both clocks, one of its certificates ends within so many seconds and may have been
    /// renewed since: a server shows a new one only to new connections. Once one has ended, the connection stands for as
    /// long as it lasts: a new one would be refused, and the node could no longer be watched.
    pub(super) fn is_outdated(&self, (now, at): (Timestamp, Instant), seconds: f64) -> bool {
        at.saturating_duration_since(self.opened) > LOOK_AGAIN
            && is_about_to_end(self.certificate_ends, now, seconds)
    }

    /// Whether it can be asked again.
    pub(super) fn is_sound(&self) -> bool {
        !self.unsound
    }

    async fn converse(
        &mut self,
        plan: &Plan,
        seen: &mut Seen,
        room: &mut Room<'_>,
    ) -> Result<Vec<Reply>, End> {
        // What lies there answers nothing that was asked, and is passed over; or the server has closed it since.
        if let Poll::Ready(read) = poll_fn(|cx| Poll::Ready(self.poll_read(cx, room))).await {
            seen.note(&room.bytes()[..read?], Instant::now())?;
            room.more().clear();
        }
        let request = plan.request();
        seen.written = Some(Instant::now());
        // A server that turns a connection away says why and closes. Its words are to be read although the write fails;
        // the read that follows ends the connection.
        let _failed = self.write(&request.bytes).await;
        let mut framing = Framing::default();
        loop {
            let ends = framing.look(room.bytes()).map_err(|_| End::Unreadable)?;
            if let Some(ends) = ends.get(..request.commands) {
                let replies = take_apart(room.bytes(), ends)?;
                self.unsound |= ends.last().is_some_and(|end| room.bytes().len() > *end);
                return Ok(replies);
            }
            let before = room.bytes().len();
            poll_fn(|cx| self.poll_read(cx, room)).await?;
            seen.note(&room.bytes()[before..], Instant::now())?;
        }
    }

    /// Reads what is there into `room`, which is only taken if there is anything.
    fn poll_read(&mut self, cx: &mut Context<'_>, room: &mut Room<'_>) -> Poll<io::Result<usize>> {
        let read = pin!(self.stream.read_buf(room.more())).poll(cx);
        if read.is_pending() {
            room.rest();
        }
        read
    }

    async fn write(&mut self, request: &[u8]) -> io::Result<()> {
        self.stream.write_all(request).await?;
        self.stream.flush().await
    }
}

/// Whether the first of them to end does so within so many seconds, and none has ended.
fn is_about_to_end(ends: CertificateEnds, now: Timestamp, seconds: f64) -> bool {
    let mut rests = [ends.server, ends.exporter].into_iter().flatten().map(|end| end.seconds_since(now));
    let rest = rests.next().map(|first| rests.fold(first, f64::min));
    rest.is_some_and(|rest| (0.0..seconds).contains(&rest))
}

/// The replies that end there.
fn take_apart(bytes: &[u8], ends: &[usize]) -> Result<Vec<Reply>, End> {
    let begins = std::iter::once(0).chain(ends.iter().copied());
    let mut replies = Vec::with_capacity(ends.len());
    for (begin, end) in begins.zip(ends) {
        replies.push(resp::parse(&bytes[begin..*end]).map_err(|_| End::Unreadable)?);
    }
    Ok(replies)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_certificate_that_is_about_to_end_is_looked_at_again() {
        let end = |seconds: f64| Some(Timestamp::from_seconds(1000.0 + seconds));
        let is_about_to_end = |server, exporter| {
            is_about_to_end(CertificateEnds { server, exporter }, Timestamp::from_seconds(1000.0), 60.0)
        };
        assert!(is_about_to_end(end(59.0), None));
        assert!(is_about_to_end(end(3600.0), end(1.0)), "the exporter's own");
        assert!(!is_about_to_end(end(61.0), end(3600.0)));
        assert!(!is_about_to_end(None, None), "no TLS");
        assert!(!is_about_to_end(end(-1.0), end(30.0)), "a new connection would be refused");
    }

    #[tokio::test]
    async fn a_new_connection_is_kept_for_a_while_however_soon_its_certificate_ends() {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let tcp =
            tokio::net::TcpStream::connect(listener.local_addr().expect("bound")).await.expect("accepted");
        let ends = CertificateEnds { server: Some(Timestamp::from_seconds(1030.0)), exporter: None };
        let (now, connection) = (Timestamp::from_seconds(1000.0), Connection::over(Stream::Tcp(tcp), ends));
        assert!(!connection.is_outdated((now, Instant::now()), 60.0));
        let later = Instant::now() + LOOK_AGAIN + Duration::from_secs(1);
        assert!(connection.is_outdated((now, later), 60.0));
        assert!(!connection.is_outdated((now, later), 20.0));
    }
}
