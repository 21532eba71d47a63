//! The exporter's wall clock, for the shell.

#![allow(clippy::disallowed_methods, reason = "this is where the shell reads the clock")]

use std::time::{SystemTime, UNIX_EPOCH};

use crate::model::time::Timestamp;

/// The instant now. One before 1970 reads as 1970.
pub fn now() -> Timestamp {
    let since_epoch = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    Timestamp(since_epoch.as_micros() as u64)
}
