//! Replies to a directory and back: a bug report becomes a fixture, and a recorded state can be judged.
//!
//! One folder per node. In it `_meta.json` and one file per command, named after its words: `CLUSTER_NODES.resp`
//! holds raw RESP2 and is preferred, `CLUSTER_NODES.txt` the bytes of a bulk reply; other replies stand in `.txt`
//! files as `PONG`, `(integer) 5` or `(error) ERR …`, and arrays only as `.resp`. A folder with nothing but
//! `_meta.json` is a node that did not answer. Other files are passed over.

mod disguise;
mod meta;
mod sweep;

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use crate::model::reply::Reply;
use crate::model::slots::SLOT_COUNT;
use crate::model::snapshot::CertificateEnds;
use crate::model::time::Timestamp;
use crate::probes::{Answer, Every, ProbeId, Replies, SETTINGS, Shape};
use crate::resp;
pub use disguise::Disguise;
use meta::{Call, ClientError, Meta};

/// The largest file that is read: 64 MiB is `CLUSTER NODES` of some 400,000 nodes.
const MAX_FILE_BYTES: u64 = 64 << 20;
const KEY_COUNT_STEM: &str = "CLUSTER_COUNTKEYSINSLOT_";

/// Why a capture could not be read or written.
#[derive(Debug, thiserror::Error)]
pub enum CaptureError {
    /// The file system's refusal.
    #[error("{}: {error}", path.display())]
    Io {
        /// The file or folder.
        path: PathBuf,
        /// Its error.
        error: io::Error,
    },
    /// No folder of a node in it.
    #[error("{}: no folder of a node in it: wanted one per node, each with _meta.json", .0.display())]
    Empty(PathBuf),
    /// A file is larger than 64 MiB.
    #[error("{}: larger than {MAX_FILE_BYTES} bytes", .0.display())]
    TooLarge(PathBuf),
    /// `_meta.json` is not what it should be.
    #[error("{}: {error}", path.display())]
    Meta {
        /// The file.
        path: PathBuf,
        /// Where and what.
        error: serde_json::Error,
    },
    /// A `.resp` file is not one RESP2 reply.
    #[error("{}: {error}", path.display())]
    Resp {
        /// The file.
        path: PathBuf,
        /// Where and what.
        error: resp::RespError,
    },
}

/// Reads a capture directory: name of each node's folder and what the node replied, in order of the names.
pub fn read(dir: &Path) -> Result<Vec<(String, Replies)>, CaptureError> {
    let mut nodes = Vec::new();
    for path in entries(dir)? {
        if path.join("_meta.json").is_file() {
            nodes.push((file_name(&path), read_node(&path)?));
        }
    }
    if nodes.is_empty() { Err(CaptureError::Empty(dir.to_owned())) } else { Ok(nodes) }
}

fn read_node(dir: &Path) -> Result<Replies, CaptureError> {
    let path = dir.join("_meta.json");
    let meta: Meta = serde_json::from_slice(&read_file(&path)?.unwrap_or_default())
        .map_err(|error| CaptureError::Meta { path, error })?;
    let mut answers = Vec::new();
    for probe in ProbeId::ALL.into_iter().filter(|probe| probe.row().every != Every::OnDemand) {
        if let Some((stem, reply)) = read_probe(dir, probe)? {
            let call = meta.commands.get(&stem).copied().unwrap_or_default();
            answers.push(Answer {
                probe,
                asked_at: meta::instant(call.at_ms),
                took: Duration::from_micros(call.us),
                reply: Arc::new(reply),
            });
        }
    }
    let asked_at = asked_at(&meta);
    let took = took(&meta, asked_at);
    let response = meta.response_us.map(Duration::from_micros);
    let ping = answers.iter().find(|a| a.probe == ProbeId::Ping).map(|a| a.took);
    Ok(Replies {
        target: meta::target(&meta.addr.unwrap_or_else(|| file_name(dir))),
        asked_at,
        response: response.or(ping),
        took,
        failure: meta.client_error.map(|error| error.to_ask_error(took)),
        answers,
        key_counts: read_key_counts(dir)?,
        sweep: sweep::read(dir)?,
        certificate_ends: CertificateEnds::default(),
        commands: 0,
    })
}

fn asked_at(meta: &Meta) -> Timestamp {
    let first = meta.commands.values().map(|call| call.at_ms).min_by(f64::total_cmp);
    meta::instant(meta.asked_at_ms.or(first).or(meta.connect_at_ms).unwrap_or(0.0))
}

fn took(meta: &Meta, asked_at: Timestamp) -> Duration {
    let end = |call: &Call| meta::instant(call.at_ms).plus(Duration::from_micros(call.us));
    let last = meta.commands.values().map(end).max().unwrap_or(asked_at);
    meta.took_us.map_or(last.since(asked_at), Duration::from_micros)
}

/// Names under which a probe's reply may lie, best first.
fn stems(probe: ProbeId) -> Vec<String> {
    let mut stems = vec![probe.row().file_stem()];
    match probe {
        ProbeId::Info => stems.push("INFO_everything".to_owned()),
        ProbeId::MigrationStatus => stems.push("CLUSTER_MIGRATION_STATUS_ALL".to_owned()),
        ProbeId::ConfigGet => stems.push("CONFIG_GET_all".to_owned()),
        ProbeId::SlotStats => stems.push("CLUSTER_SLOT-STATS_key-count".to_owned()),
        _ => {}
    }
    stems
}

/// The recorded reply to a probe, with the name that it lies under.
fn read_probe(dir: &Path, probe: ProbeId) -> Result<Option<(String, Reply)>, CaptureError> {
    for stem in stems(probe) {
        if let Some(reply) = read_reply(dir, &stem, probe.row().shape)? {
            let reply = if probe == ProbeId::ConfigGet { only_settings(reply) } else { reply };
            return Ok(Some((stem, reply)));
        }
    }
    Ok(None)
}

/// Other people's captures may hold `CONFIG GET *`: nothing but the settings we would have asked for is kept.
fn only_settings(reply: Reply) -> Reply {
    let Reply::Array(items) = reply else { return reply };
    let known = |pair: &&[Reply]| pair[0].text().is_some_and(|name| SETTINGS.contains(&name));
    Reply::Array(items.chunks_exact(2).filter(known).flatten().cloned().collect())
}

fn read_key_counts(dir: &Path) -> Result<Vec<(u16, Reply)>, CaptureError> {
    let mut counts = Vec::new();
    for path in entries(dir)? {
        let stem = path.file_stem().unwrap_or_default().to_string_lossy().into_owned();
        let slot = stem.strip_prefix(KEY_COUNT_STEM).and_then(|slot| slot.parse().ok());
        let Some(slot) = slot.filter(|slot| *slot < SLOT_COUNT) else { continue };
        if let Some(reply) = read_reply(dir, &stem, Shape::Integer)? {
            counts.push((slot, reply));
        }
    }
    counts.sort_by_key(|(slot, _)| *slot);
    counts.dedup_by_key(|(slot, _)| *slot);
    Ok(counts)
}

fn read_reply(dir: &Path, stem: &str, shape: Shape) -> Result<Option<Reply>, CaptureError> {
    let path = dir.join(format!("{stem}.resp"));
    match read_file(&path)? {
        // The recorder's note that the server closed the connection instead of answering.
        Some(bytes) if bytes.is_empty() => return Ok(None),
        Some(bytes) => {
            return resp::parse(&bytes).map(Some).map_err(|error| CaptureError::Resp { path, error });
        }
        None => {}
    }
    let bytes = read_file(&dir.join(format!("{stem}.txt")))?;
    Ok(bytes.and_then(|bytes| from_text(bytes, shape)))
}

/// The reply in a `.txt` file; `None` where it has no such form, as arrays printed for people.
fn from_text(bytes: Vec<u8>, shape: Shape) -> Option<Reply> {
    if let Some(error) = bytes.strip_prefix(b"(error) ") {
        return Some(Reply::error(String::from_utf8_lossy(error).trim_end()));
    }
    let line = || String::from_utf8_lossy(&bytes).trim_end().to_owned();
    match shape {
        Shape::Pong => Some(Reply::Status(line())),
        Shape::Integer => line().strip_prefix("(integer) ")?.parse().ok().map(Reply::Int),
        Shape::Array => None,
        Shape::Sections | Shape::ClusterInfo | Shape::NodeRows | Shape::Id => Some(Reply::Bulk(bytes)),
    }
}

/// Writes a folder for every node into `dir`, which is made if it is not there; returns how many.
///
/// # Errors
/// A folder is there already, or something cannot be written.
pub fn write(dir: &Path, replies: &[Replies]) -> Result<usize, CaptureError> {
    fs::create_dir_all(dir).map_err(io_error(dir))?;
    for replies in replies {
        let name = replies.target.to_string().replace(['/', ':', '[', ']'], "_");
        write_node(&dir.join(name), replies)?;
    }
    Ok(replies.len())
}

/// Writes what a node replied into `dir`, a new folder named after the node.
pub fn write_node(dir: &Path, replies: &Replies) -> Result<(), CaptureError> {
    fs::create_dir(dir).map_err(io_error(dir))?;
    let mut meta = Meta {
        addr: Some(replies.target.to_string()),
        asked_at_ms: Some(replies.asked_at.0 as f64 / 1000.0),
        took_us: Some(replies.took.as_micros() as u64),
        response_us: replies.response.map(|response| response.as_micros() as u64),
        client_error: replies.failure.as_ref().map(ClientError::from_ask_error),
        ..Meta::default()
    };
    for answer in &replies.answers {
        let stem = answer.probe.row().file_stem();
        let bytes = write_reply(dir, &stem, &answer.reply)?;
        let at_ms = answer.asked_at.0 as f64 / 1000.0;
        meta.commands.insert(stem, Call { at_ms, us: answer.took.as_micros() as u64, bytes });
    }
    for (slot, reply) in &replies.key_counts {
        write_reply(dir, &format!("{KEY_COUNT_STEM}{slot}"), reply)?;
    }
    if let Some(sweep) = &replies.sweep {
        sweep::write(dir, sweep)?;
    }
    let path = dir.join("_meta.json");
    let text =
        serde_json::to_vec_pretty(&meta).map_err(|error| CaptureError::Meta { path: path.clone(), error })?;
    fs::write(&path, text).map_err(io_error(&path))
}

fn write_reply(dir: &Path, stem: &str, reply: &Reply) -> Result<usize, CaptureError> {
    let mut bytes = Vec::new();
    resp::print(reply, &mut bytes);
    let path = dir.join(format!("{stem}.resp"));
    fs::write(&path, &bytes).map_err(io_error(&path))?;
    Ok(bytes.len())
}

fn read_file(path: &Path) -> Result<Option<Vec<u8>>, CaptureError> {
    match fs::metadata(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Ok(facts) if facts.len() > MAX_FILE_BYTES => return Err(CaptureError::TooLarge(path.to_owned())),
        _ => {}
    }
    fs::read(path).map(Some).map_err(io_error(path))
}

fn entries(dir: &Path) -> Result<Vec<PathBuf>, CaptureError> {
    let list = fs::read_dir(dir).map_err(io_error(dir))?;
    let mut paths: Vec<_> =
        list.map(|entry| entry.map(|e| e.path())).collect::<Result<_, _>>().map_err(io_error(dir))?;
    paths.sort();
    Ok(paths)
}

fn file_name(path: &Path) -> String {
    path.file_name().unwrap_or_default().to_string_lossy().into_owned()
}

fn io_error(path: &Path) -> impl FnOnce(io::Error) -> CaptureError {
    let path = path.to_owned();
    move |error| CaptureError::Io { path, error }
}

#[cfg(test)]
mod tests;
