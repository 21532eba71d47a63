//! Access control of the HTTP server: the file of `--web.config.file`, in the format of Prometheus' exporter-toolkit.
//! docs/web-config.md tells what each key means and where this server differs.

mod clients;
mod file;
mod tls;
mod users;

use std::fmt;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use axum::http::{HeaderName, HeaderValue, header};
use serde::Deserialize;

use super::error::{ConfigErrors, Report};
use super::material::Print;
use super::{layers, shape, tree};
use file::{HeadersFile, RateFile, WebConfigFile};
pub use tls::HTTP2;
pub use users::Users;

/// What a web configuration asks for, checked, with the keys and certificates that it names.
pub struct WebConfig {
    /// TLS is spoken, and nothing else.
    pub tls: Option<Arc<rustls::ServerConfig>>,
    /// Who may ask; nobody in it: everyone.
    pub users: Users,
    /// Headers of every response that does not set them itself.
    pub headers: Vec<(HeaderName, HeaderValue)>,
    /// How many requests are answered, if there is a bound.
    pub rate: Option<Rate>,
    /// What is in the file and has no effect here, for the log.
    pub notes: Vec<String>,
}

impl fmt::Debug for WebConfig {
    /// Without keys and hashes.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("WebConfig")
            .field("tls", &self.tls.is_some())
            .field("users", &self.users)
            .field("headers", &self.headers)
            .field("rate", &self.rate)
            .finish_non_exhaustive()
    }
}

/// A bound on requests: one more every `interval`, up to `burst` at once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rate {
    /// From one request to the next, in the long run. Not zero.
    pub interval: Duration,
    /// Requests that may come at once; with 0 none is answered.
    pub burst: u32,
}

/// A web configuration as it was read.
#[derive(Debug)]
pub struct Reading {
    /// The file itself and those that it names: also where it is bad, since a change of any of them may mend it.
    pub print: Print,
    /// What it says, or everything that is wrong with it.
    pub outcome: Result<WebConfig, ConfigErrors>,
}

/// Reads and checks a web configuration. Relative paths in it are meant from its own directory.
pub fn read(path: &Path) -> Reading {
    let mut print = Print::default();
    print.add(path);
    let outcome = check(path, &mut print);
    Reading { print, outcome }
}

fn check(path: &Path, print: &mut Print) -> Result<WebConfig, ConfigErrors> {
    let text = std::fs::read_to_string(path).map_err(|error| layers::unreadable(path, &error))?;
    let tree = tree::parse(path, &text).map_err(|error| ConfigErrors(vec![error]))?;
    let mut report = Report::default();
    report.places = tree.places;
    report.file = Some(Arc::new(path.to_owned()));
    let mut root = serde_json::Value::deserialize(tree.root).map_err(layers::unmergeable)?;
    let file: WebConfigFile = shape::read(&mut root, &mut report);
    let mut notes = Vec::new();
    let http = file.http_server_config.unwrap_or_default().0;
    let directory = path.parent().unwrap_or(Path::new(""));
    let http2 = http.http2.unwrap_or(true);
    let mut material = tls::Checker { report: &mut report, directory, print, notes: &mut notes, http2 };
    let tls = material.tls(&file.tls_server_config.unwrap_or_default().0);
    let users = users::check(file.basic_auth_users.unwrap_or_default().0, &mut report);
    let headers = headers(http.headers.unwrap_or_default().0, &mut report);
    let rate = rate(&file.rate_limit.unwrap_or_default().0);
    report.finish()?;
    Ok(WebConfig { tls, users, headers, rate, notes })
}

/// An empty value sets no header, except where the words are fixed.
fn headers(file: HeadersFile, report: &mut Report) -> Vec<(HeaderName, HeaderValue)> {
    let any: &[&str] = &[];
    let given = [
        (header::CONTENT_SECURITY_POLICY, "Content-Security-Policy", file.content_security_policy, any),
        (header::X_FRAME_OPTIONS, "X-Frame-Options", file.x_frame_options, &["deny", "sameorigin"]),
        (header::X_CONTENT_TYPE_OPTIONS, "X-Content-Type-Options", file.x_content_type_options, &["nosniff"]),
        (header::X_XSS_PROTECTION, "X-XSS-Protection", file.x_xss_protection, any),
        (header::STRICT_TRANSPORT_SECURITY, "Strict-Transport-Security", file.strict_transport_security, any),
    ];
    let mut headers = Vec::new();
    for (name, key, text, allowed) in given {
        let Some(text) = text else { continue };
        let path = format!("http_server_config.headers.{key}");
        if !allowed.is_empty() && !allowed.contains(&text.as_str()) {
            report.wrong(&path, format!("found {text:?}, wanted {}", allowed.join(" or ")));
            continue;
        }
        match HeaderValue::from_str(&text) {
            Ok(_) if text.is_empty() => {}
            Ok(value) => headers.push((name, value)),
            Err(_) => report.wrong(&path, format!("{text:?} cannot be sent: wanted visible characters")),
        }
    }
    headers
}

fn rate(file: &RateFile) -> Option<Rate> {
    let interval = file.interval.filter(|interval| !interval.is_zero())?;
    Some(Rate { interval, burst: file.burst.unwrap_or(0) })
}
