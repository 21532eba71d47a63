//! Who may ask: the web configuration as it is now, and what it says about a connection and about a request.
//!
//! The files are looked at on every connection and every request, and read when one has changed. A bad one changes
//! nothing and is logged once. Nor does one that would open the server: an empty file is what a file looks like while
//! it is being written.

use std::fmt;
use std::net::IpAddr;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};

use super::bucket::Bucket;
use super::login::{Logins, Verdict, basic};
use super::routes::{HEALTHY, READY};
use crate::clock::now;
use crate::config::ConfigErrors;
use crate::config::material::Print;
use crate::config::web_config::{self, Reading, WebConfig};
use crate::self_metrics::LastReload;

/// What is said to whoever has not logged in.
const CHALLENGE: HeaderValue =
    HeaderValue::from_static("Basic realm=\"redis-cluster-exporter\", charset=\"UTF-8\"");

/// Access control by a web configuration file.
pub struct Access {
    file: PathBuf,
    state: Mutex<State>,
    reload: Arc<LastReload>,
    logins: Logins,
}

struct State {
    /// Of the files as they were read last, whether or not what they said was taken.
    print: Print,
    rules: Arc<Rules>,
}

/// What holds now.
struct Rules {
    config: WebConfig,
    bucket: Option<Mutex<Bucket>>,
}

/// How a request is let in.
pub(super) enum Admission {
    /// As if there were no access control.
    Free,
    /// To hear the status, and nothing more: a probe without a password.
    StatusOnly,
    /// Not: it gets this answer.
    Refused(Response),
}

impl fmt::Debug for Access {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Access").field("file", &self.file).finish_non_exhaustive()
    }
}

impl Access {
    /// Reads the file.
    ///
    /// # Errors
    /// It is bad: everything that is wrong with it.
    pub fn open(file: &Path) -> Result<Self, ConfigErrors> {
        let Reading { print, outcome } = web_config::read(file);
        let state = Mutex::new(State { print, rules: Rules::of(outcome?, None) });
        let reload = Arc::new(LastReload::new(now()));
        Ok(Self { file: file.to_owned(), state, reload, logins: Logins::new() })
    }

    /// How the file was read last.
    pub(super) fn reload(&self) -> &Arc<LastReload> {
        &self.reload
    }

    /// What a new connection has to speak, if it is TLS.
    pub(super) fn tls(&self) -> Option<Arc<rustls::ServerConfig>> {
        self.rules().config.tls.clone()
    }

    /// Whether a request is let in.
    pub(super) async fn admit(&self, peer: IpAddr, path: &str, headers: &HeaderMap) -> Admission {
        let rules = self.rules();
        let users = &rules.config.users;
        if [HEALTHY, READY].contains(&path) {
            return if users.is_empty() { Admission::Free } else { Admission::StatusOnly };
        }
        if let Some(wait) = rules.take_token() {
            return refuse(
                StatusCode::TOO_MANY_REQUESTS,
                "429: more requests than rate_limit allows\n",
                wait,
            );
        }
        if users.is_empty() {
            return Admission::Free;
        }
        let Some((name, password)) = basic(headers) else {
            return unauthorized();
        };
        match self.logins.judge(users, &name, password, peer).await {
            Verdict::Right => Admission::Free,
            Verdict::Wrong => unauthorized(),
            Verdict::Busy => {
                refuse(StatusCode::TOO_MANY_REQUESTS, "429: too many passwords are being checked\n", 1)
            }
        }
    }

    /// Adds the headers of the configuration, where a response does not have them of its own.
    pub(super) fn add_headers(&self, headers: &mut HeaderMap) {
        for (name, value) in &self.rules().config.headers {
            headers.entry(name).or_insert_with(|| value.clone());
        }
    }

    /// What holds now, read anew if a file has changed.
    fn rules(&self) -> Arc<Rules> {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        if !state.print.is_current() {
            self.read_again(&mut state);
        }
        Arc::clone(&state.rules)
    }

    fn read_again(&self, state: &mut State) {
        let Reading { print, outcome } = web_config::read(&self.file);
        state.print = print;
        let refused = match outcome {
            Ok(config) => match opened(&state.rules.config, &config) {
                None => {
                    state.rules = Rules::of(config, Some(&state.rules));
                    self.reload.ended(true, now());
                    tracing::info!(file = %self.file.display(), "web configuration read anew");
                    return;
                }
                Some(what) => format!("{}: {what}: that takes a restart", self.file.display()),
            },
            Err(errors) => errors.to_string(),
        };
        self.reload.ended(false, now());
        tracing::error!(errors = %refused, "web configuration not read anew, the one before stays");
    }
}

impl Rules {
    fn of(config: WebConfig, before: Option<&Self>) -> Arc<Self> {
        for note in &config.notes {
            tracing::warn!("web configuration: {note}");
        }
        // The same bound goes on where it was: a change of something else must not fill it up.
        let same = before.filter(|before| before.config.rate == config.rate);
        let kept = same.and_then(|before| before.bucket.as_ref());
        let kept = kept.map(|bucket| *bucket.lock().unwrap_or_else(PoisonError::into_inner));
        let bucket = config.rate.map(|rate| kept.unwrap_or_else(|| Bucket::full(rate, Instant::now())));
        Arc::new(Self { config, bucket: bucket.map(Mutex::new) })
    }

    /// Takes a token; where there is none, in how many seconds there will be one.
    fn take_token(&self) -> Option<u64> {
        let bucket = self.bucket.as_ref()?;
        bucket.lock().unwrap_or_else(PoisonError::into_inner).take(Instant::now()).err()
    }
}

/// What the new configuration takes away of the old one's protection.
fn opened(old: &WebConfig, new: &WebConfig) -> Option<&'static str> {
    if old.tls.is_some() && new.tls.is_none() {
        return Some("it would turn TLS off");
    }
    (!old.users.is_empty() && new.users.is_empty()).then_some("it would turn passwords off")
}

/// Whoever is refused also leaves: an open connection is a place that others want.
const CLOSE: (HeaderName, HeaderValue) = (header::CONNECTION, HeaderValue::from_static("close"));

fn unauthorized() -> Admission {
    let text = "401: user and password are wanted\n";
    let headers = [CLOSE, (header::WWW_AUTHENTICATE, CHALLENGE)];
    Admission::Refused((StatusCode::UNAUTHORIZED, headers, text).into_response())
}

fn refuse(status: StatusCode, text: &'static str, retry_after: u64) -> Admission {
    let headers = [CLOSE, (header::RETRY_AFTER, HeaderValue::from(retry_after))];
    Admission::Refused((status, headers, text).into_response())
}
