//! redis-cluster-exporter: one daemon that polls every node of Redis and Valkey Clusters, joins what all of them say
//! into one view, and serves it to Prometheus.
//!
//! The modules in reading order; each may use only those above it:
//!
//! | module | kind | holds |
//! |---|---|---|
//! | [`model`] | pure | the vocabulary: ids, slots, snapshots, the view of all nodes side by side |
//! | [`probes`] | table | what we ask |
//! | [`resp`] | pure | bytes to replies and back |
//! | [`parse`] | pure | replies to snapshots |
//! | [`checks`] | table, pure | what we conclude |
//! | [`history`] | pure | what one view cannot show: changes, lag, first sights |
//! | [`frame`] | pure | `analyze`: replies in, frame out |
//! | [`metrics`] | table | what we export |
//! | [`status`] | pure | frames to pages |
//! | [`mod@derive`] | pure | tables to documents |
//! | [`config`], [`self_metrics`], [`alarms`], [`ask`], [`capture`] | shell | configuration; own counters; timers that many share; one node; directories of replies |
//! | [`poll`] | shell | the loop of one cluster |
//! | [`http`], [`service`], [`log`] | shell | frames to Prometheus and to systemd; lines on stderr |
//! | [`mod@run`], [`cli`] | shell | everything together; the command line |

pub mod alarms;
pub mod ask;
pub mod capture;
pub mod checks;
pub mod cli;
pub mod clock;
pub mod config;
pub mod derive;
pub mod frame;
pub mod history;
pub mod http;
pub mod log;
pub mod metrics;
pub mod model;
pub mod parse;
pub mod poll;
pub mod probes;
pub mod resp;
pub mod run;
pub mod self_metrics;
pub mod service;
pub mod status;
