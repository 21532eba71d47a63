//! Who may ask: names and the bcrypt hashes of their passwords.

use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use bcrypt::HashParts;
use secrecy::{ExposeSecret, SecretString};

use super::super::error::Report;
use super::file::Hash;

/// What bcrypt takes for a cost.
const COSTS: std::ops::RangeInclusive<u32> = 4..=31;

/// Users with the hashes of their passwords, all of them sound. Prints the number alone.
#[derive(Clone, Default)]
pub struct Users(BTreeMap<String, Arc<SecretString>>);

impl fmt::Debug for Users {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} users", self.0.len())
    }
}

impl Users {
    /// Whether there is none: then everyone may ask.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The hash of this user's password.
    pub fn hash(&self, name: &str) -> Option<&Arc<SecretString>> {
        self.0.get(name)
    }

    /// The hash of some user, the same for the same `seed`: to compare with where there is no such user, so that it
    /// takes as long.
    pub fn some_hash(&self, seed: u64) -> Option<&Arc<SecretString>> {
        let at = seed.checked_rem(self.0.len() as u64)?;
        self.0.values().nth(usize::try_from(at).ok()?)
    }
}

/// The users, where every hash is one. What is wrong with a hash is told without it.
pub(super) fn check(file: BTreeMap<String, Hash>, report: &mut Report) -> Users {
    let mut users = BTreeMap::new();
    for (name, hash) in file {
        let path = format!("basic_auth_users.{name}");
        let wrong = hash.text.as_ref().map_or(Some("nothing".to_owned()), |text| fault(text.expose_secret()));
        if let Some(found) = wrong {
            let wanted = "wanted a bcrypt hash, as `htpasswd -nBC 10 USER` prints it";
            report.wrong(&path, format!("found {found}, {wanted}"));
        }
        if name.contains(':') {
            report.wrong(&path, "found a colon in the name: no client can send it");
        }
        users.extend(hash.text.map(|text| (name, Arc::new(text))));
    }
    Users(users)
}

fn fault(text: &str) -> Option<String> {
    match HashParts::from_str(text) {
        Ok(parts) if COSTS.contains(&parts.get_cost()) => None,
        Ok(parts) => Some(format!("a cost of {}", parts.get_cost())),
        Err(_) => Some("something else".to_owned()),
    }
}
