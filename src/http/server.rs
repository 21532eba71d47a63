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
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};

use super::patient::Patient;
use super::{App, routes};
use crate::config::Web;
use crate::self_metrics::SelfMetrics;

/// Bytes that the head of a request may have.
const HEAD_BYTES: usize = 32 << 10;

/// Wait after a failed `accept`: without it, a process out of file descriptors would only turn in circles.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// What a client may cost.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Connections served at the same time; further ones wait in the listener's queue.
    pub max_connections: usize,
    /// How long the head of a request may take to arrive, counted from the connection or the previous response.
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

/// Serves `app` on all `listeners` until `shutdown` ends; then stops listening, closes idle connections at once and
/// gives open requests [`Limits::drain`] to end. Returns when no connection is left.
pub async fn serve(
    listeners: Vec<TcpListener>,
    app: Arc<App>,
    limits: Limits,
    shutdown: impl Future<Output = ()>,
) {
    let permits = Arc::new(Semaphore::new(limits.max_connections));
    let exporter = Arc::clone(&app.exporter);
    let router = routes::router(app);
    let graceful = GracefulShutdown::new();
    let mut tasks = JoinSet::new();
    let mut accepted = select_all(listeners.into_iter().map(|listener| Box::pin(connections(listener))));
    let mut shutdown = std::pin::pin!(shutdown);
    loop {
        // The permit comes first: who may not be served stays in the kernel's queue and costs us nothing.
        let next = async {
            let permit = Arc::clone(&permits).acquire_owned().await;
            (permit, accepted.next().await)
        };
        tokio::select! {
            () = &mut shutdown => break,
            Some(_) = tasks.join_next() => {}
            (Ok(permit), Some((stream, local))) = next => {
                let served = connection(stream, local, router.clone(), &exporter, limits, &graceful);
                tasks.spawn(async move {
                    served.await;
                    drop(permit);
                });
            }
        }
    }
    drop(accepted);
    if timeout(limits.drain, graceful.shutdown()).await.is_err() {
        tracing::warn!(requests = tasks.len(), "closing HTTP connections that did not end in time");
    }
    tasks.shutdown().await;
}

/// What a listener accepts, with the address that was dialled. Never ends: errors are logged when they begin.
fn connections(listener: TcpListener) -> impl Stream<Item = (TcpStream, Option<SocketAddr>)> {
    unfold((listener, false), |(listener, mut failing)| async move {
        loop {
            match listener.accept().await {
                Ok((stream, _)) => {
                    let local = stream.local_addr().ok();
                    return Some(((stream, local), (listener, false)));
                }
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
fn connection(
    stream: TcpStream,
    local: Option<SocketAddr>,
    router: Router,
    exporter: &Arc<SelfMetrics>,
    limits: Limits,
    graceful: &GracefulShutdown,
) -> impl Future<Output = ()> + Send + use<> {
    let open = exporter.connection();
    if let Err(error) = stream.set_nodelay(true) {
        tracing::debug!(%error, "cannot set TCP_NODELAY");
    }
    let router = TowerToHyperService::new(router);
    let service = service_fn(move |mut request: hyper::Request<Incoming>| {
        request.extensions_mut().insert(routes::Dialled(local));
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
        drop(open);
    }
}
