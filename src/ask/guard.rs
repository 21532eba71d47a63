//! Stands between the socket and the protocol: limits what is read, and keeps what is needed to time and to explain.

use std::io;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, ready};
use std::time::Instant;

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

/// Bytes that are kept of the beginning.
const HEAD: usize = 128;

/// How the stream ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum End {
    /// By us: more was sent than is read of one node.
    TooLarge,
    /// By the server, in order.
    Closed,
    /// By a TLS alert or a broken record.
    Tls(String),
    /// By the network.
    Broken(String),
}

/// What passed over the stream since the last [`Watch::begin`].
#[derive(Clone, Debug, Default)]
pub(super) struct Seen {
    /// Bytes that may be read in this ask.
    pub(super) limit: u64,
    /// Bytes that were.
    pub(super) read: u64,
    /// The first of them.
    pub(super) head: Vec<u8>,
    /// When the first byte of the request left.
    pub(super) written: Option<Instant>,
    /// When the first byte after that came.
    pub(super) first_byte: Option<Instant>,
    /// Something came that nobody had asked for.
    pub(super) unasked: bool,
    /// How it ended, if it did.
    pub(super) end: Option<End>,
}

/// The other end of a [`Guard`].
#[derive(Clone, Debug, Default)]
pub(super) struct Watch(Arc<Mutex<Seen>>);

impl Watch {
    /// Starts anew for a request whose replies may have `limit` bytes.
    pub(super) fn begin(&self, limit: u64) {
        *self.lock() = Seen { limit, ..Seen::default() };
    }

    /// What has passed until now.
    pub(super) fn seen(&self) -> Seen {
        self.lock().clone()
    }

    fn lock(&self) -> MutexGuard<'_, Seen> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn note_read(&self, bytes: &[u8]) -> io::Result<()> {
        let mut seen = self.lock();
        if bytes.is_empty() {
            seen.end.get_or_insert(End::Closed);
            return Ok(());
        }
        if seen.written.is_none() {
            seen.unasked = true;
        } else if seen.first_byte.is_none() {
            seen.first_byte = Some(Instant::now());
        }
        seen.read += bytes.len() as u64;
        let room = HEAD.saturating_sub(seen.head.len()).min(bytes.len());
        seen.head.extend_from_slice(&bytes[..room]);
        if seen.read > seen.limit {
            seen.end = Some(End::TooLarge);
            return Err(io::Error::new(io::ErrorKind::ConnectionAborted, "more than is read of one node"));
        }
        Ok(())
    }

    fn note_error(&self, error: &io::Error) {
        let end = match error.get_ref().and_then(|inner| inner.downcast_ref::<rustls::Error>()) {
            Some(tls) => End::Tls(tls.to_string()),
            None if error.kind() == io::ErrorKind::UnexpectedEof => End::Closed,
            None => End::Broken(error.to_string()),
        };
        self.lock().end.get_or_insert(end);
    }

    fn note_written(&self) {
        let mut seen = self.lock();
        if seen.written.is_none() {
            seen.written = Some(Instant::now());
        }
    }
}

/// A stream with a [`Watch`] on it.
#[derive(Debug)]
pub(super) struct Guard<S> {
    inner: S,
    watch: Watch,
}

impl<S> Guard<S> {
    pub(super) fn new(inner: S, watch: Watch) -> Self {
        Self { inner, watch }
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Guard<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buf.filled().len();
        let result = ready!(Pin::new(&mut self.inner).poll_read(cx, buf));
        Poll::Ready(match result {
            Ok(()) => self.watch.note_read(&buf.filled()[before..]),
            Err(error) => {
                self.watch.note_error(&error);
                Err(error)
            }
        })
    }
}

/// A failed write counts as done: a server that turns a connection away says why and closes, and its words are to
/// be read, which a write error would prevent. The read that follows ends the connection.
impl<S: AsyncWrite + Unpin> AsyncWrite for Guard<S> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        self.watch.note_written();
        let result = ready!(Pin::new(&mut self.inner).poll_write(cx, buf));
        Poll::Ready(Ok(result.unwrap_or(buf.len())))
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let _flushed = ready!(Pin::new(&mut self.inner).poll_flush(cx));
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner).poll_shutdown(cx)
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt, AsyncWriteExt, duplex};

    use super::*;

    fn watched(limit: u64) -> (Guard<tokio::io::DuplexStream>, tokio::io::DuplexStream, Watch) {
        let (ours, theirs) = duplex(1 << 16);
        let watch = Watch::default();
        watch.begin(limit);
        (Guard::new(ours, watch.clone()), theirs, watch)
    }

    #[tokio::test]
    async fn stops_at_the_limit() {
        let (mut guard, mut server, watch) = watched(1000);
        server.write_all(&[b'x'; 1000]).await.unwrap();
        let mut buffer = vec![0; 4096];
        assert_eq!(guard.read(&mut buffer).await.unwrap(), 1000);
        assert_eq!(watch.seen().end, None);
        server.write_all(b"y").await.unwrap();
        assert!(guard.read(&mut buffer).await.is_err());
        assert_eq!(watch.seen().end, Some(End::TooLarge));
    }

    #[tokio::test]
    async fn tells_an_answer_from_what_nobody_asked_for() {
        let (mut guard, mut server, watch) = watched(1000);
        server.write_all(b"+OK\r\n").await.unwrap();
        let mut buffer = vec![0; 5];
        guard.read_exact(&mut buffer).await.unwrap();
        assert!(watch.seen().unasked);
        assert_eq!(watch.seen().first_byte, None);

        watch.begin(1000);
        guard.write_all(b"PING").await.unwrap();
        server.write_all(b"+PONG").await.unwrap();
        guard.read_exact(&mut buffer).await.unwrap();
        let seen = watch.seen();
        assert!(!seen.unasked && seen.first_byte >= seen.written && seen.written.is_some());
        assert_eq!(seen.head, b"+PONG");
    }

    #[tokio::test]
    async fn last_words_are_read_although_the_write_fails() {
        let (mut guard, mut server, watch) = watched(1000);
        server.write_all(b"-ERR max number of clients reached\r\n").await.unwrap();
        drop(server);
        guard.write_all(b"PING").await.unwrap();
        let mut said = String::new();
        guard.read_to_string(&mut said).await.unwrap();
        assert!(said.starts_with("-ERR max"));
        assert_eq!(watch.seen().end, Some(End::Closed));
    }
}
