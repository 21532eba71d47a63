//! The shape of the file: every key, each optional. Their meaning stands in docs/web-config.md.

use std::collections::BTreeMap;
use std::fmt;
use std::time::Duration;

use secrecy::SecretString;
use serde::Deserialize;
use serde::de::{Deserializer, Error, Visitor};

use super::super::file::{List, Section, maybe_secret};
use crate::model::units;

/// Holds hashes and keys: it does not implement `Debug`.
#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct WebConfigFile {
    pub(super) tls_server_config: Option<Section<TlsFile>>,
    pub(super) http_server_config: Option<Section<HttpFile>>,
    pub(super) basic_auth_users: Option<Section<BTreeMap<String, Hash>>>,
    pub(super) rate_limit: Option<Section<RateFile>>,
}

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct TlsFile {
    #[serde(deserialize_with = "maybe_secret")]
    pub(super) cert: Option<SecretString>,
    #[serde(deserialize_with = "maybe_secret")]
    pub(super) key: Option<SecretString>,
    #[serde(deserialize_with = "maybe_secret")]
    pub(super) client_ca: Option<SecretString>,
    #[serde(deserialize_with = "units::maybe_text")]
    pub(super) cert_file: Option<String>,
    #[serde(deserialize_with = "units::maybe_text")]
    pub(super) key_file: Option<String>,
    #[serde(deserialize_with = "units::maybe_text")]
    pub(super) client_auth_type: Option<String>,
    #[serde(deserialize_with = "units::maybe_text")]
    pub(super) client_ca_file: Option<String>,
    pub(super) client_allowed_sans: Option<List>,
    #[serde(deserialize_with = "units::maybe_text")]
    pub(super) min_version: Option<String>,
    #[serde(deserialize_with = "units::maybe_text")]
    pub(super) max_version: Option<String>,
    pub(super) cipher_suites: Option<List>,
    #[serde(deserialize_with = "units::maybe_switch")]
    pub(super) prefer_server_cipher_suites: Option<bool>,
    pub(super) curve_preferences: Option<List>,
}

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct HttpFile {
    #[serde(deserialize_with = "units::maybe_switch")]
    pub(super) http2: Option<bool>,
    pub(super) headers: Option<Section<HeadersFile>>,
}

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct HeadersFile {
    #[serde(rename = "Content-Security-Policy", deserialize_with = "header")]
    pub(super) content_security_policy: Option<String>,
    #[serde(rename = "X-Frame-Options", deserialize_with = "header")]
    pub(super) x_frame_options: Option<String>,
    #[serde(rename = "X-Content-Type-Options", deserialize_with = "header")]
    pub(super) x_content_type_options: Option<String>,
    #[serde(rename = "X-XSS-Protection", deserialize_with = "header")]
    pub(super) x_xss_protection: Option<String>,
    #[serde(rename = "Strict-Transport-Security", deserialize_with = "header")]
    pub(super) strict_transport_security: Option<String>,
}

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct RateFile {
    #[serde(deserialize_with = "interval")]
    pub(super) interval: Option<Duration>,
    #[serde(deserialize_with = "units::maybe_count")]
    pub(super) burst: Option<u32>,
}

/// The hash of a password.
#[derive(Deserialize)]
#[serde(transparent)]
pub(super) struct Hash {
    #[serde(deserialize_with = "maybe_secret")]
    pub(super) text: Option<SecretString>,
}

/// Text or a whole number: `X-XSS-Protection: 1` is how it is written.
fn header<'de, D: Deserializer<'de>>(from: D) -> Result<Option<String>, D::Error> {
    struct Header;
    impl Visitor<'_> for Header {
        type Value = Option<String>;

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("text")
        }
        fn visit_unit<E: Error>(self) -> Result<Self::Value, E> {
            Ok(None)
        }
        fn visit_u64<E: Error>(self, value: u64) -> Result<Self::Value, E> {
            Ok(Some(value.to_string()))
        }
        fn visit_i64<E: Error>(self, value: i64) -> Result<Self::Value, E> {
            Ok(Some(value.to_string()))
        }
        fn visit_str<E: Error>(self, value: &str) -> Result<Self::Value, E> {
            Ok(Some(value.to_owned()))
        }
    }
    from.deserialize_any(Header)
}

/// A duration; 0 needs no unit.
fn interval<'de, D: Deserializer<'de>>(from: D) -> Result<Option<Duration>, D::Error> {
    let text = header(from)?;
    text.filter(|text| text != "0")
        .map(|text| units::parse_duration(&text).map_err(D::Error::custom))
        .transpose()
}
