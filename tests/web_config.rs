//! Access control of the HTTP server: what a web configuration may say, and what the server makes of it.
#![allow(
    clippy::disallowed_methods,
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a test runs a server and a clock, and fails by panicking"
)]

#[path = "common/authority.rs"]
mod authority;
#[path = "common/web.rs"]
mod web;

/// Files: good and bad, and what is said of them.
#[path = "access/files.rs"]
mod files;
/// The server over TLS: versions, suites, certificates of clients, rotation.
#[path = "access/tls.rs"]
mod tls;
/// Passwords, headers, rate, and a file that changes.
#[path = "access/users.rs"]
mod users;
