//! Replies recorded from real servers, out of `tests/captures/recorded.tar.xz`.
#![allow(dead_code, reason = "each test binary uses its own part")]

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::LazyLock;

use redis_cluster_exporter::capture;
use redis_cluster_exporter::probes::Replies;

static ARCHIVE: &[u8] = include_bytes!("../captures/recorded.tar.xz");

/// The unpacked archive. It lies in the target directory under the hash of the archive, so that it is unpacked
/// once and not once per test binary; the rename makes it appear whole.
static UNPACKED: LazyLock<PathBuf> = LazyLock::new(|| {
    let home = Path::new(env!("CARGO_TARGET_TMPDIR"));
    let hash = ARCHIVE
        .iter()
        .fold(0xcbf2_9ce4_8422_2325u64, |h, b| (h ^ u64::from(*b)).wrapping_mul(0x100_0000_01b3));
    let place = home.join(format!("captures-{hash:016x}"));
    if !place.exists() {
        let fresh = tempfile::tempdir_in(home).unwrap();
        tar::Archive::new(lzma_rust2::XzReader::new(ARCHIVE, false)).unpack(fresh.path()).unwrap();
        // Another test binary may have been faster: then its copy stands and this one goes.
        if fs::rename(fresh.path(), &place).is_err() {
            assert!(place.exists(), "cannot move the unpacked captures to {}", place.display());
        }
    }
    place
});

/// One recorded state of one cluster.
pub(crate) struct State {
    /// `redis-7.0.15`, `valkey-9.1.2`, …
    pub(crate) server: String,
    /// `healthy`, `split_brain_active`, …
    pub(crate) name: String,
    /// What is true in it: `_truth.json`.
    pub(crate) truth: serde_json::Value,
    /// Its capture directory.
    pub(crate) dir: PathBuf,
}

impl State {
    /// What every node replied, by its name: m1 m2 m3, r1 r2 r3, x1.
    pub(crate) fn nodes(&self) -> Vec<(String, Replies)> {
        capture::read(&self.dir).unwrap_or_else(|error| panic!("{self}: {error}"))
    }
}

impl std::fmt::Display for State {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}/{}", self.server, self.name)
    }
}

/// All recorded states, by server and name.
pub(crate) fn states() -> Vec<State> {
    let mut states = Vec::new();
    for server in folders(&UNPACKED) {
        for dir in folders(&server).into_iter().filter(|dir| name(dir) != "errors") {
            let truth = fs::read(dir.join("_truth.json")).unwrap();
            let truth = serde_json::from_slice(&truth).unwrap();
            states.push(State { server: name(&server), name: name(&dir), truth, dir });
        }
    }
    states
}

/// One recorded state.
pub(crate) fn state(server: &str, name: &str) -> State {
    let found = states().into_iter().find(|state| state.server == server && state.name == name);
    found.unwrap_or_else(|| panic!("no recorded state {server}/{name}"))
}

/// Raw replies to error situations: server, situation, bytes.
pub(crate) fn errors() -> Vec<(String, String, Vec<u8>)> {
    let mut errors = Vec::new();
    for server in folders(&UNPACKED) {
        let Ok(files) = fs::read_dir(server.join("errors")) else { continue };
        for path in files.map(|entry| entry.unwrap().path()) {
            if path.extension().is_some_and(|ending| ending == "resp") {
                let situation = path.file_stem().unwrap().to_string_lossy().into_owned();
                errors.push((name(&server), situation, fs::read(&path).unwrap()));
            }
        }
    }
    errors.sort();
    errors
}

fn folders(dir: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(dir).unwrap().map(|entry| entry.unwrap().path());
    let mut folders: Vec<_> = entries.filter(|path| path.is_dir()).collect();
    folders.sort();
    folders
}

fn name(path: &Path) -> String {
    path.file_name().unwrap().to_string_lossy().into_owned()
}
