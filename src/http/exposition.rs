//! The bodies of `/metrics`: encoded when first wanted, kept until a frame changes or a second has passed.
//!
//! There is one [`Slot`] per cluster and one for all of them, with the bodies of each format behind a lock. Whoever holds
//! it encodes; all others wait for that and take the result: a hundred scrapers at once cost one encoding.

use std::sync::{Arc, Weak};
use std::time::{Duration, Instant};

use bytes::Bytes;
use tokio::sync::Mutex;
use tokio::task::spawn_blocking;

use super::classic;
use super::gzip::gzip;
use crate::frame::Frame;
use crate::metrics::{self, Format};
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
    /// The whole text, in this room.
    fn encode(&self, format: Format, mut text: String) -> Bytes {
        metrics::encode_into(&mut text, &self.frames, self.now, format);
        let exporter = self.exporter.encode(self.cluster.as_deref());
        match format {
            Format::OpenMetrics => text.push_str(&exporter),
            Format::Classic => classic::append(&mut text, &exporter),
        }
        text.push_str(format.end());
        text.into()
    }
}

/// A body ready to be sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Body {
    /// The bytes.
    pub bytes: Bytes,
    /// Whether they are gzipped.
    pub gzip: bool,
}

/// The bodies of one scope, in both formats.
#[derive(Debug, Default)]
pub struct Slot {
    openmetrics: Mutex<Bodies>,
    classic: Mutex<Bodies>,
}

/// The bodies of one format, as far as somebody wanted them.
#[derive(Debug, Default)]
struct Bodies {
    made: Option<Instant>,
    of: Vec<Weak<Frame>>,
    plain: Bytes,
    gzip: Option<Bytes>,
}

impl Slot {
    /// The body for `source` at the monotonic instant `at`: the one that is there while it is no older than a second
    /// and of the same frames, a new one otherwise. It is gzipped where `gzip` is set, and plain should that fail.
    pub async fn body(&self, source: Source, format: Format, gzip: bool, at: Instant) -> Body {
        let bodies = match format {
            Format::OpenMetrics => &self.openmetrics,
            Format::Classic => &self.classic,
        };
        let mut bodies = bodies.lock().await;
        if !bodies.fits(&source, at) {
            bodies.renew(source, format, at).await;
        }
        let plain = bodies.plain.clone();
        if gzip && bodies.gzip.is_none() {
            bodies.gzip = compress(plain.clone()).await;
        }
        match bodies.gzip.clone().filter(|_| gzip) {
            Some(bytes) => Body { bytes, gzip: true },
            None => Body { bytes: plain, gzip: false },
        }
    }
}

impl Bodies {
    fn fits(&self, source: &Source, at: Instant) -> bool {
        let young = self.made.is_some_and(|made| at.saturating_duration_since(made) < LIFETIME);
        let same = |(have, new): (&Weak<Frame>, &Arc<Frame>)| std::ptr::eq(have.as_ptr(), Arc::as_ptr(new));
        young && self.of.len() == source.frames.len() && self.of.iter().zip(&source.frames).all(same)
    }

    async fn renew(&mut self, source: Source, format: Format, at: Instant) {
        let before = std::mem::take(self).plain;
        let of = source.frames.iter().map(Arc::downgrade).collect();
        let again = source.clone();
        let plain = run(before.len(), move || source.encode(format, room(before))).await;
        let plain = plain.unwrap_or_else(|| again.encode(format, String::new()));
        *self = Self { made: Some(at), of, plain, gzip: None };
    }
}

/// Room for a text: that of the text before, unless somebody still reads it. Half a megabyte taken from the heap and let
/// go with every poll would tear holes into it.
fn room(before: Bytes) -> String {
    let mut room = before.try_into_mut().map(Vec::from).unwrap_or_default();
    room.clear();
    String::from_utf8(room).unwrap_or_default()
}

/// A body of these bytes: gzipped where `gzip` is set, and plain should that fail.
pub(super) async fn zipped(plain: Bytes, gzip: bool) -> Body {
    let packed = if gzip { compress(plain.clone()).await } else { None };
    match packed {
        Some(bytes) => Body { bytes, gzip },
        None => Body { bytes: plain, gzip: false },
    }
}

/// `None` where it cannot be done; then the plain bytes are sent.
async fn compress(plain: Bytes) -> Option<Bytes> {
    run(plain.len(), move || gzip(&plain).ok()).await?
}

/// Does `work` on `size` bytes: here, or off this thread where it is much. `None` if it panicked there.
async fn run<T: Send + 'static>(size: usize, work: impl FnOnce() -> T + Send + 'static) -> Option<T> {
    if size > LARGE { spawn_blocking(work).await.ok() } else { Some(work()) }
}
