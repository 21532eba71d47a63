//! What the configuration tells the core: thresholds of the checks, and what a cluster is expected to look like.

/// How large a cluster is meant to be. Keys of `expect:`; an absent key expects nothing.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Deserialize, serde::Serialize)]
#[serde(deny_unknown_fields, default)]
pub struct Expect {
    /// Primaries that own slots.
    pub primaries: Option<u32>,
    /// Connected replicas of every primary that owns slots.
    pub replicas_per_primary: Option<u32>,
    /// All nodes.
    pub nodes: Option<u32>,
}

/// Thresholds of the checks. Keys of `limits:`.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Limits {}
