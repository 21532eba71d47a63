//! What one poll concluded: immutable, published whole, read by every reader at its own pace.

use std::sync::Arc;
use std::time::Duration;

use crate::model::time::Timestamp;

/// One poll of one cluster, judged.
#[derive(Clone, Debug)]
pub struct Frame {
    /// The configured name.
    pub cluster: Arc<str>,
    /// The instant of the poll.
    pub at: Timestamp,
    /// How long the poll took.
    pub took: Duration,
    /// The configured interval: a frame older than three of them is stale.
    pub interval: Duration,
}
