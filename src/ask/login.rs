//! User and password, as they are at the moment of a connect.

use secrecy::{ExposeSecret, SecretString};

use crate::config::{Credentials, Secret};
use crate::model::failure::AskError;

/// The words of an AUTH. Prints redacted.
#[derive(Debug)]
pub(super) struct Login {
    username: Option<SecretString>,
    password: SecretString,
}

impl Login {
    /// Reads what is configured; `None` without a password.
    pub(super) fn read(credentials: &Credentials) -> Result<Option<Self>, AskError> {
        let Some(password) = &credentials.password else { return Ok(None) };
        let password = read(password, "password")?;
        let username = credentials.username.as_ref().map(|name| read(name, "user name")).transpose()?;
        Ok(Some(Self { username, password }))
    }

    /// The AUTH that goes ahead of everything else.
    pub(super) fn command(&self) -> redis::Cmd {
        let mut auth = redis::cmd("AUTH");
        if let Some(username) = &self.username {
            auth.arg(username.expose_secret());
        }
        auth.arg(self.password.expose_secret());
        auth
    }
}

fn read(secret: &Secret, what: &str) -> Result<SecretString, AskError> {
    secret.read().map_err(|error| match secret {
        Secret::File(path) => {
            AskError::Auth(format!("cannot read the {what} from {}: {error}", path.display()))
        }
        Secret::Value(_) => AskError::Auth(format!("cannot read the {what}: {error}")),
    })
}

/// What the server's refusal of an AUTH means.
pub(super) fn refusal(code: &str, text: &str) -> AskError {
    match AskError::from_reply(code, text) {
        // A server without the command repeats its arguments, the password among them.
        AskError::Unsupported(_) => AskError::Auth("the server does not have the command AUTH".to_owned()),
        AskError::Denied(text) | AskError::Auth(text) => AskError::Auth(text),
        AskError::Protocol(_) => AskError::Auth(format!("{code} {text}")),
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn refusals_have_their_kinds() {
        for (code, text, kind) in [
            ("WRONGPASS", "invalid username-password pair or user is disabled.", "auth"),
            ("ERR", "AUTH <password> called without any password configured for the default user.", "auth"),
            ("ERR", "max number of clients reached", "rejected"),
            ("DENIED", "Redis is running in protected mode", "rejected"),
            ("LOADING", "Redis is loading the dataset in memory", "loading"),
        ] {
            assert_eq!(refusal(code, text).kind(), kind, "{code} {text}");
        }
    }

    #[test]
    fn a_password_that_the_server_repeats_is_not_kept() {
        let text = "unknown command 'AUTH', with args beginning with: 's3cret' ";
        let refused = refusal("ERR", text);
        assert_eq!(refused.kind(), "auth");
        assert!(!refused.to_string().contains("s3cret"), "{refused}");
    }

    #[test]
    fn never_prints() {
        let credentials =
            Credentials { username: None, password: Some(Secret::Value(SecretString::from("s3cret"))) };
        let login = Login::read(&credentials).unwrap().unwrap();
        assert!(!format!("{login:?}").contains("s3cret"));
    }
}
