use std::time::Duration;

use axum::http::StatusCode;
use h2::client::Builder;
use redis_cluster_exporter::http::Limits;
use tokio::io::{AsyncReadExt, AsyncWriteExt, ReadHalf, WriteHalf, split};
use tokio::net::TcpStream;
use tokio::time::{sleep, timeout};
use tokio_rustls::client::TlsStream;

use crate::authority::Authority;
use crate::http2::{Connection, H2, shaken};
use crate::tls::{Client, write};
use crate::web::{HANGS, Server, limits, start_guarded};

/// A limit that a test waits for.
const SHORT: Duration = Duration::from_millis(400);

const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

/// Kinds of frames.
const HEADERS: u8 = 1;
const RST_STREAM: u8 = 3;
const SETTINGS: u8 = 4;
const PING: u8 = 6;
const CONTINUATION: u8 = 9;

/// Flags of `HEADERS`.
const END_STREAM: u8 = 1;
const END_HEADERS: u8 = 4;

/// What a stream is reset with that was never looked at.
const REFUSED_STREAM: [u8; 4] = [0, 0, 0, 7];

/// A client that writes frames as it pleases.
struct Raw {
    from: ReadHalf<TlsStream<TcpStream>>,
    to: WriteHalf<TlsStream<TcpStream>>,
}

fn frame(kind: u8, flags: u8, stream: u32, payload: &[u8]) -> Vec<u8> {
    let length = u32::try_from(payload.len()).unwrap().to_be_bytes();
    let head = [&length[1..], &[kind, flags], &stream.to_be_bytes()].concat();
    [&head, payload].concat()
}

/// A whole request.
fn request(stream: u32, method: &str, path: &str) -> Vec<u8> {
    // Fields without an index: method, authority, path; and `https` as the table has it.
    let field = |name: u8, value: &str| [&[name, value.len() as u8], value.as_bytes()].concat();
    let fields = [field(2, method), field(1, "localhost"), field(4, path), vec![0x87]].concat();
    frame(HEADERS, END_STREAM | END_HEADERS, stream, &fields)
}

impl Raw {
    /// Begins a connection on which each response may have so many bytes.
    async fn open(authority: &Authority, server: &Server, window: u32) -> Self {
        let (from, mut to) = split(shaken(authority, server.address, &[H2]).await.unwrap());
        to.write_all(PREFACE).await.unwrap();
        to.write_all(&frame(SETTINGS, 0, 0, &[&[0, 4], &window.to_be_bytes()[..]].concat())).await.unwrap();
        Self { from, to }
    }

    /// Whether it could be sent.
    async fn send(&mut self, bytes: &[u8]) -> bool {
        self.to.write_all(bytes).await.is_ok() && self.to.flush().await.is_ok()
    }

    /// Kind, flags and payload of the next frame; `None` at the end.
    async fn next(&mut self) -> Option<(u8, u8, Vec<u8>)> {
        let mut head = [0; 9];
        self.from.read_exact(&mut head).await.ok()?;
        let mut payload = vec![0; u32::from_be_bytes([0, head[0], head[1], head[2]]) as usize];
        self.from.read_exact(&mut payload).await.ok()?;
        Some((head[3], head[4], payload))
    }

    /// Sends what `more` makes, some every now and then, until the server has had enough.
    async fn until_closed(self, mut more: impl FnMut(u32) -> Vec<u8>) {
        let Self { mut from, mut to } = self;
        let reads = async {
            let mut sink = [0; 4096];
            while from.read(&mut sink).await.is_ok_and(|count| count > 0) {}
        };
        let writes = async {
            for n in 0.. {
                if to.write_all(&more(n)).await.is_err() || to.flush().await.is_err() {
                    return;
                }
                sleep(SHORT / 10).await;
            }
        };
        let closed = async {
            tokio::select! { () = reads => {}, () = writes => {} }
        };
        timeout(HANGS, closed).await.expect("the server closes it");
    }
}

async fn serve(authority: &Authority, limits: Limits) -> Server {
    authority.issue("server", "localhost");
    start_guarded(&write(authority, ""), limits).await
}

async fn is_served(authority: &Authority, server: &Server) -> bool {
    timeout(HANGS, Client::of(authority).is_served(server)).await.expect("a scrape")
}

/// No connection is left but that of whoever asks.
async fn is_empty(server: &Server) {
    let empty = async {
        while !server.exporter.encode(None).contains("rediscluster_exporter_http_connections 0\n") {
            sleep(SHORT / 10).await;
        }
    };
    timeout(HANGS, empty).await.expect("no connection is left");
}

fn ping(_: u32) -> Vec<u8> {
    frame(PING, 0, 0, &[7; 8])
}

/// Preface, settings and pings are no request.
#[tokio::test]
async fn who_asks_nothing_is_closed() {
    let authority = Authority::new();
    let server = serve(&authority, Limits { header_timeout: SHORT, ..limits() }).await;
    Raw::open(&authority, &server, 1000).await.until_closed(ping).await;
    // Nor is the beginning of one.
    let mut begun = Raw::open(&authority, &server, 1000).await;
    assert!(begun.send(&frame(HEADERS, END_STREAM, 1, &[0x82, 0x87])).await);
    begun.until_closed(|_| Vec::new()).await;
    assert!(is_served(&authority, &server).await);
    is_empty(&server).await;
}

/// Nor may a client dribble that has asked before: neither a head of several frames nor one frame, also while another of its
/// requests is open.
#[tokio::test]
async fn a_head_has_its_time() {
    let authority = Authority::new();
    let server = serve(&authority, Limits { header_timeout: SHORT, ..limits() }).await;
    for window in [0, 1 << 20] {
        let answered = request(1, "GET", "/metrics");
        let head = frame(HEADERS, END_STREAM, 3, &[0x82, 0x87]);
        let mut several = Raw::open(&authority, &server, window).await;
        assert!(several.send(&[&*answered, &head].concat()).await);
        several.until_closed(|_| Vec::new()).await;
        let mut one = Raw::open(&authority, &server, window).await;
        let begun = &frame(HEADERS, END_STREAM | END_HEADERS, 3, &[0x82; 100])[..10];
        assert!(one.send(&[&*answered, begun].concat()).await);
        one.until_closed(|_| vec![0x82]).await;
    }
    is_empty(&server).await;
}

/// And where all places are taken, whoever asks something has one.
#[tokio::test]
async fn who_asks_nothing_gives_way() {
    let authority = Authority::new();
    let server = serve(&authority, Limits { max_connections: 2, ..limits() }).await;
    let mut silent = Vec::new();
    for _ in 0..5 {
        silent.push(Raw::open(&authority, &server, 1000).await);
        assert!(is_served(&authority, &server).await);
    }
}

/// Pings keep no connection that has asked before.
#[tokio::test]
async fn an_idle_connection_ends_whatever_it_pings() {
    let authority = Authority::new();
    let server = serve(&authority, Limits { idle: SHORT, ..limits() }).await;
    let mut idle = Raw::open(&authority, &server, 1000).await;
    assert!(idle.send(&request(1, "HEAD", "/metrics")).await);
    idle.until_closed(ping).await;
    is_empty(&server).await;
}

/// A window that is never opened, or that takes one byte of many: whatever else is asked meanwhile, it ends.
#[tokio::test]
async fn a_response_that_nobody_takes_ends_its_connection() {
    let authority = Authority::new();
    let server = serve(&authority, Limits { write_timeout: SHORT, ..limits() }).await;
    for window in [0, 1] {
        let mut greedy = Raw::open(&authority, &server, window).await;
        assert!(greedy.send(&request(1, "GET", "/metrics")).await);
        assert!(is_served(&authority, &server).await);
        greedy.until_closed(|n| request(3 + 2 * n, "HEAD", "/metrics")).await;
    }
    is_empty(&server).await;
}

/// Who takes a little, again and again, gets all of it, however long it takes.
#[tokio::test]
async fn a_slow_reader_is_served() {
    let authority = Authority::new();
    let patience = SHORT * 5;
    let server = serve(&authority, Limits { write_timeout: patience, ..limits() }).await;
    let slow = Connection::open(&authority, server.address, Builder::new().initial_window_size(500)).await;
    let (head, mut body) = slow.ask("GET", "/runbooks/split_brain", &[]).await.unwrap();
    let length: usize = head.headers["content-length"].to_str().unwrap().parse().unwrap();
    let (begin, mut taken) = (std::time::Instant::now(), 0);
    while let Some(piece) = body.data().await {
        let piece = piece.expect("it is not reset");
        taken += piece.len();
        body.flow_control().release_capacity(piece.len()).unwrap();
        if begin.elapsed() < patience * 2 {
            sleep(SHORT).await;
        }
    }
    assert_eq!(taken, length);
    assert!(begin.elapsed() > patience, "{length} bytes came at once");
}

/// A hundred at once, none of which is read: sixteen are answered, the others are told to come back.
#[tokio::test]
async fn requests_of_one_connection_are_bounded() {
    let authority = Authority::new();
    let server = serve(&authority, limits()).await;
    let mut greedy = Raw::open(&authority, &server, 0).await;
    let all: Vec<u8> = (0..100).flat_map(|n| request(1 + 2 * n, "GET", "/metrics")).collect();
    assert!(greedy.send(&all).await);
    let (mut answered, mut refused) = (0, 0);
    while answered + refused < 100 {
        let (kind, _, payload) = timeout(HANGS, greedy.next()).await.expect("a frame").expect("it stays");
        answered += usize::from(kind == HEADERS);
        refused += usize::from(kind == RST_STREAM && payload == REFUSED_STREAM);
    }
    assert_eq!((answered, refused), (16, 84));
    let text = server.exporter.encode(None);
    let counted = "rediscluster_exporter_http_requests_total{handler=\"/metrics\",code=\"200\"} 16\n";
    assert!(text.contains(counted), "{text}");
    assert!(is_served(&authority, &server).await);
}

#[tokio::test]
async fn heads_are_bounded() {
    let authority = Authority::new();
    let server = serve(&authority, limits()).await;
    let connection = Connection::open(&authority, server.address, &Builder::new()).await;
    let large = "x".repeat(20_000);
    let (head, _) = connection.ask("GET", "/metrics", &[("a", &large)]).await.unwrap();
    assert_eq!(head.status, StatusCode::OK);
    let (head, _) = connection.ask("GET", "/metrics", &[("a", &large), ("b", &large)]).await.unwrap();
    assert_eq!(head.status, StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE);
    // One that never ends.
    let mut endless = Raw::open(&authority, &server, 1000).await;
    assert!(endless.send(&frame(HEADERS, END_STREAM, 1, &[0x82, 0x87])).await);
    let field = [&[0, 1, b'a', 127, 0xa1, 0x06], &[b'x'; 928][..]].concat();
    endless.until_closed(|_| frame(CONTINUATION, 0, 1, &field.repeat(10))).await;
    assert!(is_served(&authority, &server).await);
}

/// Requests that are taken back as soon as they are made.
#[tokio::test]
async fn rapid_resets_end_the_connection() {
    let authority = Authority::new();
    let server = serve(&authority, limits()).await;
    let hasty = Raw::open(&authority, &server, 1000).await;
    let many = |n: u32| {
        let one = |stream| [request(stream, "GET", "/metrics"), frame(RST_STREAM, 0, stream, &[0, 0, 0, 8])];
        (0..100).flat_map(|k| one(1 + 2 * (100 * n + k)).concat()).collect()
    };
    hasty.until_closed(many).await;
    assert!(is_served(&authority, &server).await);
}
