//! Accepts connections, within bounds, and lets them end in peace.
//!
//! Why not `axum::serve`: it bounds neither the time that a request head may take nor the number of connections.
//!
//! HTTP/2 is spoken where TLS has agreed on it. hyper-util's `auto` is told which of the two it is and guesses nothing: it
//! serves for being one type for both, so that all below is there once.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::http::header;
use futures_util::StreamExt;
use futures_util::stream::{Stream, select_all, unfold};
use hyper::body::Incoming;
use hyper::service::{Service, service_fn};
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto;
use hyper_util::service::TowerToHyperService;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, watch};
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};
use tokio_rustls::TlsAcceptor;

use super::delivery::Delivery;
use super::patient::Patient;
use super::places::Places;
use super::presence::{Order, Orders, Presence, Protocol};
use super::{Access, App, routes};
use crate::config::Web;
use crate::config::web_config::HTTP2;
use crate::self_metrics::OpenConnection;

/// Bytes that the head of a request may have.
const HEAD_BYTES: u16 = 32 << 10;

/// Requests that one connection may have open at a time. A client with more to ask waits, or opens another connection.
const STREAMS: u32 = 16;

/// Bytes that a client may send us unasked, of one request and of all: what HTTP/2 begins with. No route reads a body.
const WINDOW: u32 = 65_535;

/// A client that speaks HTTP/2 is asked this often whether it is still there, and has this long to say so.
const PING: (Duration, Duration) = (Duration::from_secs(60), Duration::from_secs(20));

/// Wait after a failed `accept`: without it, a process out of file descriptors would only turn in circles.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// What a client may cost.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Connections served at the same time. For a further one another is closed: the oldest that has asked nothing yet,
    /// else the one that has been idle for longest. Where all are busy it waits for the first that is not.
    pub max_connections: usize,
    /// How long the head of a request may take to arrive, counted from its first byte, and of the first request from the
    /// connection; and how long the handshake of TLS may take before that.
    pub header_timeout: Duration,
    /// How long a connection whose client has asked before may stay without a request.
    pub idle: Duration,
    /// How long a client may take nothing of a response.
    pub write_timeout: Duration,
    /// How long open requests may go on after the shutdown.
    pub drain: Duration,
}

impl From<&Web> for Limits {
    fn from(web: &Web) -> Self {
        Self {
            max_connections: web.max_connections,
            header_timeout: web.header_timeout,
            // Prometheus gives up an idle one after 5 min: it should be the client who does, for it may be about to ask.
            idle: Duration::from_secs(6 * 60),
            write_timeout: Duration::from_secs(30),
            drain: Duration::from_secs(5),
        }
    }
}

/// One connection, to whom, and what counts it.
struct Client {
    stream: TcpStream,
    peer: SocketAddr,
    presence: Arc<Presence>,
    /// Its place.
    permit: OwnedSemaphorePermit,
    open: OpenConnection,
}

/// What is the same for all of them.
#[derive(Clone)]
struct Server {
    app: Arc<App>,
    router: Router,
    limits: Limits,
    /// No further request is taken.
    closing: watch::Receiver<bool>,
}

/// Serves `app` on all `listeners` until `shutdown` ends; then stops listening, closes idle connections at once and
/// gives open requests [`Limits::drain`] to end. Returns when no connection is left.
pub async fn serve(
    listeners: Vec<TcpListener>,
    app: Arc<App>,
    limits: Limits,
    shutdown: impl Future<Output = ()>,
) {
    let permits = Arc::new(Semaphore::new(limits.max_connections));
    let places: Arc<Places> = Arc::default();
    let (close, closing) = watch::channel(false);
    let server = Server { router: routes::router(Arc::clone(&app)), app, limits, closing };
    let mut tasks = JoinSet::new();
    let mut accepted = select_all(listeners.into_iter().map(|listener| Box::pin(connections(listener))));
    let mut shutdown = pin!(shutdown);
    // Accepted, and without a place so far. While there is one, the others stay in the kernel's queue and cost nothing.
    let mut arrived: Option<(TcpStream, SocketAddr)> = None;
    loop {
        tokio::select! {
            () = &mut shutdown => break,
            Some(_) = tasks.join_next() => {}
            Some(next) = accepted.next(), if arrived.is_none() => {
                if permits.available_permits() == 0 {
                    places.make_room();
                }
                arrived = Some(next);
            }
            Ok(permit) = Arc::clone(&permits).acquire_owned(), if arrived.is_some() => {
                places.taken();
                let Some((stream, peer)) = arrived.take() else { continue };
                if let Err(error) = stream.set_nodelay(true) {
                    tracing::debug!(%error, "cannot set TCP_NODELAY");
                }
                let (presence, open) = (Presence::new(limits, &places), server.app.exporter.connection());
                let client = Client { stream, peer, presence, permit, open };
                tasks.spawn(server.clone().attend(client));
            }
        }
    }
    drop(accepted);
    close.send_replace(true);
    let all = async { while tasks.join_next().await.is_some() {} };
    if timeout(limits.drain, all).await.is_err() {
        tracing::warn!(connections = tasks.len(), "closing HTTP connections that did not end in time");
    }
    tasks.shutdown().await;
}

/// What a listener accepts, with the address that it comes from. Never ends: errors are logged when they begin.
fn connections(listener: TcpListener) -> impl Stream<Item = (TcpStream, SocketAddr)> {
    unfold((listener, false), |(listener, mut failing)| async move {
        loop {
            match listener.accept().await {
                Ok(accepted) => return Some((accepted, (listener, false))),
                Err(error) => {
                    if !failing {
                        tracing::warn!(%error, "cannot accept an HTTP connection");
                    }
                    failing = true;
                    sleep(ACCEPT_PAUSE).await;
                }
            }
        }
    })
}

/// A socket, with TLS or without.
trait Socket: AsyncRead + AsyncWrite + Unpin + Send {}

impl<S: AsyncRead + AsyncWrite + Unpin + Send> Socket for S {}

impl Server {
    /// Serves a connection to its end. What goes wrong on it is the client's affair and not logged above debug.
    async fn attend(mut self, client: Client) {
        let Client { stream, peer, presence, permit, open } = client;
        let dialled = routes::Dialled(stream.local_addr().ok());
        let mut orders = presence.orders();
        if let Some((socket, protocol)) = self.agree(stream, &mut orders).await {
            presence.speaks(protocol);
            let socket = Patient::new(socket, self.limits.write_timeout, Arc::clone(&presence));
            let about = (dialled, routes::Peer(peer.ip()));
            self.converse(socket, protocol, about, &presence, &mut orders).await;
        }
        presence.ended();
        drop((open, permit));
    }

    /// Shakes hands where that is wanted, and learns what is spoken then.
    async fn agree(&mut self, stream: TcpStream, orders: &mut Orders) -> Option<(Box<dyn Socket>, Protocol)> {
        let Some(tls) = self.app.access.as_ref().and_then(Access::tls) else {
            return Some((Box::new(stream), Protocol::Http1));
        };
        tokio::select! {
            biased;
            shaken = TlsAcceptor::from(tls).accept(stream) => match shaken {
                Ok(stream) => {
                    let http2 = stream.get_ref().1.alpn_protocol() == Some(HTTP2);
                    let protocol = if http2 { Protocol::Http2 } else { Protocol::Http1 };
                    tracing::debug!(?protocol, "an HTTP client has shaken hands");
                    Some((Box::new(stream), protocol))
                }
                Err(error) => {
                    tracing::debug!(%error, "no handshake with an HTTP client");
                    None
                }
            },
            order = orders.next() => {
                tracing::debug!(?order, "no handshake with an HTTP client");
                None
            }
            () = closed(&mut self.closing) => None,
        }
    }

    /// Answers requests until the client, a limit or the shutdown ends it.
    async fn converse(
        &mut self,
        socket: Patient<Box<dyn Socket>>,
        protocol: Protocol,
        (dialled, peer): (routes::Dialled, routes::Peer),
        presence: &Arc<Presence>,
        orders: &mut Orders,
    ) {
        let router = TowerToHyperService::new(self.router.clone());
        let service = service_fn(|mut request: hyper::Request<Incoming>| {
            let begun = presence.begin();
            request.extensions_mut().insert(dialled);
            request.extensions_mut().insert(peer);
            let answer = router.call(request.map(Body::new));
            async move {
                let response = answer.await?;
                if response.headers().get(header::CONNECTION).is_some_and(|value| value == "close") {
                    begun.is_refused();
                }
                Ok::<_, Infallible>(response.map(|body| Delivery::new(body, begun)))
            }
        });
        let builder = builder(protocol);
        let mut served = pin!(builder.serve_connection(TokioIo::new(socket), service));
        let mut finishing = false;
        loop {
            tokio::select! {
                biased;
                ended = served.as_mut() => {
                    if let Err(error) = ended {
                        tracing::debug!(%error, "HTTP connection ended");
                    }
                    return;
                }
                () = closed(&mut self.closing), if !finishing => {
                    // HTTP/2 says goodbye in turns, and whoever asks nothing need not take part.
                    if protocol == Protocol::Http2 && !presence.has_asked() {
                        return;
                    }
                    finishing = true;
                    served.as_mut().graceful_shutdown();
                }
                order = orders.next() => match order {
                    Order::Finish => served.as_mut().graceful_shutdown(),
                    Order::Close(why) => {
                        tracing::debug!(why, "closing an HTTP connection");
                        return;
                    }
                }
            }
        }
    }
}

/// Ends when no further request is taken.
async fn closed(closing: &mut watch::Receiver<bool>) {
    drop(closing.wait_for(|closing| *closing).await);
}

/// What hyper has to hold to. The times are in [`Presence`].
fn builder(protocol: Protocol) -> auto::Builder<TokioExecutor> {
    let mut builder = auto::Builder::new(TokioExecutor::new());
    builder.http1().header_read_timeout(None).max_buf_size(HEAD_BYTES.into());
    builder
        .http2()
        .timer(TokioTimer::new())
        .max_header_list_size(HEAD_BYTES.into())
        .max_concurrent_streams(STREAMS)
        .initial_stream_window_size(WINDOW)
        .initial_connection_window_size(WINDOW)
        .keep_alive_interval(PING.0)
        .keep_alive_timeout(PING.1);
    if protocol == Protocol::Http2 { builder.http2_only() } else { builder.http1_only() }
}
