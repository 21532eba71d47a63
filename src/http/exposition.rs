//! The bodies of `/metrics`: encoded when first wanted, kept until a frame changes or a second has passed.
//!
//! There is one [`Slot`] per cluster and one for all of them. Whoever holds its lock encodes; all others wait for that
//! and take the result: a hundred scrapers at once cost one encoding.

use std::sync::{Arc, Weak};
use std::time::{Duration, Instant};

use bytes::Bytes;
use tokio::sync::Mutex;
use tokio::task::spawn_blocking;

use super::classic;
use super::gzip::gzip;
use super::negotiate::Format;
use crate::frame::Frame;
use crate::metrics;
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
    /// The whole OpenMetrics text, in this room.
    fn encode(&self, mut text: String) -> Bytes {
        metrics::encode_into(&mut text, &self.frames, self.now);
        text.push_str(&self.exporter.encode(self.cluster.as_deref()));
        text.push_str("# EOF\n");
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

/// The bodies of one scope in all formats, as far as somebody wanted them.
#[derive(Debug, Default)]
pub struct Slot(Mutex<Bodies>);

#[derive(Debug, Default)]
struct Bodies {
    made: Option<Instant>,
    of: Vec<Weak<Frame>>,
    openmetrics: Variant,
    classic: Variant,
}

/// One format.
#[derive(Clone, Debug, Default)]
struct Variant {
    plain: Option<Bytes>,
    gzip: Option<Bytes>,
    /// The text before, whose room the next one takes.
    before: Option<Bytes>,
}

impl Variant {
    /// Retires the text.
    fn retired(self) -> Self {
        Self { before: self.plain, ..Self::default() }
    }

    /// Room for a text: that of the text before, unless somebody still reads it. Half a megabyte taken from the heap and
    /// let go with every poll would tear holes into it.
    fn room(&mut self) -> String {
        let before = self.before.take().and_then(|bytes| bytes.try_into_mut().ok());
        let mut room = before.map(Vec::from).unwrap_or_default();
        room.clear();
        String::from_utf8(room).unwrap_or_default()
    }
}

impl Slot {
    /// The body for `source` at the monotonic instant `at`: the one that is there while it is no older than a second
    /// and of the same frames, a new one otherwise. It is gzipped where `gzip` is set, and plain should that fail.
    pub async fn body(&self, source: Source, format: Format, gzip: bool, at: Instant) -> Body {
        let mut bodies = self.0.lock().await;
        if !bodies.fits(&source, at) {
            bodies.renew(source, at).await;
        }
        let plain = match format {
            Format::OpenMetrics => bodies.openmetrics(),
            Format::Classic => bodies.classic().await,
        };
        if !gzip {
            return Body { bytes: plain, gzip };
        }
        let variant = bodies.variant(format);
        if variant.gzip.is_none() {
            variant.gzip = compress(plain.clone()).await;
        }
        match variant.gzip.clone() {
            Some(bytes) => Body { bytes, gzip },
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

    async fn renew(&mut self, source: Source, at: Instant) {
        let was_large = self.openmetrics.plain.as_ref().is_some_and(|text| text.len() > LARGE);
        let of = source.frames.iter().map(Arc::downgrade).collect();
        let retired = std::mem::take(self);
        (self.openmetrics, self.classic) = (retired.openmetrics.retired(), retired.classic.retired());
        let room = self.openmetrics.room();
        let text = if was_large {
            let copy = source.clone();
            spawn_blocking(move || copy.encode(room)).await.unwrap_or_else(|_| source.encode(String::new()))
        } else {
            source.encode(room)
        };
        self.openmetrics.plain = Some(text);
        (self.made, self.of) = (Some(at), of);
    }

    fn openmetrics(&self) -> Bytes {
        self.openmetrics.plain.clone().unwrap_or_default()
    }

    async fn classic(&mut self) -> Bytes {
        if let Some(text) = &self.classic.plain {
            return text.clone();
        }
        let (open, mut room) = (self.openmetrics(), self.classic.room());
        let convert = move || {
            classic::convert(&String::from_utf8_lossy(&open), &mut room);
            Bytes::from(room)
        };
        let text = run(self.openmetrics().len(), convert).await.unwrap_or_default();
        self.classic.plain = Some(text.clone());
        text
    }

    fn variant(&mut self, format: Format) -> &mut Variant {
        match format {
            Format::OpenMetrics => &mut self.openmetrics,
            Format::Classic => &mut self.classic,
        }
    }
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
