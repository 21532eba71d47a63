use std::time::Duration;

use redis_cluster_exporter::http::Limits;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpSocket, TcpStream};
use tokio::time::{sleep, timeout};

use crate::web::*;

/// A limit that a test waits for.
const SHORT: Duration = Duration::from_millis(400);

#[tokio::test]
async fn a_half_open_request_is_closed_and_costs_nobody_else() {
    let server =
        start(&["a"], Limits { header_timeout: Duration::from_millis(300), ..limits() }, false).await;
    let mut halves = Vec::new();
    for begun in ["", "GET /metrics HTTP/1.1\r\nHos", "GET / HTTP/1.1\r\nHost: x\r\n\r\nGET /"] {
        let mut stream = TcpStream::connect(server.address).await.unwrap();
        stream.write_all(begun.as_bytes()).await.unwrap();
        halves.push(stream);
    }
    assert_eq!(get(&server, "/metrics").await.code, 200);
    for mut half in halves {
        let mut rest = Vec::new();
        timeout(HANGS, half.read_to_end(&mut rest)).await.expect("the server closes").unwrap();
    }
    assert!(server.exporter.encode(None).contains("rediscluster_exporter_http_connections 0\n"));
}

async fn kept_open(server: &Server) -> TcpStream {
    let mut stream = TcpStream::connect(server.address).await.unwrap();
    stream.write_all(b"HEAD /-/healthy HTTP/1.1\r\nHost: x\r\n\r\n").await.unwrap();
    let mut status = [0; 12];
    stream.read_exact(&mut status).await.unwrap();
    stream
}

/// Who asks nothing, or half of something, gives way to those who come later.
#[tokio::test]
async fn silent_connections_keep_nobody_out() {
    let server = start(&["a"], Limits { max_connections: 4, ..limits() }, false).await;
    let kept = kept_open(&server).await;
    let mut silent = Vec::new();
    for n in 0..20 {
        let mut stream = TcpStream::connect(server.address).await.unwrap();
        if n % 2 == 0 {
            stream.write_all(b"GET /metrics HTTP/1.1\r\nHos").await.unwrap();
        }
        silent.push(stream);
        let answer = timeout(HANGS / 2, get(&server, "/metrics")).await.expect("served beside them");
        assert_eq!(answer.code, 200);
    }
    let text = server.exporter.encode(None);
    let open = text.lines().find_map(|line| line.strip_prefix("rediscluster_exporter_http_connections "));
    assert!(open.unwrap().parse::<u32>().unwrap() <= 4, "{text}");
    // Who has asked before stays.
    let mut kept = kept;
    kept.write_all(b"HEAD /-/healthy HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n").await.unwrap();
    let mut bytes = Vec::new();
    timeout(HANGS, kept.read_to_end(&mut bytes)).await.expect("an answer").unwrap();
    assert!(String::from_utf8(bytes).unwrap().contains("HTTP/1.1 200"));
}

/// Asks on a connection that stays, and reads the answer, which has no body; `false` where it is closed.
async fn asks(stream: &mut TcpStream) -> bool {
    if stream.write_all(b"HEAD /-/healthy HTTP/1.1\r\nHost: x\r\n\r\n").await.is_err() {
        return false;
    }
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        match timeout(HANGS, stream.read_buf(&mut head)).await.expect("an answer, or an end") {
            Ok(0) | Err(_) => return false,
            Ok(_) => {}
        }
    }
    head.starts_with(b"HTTP/1.1 200")
}

async fn is_closed(stream: &mut TcpStream) -> bool {
    // An end or a reset.
    matches!(timeout(HANGS, stream.read(&mut [0])).await.expect("an end"), Ok(0) | Err(_))
}

/// A scrape now and then needs no new connection: nor, over TLS, a handshake.
#[tokio::test]
async fn a_client_that_asks_now_and_then_stays_connected() {
    let server = start(&["a"], Limits { header_timeout: SHORT, ..limits() }, false).await;
    let mut kept = TcpStream::connect(server.address).await.unwrap();
    for _ in 0..3 {
        assert!(asks(&mut kept).await);
        sleep(SHORT * 2).await;
    }
    assert!(asks(&mut kept).await);
    let text = server.exporter.encode(None);
    assert!(text.contains("rediscluster_exporter_http_connections 1\n"), "{text}");
}

/// Who has asked before may not dribble either.
#[tokio::test]
async fn the_time_for_a_head_begins_with_its_first_byte() {
    let server = start(&["a"], Limits { header_timeout: SHORT, ..limits() }, false).await;
    let mut kept = TcpStream::connect(server.address).await.unwrap();
    for _ in 0..2 {
        assert!(asks(&mut kept).await);
        sleep(SHORT * 2).await;
    }
    let dribble = async {
        kept.write_all(b"GET / HTTP/1.1\r\nX: ").await.unwrap();
        while kept.write_all(b"x").await.is_ok() {
            sleep(SHORT / 10).await;
        }
    };
    timeout(HANGS, dribble).await.expect("it is closed while it dribbles");
}

#[tokio::test]
async fn nobody_idles_for_ever() {
    let server = start(&["a"], Limits { idle: SHORT, ..limits() }, false).await;
    let mut kept = TcpStream::connect(server.address).await.unwrap();
    assert!(asks(&mut kept).await);
    assert!(is_closed(&mut kept).await);
}

/// First those who have asked nothing, then those who have been idle for longest.
#[tokio::test]
async fn who_gives_way_first() {
    let server = start(&["a"], Limits { max_connections: 3, ..limits() }, false).await;
    let connect = async || TcpStream::connect(server.address).await.unwrap();
    let (mut first, mut second) = (connect().await, connect().await);
    assert!(asks(&mut first).await && asks(&mut second).await);
    assert!(asks(&mut first).await);
    let mut silent = connect().await;
    let mut fourth = connect().await;
    assert!(asks(&mut fourth).await, "served beside them");
    assert!(is_closed(&mut silent).await);
    assert!(asks(&mut first).await && asks(&mut second).await && asks(&mut fourth).await);
    assert!(asks(&mut first).await);
    // Idle for longest is now the second.
    let mut fifth = connect().await;
    assert!(asks(&mut fifth).await);
    assert!(is_closed(&mut second).await);
    for stays in [&mut first, &mut fourth, &mut fifth] {
        assert!(asks(stays).await);
    }
}

/// Who waits for an answer keeps the place, and gives it up with the answer where others wait for it.
#[tokio::test]
async fn connections_are_bounded() {
    let mut server = start(&["a"], Limits { max_connections: 2, ..limits() }, true).await;
    let mut busy = Vec::new();
    for _ in 0..2 {
        let mut stream = TcpStream::connect(server.address).await.unwrap();
        stream.write_all(b"POST /-/reload HTTP/1.1\r\nHost: x\r\n\r\n").await.unwrap();
        busy.push((stream, server.reloads.recv().await.unwrap()));
    }
    let mut third = TcpStream::connect(server.address).await.unwrap();
    third.write_all(b"GET /-/healthy HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n").await.unwrap();
    let mut bytes = Vec::new();
    let early = timeout(SHORT, third.read_to_end(&mut bytes)).await;
    assert!(early.is_err(), "the third is not served beside two others");
    assert!(server.exporter.encode(None).contains("http_connections 2\n"));
    let (mut first, waiting) = busy.remove(0);
    waiting.send(Ok(())).unwrap();
    timeout(HANGS, third.read_to_end(&mut bytes)).await.expect("served when one is idle").unwrap();
    assert_eq!(answer(&bytes).code, 200);
    let mut bytes = Vec::new();
    timeout(HANGS, first.read_to_end(&mut bytes)).await.expect("its place is taken").unwrap();
    assert_eq!(answer(&bytes).text(), "reloaded\n");
    let (mut second, waiting) = busy.remove(0);
    waiting.send(Ok(())).unwrap();
    let mut status = [0; 12];
    second.read_exact(&mut status).await.unwrap();
    assert_eq!(&status, b"HTTP/1.1 200");
}

/// Nor does a connection give way whose client is still reading.
#[tokio::test]
async fn a_body_that_is_being_written_is_not_cut() {
    const REQUESTS: usize = 1000;
    let server = start(&["a"], Limits { max_connections: 1, ..limits() }, false).await;
    // All that is asked fits into the buffers between the two, and what is answered does not.
    let socket = TcpSocket::new_v4().unwrap();
    socket.set_recv_buffer_size(4096).unwrap();
    let mut slow = socket.connect(server.address).await.unwrap();
    let request = "GET /runbooks/split_brain HTTP/1.1\r\nHost: x\r\n\r\n";
    slow.write_all(request.repeat(REQUESTS).as_bytes()).await.unwrap();
    let mut other = TcpStream::connect(server.address).await.unwrap();
    other.write_all(b"GET /-/healthy HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n").await.unwrap();
    let mut bytes = Vec::new();
    assert!(timeout(SHORT, other.read_to_end(&mut bytes)).await.is_err(), "it waits");
    let mut taken = Vec::new();
    timeout(HANGS, slow.read_to_end(&mut taken)).await.expect("it gives way at the end").unwrap();
    let answers = taken.windows(15).filter(|at| at == b"HTTP/1.1 200 OK").count();
    assert_eq!(answers, REQUESTS);
    timeout(HANGS, other.read_to_end(&mut bytes)).await.expect("its turn").unwrap();
    assert_eq!(answer(&bytes).code, 200);
}

#[tokio::test]
async fn a_client_that_reads_nothing_is_dropped() {
    let short = Duration::from_millis(300);
    let server = start(&["a"], Limits { max_connections: 1, write_timeout: short, ..limits() }, false).await;
    let stream = TcpStream::connect(server.address).await.unwrap();
    let (unread, mut wanting) = stream.into_split();
    // Requests until the server stops reading them, because nobody takes its answers.
    let flood = tokio::spawn(async move {
        let requests = "GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n".repeat(1000);
        while wanting.write_all(requests.as_bytes()).await.is_ok() {}
    });
    timeout(HANGS, flood).await.expect("the server gives up").unwrap();
    drop(unread);
    assert_eq!(timeout(HANGS, get(&server, "/-/healthy")).await.expect("the place is free").code, 200);
}

#[tokio::test]
async fn a_stop_lets_open_requests_end_and_closes_the_rest() {
    let mut server = start(&["a"], limits(), true).await;
    let mut idle = TcpStream::connect(server.address).await.unwrap();
    idle.write_all(b"GET /-/healthy HTTP/1.1\r\nHost: x\r\n\r\n").await.unwrap();
    let mut kept = vec![0; 12];
    idle.read_exact(&mut kept).await.unwrap();
    let address = server.address;
    let open = tokio::spawn(async move { send(address, "POST /-/reload HTTP/1.1\r\nHost: x\r\n\r\n").await });
    let waiting = server.reloads.recv().await.unwrap();
    server.stop.take().unwrap().send(()).unwrap();
    timeout(HANGS, idle.read_to_end(&mut kept)).await.expect("idle ones are closed at once").unwrap();
    assert!(TcpStream::connect(address).await.is_err(), "nobody listens any more");
    assert!(!server.done.is_finished(), "an open request is waited for");
    waiting.send(Ok(())).unwrap();
    assert_eq!(open.await.unwrap().code, 200);
    timeout(HANGS, server.done).await.expect("the server returns").unwrap();
}

#[tokio::test]
async fn a_stop_does_not_wait_for_ever() {
    let mut server = start(&["a"], Limits { drain: Duration::from_millis(200), ..limits() }, true).await;
    let mut stream = TcpStream::connect(server.address).await.unwrap();
    stream.write_all(b"POST /-/reload HTTP/1.1\r\nHost: x\r\n\r\n").await.unwrap();
    let _never_answered = server.reloads.recv().await.unwrap();
    let _half = TcpStream::connect(server.address).await.unwrap().write_all(b"GET / HT").await;
    server.stop.take().unwrap().send(()).unwrap();
    timeout(HANGS, server.done).await.expect("the server returns").unwrap();
    let mut rest = Vec::new();
    assert_eq!(timeout(HANGS, stream.read_to_end(&mut rest)).await.expect("closed").unwrap_or(0), 0);
}
