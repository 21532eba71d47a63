//! User and password of a request against the hashes of the configuration.
//!
//! bcrypt is slow on purpose: it runs beside the runtime's thread, one at a time. A password that was right is known
//! again by a keyed digest, so that a scrape costs no bcrypt, and nobody who tries passwords can delay it.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, PoisonError};

use axum::http::{HeaderMap, header};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use ring::hmac;
use secrecy::{ExposeSecret, SecretString};
use tokio::sync::Semaphore;
use tokio::task::spawn_blocking;

use crate::config::web_config::Users;

/// Passwords of one client address that may wait to be checked; so others wait for no more than these.
const WAITING: usize = 4;

/// Whether user and password are right.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    Right,
    Wrong,
    /// It was not checked: too many of this client's are waiting.
    Busy,
}

/// Checks passwords.
pub(super) struct Logins {
    /// Of this process alone.
    key: hmac::Key,
    /// By user, the digest of the last password that was right, and of the hash that it was right for.
    right: Mutex<BTreeMap<String, hmac::Tag>>,
    turn: Arc<Semaphore>,
    waiting: Arc<Waiting>,
}

/// How many passwords of each client address are waiting.
#[derive(Default)]
struct Waiting(Mutex<BTreeMap<IpAddr, usize>>);

/// One that waits, until it is dropped.
struct Place(Arc<Waiting>, IpAddr);

impl Logins {
    pub(super) fn new() -> Self {
        let key = hmac::Key::new(hmac::HMAC_SHA256, &rand::random::<[u8; 32]>());
        Self { key, right: Mutex::default(), turn: Arc::new(Semaphore::new(1)), waiting: Arc::default() }
    }

    /// Judges what a client at `peer` gives. An unknown user takes as long as a known one.
    pub(super) async fn judge(
        &self,
        users: &Users,
        name: &str,
        password: SecretString,
        peer: IpAddr,
    ) -> Verdict {
        let known = users.hash(name);
        if let Some(hash) = known
            && self.was_right(name, hash, &password)
        {
            return Verdict::Right;
        }
        let Some(hash) = known.or_else(|| users.some_hash(self.seed(name))) else {
            return Verdict::Wrong;
        };
        let Some(place) = Waiting::enter(&self.waiting, peer) else {
            return Verdict::Busy;
        };
        let Ok(turn) = Arc::clone(&self.turn).acquire_owned().await else {
            return Verdict::Busy;
        };
        // Whoever was before us may have had the same.
        if known.is_some() && self.was_right(name, hash, &password) {
            return Verdict::Right;
        }
        let tag = self.digest(hash, &password);
        let hash = Arc::clone(hash);
        let compared = spawn_blocking(move || {
            let right = bcrypt::verify(password.expose_secret(), hash.expose_secret()).unwrap_or(false);
            // Only now, also if the client has gone meanwhile.
            drop((turn, place));
            right
        });
        if !compared.await.unwrap_or(false) || known.is_none() {
            return Verdict::Wrong;
        }
        self.right.lock().unwrap_or_else(PoisonError::into_inner).insert(name.to_owned(), tag);
        Verdict::Right
    }

    /// Compares digests, in constant time.
    fn was_right(&self, name: &str, hash: &SecretString, password: &SecretString) -> bool {
        let right = self.right.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(tag) = right.get(name) else { return false };
        hmac::verify(&self.key, &message(hash, password), tag.as_ref()).is_ok()
    }

    fn digest(&self, hash: &SecretString, password: &SecretString) -> hmac::Tag {
        hmac::sign(&self.key, &message(hash, password))
    }

    /// The same for the same name, and nobody can tell for which other names.
    fn seed(&self, name: &str) -> u64 {
        let tag = hmac::sign(&self.key, name.as_bytes());
        tag.as_ref().first_chunk().map_or(0, |bytes| u64::from_le_bytes(*bytes))
    }
}

/// All hashes are of one length: no password runs into its hash.
fn message(hash: &SecretString, password: &SecretString) -> Vec<u8> {
    [hash.expose_secret(), password.expose_secret()].concat().into_bytes()
}

impl Waiting {
    fn enter(this: &Arc<Self>, peer: IpAddr) -> Option<Place> {
        let mut all = this.0.lock().unwrap_or_else(PoisonError::into_inner);
        let count = all.entry(peer).or_default();
        if *count >= WAITING {
            return None;
        }
        *count += 1;
        Some(Place(Arc::clone(this), peer))
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut all = self.0.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(count) = all.get_mut(&self.1) {
            *count -= 1;
            if *count == 0 {
                all.remove(&self.1);
            }
        }
    }
}

/// User and password of `Authorization: Basic …`; `None` where there is none, or no sound one.
pub(super) fn basic(headers: &HeaderMap) -> Option<(String, SecretString)> {
    let text = headers.get(header::AUTHORIZATION)?.to_str().ok()?;
    let (scheme, token) = text.split_once(' ')?;
    if !scheme.eq_ignore_ascii_case("basic") {
        return None;
    }
    let pair = String::from_utf8(STANDARD.decode(token.trim()).ok()?).ok()?;
    let (name, password) = pair.split_once(':')?;
    Some((name.to_owned(), SecretString::from(password)))
}

#[cfg(test)]
mod tests {
    use std::future::poll_fn;
    use std::pin::Pin;
    use std::task::Poll;

    use super::*;

    const HERE: IpAddr = IpAddr::V4(std::net::Ipv4Addr::LOCALHOST);
    const THERE: IpAddr = IpAddr::V6(std::net::Ipv6Addr::LOCALHOST);

    fn users(dir: &std::path::Path) -> Users {
        let path = dir.join("web.yml");
        let hash = |password| bcrypt::hash(password, 4).unwrap();
        let text = format!("basic_auth_users: {{alice: {}, bob: {}}}", hash("wonder"), hash("builder"));
        std::fs::write(&path, text).unwrap();
        crate::config::web_config::read(&path).outcome.unwrap().users
    }

    async fn judge(logins: &Logins, users: &Users, name: &str, password: &str) -> Verdict {
        logins.judge(users, name, password.into(), HERE).await
    }

    /// Whether it does not end at once.
    async fn waits<F: Future>(judging: &mut Pin<Box<F>>) -> bool {
        poll_fn(|cx| Poll::Ready(judging.as_mut().poll(cx).is_pending())).await
    }

    #[tokio::test]
    async fn user_and_password_belong_together() {
        let dir = tempfile::tempdir().unwrap();
        let (users, logins) = (users(dir.path()), Logins::new());
        for _ in 0..2 {
            for (name, password, wanted) in [
                ("alice", "wonder", Verdict::Right),
                ("bob", "builder", Verdict::Right),
                ("alice", "builder", Verdict::Wrong),
                ("alice", "", Verdict::Wrong),
                ("carol", "wonder", Verdict::Wrong),
                ("carol", "builder", Verdict::Wrong),
                ("", "", Verdict::Wrong),
            ] {
                assert_eq!(judge(&logins, &users, name, password).await, wanted, "{name} {password}");
            }
        }
    }

    #[tokio::test]
    async fn a_password_that_was_right_waits_for_nobody() {
        let dir = tempfile::tempdir().unwrap();
        let (first, logins) = (users(dir.path()), Logins::new());
        assert_eq!(judge(&logins, &first, "alice", "wonder").await, Verdict::Right);
        // Somebody's password is being compared, and does not end.
        let turn = Arc::clone(&logins.turn).acquire_owned().await.unwrap();
        assert_eq!(judge(&logins, &first, "alice", "wonder").await, Verdict::Right);

        // An unknown user waits for a comparison like a known one, and so does the right password for another hash.
        let other = users(dir.path());
        for (users, name) in [(&first, "carol"), (&first, "bob"), (&other, "alice")] {
            assert!(waits(&mut Box::pin(judge(&logins, users, name, "wonder"))).await, "{name}");
        }
        drop(turn);
        assert_eq!(judge(&logins, &other, "alice", "wonder").await, Verdict::Right);
    }

    #[tokio::test]
    async fn no_address_waits_for_more_than_a_few_of_another() {
        let dir = tempfile::tempdir().unwrap();
        let (users, logins) = (users(dir.path()), Logins::new());
        let turn = Arc::clone(&logins.turn).acquire_owned().await.unwrap();
        let mut waiting = Vec::new();
        for _ in 0..WAITING {
            waiting.push(Box::pin(logins.judge(&users, "alice", "wonder".into(), HERE)));
            assert!(waits(waiting.last_mut().unwrap()).await);
        }
        assert_eq!(judge(&logins, &users, "alice", "wonder").await, Verdict::Busy);
        let mut elsewhere = Box::pin(logins.judge(&users, "bob", "builder".into(), THERE));
        assert!(waits(&mut elsewhere).await);
        // Whoever goes leaves the place.
        drop(waiting);
        drop(turn);
        assert_eq!(elsewhere.await, Verdict::Right);
        assert_eq!(judge(&logins, &users, "alice", "wonder").await, Verdict::Right);
        assert!(logins.waiting.0.lock().unwrap().is_empty());
    }

    #[test]
    fn a_header_of_another_kind_is_none() {
        let of = |text: &str| {
            let headers = HeaderMap::from_iter([(header::AUTHORIZATION, text.parse().unwrap())]);
            basic(&headers).map(|(name, password)| (name, password.expose_secret().to_owned()))
        };
        assert_eq!(of("Basic YTpiOmM="), Some(("a".to_owned(), "b:c".to_owned())));
        assert_eq!(of("bASIC YTo="), Some(("a".to_owned(), String::new())));
        for text in ["", "Basic", "Basic ", "Basic !", "Basic YQ==", "Basic /zo=", "Bearer YTpi"] {
            assert_eq!(of(text), None, "{text}");
        }
    }
}
