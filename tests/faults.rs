//! The built program against nodes that do wrong: a fault costs only its node, says its kind, and leaves no trace.
//!
//! `cargo test --test faults` prints one line for each fault. Nothing is asserted about time: what has to come soon
//! is waited for.
#![allow(
    clippy::disallowed_methods,
    clippy::expect_used,
    clippy::unwrap_used,
    clippy::print_stderr,
    reason = "measures against a real clock, and fails by panicking"
)]

#[allow(dead_code, unreachable_pub, reason = "other tests use the rest")]
mod common {
    pub(crate) mod exporter;
    pub(crate) mod fake_node;
    pub(crate) mod real;
    pub(crate) mod samples;
    pub(crate) mod served;
    pub(crate) mod sim;
}

mod node_faults {
    mod kinds;
    mod many;
    mod rights;
    mod stage;
}
