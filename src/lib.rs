//! redis-cluster-exporter: every node's view of a Redis or Valkey Cluster, side by side.

pub mod capture;
pub mod config;
pub mod frame;
pub mod history;
pub mod metrics;
pub mod model;
pub mod parse;
pub mod probes;
