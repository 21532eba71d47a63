//! The bodies of `/metrics`: encoded when first wanted, kept until a frame changes or a second has passed.
//!
//! There is one [`Slot`] per cluster and one for all of them. Whoever holds its lock encodes; all others wait for that
//! and take the result: a hundred scrapers at once cost one encoding.

use std::io::Write;
use std::sync::{Arc, Weak};
use std::time::{Duration, Instant};

use bytes::Bytes;
use flate2::Compression;
use flate2::write::GzEncoder;
use tokio::sync::Mutex;
use tokio::task::spawn_blocking;

use super::classic;
use super::negotiate::Format;
use crate::frame::Frame;
use crate::metrics;
use crate::model::time::Timestamp;
use crate::self_metrics::SelfMetrics;

/// How long a body may be served: frames grow stale and the exporter's own counters move without a new frame.
const LIFETIME: Duration = Duration::from_secs(1);

/// Bodies above this size, in bytes, are made off the threads that serve connections.
const LARGE: usize = 256 << 10;

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
    /// The whole OpenMetrics text.
    fn encode(&self) -> Bytes {
        let mut text = metrics::encode(&self.frames, self.now);
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
        let text = if was_large {
            let copy = source.clone();
            spawn_blocking(move || copy.encode()).await.unwrap_or_else(|_| source.encode())
        } else {
            source.encode()
        };
        let openmetrics = Variant { plain: Some(text), gzip: None };
        *self = Self { made: Some(at), of, openmetrics, classic: Variant::default() };
    }

    fn openmetrics(&self) -> Bytes {
        self.openmetrics.plain.clone().unwrap_or_default()
    }

    async fn classic(&mut self) -> Bytes {
        if let Some(text) = &self.classic.plain {
            return text.clone();
        }
        let open = self.openmetrics();
        let convert = move || Bytes::from(classic::from_openmetrics(&String::from_utf8_lossy(&open)));
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

/// Level 1: on this text the higher levels win a few percent of size for several times the work.
///
/// # Errors
/// Writing to memory fails.
pub fn gzip(plain: &[u8]) -> std::io::Result<Bytes> {
    let mut encoder = GzEncoder::new(Vec::with_capacity(plain.len() / 8), Compression::new(1));
    encoder.write_all(plain)?;
    encoder.finish().map(Bytes::from)
}

/// Does `work` on `size` bytes: here, or off this thread where it is much. `None` if it panicked there.
async fn run<T: Send + 'static>(size: usize, work: impl FnOnce() -> T + Send + 'static) -> Option<T> {
    if size > LARGE { spawn_blocking(work).await.ok() } else { Some(work()) }
}
