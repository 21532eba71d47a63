//! Seeds: where a cluster is first found.

use std::path::PathBuf;

use secrecy::SecretString;

use super::error::{redact, suggest};
use crate::model::address::{Address, AddressError, Target};

/// The port of a seed that names none.
const DEFAULT_PORT: u16 = 6379;

/// The schemes, and whether they mean TLS.
const SCHEMES: [(&str, bool); 4] = [("redis", false), ("rediss", true), ("valkey", false), ("valkeys", true)];

/// One seed, read.
pub(super) struct Seed {
    /// What to dial.
    pub(super) target: Target,
    /// What the scheme says; nothing for `host:port` and unix sockets.
    pub(super) tls: Option<bool>,
    /// User of the URL, percent-decoded.
    pub(super) username: Option<SecretString>,
    /// Password of the URL, percent-decoded.
    pub(super) password: Option<SecretString>,
}

impl Seed {
    fn plain(target: Target) -> Self {
        Self { target, tls: None, username: None, password: None }
    }
}

/// Reads `redis://[user[:password]@]host[:port]` (or `rediss`, `valkey`, `valkeys`), `host[:port]`, `[v6][:port]` or
/// `unix:///path`. The error names the seed without its password.
pub(super) fn parse(text: &str) -> Result<Seed, String> {
    read(text).map_err(|why| format!("{:?}: {why}", redact(text)))
}

fn read(text: &str) -> Result<Seed, String> {
    let Some((scheme, rest)) = text.split_once("://") else {
        if text.contains('@') {
            return Err("a user or password needs a scheme, as in redis://user:password@host:port".to_owned());
        }
        return Ok(Seed::plain(tcp(text)?));
    };
    if scheme == "unix" {
        return unix(rest);
    }
    let Some((_, tls)) = SCHEMES.iter().find(|row| row.0 == scheme) else {
        let known = SCHEMES.iter().map(|row| row.0).chain(["unix"]);
        return Err(format!("unknown scheme, {}", suggest(scheme, known)));
    };
    let (user, host) = rest.rsplit_once('@').map_or((None, rest), |(user, host)| (Some(user), host));
    let host = host.strip_suffix("/0").or_else(|| host.strip_suffix('/')).unwrap_or(host);
    if host.contains(['/', '?', '#']) {
        return Err("wanted nothing after the port: a cluster is polled, not one database".to_owned());
    }
    let (username, password) = match user {
        None => (None, None),
        Some(user) => {
            let (name, password) = user.split_once(':').map_or((user, None), |(n, p)| (n, Some(p)));
            (decoded(Some(name), "user")?, decoded(password, "password")?)
        }
    };
    Ok(Seed { target: tcp(host)?, tls: Some(*tls), username, password })
}

/// The address of a target in `address_map`, or of a seed without scheme.
fn tcp(text: &str) -> Result<Target, String> {
    let with_port = match text.parse::<Address>() {
        Err(AddressError::NoPort) => format!("{text}:{DEFAULT_PORT}").parse(),
        // `[::1]`: the last colon is one of the address.
        Err(_) if text.starts_with('[') && text.ends_with(']') => format!("{text}:{DEFAULT_PORT}").parse(),
        other => other,
    };
    with_port.map(Target::Tcp).map_err(|error| error.to_string())
}

fn unix(rest: &str) -> Result<Seed, String> {
    if !rest.starts_with('/') {
        return Err("wanted an absolute path, as in unix:///run/redis.sock".to_owned());
    }
    Ok(Seed::plain(Target::Unix(PathBuf::from(rest))))
}

/// Reads what an address is mapped to: `host:port` or `unix:///path`.
pub(super) fn target(text: &str) -> Result<Target, String> {
    if let Some(rest) = text.strip_prefix("unix://") {
        return unix(rest).map(|seed| seed.target);
    }
    text.parse::<Address>().map(Target::Tcp).map_err(|error| format!("{:?}: {error}", redact(text)))
}

fn decoded(text: Option<&str>, what: &str) -> Result<Option<SecretString>, String> {
    let Some(text) = text.filter(|text| !text.is_empty()) else {
        return Ok(None);
    };
    let wrong = || format!("the {what} is not percent-encoded UTF-8: a % is written %25, an @ %40, a / %2F");
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        if byte != b'%' {
            bytes.push(byte);
            continue;
        }
        let digit = |byte: Option<u8>| byte.and_then(|b| char::from(b).to_digit(16));
        let (Some(high), Some(low)) = (digit(rest.next()), digit(rest.next())) else {
            return Err(wrong());
        };
        bytes.push((high * 16 + low) as u8);
    }
    String::from_utf8(bytes).map(|text| Some(SecretString::from(text))).map_err(|_| wrong())
}

#[cfg(test)]
mod tests {
    use super::*;
    use secrecy::ExposeSecret;

    fn shown(text: &str) -> String {
        let seed = match parse(text) {
            Ok(seed) => seed,
            Err(error) => return error,
        };
        let plain = |secret: Option<SecretString>| secret.map(|s| s.expose_secret().to_owned());
        format!("{} {:?} {:?} {:?}", seed.target, seed.tls, plain(seed.username), plain(seed.password))
    }

    #[test]
    fn every_form_of_a_seed_is_read() {
        for (text, wanted) in [
            ("10.0.0.1:7000", "10.0.0.1:7000 None None None"),
            ("redis-0.redis.svc", "redis-0.redis.svc:6379 None None None"),
            ("[::1]:7000", "[::1]:7000 None None None"),
            ("[::1]", "[::1]:6379 None None None"),
            ("redis://h", "h:6379 Some(false) None None"),
            ("redis://h:1/", "h:1 Some(false) None None"),
            ("valkey://h:1/0", "h:1 Some(false) None None"),
            ("rediss://u:p@h:1", r#"h:1 Some(true) Some("u") Some("p")"#),
            ("valkeys://:p@[::1]", r#"[::1]:6379 Some(true) None Some("p")"#),
            ("redis://u%40x:p%3Aq%2F%C3%A4@h", r#"h:6379 Some(false) Some("u@x") Some("p:q/ä")"#),
            ("redis://u:p@ss@h", r#"h:6379 Some(false) Some("u") Some("p@ss")"#),
            ("unix:///run/r.sock", "unix:///run/r.sock None None None"),
        ] {
            assert_eq!(shown(text), wanted, "{text}");
        }
    }

    #[test]
    fn a_bad_seed_is_named_without_its_password() {
        for (text, wanted) in [
            ("redis://u:hunter2@h:0", r#""redis://…@h:0": port "0" is not a number from 1 to 65535"#),
            (
                "redis://u:hunter2%zz@h",
                r#""redis://…@h": the password is not percent-encoded UTF-8: a % is written %25, an @ %40, a / %2F"#,
            ),
            (
                "u:hunter2@h:1",
                r#""…@h:1": a user or password needs a scheme, as in redis://user:password@host:port"#,
            ),
            ("redi://h", r#""redi://h": unknown scheme, did you mean `redis`?"#),
            (
                "redis://h:1/3",
                r#""redis://h:1/3": wanted nothing after the port: a cluster is polled, not one database"#,
            ),
            (
                "unix://run/r.sock",
                r#""unix://run/r.sock": wanted an absolute path, as in unix:///run/redis.sock"#,
            ),
            (
                "::1:7000",
                r#""::1:7000": host "::1" is empty or not a host name, IPv4 address or bracketed IPv6 address"#,
            ),
            ("", r#""": host "" is empty or not a host name, IPv4 address or bracketed IPv6 address"#),
        ] {
            assert_eq!(shown(text), wanted, "{text}");
        }
    }
}
