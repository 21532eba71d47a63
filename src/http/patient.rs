//! A socket whose peer must take what we write within a time, and that tells its connection what goes on: that bytes were
//! read, and that nothing can be written.

use std::io::{Error, ErrorKind, IoSlice, Result};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::{Sleep, sleep};

use super::presence::Presence;

/// Fails a write with [`ErrorKind::TimedOut`] when nothing could be written for `limit`.
pub(super) struct Patient<S> {
    inner: S,
    limit: Duration,
    presence: Arc<Presence>,
    stuck: Option<Pin<Box<Sleep>>>,
}

impl<S: AsyncWrite + Unpin> Patient<S> {
    pub(super) fn new(inner: S, limit: Duration, presence: Arc<Presence>) -> Self {
        Self { inner, limit, presence, stuck: None }
    }

    fn bounded<T>(
        &mut self,
        cx: &mut Context<'_>,
        attempt: impl FnOnce(Pin<&mut S>, &mut Context<'_>) -> Poll<Result<T>>,
    ) -> Poll<Result<T>> {
        let attempted = attempt(Pin::new(&mut self.inner), cx);
        if attempted.is_ready() {
            if self.stuck.take().is_some() {
                self.presence.blocked(false);
            }
            return attempted;
        }
        let stuck = self.stuck.get_or_insert_with(|| {
            self.presence.blocked(true);
            Box::pin(sleep(self.limit))
        });
        stuck.as_mut().poll(cx).map(|()| Err(Error::new(ErrorKind::TimedOut, "the client does not read")))
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Patient<S> {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<Result<()>> {
        let before = buf.filled().len();
        let Poll::Ready(outcome) = Pin::new(&mut self.inner).poll_read(cx, buf) else {
            self.presence.listens();
            return Poll::Pending;
        };
        outcome?;
        let read = buf.filled().get(before..).unwrap_or_default();
        if !read.is_empty() {
            self.presence.heard(read);
        }
        Poll::Ready(Ok(()))
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Patient<S> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<Result<usize>> {
        self.bounded(cx, |inner, cx| inner.poll_write(cx, buf))
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[IoSlice<'_>],
    ) -> Poll<Result<usize>> {
        self.bounded(cx, |inner, cx| inner.poll_write_vectored(cx, bufs))
    }

    fn is_write_vectored(&self) -> bool {
        self.inner.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Result<()>> {
        self.bounded(cx, AsyncWrite::poll_flush)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Result<()>> {
        self.bounded(cx, AsyncWrite::poll_shutdown)
    }
}
