//! One open connection, and its exchange of a request for replies.

use std::fmt;
use std::pin::Pin;
use std::time::{Duration, Instant};

use redis::aio::MultiplexedConnection;
use redis::{AsyncConnectionConfig, RedisConnectionInfo, Value};

use super::deadline::Deadline;
use super::dial::Stream;
use super::explain::explain;
use super::guard::{Guard, Seen, Watch};
use super::questions::{Memory, Plan};
use crate::model::failure::AskError;
use crate::model::snapshot::CertificateEnds;
use crate::model::time::Timestamp;

/// A connection whose certificate is about to end is made anew after this long.
const LOOK_AGAIN: Duration = Duration::from_secs(3600);

/// A connection that can be asked. Its driver runs only while an exchange waits for it, so a node that sends
/// without being asked fills its own socket and nothing of ours.
pub(super) struct Connection {
    handle: MultiplexedConnection,
    driver: Pin<Box<dyn Future<Output = ()> + Send>>,
    watch: Watch,
    /// Set for good when the driver has ended, or bytes came that nobody had asked for.
    unsound: bool,
    /// What the node has answered on this connection.
    pub(super) memory: Memory,
    /// Of the handshake.
    pub(super) certificate_ends: CertificateEnds,
    opened: Instant,
}

impl fmt::Debug for Connection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Connection").field("watch", &self.watch).field("unsound", &self.unsound).finish()
    }
}

/// A complete set of replies.
pub(super) struct Exchanged {
    /// One for each command.
    pub(super) values: Vec<Value>,
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
    pub(super) async fn over(stream: Stream, certificate_ends: CertificateEnds) -> Result<Self, AskError> {
        let watch = Watch::default();
        let info = RedisConnectionInfo::default().set_skip_set_lib_name();
        // The deadline of the ask is the only one.
        let config = AsyncConnectionConfig::new().set_response_timeout(None).set_connection_timeout(None);
        let guarded = Guard::new(stream, watch.clone());
        let (handle, driver) = MultiplexedConnection::new_with_config(&info, guarded, config)
            .await
            .map_err(|error| AskError::Protocol(error.to_string()))?;
        Ok(Self {
            handle,
            driver: Box::pin(driver),
            watch,
            unsound: false,
            memory: Memory::default(),
            certificate_ends,
            opened: Instant::now(),
        })
    }

    /// Sends the plan in one write and waits for all its replies.
    pub(super) async fn exchange(
        &mut self,
        plan: &Plan,
        limit: u64,
        deadline: Deadline<'_>,
    ) -> Result<Exchanged, Lost> {
        self.watch.begin(limit);
        let begun = Instant::now();
        let request = plan.request();
        let replies = deadline.over("waiting for replies", self.drive(&request)).await;
        let seen = self.watch.seen();
        let asked = seen.written.unwrap_or(begun);
        let response = seen.first_byte.map(|first| first.saturating_duration_since(asked));
        self.unsound |= seen.unasked;
        match replies {
            Ok(Ok(values)) => Ok(Exchanged { values, asked, response, took: asked.elapsed() }),
            Ok(Err(_)) => {
                let failure = explain(&seen, plan.has_secret());
                Err(Lost { failure, response, unheard: ended_before(&seen) })
            }
            Err(_) if seen.read > 0 => {
                Err(Lost { failure: deadline.missed("reading replies"), response, unheard: false })
            }
            Err(failure) => Err(Lost { failure, response, unheard: false }),
        }
    }

    /// Whether one of its certificates ends within so many seconds and may have been renewed since: a server shows a new
    /// one only to new connections. Once one has ended, the connection stands for as long as it lasts: a new one would
    /// be refused, and the node could no longer be watched.
    pub(super) fn is_outdated(&self, now: Timestamp, seconds: f64) -> bool {
        let CertificateEnds { server, exporter } = self.certificate_ends;
        let mut rests = [server, exporter].into_iter().flatten().map(|end| end.seconds_since(now));
        let rest = rests.next().map(|first| rests.fold(first, f64::min));
        rest.is_some_and(|rest| (0.0..seconds).contains(&rest)) && self.opened.elapsed() > LOOK_AGAIN
    }

    /// Whether it can be asked again.
    pub(super) fn is_sound(&self) -> bool {
        !self.unsound
    }

    async fn drive(&mut self, request: &redis::Pipeline) -> redis::RedisResult<Vec<Value>> {
        let mut query = std::pin::pin!(request.query_async(&mut self.handle));
        tokio::select! {
            biased;
            replies = &mut query => replies,
            () = self.driver.as_mut() => {
                self.unsound = true;
                query.await
            }
        }
    }
}

/// Closed or broken without a byte.
fn ended_before(seen: &Seen) -> bool {
    use super::guard::End;
    seen.read == 0 && matches!(seen.end, Some(End::Closed | End::Broken(_)))
}
