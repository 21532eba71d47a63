//! User names and passwords. They never print; those in files are read at every use, so that a rotation needs no
//! restart.

use std::path::PathBuf;

use secrecy::{ExposeSecret, SecretString};

/// Where a secret comes from.
#[derive(Clone, Debug)]
pub enum Secret {
    /// Given in the configuration, the environment or a seed; prints redacted.
    Value(SecretString),
    /// The content of a file, without one newline at its end.
    File(PathBuf),
}

impl Secret {
    /// The secret as it is now.
    ///
    /// # Errors
    /// The file cannot be read or is no UTF-8.
    pub fn read(&self) -> std::io::Result<SecretString> {
        match self {
            Self::Value(value) => Ok(value.clone()),
            Self::File(path) => {
                let text = SecretString::from(std::fs::read_to_string(path)?);
                let plain = text.expose_secret();
                let plain = plain.strip_suffix('\n').unwrap_or(plain);
                Ok(SecretString::from(plain.strip_suffix('\r').unwrap_or(plain)))
            }
        }
    }
}

/// What to authenticate with. Without a password no AUTH is sent.
#[derive(Clone, Debug, Default)]
pub struct Credentials {
    /// ACL user; without one the server's `default` user.
    pub username: Option<Secret>,
    /// Its password.
    pub password: Option<Secret>,
}
