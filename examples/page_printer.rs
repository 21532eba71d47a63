//! Stands in for a pager in the demo: prints what Alertmanager tells its webhook, a paragraph per page.
//!
//! `page_printer ADDRESS` serves `/p1`, `/p2` and `/p3`, one for each receiver of `alerts/alertmanager.example.yml`.
#![allow(
    clippy::disallowed_methods,
    clippy::expect_used,
    clippy::print_stdout,
    reason = "a stand-in of the demo: it prints the time, and ends where it cannot work"
)]

use std::collections::BTreeMap;
use std::io::{IsTerminal, stdout};
use std::sync::{Arc, Mutex};
use std::time::{SystemTime, UNIX_EPOCH};

use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::StatusCode;
use axum::routing::post;
use serde_json::Value;

/// By fingerprint, whether the alert fires. A group is told of again whenever one of its alerts changes.
type Told = Arc<Mutex<BTreeMap<String, bool>>>;

#[tokio::main(flavor = "current_thread")]
async fn main() {
    let address = std::env::args().nth(1).expect("an address to listen on");
    let listener = tokio::net::TcpListener::bind(address).await.expect("the address is free");
    let routes = Router::new().route("/{receiver}", post(notified)).with_state(Told::default());
    axum::serve(listener, routes).await.expect("it serves");
}

async fn notified(State(told): State<Told>, body: Bytes) -> StatusCode {
    let Ok(notification) = serde_json::from_slice::<Value>(&body) else { return StatusCode::BAD_REQUEST };
    let mut told = told.lock().expect("no panic while it is held");
    for alert in notification["alerts"].as_array().into_iter().flatten() {
        let firing = alert["status"] == "firing";
        if told.insert(alert["fingerprint"].to_string(), firing).unwrap_or(false) != firing {
            print(alert, firing);
        }
    }
    StatusCode::OK
}

fn print(alert: &Value, firing: bool) {
    let text = |kind: &str, name: &str| alert[kind][name].as_str().unwrap_or_default().to_owned();
    let (priority, name) = (text("labels", "priority"), text("labels", "alertname"));
    let verb = match (firing, &*priority) {
        (false, _) => "resolved",
        (true, "P1") => "PAGE",
        (true, "P2") => "within the hour",
        (true, _) => "ticket",
    };
    let terminal = stdout().is_terminal();
    // Over the line of the demo that is written anew each second.
    let (line, end) = match (terminal, firing, &*priority) {
        (false, ..) => ("", ""),
        (_, false, _) => ("\r\x1b[K\x1b[32m", "\x1b[0m"),
        (_, true, "P1") => ("\r\x1b[K\x1b[1;31m", "\x1b[0m"),
        (_, true, _) => ("\r\x1b[K\x1b[33m", "\x1b[0m"),
    };
    let now = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs()) % 86400;
    let (hour, minute, second) = (now / 3600, now / 60 % 60, now % 60);
    let summary = text("annotations", "summary");
    println!("{line}{hour:02}:{minute:02}:{second:02} UTC  {verb}: {priority} {name}: {summary}{end}");
    if firing {
        println!("    {}", text("annotations", "description"));
        println!("    {}", text("annotations", "runbook_url"));
    }
}
