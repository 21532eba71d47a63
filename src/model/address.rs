//! Addresses: what a node announces, what the exporter dials, and the text of the `redis_node` label.

use std::collections::BTreeMap;
use std::fmt;
use std::net::Ipv6Addr;
use std::path::PathBuf;
use std::str::FromStr;
use std::sync::Arc;

/// A host (name, IPv4 or IPv6 address without brackets) and a client port.
/// Source: second column of `CLUSTER NODES`, a configured seed, or a key of `address_map`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Address {
    /// Host name or IP address; an IPv6 address stands here bare.
    pub host: Arc<str>,
    /// Client port: the TLS port where the node was asked over TLS.
    pub port: u16,
}

impl Address {
    /// An address of its two parts.
    pub fn new(host: &str, port: u16) -> Self {
        Self { host: Arc::from(host), port }
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.host.contains(':') {
            write!(f, "[{}]:{}", self.host, self.port)
        } else {
            write!(f, "{}:{}", self.host, self.port)
        }
    }
}

/// What was wrong with the text of an address.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AddressError {
    /// No `:port` at the end.
    #[error("no port: wanted host:port, for IPv6 [address]:port")]
    NoPort,
    /// The port is not a number from 1 to 65535.
    #[error("port {0:?} is not a number from 1 to 65535")]
    BadPort(String),
    /// Nothing stands before the port, or a bare IPv6 address without brackets.
    #[error("host {0:?} is empty or not a host name, IPv4 address or bracketed IPv6 address")]
    BadHost(String),
}

impl FromStr for Address {
    type Err = AddressError;

    /// Reads `host:port` and `[v6]:port`.
    fn from_str(text: &str) -> Result<Self, AddressError> {
        let (host, port) = text.rsplit_once(':').ok_or(AddressError::NoPort)?;
        let port = match port.parse::<u16>() {
            Ok(port) if port > 0 => port,
            _ => return Err(AddressError::BadPort(port.to_owned())),
        };
        let bad = || AddressError::BadHost(host.to_owned());
        if let Some(v6) = host.strip_prefix('[') {
            let v6 = v6.strip_suffix(']').ok_or_else(bad)?;
            v6.parse::<Ipv6Addr>().map_err(|_| bad())?;
            return Ok(Self::new(v6, port));
        }
        let plain = |c: char| c.is_alphanumeric() || matches!(c, '.' | '-' | '_');
        if host.is_empty() || !host.chars().all(plain) {
            return Err(bad());
        }
        Ok(Self::new(host, port))
    }
}

/// What is dialled to reach one server.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Target {
    /// A TCP endpoint, plain or TLS as the cluster is configured.
    Tcp(Address),
    /// The path of a unix domain socket.
    Unix(PathBuf),
}

impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Tcp(address) => address.fmt(f),
            Self::Unix(path) => write!(f, "unix://{}", path.display()),
        }
    }
}

/// How announced addresses become what is dialled and shown. Keys `address_map` and `prefer_hostnames`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Naming {
    /// Announced address to the one that is dialled and shown: NAT, port-forwards.
    pub address_map: BTreeMap<Address, Target>,
    /// Announced host names go before addresses, where there are any.
    pub prefer_hostnames: bool,
}

impl Naming {
    /// What is dialled to reach a node that announces this; its text is the `redis_node` label.
    pub fn route(&self, announced: &Address, hostname: Option<&str>) -> Target {
        let named = hostname.filter(|_| self.prefer_hostnames).map(|name| Address::new(name, announced.port));
        let mapped = named.as_ref().and_then(|named| self.address_map.get(named));
        match mapped.or_else(|| self.address_map.get(announced)) {
            Some(target) => target.clone(),
            None => Target::Tcp(named.unwrap_or_else(|| announced.clone())),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_names_and_both_ip_versions() {
        for text in ["redis-0.redis:6379", "10.0.0.1:7000", "[::1]:7000"] {
            assert_eq!(text.parse::<Address>().unwrap().to_string(), text);
        }
    }

    #[test]
    fn refuses_what_is_no_address() {
        for (text, error) in [
            ("10.0.0.1", AddressError::NoPort),
            ("a:0", AddressError::BadPort("0".into())),
            ("a:65536", AddressError::BadPort("65536".into())),
            ("::1:7000", AddressError::BadHost("::1".into())),
            (":7000", AddressError::BadHost(String::new())),
            ("[::g]:7000", AddressError::BadHost("[::g]".into())),
        ] {
            assert_eq!(text.parse::<Address>(), Err(error), "{text}");
        }
    }
}
