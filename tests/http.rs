//! The HTTP server over real sockets.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::disallowed_methods,
    reason = "a test may fail, and has a clock"
)]

#[path = "common/web.rs"]
mod web;

/// How long connections stay, and which of them give way.
#[path = "connected/staying.rs"]
mod staying;

use std::sync::Arc;
use std::time::Instant;

use redis_cluster_exporter::http::{Limits, health};
use redis_cluster_exporter::model::time::Timestamp;
use tokio::net::TcpListener;
use web::*;

const OPEN: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";
const CLASSIC: &str = "text/plain; version=0.0.4; charset=utf-8";

#[tokio::test]
async fn the_format_is_the_one_that_the_client_prefers() {
    let server = start(&["a"], limits(), false).await;
    for (headers, content_type) in [
        ("", CLASSIC),
        ("Accept: */*\r\n", CLASSIC),
        ("Accept: application/openmetrics-text;version=1.0.0,*/*;q=0.1\r\n", OPEN),
        ("Accept: text/plain;q=0.5\r\nAccept: application/openmetrics-text;q=0.9\r\n", OPEN),
        ("Accept: text/plain;q=0.9\r\nAccept: application/openmetrics-text;q=0.5\r\n", CLASSIC),
    ] {
        let answer = ask(&server, "GET", "/metrics", headers).await;
        assert_eq!(answer.code, 200);
        assert_eq!(answer.header("content-type"), Some(content_type), "{headers}");
        assert_eq!(answer.header("vary"), Some("Accept, Accept-Encoding"));
        assert_eq!(answer.header("content-encoding"), None);
        let text = answer.text();
        assert_eq!(text.ends_with("# EOF\n"), content_type == OPEN, "{text}");
        let open_type = text.contains("# TYPE rediscluster_exporter_polls counter\n");
        let classic_type = text.contains("# TYPE rediscluster_exporter_polls_total counter\n");
        assert_eq!((open_type, classic_type), (content_type == OPEN, content_type == CLASSIC));
        assert!(text.contains("rediscluster_exporter_polls_total{redis_cluster=\"a\"} 0\n"));
    }
}

#[tokio::test]
async fn gzip_holds_the_same_text() {
    let server = start(&["a"], limits(), false).await;
    for accept in ["", "Accept: application/openmetrics-text\r\n"] {
        let zipped = ask(&server, "GET", "/metrics", &format!("{accept}Accept-Encoding: gzip\r\n")).await;
        assert_eq!(zipped.header("content-encoding"), Some("gzip"));
        assert_eq!(zipped.header("content-length"), Some(&*zipped.body.len().to_string()));
        assert!(zipped.body.len() < zipped.unzipped().len() / 2);
        assert!(zipped.unzipped().contains("rediscluster_exporter_polls_total{redis_cluster=\"a\"} 0\n"));
        let refused = ask(&server, "GET", "/metrics", "Accept-Encoding: gzip;q=0, *\r\n").await;
        assert_eq!(refused.header("content-encoding"), None);
    }
}

#[tokio::test]
async fn one_cluster_can_be_asked_for_and_an_unknown_one_is_an_error() {
    let server = start(&["a", "b c&d"], limits(), false).await;
    let all = get(&server, "/metrics").await;
    assert!(all.text().contains("polls_total{redis_cluster=\"a\"}"));
    assert!(all.text().contains("polls_total{redis_cluster=\"b c&d\"}"));
    for path in ["/metrics?cluster=b+c%26d", "/metrics?x=1&cluster=b%20c%26d"] {
        let one = get(&server, path).await;
        assert_eq!(one.code, 200);
        assert!(one.text().contains("polls_total{redis_cluster=\"b c&d\"}"));
        assert!(!one.text().contains("redis_cluster=\"a\""), "{}", one.text());
    }
    for path in ["/metrics?cluster=c", "/metrics?cluster=", "/metrics?cluster=a&cluster=a"] {
        assert_eq!(get(&server, path).await.code, 400, "{path}");
    }
    assert_eq!(
        get(&server, "/metrics?cluster=127.0.0.1:6379").await.text(),
        "no cluster \"127.0.0.1:6379\" is configured\n"
    );
}

#[tokio::test]
async fn ready_once_every_cluster_has_a_frame() {
    let server = start(&["a", "b"], limits(), false).await;
    let answer = get(&server, "/-/ready").await;
    assert_eq!(answer.code, 503);
    assert!(answer.text().contains("\"a\"") && answer.text().contains("\"b\""), "{}", answer.text());
    server.frames[0].send_replace(Some(frame("a", now())));
    let answer = get(&server, "/-/ready").await;
    assert_eq!(answer.code, 503);
    assert!(!answer.text().contains("\"a\"") && answer.text().contains("\"b\""), "{}", answer.text());
    server.frames[1].send_replace(Some(frame("b", now())));
    assert_eq!(get(&server, "/-/ready").await.code, 200);

    let (_sender, late) = published("late");
    server.clusters.store(Arc::new(vec![late]));
    let answer = get(&server, "/-/ready").await;
    assert_eq!((answer.code, answer.text().contains("\"late\"")), (503, true), "a reload starts anew");
}

#[tokio::test]
async fn healthy_while_the_loops_turn() {
    let server = start(&["a", "b"], limits(), false).await;
    assert_eq!(get(&server, "/-/healthy").await.code, 200, "a loop that has just begun");
    let ago = |hours: f64| Timestamp::from_seconds(now().as_seconds() - hours * 3600.0);
    server.frames[0].send_replace(Some(frame("a", ago(2.9))));
    server.frames[1].send_replace(Some(frame("b", now())));
    assert_eq!(get(&server, "/-/healthy").await.code, 200);
    server.frames[0].send_replace(Some(frame("a", ago(3.1))));
    let answer = get(&server, "/-/healthy").await;
    assert_eq!(answer.code, 503);
    assert!(answer.text().contains("\"a\"") && !answer.text().contains("\"b\""), "{}", answer.text());
    server.frames[0].send_replace(Some(frame("a", now())));
    assert_eq!(get(&server, "/-/healthy").await.code, 200);
}

#[test]
fn a_loop_that_never_published_counts_from_its_start() {
    let (_sender, cluster) = published("a");
    let clusters = [cluster];
    let after = |hours: u32| health::stalled(&clusters, now(), Instant::now() + HOUR * hours).len();
    assert_eq!((after(2), after(4)), (0, 1));
}

#[tokio::test]
async fn other_methods_and_paths() {
    let server = start(&["a"], limits(), true).await;
    for path in ["/", "/metrics", "/-/healthy", "/api/v1/sd"] {
        let head = ask(&server, "HEAD", path, "").await;
        assert_eq!((head.code, head.body.len()), (200, 0), "{path}");
        assert_ne!(head.header("content-length"), Some("0"), "{path}");
        for method in ["POST", "PUT", "DELETE", "OPTIONS", "BREW"] {
            let answer = ask(&server, method, path, "").await;
            assert_eq!((answer.code, answer.header("allow")), (405, Some("GET,HEAD")), "{method} {path}");
        }
    }
    assert_eq!(get(&server, "/-/reload").await.code, 405);
    for path in ["/metrics/", "/Metrics", "/clusters/%3Cb%3E", "//", "/-/quit", "/metrics%00"] {
        let answer = get(&server, path).await;
        assert_eq!(
            (answer.code, answer.header("content-type")),
            (404, Some("text/plain; charset=utf-8")),
            "{path}"
        );
        assert_eq!(answer.header("x-content-type-options"), Some("nosniff"));
    }
}

#[tokio::test]
async fn requests_are_counted_by_route() {
    let server = start(&["a"], limits(), false).await;
    get(&server, "/metrics?cluster=a").await;
    get(&server, "/metrics?cluster=nobody").await;
    get(&server, "/made/up/1").await;
    get(&server, "/made/up/2").await;
    let text = server.exporter.encode(None);
    for line in [
        "rediscluster_exporter_http_requests_total{handler=\"/metrics\",code=\"200\"} 1",
        "rediscluster_exporter_http_requests_total{handler=\"/metrics\",code=\"400\"} 1",
        "rediscluster_exporter_http_requests_total{handler=\"other\",code=\"404\"} 2",
    ] {
        assert!(text.lines().any(|have| have == line), "{line}\n{text}");
    }
}

#[tokio::test]
async fn service_discovery_names_the_host_that_was_asked() {
    let server = start(&["a", "b\"c"], limits(), false).await;
    let answer = get(&server, "/api/v1/sd").await;
    assert_eq!(answer.header("content-type"), Some("application/json"));
    let targets: serde_json::Value = serde_json::from_slice(&answer.body).unwrap();
    let target = |name: &str| serde_json::json!({"targets": ["exporter:19121"], "labels": {"__param_cluster": name, "redis_cluster": name}});
    assert_eq!(targets, serde_json::json!([target("a"), target("b\"c")]));
    let old = send(server.address, "GET /api/v1/sd HTTP/1.0\r\n\r\n").await;
    assert!(old.text().contains(&format!("\"targets\":[\"{}\"]", server.address)), "{}", old.text());
    for host in ["user@exporter:19121", "a b", "x/y", "<b>"] {
        let request = format!("GET /api/v1/sd HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n");
        assert_eq!(send(server.address, &request).await.code, 400, "{host}");
    }
}

#[tokio::test]
async fn reload_only_where_it_is_enabled() {
    let closed = start(&["a"], limits(), false).await;
    assert_eq!(ask(&closed, "POST", "/-/reload", "").await.code, 403);

    let mut server = start(&["a"], limits(), true).await;
    for (outcome, code, text) in
        [(Ok(()), 200, "reloaded\n"), (Err("line 3: no".to_owned()), 500, "not reloaded: line 3: no\n")]
    {
        let asked = send(server.address, "POST /-/reload HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
        let (answer, ()) = tokio::join!(asked, async {
            server.reloads.recv().await.unwrap().send(outcome).unwrap();
        });
        assert_eq!((answer.code, answer.text()), (code, text));
    }
    drop(server.reloads);
    let request = "POST /-/reload HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n";
    assert_eq!(send(server.address, request).await.code, 503);
}

#[tokio::test]
async fn an_endless_head_is_refused() {
    let server = start(&["a"], limits(), false).await;
    let answer = ask(&server, "GET", "/metrics", &format!("X: {}\r\n", "x".repeat(100_000))).await;
    assert_eq!(answer.code, 431);
    assert_eq!(get(&server, "/metrics").await.code, 200);
}

#[tokio::test]
async fn all_listeners_are_served() {
    let one = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let two = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let addresses = [one.local_addr().unwrap(), two.local_addr().unwrap()];
    let _server =
        start_on(vec![one, two], addresses[0], &["a"], Limits { max_connections: 1, ..limits() }, false);
    for address in [addresses[1], addresses[0], addresses[1]] {
        let answer = send(address, "GET /-/healthy HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n").await;
        assert_eq!(answer.code, 200);
    }
}
