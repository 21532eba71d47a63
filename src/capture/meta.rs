//! `_meta.json`: what a capture says of a node beside its replies.

use std::collections::BTreeMap;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::model::address::{Address, Target};
use crate::model::failure::AskError;
use crate::model::time::Timestamp;

/// The file. Keys that are not named here are passed over.
#[derive(Debug, Default, Deserialize, Serialize)]
#[serde(default)]
pub(super) struct Meta {
    /// `host:port` with IPv6 addresses bare or in brackets, or `unix://path`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) addr: Option<String>,
    /// By name of the file without its ending.
    pub(super) commands: BTreeMap<String, Call>,
    /// When the connection was made; stands for `asked_at_ms` where no command was sent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) connect_at_ms: Option<f64>,
    /// When the pipeline was sent; else the earliest command.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) asked_at_ms: Option<f64>,
    /// To the last reply; else that of the command that ended last.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) took_us: Option<u64>,
    /// To the first byte; else what PING took.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) response_us: Option<u64>,
    /// Why there is no complete answer.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) client_error: Option<ClientError>,
}

/// One command.
#[derive(Clone, Copy, Debug, Default, Deserialize, Serialize)]
#[serde(default)]
pub(super) struct Call {
    /// When it was sent, milliseconds since the Unix epoch.
    pub(super) at_ms: f64,
    /// From then to its reply, microseconds.
    pub(super) us: u64,
    /// Size of the reply.
    pub(super) bytes: usize,
}

/// Why a node did not answer: in our words (`kind`), or in those of another recorder (`error`).
#[derive(Clone, Debug, Default, PartialEq, Deserialize, Serialize)]
#[serde(default)]
pub(super) struct ClientError {
    /// [`AskError::kind`]
    #[serde(skip_serializing_if = "String::is_empty")]
    kind: String,
    /// Name of an error class, such as `TimeoutError`.
    #[serde(skip_serializing_if = "String::is_empty")]
    error: String,
    /// `connect`, or the command that was sent.
    #[serde(rename = "where", skip_serializing_if = "String::is_empty")]
    place: String,
    text: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    host: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    after_ms: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    limit_bytes: Option<u64>,
}

impl ClientError {
    /// The error in the exporter's own terms.
    pub(super) fn to_ask_error(&self, took: Duration) -> AskError {
        let text = self.text.clone();
        let timeout = || AskError::Timeout {
            during: if self.place == "connect" { "connecting" } else { "reading the replies" },
            after_ms: self.after_ms.unwrap_or(took.as_millis() as u64),
        };
        match self.kind.as_str() {
            "resolve" => AskError::Resolve { host: self.host.clone().unwrap_or_default(), text },
            "connect" => AskError::Connect(text),
            "tls" => AskError::Tls(text),
            "auth" => AskError::Auth(text),
            "denied" => AskError::Denied(text),
            "timeout" => timeout(),
            "loading" => AskError::Loading(text),
            "busy" => AskError::Busy(text),
            "rejected" => AskError::Rejected(text),
            "unsupported" => AskError::Unsupported(text),
            "too_large" => AskError::TooLarge { limit_bytes: self.limit_bytes.unwrap_or(0) },
            "protocol" => AskError::Protocol(text),
            _ if self.error.contains("Timeout") => timeout(),
            _ if self.error.contains("SSL") => AskError::Tls(text),
            _ => AskError::Connect(text),
        }
    }

    /// From the exporter's own terms.
    pub(super) fn from_ask_error(error: &AskError) -> Self {
        let mut out = Self { kind: error.kind().to_owned(), ..Self::default() };
        match error {
            AskError::Resolve { host, text } => {
                out.host = Some(host.clone());
                out.text.clone_from(text);
            }
            AskError::Timeout { during, after_ms } => {
                out.place = if *during == "connecting" { "connect" } else { "" }.to_owned();
                out.after_ms = Some(*after_ms);
            }
            AskError::TooLarge { limit_bytes } => out.limit_bytes = Some(*limit_bytes),
            AskError::Connect(text)
            | AskError::Tls(text)
            | AskError::Auth(text)
            | AskError::Denied(text)
            | AskError::Loading(text)
            | AskError::Busy(text)
            | AskError::Rejected(text)
            | AskError::Unsupported(text)
            | AskError::Protocol(text) => out.text.clone_from(text),
        }
        out
    }
}

/// Milliseconds since the Unix epoch as an instant.
pub(super) fn instant(ms: f64) -> Timestamp {
    Timestamp((ms * 1000.0).round() as u64)
}

/// What `addr` names. Recorders write IPv6 addresses without brackets, so the last colon divides. A text that
/// is no address stands as a host with port 0: shown, never dialled.
pub(super) fn target(addr: &str) -> Target {
    if let Some(path) = addr.strip_prefix("unix://") {
        return Target::Unix(path.into());
    }
    let (host, port) = addr.rsplit_once(':').unwrap_or((addr, "0"));
    let host = host.strip_prefix('[').and_then(|h| h.strip_suffix(']')).unwrap_or(host);
    match port.parse() {
        Ok(port) => Target::Tcp(Address::new(host, port)),
        Err(_) => Target::Tcp(Address::new(addr, 0)),
    }
}
