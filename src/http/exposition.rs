//! The bodies of `/metrics`: encoded when first wanted, kept until a frame changes or a second has passed.
//!
//! There is one [`Slot`] per cluster and one for all of them, with a lock for each kind of body. Whoever holds it encodes;
//! all others wait for that and take the result: a hundred scrapers at once cost one encoding.

use std::future::pending;
use std::panic::resume_unwind;
use std::sync::{Arc, Weak};
use std::time::{Duration, Instant};

use bytes::Bytes;
use tokio::sync::Mutex;
use tokio::task::{JoinError, spawn_blocking};

use super::classic;
use super::gzip::{gzip, pack};
use crate::frame::Frame;
use crate::metrics::{self, Exposition, Format};
use crate::model::time::Timestamp;
use crate::self_metrics::SelfMetrics;

/// How long a body may be served: frames grow stale and the exporter's own counters move without a new frame.
const LIFETIME: Duration = Duration::from_secs(1);

/// Bodies above this size, in bytes, are made off the thread that serves connections: those of more than sixty nodes or so,
/// a millisecond or two of work. Below it that would win nothing, and every thread keeps memory of its own.
const LARGE: usize = 1 << 20;

/// What a body is made of.
#[derive(Clone, Debug)]
pub struct Source {
    /// The newest frames, in the order of the configuration.
    pub frames: Vec<Arc<Frame>>,
    /// The exporter's own counters, appended to the frames' text.
    pub exporter: Arc<SelfMetrics>,
    /// The one cluster that was asked for, if it was one.
    pub cluster: Option<Arc<str>>,
    /// The exporter's clock.
    pub now: Timestamp,
}

impl Source {
    fn write(&self, mut exposition: Exposition<'_>) -> String {
        metrics::write(&mut exposition, &self.frames, self.now);
        let own = self.exporter.encode(self.cluster.as_deref());
        match exposition.format() {
            Format::OpenMetrics => exposition.push(&own),
            Format::Classic => exposition.push(&classic::from_openmetrics(&own)),
        }
        exposition.end()
    }

    /// The whole text, in this room.
    fn plain(&self, format: Format, room: Vec<u8>) -> Body {
        let room = String::from_utf8(room).unwrap_or_default();
        Body { bytes: self.write(Exposition::whole(format, room)).into(), gzip: false }
    }

    /// The same, gzipped while it is written: it is never there as a whole. Plain should that fail.
    fn gzipped(&self, format: Format, room: Vec<u8>) -> Body {
        let packed = pack(room, |packer| {
            self.write(Exposition::in_pieces(format, &mut |piece| packer.push(piece.as_bytes())));
        });
        match packed {
            Ok(bytes) => Body { bytes, gzip: true },
            Err(_) => self.plain(format, Vec::new()),
        }
    }

    fn body(&self, format: Format, gzip: bool, room: Vec<u8>) -> Body {
        if gzip { self.gzipped(format, room) } else { self.plain(format, room) }
    }
}

/// A body ready to be sent.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Body {
    /// The bytes.
    pub bytes: Bytes,
    /// Whether they are gzipped.
    pub gzip: bool,
}

/// The bodies of one scope: each format, plain and gzipped, as far as somebody wanted it.
#[derive(Debug, Default)]
pub struct Slot([[Mutex<Kept>; 2]; 2]);

#[derive(Debug, Default)]
struct Kept {
    made: Option<Instant>,
    of: Vec<Weak<Frame>>,
    body: Body,
}

impl Slot {
    /// The body for `source` at the monotonic instant `at`: the one that is there while it is no older than a second
    /// and of the same frames, a new one otherwise. It is gzipped where `gzip` is set, and plain should that fail.
    pub async fn body(&self, source: Source, format: Format, gzip: bool, at: Instant) -> Body {
        let [openmetrics, classic] = &self.0;
        let [plain, gzipped] = match format {
            Format::OpenMetrics => openmetrics,
            Format::Classic => classic,
        };
        let mut kept = if gzip { gzipped } else { plain }.lock().await;
        if !kept.fits(&source, at) {
            let of = source.frames.iter().map(Arc::downgrade).collect();
            let room = std::mem::take(&mut *kept).body.room();
            let size = metrics::size(&source.frames);
            let body = run(size, move || source.body(format, gzip, room)).await;
            *kept = Kept { made: Some(at), of, body };
        }
        kept.body.clone()
    }
}

impl Kept {
    fn fits(&self, source: &Source, at: Instant) -> bool {
        let young = self.made.is_some_and(|made| at.saturating_duration_since(made) < LIFETIME);
        let same = |(have, new): (&Weak<Frame>, &Arc<Frame>)| std::ptr::eq(have.as_ptr(), Arc::as_ptr(new));
        young && self.of.len() == source.frames.len() && self.of.iter().zip(&source.frames).all(same)
    }
}

impl Body {
    /// Its room for another one, unless somebody still reads it: what is taken from the heap and let go with every poll
    /// would tear holes into it.
    fn room(self) -> Vec<u8> {
        let mut room = self.bytes.try_into_mut().map(Vec::from).unwrap_or_default();
        room.clear();
        room
    }
}

/// A body of these bytes: gzipped where `gzip` is set, and plain should that fail.
pub(super) async fn zipped(plain: Bytes, wanted: bool) -> Body {
    run(plain.len(), move || match wanted.then(|| gzip(&plain)) {
        Some(Ok(bytes)) => Body { bytes, gzip: true },
        _ => Body { bytes: plain, gzip: false },
    })
    .await
}

/// Does `work` on so many bytes: here, or off this thread where it is much. A panic there becomes one here.
async fn run<T: Send + 'static>(bytes: usize, work: impl FnOnce() -> T + Send + 'static) -> T {
    if bytes <= LARGE {
        return work();
    }
    match spawn_blocking(work).await.map_err(JoinError::try_into_panic) {
        Ok(done) => done,
        Err(Ok(panic)) => resume_unwind(panic),
        // The runtime ends, and all that waits on it.
        Err(Err(_)) => pending().await,
    }
}
