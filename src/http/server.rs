//! Accepts connections, within bounds, and lets them end in peace.
//!
//! Why not `axum::serve`: it bounds neither the time that a request head may take nor the number of connections.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use futures_util::StreamExt;
use futures_util::stream::{Stream, select_all, unfold};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::{Service, service_fn};
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::server::graceful::GracefulShutdown;
use hyper_util::service::TowerToHyperService;
use rustls::ServerConfig;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;

use super::patient::Patient;
use super::strangers::{Stranger, Strangers};
use super::{Access, App, routes};
use crate::config::Web;
use crate::self_metrics::OpenConnection;

/// Bytes that the head of a request may have.
const HEAD_BYTES: usize = 32 << 10;

/// Wait after a failed `accept`: without it, a process out of file descriptors would only turn in circles.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// What a client may cost.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Connections served at the same time. For a further one, the oldest that has asked nothing yet is closed; if there
    /// is none it waits.
    pub max_connections: usize,
    /// How long the head of a request may take to arrive, counted from the connection or the previous response; and
    /// how long the handshake of TLS may take before that.
    pub header_timeout: Duration,
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
            write_timeout: Duration::from_secs(30),
            drain: Duration::from_secs(5),
        }
    }
}

/// One connection, to whom, and what counts it.
struct Client {
    local: Option<SocketAddr>,
    peer: SocketAddr,
    /// Its place.
    permit: OwnedSemaphorePermit,
    open: OpenConnection,
    stranger: Stranger,
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
    let router = routes::router(Arc::clone(&app));
    let graceful = GracefulShutdown::new();
    // Apart from the rest, since a shutdown need not wait for a handshake.
    let mut handshakes: JoinSet<Option<(TlsStream<TcpStream>, Client)>> = JoinSet::new();
    let mut tasks = JoinSet::new();
    let mut accepted = select_all(listeners.into_iter().map(|listener| Box::pin(connections(listener))));
    let mut shutdown = std::pin::pin!(shutdown);
    let strangers: Arc<Strangers> = Arc::default();
    // Accepted, and without a place so far. While there is one, the others stay in the kernel's queue and cost nothing.
    let mut arrived: Option<(TcpStream, SocketAddr)> = None;
    loop {
        tokio::select! {
            () = &mut shutdown => break,
            Some(_) = tasks.join_next() => {}
            Some(shaken) = handshakes.join_next() => {
                if let Ok(Some((stream, client))) = shaken {
                    let number = client.stranger.number();
                    let task = tasks.spawn(connection(stream, client, router.clone(), limits, &graceful));
                    strangers.served_by(number, task);
                }
            }
            Some(next) = accepted.next(), if arrived.is_none() => {
                if permits.available_permits() == 0 {
                    strangers.one_gives_way();
                }
                arrived = Some(next);
            }
            Ok(permit) = Arc::clone(&permits).acquire_owned(), if arrived.is_some() => {
                let Some((stream, peer)) = arrived.take() else { continue };
                let local = stream.local_addr().ok();
                let (open, stranger) = (app.exporter.connection(), strangers.enter());
                let client = Client { local, peer, permit, open, stranger };
                if let Err(error) = stream.set_nodelay(true) {
                    tracing::debug!(%error, "cannot set TCP_NODELAY");
                }
                let number = client.stranger.number();
                let task = match app.access.as_ref().and_then(Access::tls) {
                    Some(tls) => {
                        let handshake = handshake(tls, stream, limits);
                        handshakes.spawn(async move { Some((handshake.await?, client)) })
                    }
                    None => tasks.spawn(connection(stream, client, router.clone(), limits, &graceful)),
                };
                strangers.served_by(number, task);
            }
        }
    }
    drop((accepted, handshakes));
    if timeout(limits.drain, graceful.shutdown()).await.is_err() {
        tracing::warn!(requests = tasks.len(), "closing HTTP connections that did not end in time");
    }
    tasks.shutdown().await;
}

/// Shakes hands. A client that does not, or not in time, is not logged above debug.
async fn handshake(
    tls: Arc<ServerConfig>,
    stream: TcpStream,
    limits: Limits,
) -> Option<TlsStream<TcpStream>> {
    match timeout(limits.header_timeout, TlsAcceptor::from(tls).accept(stream)).await {
        Ok(Ok(stream)) => Some(stream),
        Ok(Err(error)) => {
            tracing::debug!(%error, "no handshake with an HTTP client");
            None
        }
        Err(_) => {
            tracing::debug!("an HTTP client did not shake hands in time");
            None
        }
    }
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

/// Serves one connection to its end. What goes wrong on it is the client's affair and not logged above debug.
fn connection<S: AsyncRead + AsyncWrite + Unpin + Send + 'static>(
    stream: S,
    client: Client,
    router: Router,
    limits: Limits,
    graceful: &GracefulShutdown,
) -> impl Future<Output = ()> + Send + use<S> {
    let Client { local, peer, permit, open, stranger } = client;
    let router = TowerToHyperService::new(router);
    let service = service_fn(move |mut request: hyper::Request<Incoming>| {
        stranger.has_asked();
        request.extensions_mut().insert(routes::Dialled(local));
        request.extensions_mut().insert(routes::Peer(peer.ip()));
        router.call(request.map(Body::new))
    });
    let served = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(limits.header_timeout)
        .max_buf_size(HEAD_BYTES)
        .serve_connection(TokioIo::new(Patient::new(stream, limits.write_timeout)), service);
    let served = graceful.watch(served);
    async move {
        if let Err(error) = served.await {
            tracing::debug!(%error, "HTTP connection ended");
        }
        drop((open, permit));
    }
}
