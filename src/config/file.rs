//! The shape of the configuration file: every key, each optional. What a key means, its unit and its default stand at
//! the checked type of the same name in [`crate::config`], and in `config.example.yaml`.

use std::collections::BTreeMap;
use std::marker::PhantomData;
use std::time::Duration;

use secrecy::SecretString;
use serde::Deserialize;
use serde::de::value::MapAccessDeserializer;
use serde::de::{Deserializer, Error, MapAccess, SeqAccess, Visitor};

use crate::model::limits::{Expect, Limits};
use crate::model::units;

/// A whole file, after the layers are merged. Holds secrets in plain text: it does not implement `Debug`.
#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct File {
    pub(super) poll: Option<Section<PollFile>>,
    pub(super) defaults: Option<Section<ClusterFile>>,
    pub(super) clusters: Option<Vec<Section<ClusterFile>>>,
    pub(super) shard: Option<Section<ShardFile>>,
    pub(super) web: Option<Section<WebFile>>,
    pub(super) log: Option<Section<LogFile>>,
}

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct PollFile {
    #[serde(deserialize_with = "units::maybe_duration")]
    pub(super) interval: Option<Duration>,
    #[serde(deserialize_with = "units::maybe_duration")]
    pub(super) timeout: Option<Duration>,
    #[serde(deserialize_with = "units::maybe_duration")]
    pub(super) slow_interval: Option<Duration>,
    #[serde(deserialize_with = "units::maybe_duration")]
    pub(super) sweep_interval: Option<Duration>,
    #[serde(deserialize_with = "units::maybe_count")]
    pub(super) concurrency: Option<u32>,
}

/// One cluster, or what all of them share (then without `name` and `seeds`).
#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct ClusterFile {
    #[serde(deserialize_with = "units::maybe_text")]
    pub(super) name: Option<String>,
    pub(super) seeds: Option<List>,
    #[serde(deserialize_with = "maybe_secret")]
    pub(super) username: Option<SecretString>,
    #[serde(deserialize_with = "units::maybe_text")]
    pub(super) username_file: Option<String>,
    #[serde(deserialize_with = "maybe_secret")]
    pub(super) password: Option<SecretString>,
    #[serde(deserialize_with = "units::maybe_text")]
    pub(super) password_file: Option<String>,
    pub(super) tls: Option<Section<TlsFile>>,
    pub(super) address_map: Option<BTreeMap<String, Text>>,
    #[serde(deserialize_with = "units::maybe_switch")]
    pub(super) prefer_hostnames: Option<bool>,
    pub(super) expect: Option<Section<Expect>>,
    pub(super) limits: Option<Section<Limits>>,
    pub(super) checks: Option<BTreeMap<String, Section<CheckFile>>>,
    #[serde(deserialize_with = "units::maybe_switch")]
    pub(super) command_stats: Option<bool>,
    #[serde(deserialize_with = "units::maybe_switch")]
    pub(super) latency_stats: Option<bool>,
}

#[derive(Default, Deserialize)]
#[serde(
    deny_unknown_fields,
    default,
    expecting = "a map of keys; {} for TLS with the authorities of the system"
)]
pub(super) struct TlsFile {
    #[serde(deserialize_with = "units::maybe_text")]
    pub(super) ca_file: Option<String>,
    #[serde(deserialize_with = "units::maybe_text")]
    pub(super) cert_file: Option<String>,
    #[serde(deserialize_with = "units::maybe_text")]
    pub(super) key_file: Option<String>,
    #[serde(deserialize_with = "units::maybe_text")]
    pub(super) server_name: Option<String>,
    #[serde(deserialize_with = "units::maybe_switch")]
    pub(super) insecure_skip_verify: Option<bool>,
}

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct CheckFile {
    #[serde(deserialize_with = "units::maybe_switch")]
    pub(super) enabled: Option<bool>,
    #[serde(deserialize_with = "units::maybe_text")]
    pub(super) severity: Option<String>,
}

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct ShardFile {
    #[serde(deserialize_with = "units::maybe_ordinal")]
    pub(super) index: Option<u32>,
    #[serde(deserialize_with = "units::maybe_count")]
    pub(super) count: Option<u32>,
}

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct WebFile {
    pub(super) listen_address: Option<List>,
    #[serde(deserialize_with = "units::maybe_text")]
    pub(super) config_file: Option<String>,
    #[serde(deserialize_with = "units::maybe_switch")]
    pub(super) enable_lifecycle: Option<bool>,
    #[serde(deserialize_with = "units::maybe_count")]
    pub(super) max_connections: Option<u32>,
    #[serde(deserialize_with = "units::maybe_duration")]
    pub(super) header_timeout: Option<Duration>,
}

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct LogFile {
    #[serde(deserialize_with = "units::maybe_text")]
    pub(super) level: Option<String>,
    #[serde(deserialize_with = "units::maybe_text")]
    pub(super) format: Option<String>,
}

/// A map of keys. A derived struct would also take a list of its fields in order.
#[derive(Default)]
pub(super) struct Section<T>(pub(super) T);

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Section<T> {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        struct Keys<T>(PhantomData<T>);
        impl<'de, T: Deserialize<'de>> Visitor<'de> for Keys<T> {
            type Value = Section<T>;

            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("a map of keys")
            }
            fn visit_map<A: MapAccess<'de>>(self, keys: A) -> Result<Section<T>, A::Error> {
                T::deserialize(MapAccessDeserializer::new(keys)).map(Section)
            }
        }
        from.deserialize_any(Keys(PhantomData))
    }
}

/// A text that is no number.
#[derive(Deserialize)]
#[serde(transparent)]
pub(super) struct Text {
    #[serde(deserialize_with = "text")]
    pub(super) text: String,
}

/// A list of texts, or one text with commas, as the environment gives it.
pub(super) struct List(pub(super) Vec<String>);

impl<'de> Deserialize<'de> for List {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        struct Items;
        impl<'de> Visitor<'de> for Items {
            type Value = List;

            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("a list of texts, or one text with commas")
            }
            fn visit_str<E: Error>(self, value: &str) -> Result<List, E> {
                Ok(List(value.split(',').map(|item| item.trim().to_owned()).collect()))
            }
            fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<List, A::Error> {
                let mut list = Vec::new();
                while let Some(Text { text }) = items.next_element()? {
                    list.push(text);
                }
                Ok(List(list))
            }
        }
        from.deserialize_any(Items)
    }
}

fn text<'de, D: Deserializer<'de>>(from: D) -> Result<String, D::Error> {
    units::maybe_text(from)?.ok_or_else(|| D::Error::custom("found nothing, wanted text"))
}

pub(super) fn maybe_secret<'de, D: Deserializer<'de>>(from: D) -> Result<Option<SecretString>, D::Error> {
    Ok(units::maybe_text(from)?.map(SecretString::from))
}
