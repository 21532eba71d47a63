//! A count of all keys of a node, as one file: a heading with DBSIZE, then `slot:keys` for every slot that holds any.

use std::fmt::Write;
use std::fs;
use std::path::Path;

use super::{CaptureError, io_error, read_file};
use crate::model::reply::Reply;
use crate::model::slots::SlotSet;
use crate::probes::Sweep;

const FILE: &str = "CLUSTER_COUNTKEYSINSLOT_all_nonzero.txt";

/// The count in a node's folder, if there is one. A file without the heading is none.
pub(super) fn read(dir: &Path) -> Result<Option<Sweep>, CaptureError> {
    let Some(bytes) = read_file(&dir.join(FILE))? else { return Ok(None) };
    let text = String::from_utf8_lossy(&bytes);
    let Some((heading, counts)) = text.split_once('\n') else { return Ok(None) };
    let size = heading.strip_prefix("# DBSIZE ").and_then(|rest| rest.split(';').next()?.trim().parse().ok());
    let count = |pair: &str| {
        let (slot, keys) = pair.split_once(':')?;
        Some((slot.parse().ok()?, Reply::Int(keys.parse().ok()?)))
    };
    Ok(size.map(|size| Sweep {
        sizes: vec![Reply::Int(size)],
        of: SlotSet::all(),
        counts: counts.split_ascii_whitespace().filter_map(count).collect(),
    }))
}

/// Writes a count; one that was not answered in full is left out.
pub(super) fn write(dir: &Path, sweep: &Sweep) -> Result<(), CaptureError> {
    let Some(size) = sweep.sizes.iter().filter_map(Reply::int).min() else { return Ok(()) };
    let mut text = format!("# DBSIZE {size}; then slot:count for each slot with a count != 0\n");
    for (slot, keys) in &sweep.counts {
        if let Some(keys @ 1..) = keys.int() {
            // Writing to a string does not fail.
            write!(text, "{slot}:{keys} ").unwrap_or_default();
        }
    }
    let path = dir.join(FILE);
    fs::write(&path, text.trim_end()).map_err(io_error(&path))
}
