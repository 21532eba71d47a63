//! The command `healthcheck`, against servers that are well, stand still, are silent or are no exporter.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::disallowed_methods,
    reason = "a test may fail, and has a clock"
)]

#[path = "common/web.rs"]
mod web;

use std::net::SocketAddr;

use redis_cluster_exporter::config::Web;
use redis_cluster_exporter::model::time::Timestamp;
use redis_cluster_exporter::run::healthcheck::{Unhealthy, ask};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;
use web::{HOUR, frame, limits, now, start};

fn at(address: SocketAddr) -> Web {
    Web { listen: vec![address], ..Web::default() }
}

#[tokio::test]
async fn an_exporter_whose_loops_turn_is_healthy_and_one_that_stands_still_is_not() {
    let server = start(&["orders"], limits(), false).await;
    ask(&at(server.address)).await.unwrap();
    // Listening on every address, it is asked on this machine's own.
    let any = SocketAddr::from(([0, 0, 0, 0], server.address.port()));
    ask(&at(any)).await.unwrap();

    let long_ago = Timestamp::from_seconds(now().as_seconds() - 4.0 * HOUR.as_secs_f64());
    server.frames[0].send_replace(Some(frame("orders", long_ago)));
    let says = ask(&at(server.address)).await.unwrap_err();
    assert!(matches!(says, Unhealthy::Says(..)), "{says:?}");
    let text = says.to_string();
    assert!(text.contains("503 Service Unavailable") && text.contains("orders"), "{text}");
}

#[tokio::test]
async fn nobody_is_not_healthy_and_neither_is_something_else() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let other = tokio::spawn(async move {
        let (mut stream, _) = listener.accept().await.unwrap();
        // What is closed with bytes unread is reset.
        let mut request = Vec::new();
        while !request.ends_with(b"\r\n\r\n") {
            stream.read_buf(&mut request).await.unwrap();
        }
        stream.write_all(b"-ERR unknown command 'GET'\r\n").await.unwrap();
    });
    let says = ask(&at(address)).await.unwrap_err();
    assert!(says.to_string().ends_with("answered: -ERR unknown command 'GET'"), "{says}");
    other.await.unwrap();

    assert!(matches!(ask(&at(address)).await, Err(Unhealthy::Connection(..))));
}

#[tokio::test(start_paused = true)]
async fn silence_is_not_health() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    assert!(matches!(ask(&at(address)).await, Err(Unhealthy::Silent(_))));
}

#[tokio::test]
async fn behind_tls_all_that_is_asked_is_whether_it_takes_connections() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let web = Web { config_file: Some("web.yml".into()), ..at(address) };
    ask(&web).await.unwrap();
    drop(listener);
    assert!(matches!(ask(&web).await, Err(Unhealthy::Connection(..))));
}
