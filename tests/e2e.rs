//! The built program against real servers that each test boots for itself, compared with what `redis-cli` says.
//!
//! `RCE_SERVER` and `RCE_CLI` choose another server than the installed one.
#![allow(
    clippy::expect_used,
    clippy::print_stderr,
    clippy::print_stdout,
    reason = "clippy allows these in test functions, and this is what they call"
)]

/// What the scenarios stand on.
pub mod common {
    pub mod authority;
    pub mod exporter;
    pub mod prometheus;
    pub mod real;
    pub mod relay;
    pub mod samples;
}

mod real_cluster {
    mod access;
    mod faults;
    mod harness;
    mod lag;
    mod naming;
    mod prometheus;
    mod reload;
    mod rotation;
    mod same_as_cli;
    mod secrets;
    mod seeds;
    mod tls;
    mod topology;
}
