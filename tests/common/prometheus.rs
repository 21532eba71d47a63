//! A real Prometheus, and its HTTP API as a client sees it.
#![allow(clippy::disallowed_methods, reason = "tests start programs")]

use std::io::Write;
use std::net::TcpStream;
use std::path::Path;
use std::process::{Child, Command, Stdio};

use tempfile::TempDir;

use super::real::{end, free_port};

/// A running Prometheus that scrapes each second. Dropped, it is killed.
pub struct Prometheus {
    child: Child,
    address: String,
    _dir: TempDir,
}

impl Prometheus {
    /// Scrapes targets, each given with its job; several may share one.
    pub fn start(targets: &[(&str, &str)]) -> Self {
        Self::with_rules(targets, "")
    }

    /// The same with a file of rules.
    pub fn with_rules(targets: &[(&str, &str)], rules: &str) -> Self {
        let dir = TempDir::with_prefix("rce-prometheus-").expect("temporary directory");
        let mut config = "global: {scrape_interval: 1s, scrape_timeout: 1s, evaluation_interval: 1s}\n\
                          rule_files: [rules.yml]\nscrape_configs:\n"
            .to_owned();
        let mut jobs: Vec<&str> = targets.iter().map(|(job, _)| *job).collect();
        jobs.dedup();
        for job in jobs {
            let of_job: Vec<_> =
                targets.iter().filter(|(of, _)| *of == job).map(|(_, target)| *target).collect();
            let of_job = of_job.join("', '");
            config += &format!("  - {{job_name: {job}, static_configs: [{{targets: ['{of_job}']}}]}}\n");
        }
        std::fs::write(dir.path().join("rules.yml"), rules).expect("rules");
        Self::launch(dir, &config)
    }

    /// Scrapes this address over TLS, with the certificate of this authority and whatever it speaks by default.
    pub fn over_tls(address: &str, authority: &Path) -> Self {
        let dir = TempDir::with_prefix("rce-prometheus-").expect("temporary directory");
        let config = format!(
            "scrape_configs:\n  - job_name: tls\n    scrape_interval: 1s\n    scrape_timeout: 1s\n    \
            scheme: https\n    tls_config: {{ca_file: {}, server_name: localhost}}\n    \
            static_configs: [{{targets: ['{address}']}}]\n",
            authority.display()
        );
        Self::launch(dir, &config)
    }

    fn launch(dir: TempDir, config: &str) -> Self {
        std::fs::write(dir.path().join("prometheus.yml"), config).expect("configuration");
        let address = format!("127.0.0.1:{}", free_port());
        let mut command = Command::new("prometheus");
        command.current_dir(dir.path()).arg(format!("--web.listen-address={address}"));
        command.args(["--config.file=prometheus.yml", "--storage.tsdb.path=data"]);
        let child = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().expect("prometheus");
        Self { child, address, _dir: dir }
    }

    /// The answer of the HTTP API to an instant query, head and body; empty while it does not answer.
    pub fn query(&self, expression: &str) -> String {
        let escaped: String = expression.bytes().map(|byte| format!("%{byte:02X}")).collect();
        get(&self.address, &format!("/api/v1/query?query={escaped}"), "*/*").unwrap_or_default()
    }

    /// Whether the query has one result and its value is 1.
    pub fn is_one(&self, expression: &str) -> bool {
        self.query(expression).trim_end().ends_with(r#","1"]}]}}"#)
    }
}

impl Drop for Prometheus {
    fn drop(&mut self) {
        end(&mut self.child);
    }
}

/// The whole answer to one GET, head and body.
pub fn get(address: &str, path: &str, accept: &str) -> Option<String> {
    let mut stream = TcpStream::connect(address).ok()?;
    write!(stream, "GET {path} HTTP/1.0\r\nHost: {address}\r\nAccept: {accept}\r\n\r\n").ok()?;
    std::io::read_to_string(stream).ok()
}
