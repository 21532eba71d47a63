//! From [`File`] to [`Config`]: fills in the defaults and says everything that is wrong.

mod cluster;

use std::collections::BTreeSet;
use std::net::{Ipv6Addr, SocketAddr, ToSocketAddrs};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use super::error::{Place, Report};
use super::file::{ClusterFile, File, LogFile, PollFile, Section, ShardFile, WebFile};
use super::{Config, Log, LogFormat, Poll, Shard, Web};

/// Least interval of the polls.
const SHORTEST_INTERVAL: Duration = Duration::from_millis(100);

/// What the check knows beside the file.
pub(super) struct Checker<'a> {
    pub(super) report: &'a mut Report,
    /// Where relative names of secret files are looked up.
    pub(super) credentials: Option<PathBuf>,
}

impl Checker<'_> {
    /// The configuration. It is only valid if the report is empty afterwards.
    pub(super) fn config(&mut self, file: File) -> Config {
        let poll = self.poll(file.poll.unwrap_or_default().0);
        self.defaults(&file.defaults.unwrap_or_default().0);
        let mut clusters = self.clusters(file.clusters.unwrap_or_default());
        let shard = self.shard(&file.shard.unwrap_or_default().0);
        clusters.retain(|cluster| shard.watches(&cluster.name));
        let web = self.web(file.web.unwrap_or_default().0);
        let log = self.log(file.log.unwrap_or_default().0);
        Config { poll, clusters, shard, web, log }
    }

    fn poll(&mut self, file: PollFile) -> Poll {
        let default = Poll::default();
        let poll = Poll {
            interval: file.interval.unwrap_or(default.interval),
            timeout: file.timeout.unwrap_or(default.timeout),
            slow_interval: file.slow_interval.unwrap_or(default.slow_interval),
            sweep_interval: file.sweep_interval.unwrap_or(default.sweep_interval),
            concurrency: file.concurrency.map_or(default.concurrency, |n| n as usize),
        };
        if poll.interval < SHORTEST_INTERVAL {
            self.report.wrong("poll.interval", format!("{:?} is less than 100ms", poll.interval));
        }
        if poll.timeout.is_zero() {
            self.report.wrong("poll.timeout", "wanted more than 0s");
        }
        if poll.timeout >= poll.interval {
            let message = format!("{:?} is not less than the interval of {:?}", poll.timeout, poll.interval);
            self.report.unfit("poll.timeout", message);
        }
        if poll.slow_interval < poll.interval {
            let message =
                format!("{:?} is less than the interval of {:?}", poll.slow_interval, poll.interval);
            self.report.unfit("poll.slow_interval", message);
        }
        if poll.sweep_interval < poll.interval {
            let message =
                format!("{:?} is less than the interval of {:?}", poll.sweep_interval, poll.interval);
            self.report.unfit("poll.sweep_interval", message);
        }
        if poll.concurrency == 0 {
            self.report.wrong("poll.concurrency", "wanted at least 1");
        }
        poll
    }

    /// What all clusters share cannot be what tells them apart.
    fn defaults(&mut self, file: &ClusterFile) {
        if file.name.is_some() {
            self.report.wrong("defaults.name", "every cluster has its own name: give it under clusters");
        }
        if file.seeds.is_some() {
            self.report.wrong("defaults.seeds", "every cluster has its own seeds: give them under clusters");
        }
    }

    fn clusters(&mut self, files: Vec<Section<ClusterFile>>) -> Vec<Arc<super::Cluster>> {
        if files.is_empty() {
            let message =
                "none: give seeds on the command line, or a file with --config.file that lists clusters";
            self.report.unfit("clusters", message);
        }
        let mut names = BTreeSet::new();
        let mut clusters = Vec::new();
        for (n, Section(file)) in files.into_iter().enumerate() {
            let cluster = self.cluster(n, file);
            if !cluster.name.is_empty() && !names.insert(Arc::clone(&cluster.name)) {
                self.report.wrong(&format!("clusters[{n}].name"), format!("{:?} is taken", cluster.name));
            }
            clusters.push(Arc::new(cluster));
        }
        clusters
    }

    fn shard(&mut self, file: &ShardFile) -> Shard {
        let count = file.count.unwrap_or(1);
        if count == 0 || count > Shard::MOST {
            self.report.wrong("shard.count", format!("{count}: wanted 1 to {}", Shard::MOST));
            return Shard::default();
        }
        // Who guessed would be the second to watch what another one watches.
        let index = file.index.or((count == 1).then_some(0));
        let shard = index.and_then(|index| Shard::new(index, count));
        if shard.is_none() {
            let found =
                index.map_or("missing".to_owned(), |index| format!("{index} is not less than the count"));
            self.report.unfit("shard.index", format!("{found}: wanted 0 to {}", count - 1));
        }
        shard.unwrap_or_default()
    }

    fn web(&mut self, file: WebFile) -> Web {
        let default = Web::default();
        let mut listen = Vec::new();
        let texts = file.listen_address.map(|list| list.0);
        for (n, text) in texts.iter().flatten().enumerate() {
            match listen_addresses(text) {
                Ok(addresses) => listen.extend(addresses),
                Err(message) => self.report.wrong(&format!("web.listen_address[{n}]"), message),
            }
        }
        if texts.as_ref().is_some_and(Vec::is_empty) {
            self.report.wrong("web.listen_address", "empty: wanted at least one address such as :19121");
        }
        // As the toolkit has it, `--web.config.file=` is none.
        let config_file = file.config_file.filter(|path| !path.is_empty());
        if file.max_connections == Some(0) {
            self.report.wrong("web.max_connections", "wanted at least 1");
        }
        if file.header_timeout.is_some_and(|span| span.is_zero()) {
            self.report.wrong("web.header_timeout", "wanted more than 0s");
        }
        Web {
            listen: if texts.is_some() { listen } else { default.listen },
            config_file: config_file.map(|path| self.beside("web.config_file", &path)),
            enable_lifecycle: file.enable_lifecycle.unwrap_or(default.enable_lifecycle),
            max_connections: file.max_connections.map_or(default.max_connections, |n| n as usize),
            header_timeout: file.header_timeout.unwrap_or(default.header_timeout),
        }
    }

    fn log(&mut self, file: LogFile) -> Log {
        let default = Log::default();
        let level = match file.level.as_deref() {
            None => default.level,
            Some("error") => tracing::Level::ERROR,
            Some("warn") => tracing::Level::WARN,
            Some("info") => tracing::Level::INFO,
            Some("debug") => tracing::Level::DEBUG,
            Some("trace") => tracing::Level::TRACE,
            Some(other) => {
                let message = format!("{other:?} is no level: wanted error, warn, info, debug or trace");
                self.report.wrong("log.level", message);
                default.level
            }
        };
        let format = match file.format.as_deref() {
            None => default.format,
            Some("logfmt") => LogFormat::Logfmt,
            Some("json") => LogFormat::Json,
            Some(other) => {
                self.report.wrong("log.format", format!("{other:?} is no format: wanted logfmt or json"));
                default.format
            }
        };
        Log { level, format }
    }

    /// A relative path of the file is meant from the file's directory; one of a flag or variable from where we run.
    fn beside(&self, key: &str, path: &str) -> PathBuf {
        let file = match self.report.place(key) {
            Place::Line(file, ..) | Place::File(file) => file,
            Place::Nowhere | Place::Variable(_) | Place::Flag(_) => return PathBuf::from(path),
        };
        file.parent().unwrap_or(Path::new("")).join(path)
    }

    /// The same for a file with a secret, which systemd may hold for us.
    fn secret_beside(&self, key: &str, path: &str) -> PathBuf {
        match &self.credentials {
            Some(directory) => directory.join(path),
            None => self.beside(key, path),
        }
    }
}

/// `:port` is every address of both IP versions: the IPv6 wildcard, which takes IPv4 too. A name is resolved.
fn listen_addresses(text: &str) -> Result<Vec<SocketAddr>, String> {
    let wanted = "wanted host:port, [v6]:port or :port";
    let port = |text: &str| text.parse::<u16>().map_err(|_| format!("{text:?} is not a port: {wanted}"));
    let Some((host, number)) = text.rsplit_once(':') else {
        return Err(format!("{text:?} has no port: {wanted}"));
    };
    let number = port(number)?;
    if host.is_empty() {
        return Ok(vec![SocketAddr::from((Ipv6Addr::UNSPECIFIED, number))]);
    }
    match text.to_socket_addrs() {
        Ok(addresses) => Ok(addresses.collect()),
        Err(error) => Err(format!("{text:?} cannot be resolved ({error}): {wanted}")),
    }
}
