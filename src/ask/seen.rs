//! What passed over a connection in one exchange: what is needed to time it, and to explain why it ended.

use std::io;
use std::time::Instant;

/// Bytes that are kept of the beginning.
const HEAD: usize = 128;

/// How a connection ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum End {
    /// By us: more was sent than is read of one node.
    TooLarge,
    /// By us: what was sent is no reply.
    Unreadable,
    /// By the server, in order.
    Closed,
    /// By a TLS alert or a broken record.
    Tls(String),
    /// By the network.
    Broken(String),
}

impl From<io::Error> for End {
    fn from(error: io::Error) -> Self {
        match error.get_ref().and_then(|inner| inner.downcast_ref::<rustls::Error>()) {
            Some(tls) => Self::Tls(tls.to_string()),
            None if error.kind() == io::ErrorKind::UnexpectedEof => Self::Closed,
            None => Self::Broken(error.to_string()),
        }
    }
}

/// What was seen of one exchange.
#[derive(Clone, Debug, Default)]
pub(super) struct Seen {
    /// Bytes that may be read.
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
}

impl Seen {
    /// Of a request whose replies may have `limit` bytes.
    pub(super) fn up_to(limit: u64) -> Self {
        Self { limit, ..Self::default() }
    }

    /// These bytes came `now`.
    ///
    /// # Errors
    /// [`End::Closed`] for none at all; [`End::TooLarge`] past the limit.
    pub(super) fn note(&mut self, bytes: &[u8], now: Instant) -> Result<(), End> {
        if bytes.is_empty() {
            return Err(End::Closed);
        }
        match self.written {
            None => self.unasked = true,
            Some(_) => _ = self.first_byte.get_or_insert(now),
        }
        self.read += bytes.len() as u64;
        let missing = HEAD.saturating_sub(self.head.len()).min(bytes.len());
        self.head.extend_from_slice(&bytes[..missing]);
        if self.read > self.limit { Err(End::TooLarge) } else { Ok(()) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stops_past_the_limit() {
        let mut seen = Seen::up_to(1000);
        assert_eq!(seen.note(&[b'x'; 1000], Instant::now()), Ok(()));
        assert_eq!(seen.note(b"y", Instant::now()), Err(End::TooLarge));
        assert_eq!(seen.note(b"", Instant::now()), Err(End::Closed));
        assert_eq!((seen.read, seen.head.len()), (1001, HEAD));
    }

    #[test]
    fn tells_an_answer_from_what_nobody_asked_for() {
        let mut seen = Seen::up_to(1000);
        seen.note(b"+OK\r\n", Instant::now()).unwrap();
        assert!(seen.unasked && seen.first_byte.is_none());

        let mut seen = Seen { written: Some(Instant::now()), ..Seen::up_to(1000) };
        seen.note(b"+PONG", Instant::now()).unwrap();
        seen.note(b"\r\n", Instant::now()).unwrap();
        assert!(!seen.unasked && seen.first_byte >= seen.written && seen.first_byte.is_some());
        assert_eq!(seen.head, b"+PONG\r\n");
    }
}
