use std::net::SocketAddr;
use std::process::Command;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::http::{Request, response};
use bytes::Bytes;
use h2::RecvStream;
use h2::client::{Builder, SendRequest};
use redis_cluster_exporter::http::Limits;
use rustls::pki_types::ServerName;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::{JoinHandle, spawn_blocking};
use tokio::time::{sleep, timeout};
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use crate::authority::Authority;
use crate::common::prometheus::Prometheus;
use crate::common::real::available;
use crate::files::{CERTIFICATE, directory, outcome};
use crate::tls::{Client, serve, write};
use crate::web::{HANGS, Server, limits, start_guarded};

pub(crate) const H2: &[u8] = b"h2";
const HTTP1: &[u8] = b"http/1.1";

/// A handshake in which these protocols are offered.
pub(crate) async fn shaken(
    authority: &Authority,
    address: SocketAddr,
    offered: &[&[u8]],
) -> std::io::Result<TlsStream<TcpStream>> {
    let mut config = Client::of(authority).config();
    config.alpn_protocols = offered.iter().map(|name| name.to_vec()).collect();
    let stream = TcpStream::connect(address).await?;
    let name = ServerName::try_from("localhost").unwrap();
    timeout(HANGS, TlsConnector::from(Arc::new(config)).connect(name, stream)).await.expect("a handshake")
}

/// What was agreed on.
async fn agreed(authority: &Authority, server: &Server, offered: &[&[u8]]) -> Option<Vec<u8>> {
    let stream = shaken(authority, server.address, offered).await.ok()?;
    stream.get_ref().1.alpn_protocol().map(<[u8]>::to_vec)
}

/// A connection that speaks HTTP/2.
pub(crate) struct Connection {
    requests: SendRequest<Bytes>,
    /// Ends with it.
    pub(crate) ended: JoinHandle<Result<(), h2::Error>>,
}

impl Connection {
    pub(crate) async fn open(authority: &Authority, address: SocketAddr, builder: &Builder) -> Self {
        let stream = shaken(authority, address, &[H2]).await.unwrap();
        let (requests, connection) = builder.handshake(stream).await.unwrap();
        Self { requests, ended: tokio::spawn(connection) }
    }

    /// The head of the answer, and what its body comes from.
    pub(crate) async fn ask(
        &self,
        method: &str,
        path: &str,
        headers: &[(&str, &str)],
    ) -> Result<(response::Parts, RecvStream), h2::Error> {
        let mut request = Request::builder().method(method).uri(format!("https://localhost{path}"));
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let asked = async {
            let mut requests = self.requests.clone().ready().await?;
            requests.send_request(request.body(()).unwrap(), true)?.0.await
        };
        Ok(timeout(HANGS, asked).await.expect("an answer")?.into_parts())
    }

    /// Head and body.
    async fn get(&self, path: &str, headers: &[(&str, &str)]) -> (response::Parts, String) {
        let (head, body) = self.ask("GET", path, headers).await.unwrap();
        (head, timeout(HANGS, all(body)).await.expect("a body"))
    }
}

/// The rest of a body.
async fn all(mut body: RecvStream) -> String {
    let mut bytes = Vec::new();
    while let Some(piece) = body.data().await {
        let piece = piece.unwrap();
        body.flow_control().release_capacity(piece.len()).unwrap();
        bytes.extend_from_slice(&piece);
    }
    String::from_utf8(bytes).unwrap()
}

fn header<'a>(head: &'a response::Parts, name: &str) -> Option<&'a str> {
    head.headers.get(name)?.to_str().ok()
}

#[tokio::test]
async fn tls_offers_both_and_the_file_takes_http2_away() {
    let authority = Authority::new();
    let server = serve(&authority, "").await;
    let file = |http2: &str| {
        let path = write(&authority, "");
        let tls = std::fs::read_to_string(&path).unwrap();
        std::fs::write(path, format!("{tls}\nhttp_server_config: {{http2: {http2}}}")).unwrap();
    };
    let agreed = async |offered: &[&[u8]]| agreed(&authority, &server, offered).await;
    for (now, on) in [(None, true), (Some("false"), false), (Some("true"), true)] {
        if let Some(http2) = now {
            file(http2);
        }
        let wanted = if on { H2 } else { HTTP1 };
        assert_eq!(agreed(&[H2, HTTP1]).await.as_deref(), Some(wanted), "{now:?}");
        assert_eq!(agreed(&[HTTP1, H2]).await.as_deref(), Some(wanted), "{now:?}: our order counts");
        assert_eq!(agreed(&[HTTP1]).await.as_deref(), Some(HTTP1));
        assert_eq!(agreed(&[H2]).await.as_deref(), on.then_some(H2), "{now:?}");
        assert_eq!(agreed(&[]).await, None);
    }
    // It holds from the next connection on.
    let before = Connection::open(&authority, server.address, &Builder::new()).await;
    file("false");
    assert_eq!(agreed(&[H2, HTTP1]).await.as_deref(), Some(HTTP1));
    assert_eq!(before.get("/metrics", &[]).await.0.status, 200);
}

/// As in Go: a list without the suites that HTTP/2 demands is good without HTTP/2, or where only TLS 1.3 is spoken, for
/// which the list says nothing; also one of suites of TLS 1.3 alone is a list without them.
#[test]
fn suites_that_http2_demands() {
    let directory = directory();
    for (list, good) in [
        ("cipher_suites: []", true),
        ("cipher_suites: [TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256]", true),
        ("cipher_suites: [TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256, TLS_AES_256_GCM_SHA384]", true),
        ("cipher_suites: [TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384], min_version: TLS13", true),
        ("cipher_suites: [TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384]", false),
        (
            "cipher_suites: [TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384], min_version: TLS12, max_version: TLS13",
            false,
        ),
        ("cipher_suites: [TLS_AES_128_GCM_SHA256]", false),
    ] {
        for (http2, good) in [("", good), ("http2: true", good), ("http2: false", true)] {
            let yaml =
                format!("tls_server_config: {{{CERTIFICATE}, {list}}}\nhttp_server_config: {{{http2}}}");
            assert_eq!(outcome(&directory, &yaml).is_ok(), good, "{yaml}");
        }
    }
    // Without TLS there is no HTTP/2, and nothing to demand.
    assert!(outcome(&directory, "http_server_config: {http2: true}").is_ok());
}

#[tokio::test]
async fn it_serves_what_http1_serves() {
    let authority = Authority::new();
    let server = serve(&authority, "").await;
    let connection = Connection::open(&authority, server.address, &Builder::new()).await;
    let (head, body) = connection.get("/metrics", &[("accept", "application/openmetrics-text")]).await;
    assert_eq!(head.status, 200);
    assert_eq!(header(&head, "x-content-type-options"), Some("nosniff"));
    assert_eq!(header(&head, "content-length"), Some(&*body.len().to_string()));
    assert!(body.ends_with("# EOF\n"), "{body}");
    let (head, targets) = connection.get("/api/v1/sd", &[]).await;
    assert_eq!(head.status, 200);
    assert!(targets.contains(r#""targets":["localhost"]"#), "{targets}");
    assert_eq!(connection.get("/nothing", &[]).await.0.status, 404);
    assert_eq!(connection.ask("POST", "/metrics", &[]).await.unwrap().0.status, 405);
    let (head, body) = connection.ask("HEAD", "/metrics", &[]).await.unwrap();
    assert_eq!(head.status, 200);
    assert!(body.is_end_stream());
    // All of it on one connection.
    assert!(server.exporter.encode(None).contains("rediscluster_exporter_http_connections 1\n"));
}

/// Over HTTP/2 `Connection: close` is not said, and the connection ends all the same.
#[tokio::test]
async fn who_is_refused_leaves() {
    let authority = Authority::new();
    authority.issue("server", "localhost");
    let tls = std::fs::read_to_string(write(&authority, "")).unwrap();
    let hash = bcrypt::hash("wonder", 4).unwrap();
    for (more, code) in [
        (format!("basic_auth_users: {{alice: {hash}}}"), 401),
        ("rate_limit: {interval: 1h, burst: 0}".to_owned(), 429),
    ] {
        let file = authority.path("web.yml");
        std::fs::write(&file, format!("{tls}\n{more}")).unwrap();
        let server = start_guarded(&file, limits()).await;
        let connection = Connection::open(&authority, server.address, &Builder::new()).await;
        assert_eq!(connection.get("/-/healthy", &[]).await.0.status, 200);
        let (head, _) = connection.get("/metrics", &[]).await;
        assert_eq!(head.status.as_u16(), code);
        assert_eq!(header(&head, "connection"), None);
        timeout(HANGS, connection.ended).await.expect("it is closed").unwrap().unwrap();
    }
}

/// A stop closes idle connections and lets open requests end.
#[tokio::test]
async fn a_stop_says_goodbye() {
    let authority = Authority::new();
    let mut server = serve(&authority, "").await;
    let silent = shaken(&authority, server.address, &[H2]).await.unwrap();
    let idle = Connection::open(&authority, server.address, &Builder::new()).await;
    idle.get("/metrics", &[]).await;
    let busy = Connection::open(&authority, server.address, Builder::new().initial_window_size(1000)).await;
    let (_, unread) = busy.ask("GET", "/runbooks/split_brain", &[]).await.unwrap();
    server.stop.take().unwrap().send(()).unwrap();
    timeout(HANGS, idle.ended).await.expect("closed at once").unwrap().unwrap();
    assert!(!server.done.is_finished(), "an open request is waited for");
    let body = timeout(HANGS, all(unread)).await.expect("the rest of it");
    assert!(body.len() > 1000, "{body}");
    timeout(HANGS, server.done).await.expect("the server returns").unwrap();
    drop(silent);
}

/// What `curl` says that it spoke.
async fn version_of_curl(authority: &Authority, server: &Server) -> String {
    let mut curl = Command::new("curl");
    curl.args([
        "--silent",
        "--http2",
        "--output",
        "/dev/null",
        "--write-out",
        "%{http_version} %{http_code}",
    ]);
    curl.arg("--cacert").arg(authority.path("ca.pem"));
    curl.arg("--connect-to").arg(format!("::{}", server.address)).arg("https://localhost/metrics");
    let output = spawn_blocking(move || curl.output()).await.unwrap().unwrap();
    String::from_utf8(output.stdout).unwrap()
}

#[tokio::test]
async fn curl_speaks_it() {
    if !available("curl") {
        return;
    }
    let authority = Authority::new();
    let server = serve(&authority, "").await;
    assert_eq!(version_of_curl(&authority, &server).await, "2 200");
    let tls = std::fs::read_to_string(authority.path("web.yml")).unwrap();
    std::fs::write(authority.path("web.yml"), format!("{tls}\nhttp_server_config: {{http2: false}}"))
        .unwrap();
    assert_eq!(version_of_curl(&authority, &server).await, "1.1 200");
}

/// What passed between clients and a server.
#[derive(Default)]
struct Overheard {
    connections: usize,
    /// All that the server said, as it came.
    said: Vec<u8>,
}

/// Passes connections on to the server, and listens.
async fn overhear(server: SocketAddr) -> (SocketAddr, Arc<Mutex<Overheard>>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let overheard: Arc<Mutex<Overheard>> = Arc::default();
    let shared = Arc::clone(&overheard);
    tokio::spawn(async move {
        while let Ok((client, _)) = listener.accept().await {
            shared.lock().unwrap().connections += 1;
            let shared = Arc::clone(&shared);
            let server = TcpStream::connect(server).await.unwrap();
            let ((mut asks, mut to_client), (mut says, mut to_server)) =
                (client.into_split(), server.into_split());
            tokio::spawn(async move { tokio::io::copy(&mut asks, &mut to_server).await });
            tokio::spawn(async move {
                let mut said = Vec::new();
                while says.read_buf(&mut said).await.is_ok_and(|count| count > 0) {
                    to_client.write_all(&said).await.unwrap();
                    shared.lock().unwrap().said.append(&mut said);
                }
            });
        }
    });
    (address, overheard)
}

/// It scrapes every second on one connection, with one handshake: its time between scrapes is longer than that for a
/// head. What it agreed on is said in the open up to TLS 1.2.
#[tokio::test]
async fn prometheus_speaks_it_and_stays_connected() {
    if !available("prometheus") {
        return;
    }
    for (http2, agreed) in [("true", H2), ("false", HTTP1)] {
        let authority = Authority::new();
        authority.issue("server", "localhost");
        let file = write(&authority, "max_version: TLS12");
        let tls = std::fs::read_to_string(&file).unwrap();
        std::fs::write(&file, format!("{tls}\nhttp_server_config: {{http2: {http2}}}")).unwrap();
        let short = Limits { header_timeout: Duration::from_millis(500), ..limits() };
        let server = start_guarded(&file, short).await;
        let (address, overheard) = overhear(server.address).await;
        let prometheus = Prometheus::over_tls(&address.to_string(), &authority.path("ca.pem"));
        let scrapes = async {
            while !prometheus.is_one("count_over_time(up{job=\"tls\"}[1m]) >= bool 3") {
                sleep(Duration::from_millis(100)).await;
            }
        };
        timeout(HANGS * 3, scrapes).await.expect("scrapes");
        assert!(prometheus.is_one("min_over_time(up{job=\"tls\"}[1m])"));
        let overheard = overheard.lock().unwrap();
        assert_eq!(overheard.connections, 1);
        // The extension for ALPN: its number, and the lengths of what is in it, of the list and of the name.
        let length = agreed.len() as u8;
        let extension = [&[0, 16, 0, length + 3, 0, length + 1, length], agreed].concat();
        assert!(overheard.said.windows(extension.len()).any(|said| said == extension), "{http2}");
    }
}
