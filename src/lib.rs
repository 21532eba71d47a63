//! redis-cluster-exporter: every node's view of a Redis or Valkey Cluster, side by side.

pub mod ask;
pub mod cli;
pub mod config;
pub mod frame;
pub mod history;
pub mod http;
pub mod metrics;
pub mod model;
pub mod parse;
pub mod probes;
pub mod self_metrics;
pub mod service;
pub mod status;
