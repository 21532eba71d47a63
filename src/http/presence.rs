//! What a connection is doing, and how long it may go on with that.
//!
//! hyper has one time for the head of a request and for the silence before it; here they are two, so that a client that
//! asks now and then stays connected. The socket tells what was read and whether it takes what is written, the service
//! when a request begins, the body of the response when it has been taken. HTTP/1.1 and HTTP/2 differ in one thing: where
//! nothing else is open, a byte of HTTP/1.1 begins a head; in HTTP/2 frames of all kinds come at any time.

use std::future::poll_fn;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};

use tokio::time::{Instant, Sleep, sleep_until};

use super::frames::Frames;
use super::places::{Kind, Places, Rank};
use super::server::Limits;

/// What ends every head.
const END_OF_HEAD: [u8; 4] = *b"\r\n\r\n";

/// One connection as its socket, its requests and its task see it.
pub(super) struct Presence {
    limits: Limits,
    places: Arc<Places>,
    state: Mutex<State>,
}

struct State {
    protocol: Protocol,
    /// The head of a request has arrived.
    asked: bool,
    /// When it came, or was last asked something.
    since: Instant,
    /// When the next head began, where a part of it has arrived; over HTTP/2, a part of any frame.
    head: Option<Instant>,
    /// The last bytes that were read.
    last: [u8; 4],
    frames: Frames,
    open: Vec<Open>,
    next: u64,
    /// All that was read has been looked at, and the socket has no more: no request waits in a buffer.
    listening: bool,
    /// The socket takes nothing at the moment.
    blocked: bool,
    refused: Refused,
    gives_way: bool,
    rank: Option<Rank>,
    /// Of the connection's task.
    waker: Option<Waker>,
}

/// What is spoken, as far as is known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Protocol {
    /// Not agreed on: a handshake of TLS comes first.
    Open,
    /// One request after the other.
    Http1,
    /// Many at once.
    Http2,
}

/// A request that has not ended.
struct Open {
    number: u64,
    /// When the client took something of the response last; `None` while there is none.
    taken: Option<Instant>,
}

/// Whether its client has to leave.
#[derive(Clone, Copy)]
enum Refused {
    No,
    /// And has not been told so.
    Now,
    /// And knows.
    Since(Instant),
}

/// What the connection's task has to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Order {
    /// To take no further request.
    Finish,
    /// To close at once, and why.
    Close(&'static str),
}

/// A request, from its head to the last byte of its response: it ends where this is dropped.
pub(super) struct Request {
    presence: Arc<Presence>,
    number: u64,
}

/// What a connection's task listens to.
pub(super) struct Orders {
    presence: Arc<Presence>,
    sleep: Pin<Box<Sleep>>,
}

impl Presence {
    /// A connection that has just come.
    pub(super) fn new(limits: Limits, places: &Arc<Places>) -> Arc<Self> {
        let state = State {
            protocol: Protocol::Open,
            asked: false,
            since: Instant::now(),
            head: None,
            last: [0; 4],
            frames: Frames::new(),
            open: Vec::new(),
            next: 0,
            listening: false,
            blocked: false,
            refused: Refused::No,
            gives_way: false,
            rank: None,
            waker: None,
        };
        let this = Arc::new(Self { limits, places: Arc::clone(places), state: Mutex::new(state) });
        this.queue(&mut this.lock());
        this
    }

    /// What the connection's task has to do.
    pub(super) fn orders(self: &Arc<Self>) -> Orders {
        Orders { presence: Arc::clone(self), sleep: Box::pin(sleep_until(Instant::now())) }
    }

    /// Requests may come from now on.
    pub(super) fn speaks(&self, protocol: Protocol) {
        let mut state = self.lock();
        state.protocol = protocol;
        state.since = Instant::now();
    }

    /// Whether a head has ever arrived.
    pub(super) fn has_asked(&self) -> bool {
        self.lock().asked
    }

    /// The socket gave these bytes.
    pub(super) fn heard(&self, bytes: &[u8]) {
        let mut state = self.lock();
        state.listening = false;
        for byte in &bytes[bytes.len().saturating_sub(state.last.len())..] {
            state.last.rotate_left(1);
            state.last[3] = *byte;
        }
        let begun = match state.protocol {
            Protocol::Open => false,
            Protocol::Http1 => state.open.is_empty(),
            Protocol::Http2 => {
                if state.frames.read(bytes) {
                    state.head = None;
                }
                state.frames.is_open()
            }
        };
        if begun {
            state.head.get_or_insert_with(Instant::now);
        }
    }

    /// The socket has no more bytes.
    pub(super) fn listens(&self) {
        self.lock().listening = true;
    }

    /// Whether the socket takes nothing.
    pub(super) fn blocked(&self, blocked: bool) {
        self.lock().blocked = blocked;
    }

    /// The head of a request has arrived. One that comes after a refusal keeps nothing open.
    pub(super) fn begin(self: &Arc<Self>) -> Arc<Request> {
        let mut state = self.lock();
        let number = state.next;
        state.next += 1;
        state.asked = true;
        if state.protocol == Protocol::Http1 {
            state.head = None;
        }
        // When it is idle again, it is so anew.
        if let Some(rank) = state.rank.take() {
            self.places.leave(rank);
        }
        if matches!(state.refused, Refused::No) {
            state.open.push(Open { number, taken: None });
        }
        Arc::new(Request { presence: Arc::clone(self), number })
    }

    /// It is its turn to make room.
    pub(super) fn give_way(&self) {
        let mut state = self.lock();
        state.gives_way = true;
        state.wake();
    }

    /// The connection has ended.
    pub(super) fn ended(&self) {
        if let Some(rank) = self.lock().rank.take() {
            self.places.leave(rank);
        }
    }

    /// Enters the queue of those that could go, or leaves it.
    fn queue(self: &Arc<Self>, state: &mut State) {
        let kind = state.kind();
        if state.rank.map(Rank::kind) == kind {
            return;
        }
        if let Some(rank) = state.rank.take() {
            self.places.leave(rank);
        }
        if let Some(kind) = kind {
            state.rank = self.places.enter(kind, self);
            state.gives_way |= state.rank.is_none();
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    /// Why it could go; `None` where something is being answered or written.
    fn kind(&self) -> Option<Kind> {
        if !self.asked {
            return Some(Kind::Stranger);
        }
        (self.open.is_empty() && self.listening && !self.blocked).then_some(Kind::Idle)
    }

    /// When it has to go if nothing happens before, and why.
    fn limit(&self, limits: &Limits) -> Option<(Instant, &'static str)> {
        let taken = self.open.iter().filter_map(|open| open.taken).min();
        let taken =
            taken.map(|taken| (taken + limits.write_timeout, "its client takes nothing of a response"));
        // While nothing can be written, nothing may be read.
        let head = self.head.filter(|_| !self.blocked);
        let head = head.map(|head| (head + limits.header_timeout, "no request in time"));
        let nothing = self.open.is_empty().then(|| match (self.refused, self.protocol) {
            (Refused::Since(since), _) => (since + limits.header_timeout, "its client was refused"),
            (_, Protocol::Open) => (self.since + limits.header_timeout, "no handshake in time"),
            _ if !self.asked => (self.since + limits.header_timeout, "no request in time"),
            _ => (self.since + limits.idle, "idle"),
        });
        [taken, head, nothing].into_iter().flatten().min_by_key(|(until, _)| *until)
    }

    fn wake(&mut self) {
        if let Some(waker) = self.waker.take() {
            waker.wake();
        }
    }
}

impl Request {
    /// There is a response.
    pub(super) fn is_answered(&self) {
        self.is_taken();
        // Its time begins, also where this is another task.
        self.presence.lock().wake();
    }

    /// The client took something of the response.
    pub(super) fn is_taken(&self) {
        let mut state = self.presence.lock();
        if let Some(open) = state.open.iter_mut().find(|open| open.number == self.number) {
            open.taken = Some(Instant::now());
        }
    }

    /// It was refused: its client has to leave.
    pub(super) fn is_refused(&self) {
        let mut state = self.presence.lock();
        if matches!(state.refused, Refused::No) {
            state.refused = Refused::Now;
            state.wake();
        }
    }
}

impl Drop for Request {
    fn drop(&mut self) {
        let mut state = self.presence.lock();
        let before = state.open.len();
        state.open.retain(|open| open.number != self.number);
        if state.open.len() < before && state.open.is_empty() {
            // What came beside it is a part of the next head, unless it ended with the head that was answered.
            state.since = Instant::now();
            if state.protocol == Protocol::Http1 && state.last != END_OF_HEAD {
                state.head = Some(state.since);
            }
            state.wake();
        }
    }
}

impl Orders {
    /// The next one. To be asked for after the connection itself has been polled: it is judged by what came of that.
    pub(super) async fn next(&mut self) -> Order {
        poll_fn(|cx| self.poll(cx)).await
    }

    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Order> {
        let mut state = self.presence.lock();
        self.presence.queue(&mut state);
        if std::mem::take(&mut state.gives_way) {
            if state.kind().is_some() {
                return Poll::Ready(Order::Close("others want its place"));
            }
            // It has been asked something meanwhile: another one goes.
            drop(state);
            self.presence.places.make_room();
            return self.poll(cx);
        }
        if matches!(state.refused, Refused::Now) {
            state.refused = Refused::Since(Instant::now());
            return Poll::Ready(Order::Finish);
        }
        if !state.waker.as_ref().is_some_and(|waker| waker.will_wake(cx.waker())) {
            state.waker = Some(cx.waker().clone());
        }
        let Some((until, why)) = state.limit(&self.presence.limits) else { return Poll::Pending };
        if self.sleep.deadline() != until {
            self.sleep.as_mut().reset(until);
        }
        self.sleep.as_mut().poll(cx).map(|()| Order::Close(why))
    }
}
