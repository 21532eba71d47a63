//! A response on its way: its connection hears of every piece that the client takes, and of the end.
//!
//! Over HTTP/2 it is the client who says how much may be written, for each response; what waits for that is in no write
//! of the socket. So the bytes themselves tell, where they are written and where they are dropped.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use axum::body::Body;
use bytes::{Buf, Bytes};
use hyper::body::{Frame, SizeHint};

use super::presence::Request;

/// The body of a response to `request`.
pub(super) struct Delivery {
    body: Body,
    request: Arc<Request>,
}

/// A piece of it.
pub(super) struct Piece {
    bytes: Bytes,
    request: Arc<Request>,
}

impl Delivery {
    pub(super) fn new(body: Body, request: Arc<Request>) -> Self {
        request.is_answered();
        Self { body, request }
    }
}

impl hyper::body::Body for Delivery {
    type Data = Piece;
    type Error = axum::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Piece>, axum::Error>>> {
        let polled = Pin::new(&mut self.body).poll_frame(cx);
        polled.map_ok(|frame| frame.map_data(|bytes| Piece { bytes, request: Arc::clone(&self.request) }))
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

impl Buf for Piece {
    fn remaining(&self) -> usize {
        self.bytes.remaining()
    }

    fn chunk(&self) -> &[u8] {
        self.bytes.chunk()
    }

    fn advance(&mut self, count: usize) {
        self.bytes.advance(count);
        self.request.is_taken();
    }
}
