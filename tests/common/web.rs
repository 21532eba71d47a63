//! The HTTP server on a port of its own, and a client that shows what came back.
#![allow(dead_code, reason = "each test program uses its part")]

use std::io::Read;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use arc_swap::ArcSwap;
use redis_cluster_exporter::frame::{Frame, Setup, analyze};
use redis_cluster_exporter::history::History;
use redis_cluster_exporter::http::{self, Access, App, Clusters, Limits, Published, ReloadRequest};
use redis_cluster_exporter::model::time::Timestamp;
use redis_cluster_exporter::self_metrics::SelfMetrics;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{mpsc, oneshot, watch};
use tokio::task::JoinHandle;
use tokio::time::timeout;

/// Longer than anything here takes; reached only when something hangs.
pub(crate) const HANGS: Duration = Duration::from_secs(20);
pub(crate) const HOUR: Duration = Duration::from_secs(3600);

/// The one place that makes a frame.
pub(crate) fn frame(cluster: &str, at: Timestamp) -> Arc<Frame> {
    let setup = Setup { cluster: cluster.into(), interval: HOUR, ..Setup::default() };
    Arc::new(analyze(&setup, &[], &mut History::default(), at, Duration::from_millis(3)))
}

pub(crate) fn now() -> Timestamp {
    Timestamp(SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_micros() as u64)
}

/// A server on a port of its own, and the other ends of what it reads.
pub(crate) struct Server {
    pub(crate) address: SocketAddr,
    pub(crate) clusters: Clusters,
    pub(crate) exporter: Arc<SelfMetrics>,
    pub(crate) frames: Vec<watch::Sender<Option<Arc<Frame>>>>,
    pub(crate) reloads: mpsc::Receiver<ReloadRequest>,
    pub(crate) stop: Option<oneshot::Sender<()>>,
    pub(crate) done: JoinHandle<()>,
}

pub(crate) fn limits() -> Limits {
    Limits { max_connections: 64, header_timeout: HANGS, idle: HOUR, write_timeout: HANGS, drain: HANGS }
}

pub(crate) fn published(name: &str) -> (watch::Sender<Option<Arc<Frame>>>, Published) {
    let (sender, receiver) = watch::channel(None);
    (sender, Published::new(name.into(), HOUR, receiver))
}

pub(crate) async fn start(names: &[&str], limits: Limits, lifecycle: bool) -> Server {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    start_on(vec![listener], address, names, limits, lifecycle)
}

/// With access control by this file, and the cluster `a`.
pub(crate) async fn start_guarded(file: &Path, limits: Limits) -> Server {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    launch(vec![listener], address, &["a"], limits, false, Some(Access::open(file).unwrap()))
}

pub(crate) fn start_on(
    listeners: Vec<TcpListener>,
    address: SocketAddr,
    names: &[&str],
    limits: Limits,
    lifecycle: bool,
) -> Server {
    launch(listeners, address, names, limits, lifecycle, None)
}

fn launch(
    listeners: Vec<TcpListener>,
    address: SocketAddr,
    names: &[&str],
    limits: Limits,
    lifecycle: bool,
    access: Option<Access>,
) -> Server {
    let (frames, published): (Vec<_>, Vec<_>) = names.iter().map(|name| published(name)).unzip();
    let clusters: Clusters = Arc::new(ArcSwap::from_pointee(published));
    let exporter = Arc::new(SelfMetrics::new(names.iter().map(|&name| name.into()), now()));
    let (reload, reloads) = mpsc::channel(1);
    let app = App::new(Arc::clone(&clusters), Arc::clone(&exporter), lifecycle.then_some(reload));
    let app = app.guarded(access);
    let (stop, stopped) = oneshot::channel::<()>();
    let done = tokio::spawn(http::serve(listeners, Arc::new(app), limits, async {
        stopped.await.unwrap();
    }));
    Server { address, clusters, exporter, frames, reloads, stop: Some(stop), done }
}

#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) code: u16,
    pub(crate) head: String,
    pub(crate) body: Vec<u8>,
}

impl Answer {
    pub(crate) fn text(&self) -> &str {
        std::str::from_utf8(&self.body).unwrap()
    }

    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        let pairs = self.head.lines().filter_map(|line| line.split_once(": "));
        pairs.filter(|(key, _)| key.eq_ignore_ascii_case(name)).map(|(_, value)| value).next()
    }

    pub(crate) fn unzipped(&self) -> String {
        let mut text = String::new();
        flate2::read::GzDecoder::new(&*self.body).read_to_string(&mut text).unwrap();
        text
    }
}

/// Sends one request, reads to the end of the connection.
pub(crate) async fn send(address: SocketAddr, request: &str) -> Answer {
    let mut stream = TcpStream::connect(address).await.unwrap();
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut bytes = Vec::new();
    timeout(HANGS, stream.read_to_end(&mut bytes)).await.expect("an answer").unwrap();
    answer(&bytes)
}

pub(crate) fn answer(bytes: &[u8]) -> Answer {
    let end = bytes.windows(4).position(|four| four == b"\r\n\r\n").expect("a head");
    let head = String::from_utf8(bytes[..end].to_vec()).unwrap();
    let code = head.get(9..12).unwrap().parse().unwrap();
    Answer { code, head, body: bytes[end + 4..].to_vec() }
}

pub(crate) async fn ask(server: &Server, method: &str, path: &str, headers: &str) -> Answer {
    let request =
        format!("{method} {path} HTTP/1.1\r\nHost: exporter:19121\r\nConnection: close\r\n{headers}\r\n");
    send(server.address, &request).await
}

pub(crate) async fn get(server: &Server, path: &str) -> Answer {
    ask(server, "GET", path, "").await
}
