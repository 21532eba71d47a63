//! What TLS reads from files, towards the servers and towards clients: certificates, keys and authorities in PEM; and
//! how a change of them is seen.

use std::fs::Metadata;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};

use rustls::RootCertStore;
use rustls::pki_types::pem::{Error, PemObject};
use rustls::pki_types::{CertificateDer, PrivateKeyDer};

/// How files looked before they were read.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Print(Vec<(PathBuf, Option<[i64; 5]>)>);

impl Print {
    /// Adds a file as it is now. Call it before the file is read: what is written meanwhile is then seen as a change.
    pub fn add(&mut self, file: &Path) {
        self.0.push((file.to_owned(), now(file)));
    }

    /// Whether all files are still as they were; one that was not there must still not be.
    pub fn is_current(&self) -> bool {
        self.0.iter().all(|(file, print)| *print == now(file))
    }
}

fn now(file: &Path) -> Option<[i64; 5]> {
    std::fs::metadata(file).ok().map(|file| print(&file))
}

/// Which file it is (a rename puts another one in its place), how long, and when it changed by two clocks: that of the
/// content can be set back.
fn print(file: &Metadata) -> [i64; 5] {
    let changed = file.ctime().wrapping_mul(1_000_000_000).wrapping_add(file.ctime_nsec());
    let modified = file.mtime().wrapping_mul(1_000_000_000).wrapping_add(file.mtime_nsec());
    [file.dev().cast_signed(), file.ino().cast_signed(), file.len().cast_signed(), modified, changed]
}

/// The certificates of a file, at least one.
///
/// # Errors
/// The file cannot be read, or holds something else.
pub fn certificates(file: &Path) -> Result<Vec<CertificateDer<'static>>, String> {
    let text = std::fs::read(file).map_err(|error| format!("{}: {error}", file.display()))?;
    certificates_in(&text).map_err(|error| format!("{}: {error}", file.display()))
}

/// The certificates of a PEM text, at least one.
///
/// # Errors
/// The text holds none, or one that is broken.
pub fn certificates_in(text: &[u8]) -> Result<Vec<CertificateDer<'static>>, String> {
    let found: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(text).collect();
    let found = found.map_err(|error| error.to_string())?;
    if found.is_empty() { Err("holds no certificate".to_owned()) } else { Ok(found) }
}

/// The private key of a file.
///
/// # Errors
/// The file cannot be read, or holds no key.
pub fn key(file: &Path) -> Result<PrivateKeyDer<'static>, String> {
    let text = std::fs::read(file).map_err(|error| format!("{}: {error}", file.display()))?;
    key_in(&text).map_err(|error| format!("{}: {error}", file.display()))
}

/// The private key of a PEM text.
///
/// # Errors
/// The text holds none.
pub fn key_in(text: &[u8]) -> Result<PrivateKeyDer<'static>, String> {
    PrivateKeyDer::from_pem_slice(text).map_err(|error| match error {
        Error::NoItemsFound => "holds no private key".to_owned(),
        other => other.to_string(),
    })
}

/// Authorities to trust.
///
/// # Errors
/// A certificate cannot be one.
pub fn authorities(certificates: &[CertificateDer<'static>]) -> Result<Arc<RootCertStore>, String> {
    let mut store = RootCertStore::empty();
    for certificate in certificates {
        store.add(certificate.clone()).map_err(|error| error.to_string())?;
    }
    Ok(Arc::new(store))
}

/// The system's authorities: some 3 ms of work, hence once for all.
///
/// # Errors
/// There are none.
pub fn native_authorities() -> Result<Arc<RootCertStore>, String> {
    static STORE: OnceLock<Arc<RootCertStore>> = OnceLock::new();
    if let Some(store) = STORE.get() {
        return Ok(store.clone());
    }
    let found = rustls_native_certs::load_native_certs();
    let mut store = RootCertStore::empty();
    let (added, _ignored) = store.add_parsable_certificates(found.certs);
    if added == 0 {
        let why = found.errors.first().map_or_else(|| "none found".to_owned(), ToString::to_string);
        return Err(format!("no certificate authority of the system could be read ({why})"));
    }
    Ok(STORE.get_or_init(|| Arc::new(store)).clone())
}
