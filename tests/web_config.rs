//! Access control of the HTTP server: what a web configuration may say, and what the server makes of it.
#![allow(
    clippy::disallowed_methods,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::print_stderr,
    reason = "a test runs a server and a clock, and fails by panicking"
)]

/// What the scenarios with real clients stand on.
pub mod common {
    pub mod prometheus;
    pub mod real;
}

#[path = "common/authority.rs"]
mod authority;
#[path = "common/web.rs"]
mod web;

/// Files: good and bad, and what is said of them.
#[path = "access/files.rs"]
mod files;
/// Clients of HTTP/2 that would take more than they may have.
#[path = "access/greedy.rs"]
mod greedy;
/// HTTP/2: when it is spoken, and that it serves what HTTP/1.1 serves.
#[path = "access/http2.rs"]
mod http2;
/// The server over TLS: versions, suites, certificates of clients, rotation.
#[path = "access/tls.rs"]
mod tls;
/// Passwords, headers, rate, and a file that changes.
#[path = "access/users.rs"]
mod users;
