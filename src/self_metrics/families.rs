//! One moment of the exporter's own counters, and how it is put into families.

use std::fmt::Error;
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;

use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, EncodeGaugeValue};
use prometheus_client::metrics::MetricType;
use prometheus_client::registry::Unit;

use super::process::Process;
use super::{ClusterCounts, Reload};
use crate::model::failure::AskError;
use crate::model::time::Timestamp;

/// A moment, owned, as the encoder wants it.
#[derive(Debug)]
pub(super) struct Families {
    pub(super) clusters: Vec<(String, Arc<ClusterCounts>)>,
    pub(super) reload: Reload,
    /// `None` without a web configuration.
    pub(super) web_reload: Option<Reload>,
    pub(super) requests: Vec<(String, u16, u64)>,
    pub(super) connections: u64,
    pub(super) tasks: Option<u64>,
    pub(super) process: Process,
    pub(super) started: Option<Timestamp>,
}

impl Collector for Families {
    fn encode(&self, mut encoder: DescriptorEncoder) -> Result<(), Error> {
        build_info(&mut encoder)?;
        self.clusters(&mut encoder)?;
        self.configuration(&mut encoder)?;
        self.http(&mut encoder)?;
        gauge(
            &mut encoder,
            "rediscluster_exporter_tasks",
            "Tasks of the runtime that are alive: one for each HTTP connection and cluster, and a few more",
            None,
            self.tasks,
        )?;
        self.process(&mut encoder)
    }
}

impl Families {
    fn clusters(&self, encoder: &mut DescriptorEncoder) -> Result<(), Error> {
        self.cluster_counter(encoder, "polls", "Polls of the cluster that ended", |counts| {
            counts.polls.load(Relaxed)
        })?;
        self.cluster_counter(
            encoder,
            "polls_overrun",
            "Polls that outlasted the interval, so that a tick was lost",
            |counts| counts.overruns.load(Relaxed),
        )?;
        self.cluster_counter(encoder, "connects", "Connections made to nodes of the cluster", |counts| {
            counts.connects.load(Relaxed)
        })?;
        let rows = self.clusters.iter().flat_map(|(name, counts)| {
            let kinds = AskError::KINDS.into_iter().zip(&counts.errors);
            kinds.map(|(kind, count)| ([("redis_cluster", &**name), ("error", kind)], count.load(Relaxed)))
        });
        counter(
            encoder,
            "rediscluster_exporter_ask_errors",
            "Times that asking a node failed, by kind of error",
            rows,
        )
    }

    fn cluster_counter(
        &self,
        encoder: &mut DescriptorEncoder,
        name: &str,
        help: &str,
        read: fn(&ClusterCounts) -> u64,
    ) -> Result<(), Error> {
        let rows = self.clusters.iter().map(|(name, counts)| ([("redis_cluster", &**name)], read(counts)));
        counter(encoder, &format!("rediscluster_exporter_{name}"), help, rows)
    }

    fn configuration(&self, encoder: &mut DescriptorEncoder) -> Result<(), Error> {
        let taken = |reload: Reload| u64::from(reload.successful);
        let at = |reload: Reload| reload.succeeded_at.as_seconds();
        gauge(
            encoder,
            "rediscluster_exporter_config_last_reload_successful",
            "Whether the configuration was taken when it was last read: 1, or 0 while an older one is in use",
            None,
            Some(taken(self.reload)),
        )?;
        gauge(
            encoder,
            "rediscluster_exporter_config_last_reload_success_timestamp",
            "When the configuration in use was read, since the Unix epoch",
            Some(Unit::Seconds),
            Some(at(self.reload)),
        )?;
        gauge(
            encoder,
            "rediscluster_exporter_web_config_last_reload_successful",
            "Whether the web configuration was taken when it was last read: 1, or 0 while an older one is in use",
            None,
            self.web_reload.map(taken),
        )?;
        gauge(
            encoder,
            "rediscluster_exporter_web_config_last_reload_success_timestamp",
            "When the web configuration in use was read, since the Unix epoch",
            Some(Unit::Seconds),
            self.web_reload.map(at),
        )
    }

    fn http(&self, encoder: &mut DescriptorEncoder) -> Result<(), Error> {
        let codes: Vec<String> = self.requests.iter().map(|(_, code, _)| code.to_string()).collect();
        let rows = self
            .requests
            .iter()
            .zip(&codes)
            .map(|((handler, _, count), code)| ([("handler", &**handler), ("code", &**code)], *count));
        counter(
            encoder,
            "rediscluster_exporter_http_requests",
            "Requests answered, by route and status code",
            rows,
        )?;
        gauge(
            encoder,
            "rediscluster_exporter_http_connections",
            "HTTP connections that are open",
            None,
            Some(self.connections),
        )
    }

    /// The names and meanings that Prometheus client libraries agree on.
    fn process(&self, encoder: &mut DescriptorEncoder) -> Result<(), Error> {
        let process = &self.process;
        encoder
            .encode_descriptor(
                "process_cpu",
                "CPU time that the exporter used, user and system",
                Some(&Unit::Seconds),
                MetricType::Counter,
            )?
            .encode_counter::<[(&str, &str); 0], _, u64>(&process.cpu_seconds, None)?;
        let bytes = Some(Unit::Bytes);
        gauge(
            encoder,
            "process_resident_memory",
            "Memory in RAM (/proc/self/statm)",
            bytes.clone(),
            process.resident_bytes,
        )?;
        gauge(
            encoder,
            "process_virtual_memory",
            "Address space (/proc/self/statm)",
            bytes,
            process.virtual_bytes,
        )?;
        gauge(encoder, "process_threads", "Threads (/proc/self/task)", None, process.threads)?;
        gauge(encoder, "process_open_fds", "Open file descriptors (/proc/self/fd)", None, process.open_fds)?;
        gauge(
            encoder,
            "process_max_fds",
            "File descriptors that may be open (RLIMIT_NOFILE, soft)",
            None,
            process.max_fds,
        )?;
        let started = self.started.map(Timestamp::as_seconds);
        gauge(
            encoder,
            "process_start_time",
            "When the exporter started, since the Unix epoch",
            Some(Unit::Seconds),
            started,
        )
    }
}

fn build_info(encoder: &mut DescriptorEncoder) -> Result<(), Error> {
    let mut labels = vec![("version", env!("CARGO_PKG_VERSION"))];
    labels.extend(option_env!("REDIS_CLUSTER_EXPORTER_REVISION").map(|revision| ("revision", revision)));
    encoder
        .encode_descriptor(
            "rediscluster_exporter_build",
            "The exporter's version, and its revision where the build knew it",
            None,
            MetricType::Info,
        )?
        .encode_info(&labels)
}

fn counter<'a, const N: usize>(
    encoder: &mut DescriptorEncoder,
    name: &str,
    help: &str,
    rows: impl Iterator<Item = ([(&'static str, &'a str); N], u64)>,
) -> Result<(), Error> {
    let mut family = encoder.encode_descriptor(name, help, None, MetricType::Counter)?;
    for (labels, value) in rows {
        family.encode_family(&labels)?.encode_counter::<[(&str, &str); 0], _, u64>(&value, None)?;
    }
    Ok(())
}

/// A family of one series, or nothing where the value cannot be had.
fn gauge(
    encoder: &mut DescriptorEncoder,
    name: &str,
    help: &str,
    unit: Option<Unit>,
    value: Option<impl EncodeGaugeValue>,
) -> Result<(), Error> {
    let Some(value) = value else { return Ok(()) };
    encoder.encode_descriptor(name, help, unit.as_ref(), MetricType::Gauge)?.encode_gauge(&value)
}
