//! Why something could not be had. Each kind has a stable short name: label value, log field, and what tests assert.

/// Why one node did not answer a poll in full. The text is for people; [`AskError::kind`] is the interface.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AskError {
    /// The host name has no address, or the resolver failed.
    #[error("cannot resolve {host}: {text}")]
    Resolve {
        /// The name that was looked up.
        host: String,
        /// The resolver's words.
        text: String,
    },
    /// No connection: refused, unreachable, closed, reset.
    #[error("cannot connect: {0}")]
    Connect(String),
    /// The TLS handshake failed, or its files could not be read.
    #[error("TLS: {0}")]
    Tls(String),
    /// The server refused the credentials, or wants some.
    #[error("authentication failed: {0}")]
    Auth(String),
    /// The user lacks the right for a command that is required.
    #[error("not permitted: {0}")]
    Denied(String),
    /// No complete answer before the deadline.
    #[error("no complete answer within {after_ms} ms while {during}")]
    Timeout {
        /// What the exporter was doing.
        during: &'static str,
        /// The deadline, in milliseconds.
        after_ms: u64,
    },
    /// The server is reading its dataset and refuses a required command.
    #[error("loading: {0}")]
    Loading(String),
    /// The server is blocked by a script or module.
    #[error("busy: {0}")]
    Busy(String),
    /// The server turned the connection away: client limit reached, protected mode.
    #[error("turned away: {0}")]
    Rejected(String),
    /// A required command does not exist here; most often: not in cluster mode.
    #[error("unsupported: {0}")]
    Unsupported(String),
    /// The replies exceed the size that is read of one node.
    #[error("replies are larger than {limit_bytes} bytes")]
    TooLarge {
        /// The limit, in bytes.
        limit_bytes: u64,
    },
    /// What came back is not the Redis protocol, or not the answer to the question.
    #[error("protocol: {0}")]
    Protocol(String),
}

impl AskError {
    /// Every kind there is, for series that must exist before the first failure.
    pub const KINDS: [&str; 12] = [
        "resolve",
        "connect",
        "tls",
        "auth",
        "denied",
        "timeout",
        "loading",
        "busy",
        "rejected",
        "unsupported",
        "too_large",
        "protocol",
    ];

    /// The stable short name.
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Resolve { .. } => "resolve",
            Self::Connect(_) => "connect",
            Self::Tls(_) => "tls",
            Self::Auth(_) => "auth",
            Self::Denied(_) => "denied",
            Self::Timeout { .. } => "timeout",
            Self::Loading(_) => "loading",
            Self::Busy(_) => "busy",
            Self::Rejected(_) => "rejected",
            Self::Unsupported(_) => "unsupported",
            Self::TooLarge { .. } => "too_large",
            Self::Protocol(_) => "protocol",
        }
    }

    /// Whether an error reply says that the server does not have the command (7.0 and later say `unknown subcommand`,
    /// 6.2 `Unknown subcommand or wrong number of arguments`, any version `unknown command`), or no cluster mode.
    pub fn says_unsupported(code: &str, text: &str) -> bool {
        let has = |start: &str| text.get(..start.len()).is_some_and(|s| s.eq_ignore_ascii_case(start));
        code == "ERR"
            && (has("unknown command")
                || has("unknown subcommand")
                || has("syntax error")
                || text.contains("cluster support disabled"))
    }

    /// What the server's error reply to a command means for whoever needed the answer.
    pub fn from_reply(code: &str, text: &str) -> Self {
        let whole = || format!("{code} {text}");
        match code {
            "NOPERM" => Self::Denied(whole()),
            "NOAUTH" | "WRONGPASS" => Self::Auth(whole()),
            "LOADING" => Self::Loading(whole()),
            "BUSY" => Self::Busy(whole()),
            "DENIED" => Self::Rejected(whole()),
            "ERR" if text.starts_with("max number of clients") => Self::Rejected(whole()),
            _ if Self::says_unsupported(code, text) => Self::Unsupported(whole()),
            _ => Self::Protocol(format!("error reply: {code} {text}")),
        }
    }
}

/// A reply that does not have the form it should have.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{what} at {at}")]
pub struct ParseError {
    /// What was wanted and not found.
    pub what: &'static str,
    /// Where: a line number, a field, or a piece of the reply (at most 64 bytes of it).
    pub at: String,
}

impl ParseError {
    /// An error about `what`, with at most 64 characters of the place.
    pub fn new(what: &'static str, at: impl AsRef<str>) -> Self {
        Self { what, at: at.as_ref().chars().take(64).collect() }
    }
}

/// Why one part of a snapshot is not there. *Failed*, *unsupported* and *not asked yet* are different values,
/// and none of them is an empty default.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ReadError {
    /// The node as a whole did not answer.
    #[error(transparent)]
    Failed(AskError),
    /// This server does not have the command.
    #[error("this server does not have the command")]
    Unsupported,
    /// The probe's cadence, or the node's turn, has not come round since the connection was made.
    #[error("not asked yet")]
    NotAsked,
    /// The reply could not be read.
    #[error("unreadable reply: {0}")]
    Malformed(#[from] ParseError),
}

/// One part of what a node said: there, or why not.
pub type Read<T> = Result<T, ReadError>;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn server_texts_of_all_versions_are_classified() {
        for (code, text, kind) in [
            ("ERR", "unknown command `CLUSTER`, with args beginning with: ", "unsupported"),
            ("ERR", "unknown subcommand 'LINKS'. Try CLUSTER HELP.", "unsupported"),
            ("ERR", "Unknown subcommand or wrong number of arguments for 'LINKS'", "unsupported"),
            ("ERR", "This instance has cluster support disabled", "unsupported"),
            ("ERR", "max number of clients reached", "rejected"),
            ("NOPERM", "this user has no permissions to run the 'info' command", "denied"),
            ("LOADING", "Redis is loading the dataset in memory", "loading"),
            ("BUSY", "Redis is busy running a script.", "busy"),
            ("NOAUTH", "Authentication required.", "auth"),
            ("MISCONF", "Redis is configured to save RDB snapshots", "protocol"),
        ] {
            assert_eq!(AskError::from_reply(code, text).kind(), kind, "{code} {text}");
        }
    }
}
