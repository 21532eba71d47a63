//! TLS towards the servers. Its files are followed as they change; the system's authorities are read once.

use std::io;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};

use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, RootCertStore};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use crate::config::Tls;
use crate::config::material::{self, Print, certificates};
use crate::model::failure::AskError;
use crate::model::snapshot::CertificateEnds;
use crate::model::time::Timestamp;

mod verify;

/// The TLS of one cluster.
#[derive(Debug)]
pub(super) struct Client {
    settings: Tls,
    built: Mutex<Option<(Print, Built)>>,
}

/// What the files make.
#[derive(Clone, Debug)]
struct Built {
    config: Arc<ClientConfig>,
    /// End of our own certificate.
    own_ends: Option<Timestamp>,
}

impl Client {
    pub(super) fn new(settings: Tls) -> Self {
        Self { settings, built: Mutex::new(None) }
    }

    /// Shakes hands with the server at `host`, or under the name that is configured; also tells when the certificates
    /// end that were presented.
    pub(super) async fn shake(
        &self,
        stream: TcpStream,
        host: &str,
    ) -> Result<(TlsStream<TcpStream>, CertificateEnds), AskError> {
        let name = self.settings.server_name.as_deref().unwrap_or(host);
        let name = ServerName::try_from(name.to_owned())
            .map_err(|_| AskError::Tls(format!("{name:?} is neither a DNS name nor an IP address")))?;
        let Built { config, own_ends } = self.build()?;
        let shaken = TlsConnector::from(config).connect(name, stream).await;
        let shaken = shaken.map_err(|error| AskError::Tls(explain(&error)))?;
        let presented = shaken.get_ref().1.peer_certificates().and_then(|chain| chain.first());
        let server = presented.and_then(|certificate| end(certificate));
        Ok((shaken, CertificateEnds { server, exporter: own_ends }))
    }

    /// What the files make as they are now.
    fn build(&self) -> Result<Built, AskError> {
        let Tls { ca_file, cert_file, key_file, .. } = &self.settings;
        let mut print = Print::default();
        for file in [ca_file, cert_file, key_file].into_iter().flatten() {
            print.add(file);
        }
        let mut built = self.built.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((known, made)) = &*built
            && *known == print
        {
            return Ok(made.clone());
        }
        let config = Arc::new(build(&self.settings).map_err(AskError::Tls)?);
        // It was read a moment ago; should it be gone by now, only its end is not known.
        let own = cert_file.as_deref().and_then(|file| certificates(file).ok());
        let own_ends = own.and_then(|chain| end(chain.first()?));
        let made = Built { config, own_ends };
        *built = Some((print, made.clone()));
        Ok(made)
    }
}

/// `notAfter` of a certificate.
fn end(certificate: &CertificateDer<'_>) -> Option<Timestamp> {
    let (_, certificate) = x509_parser::parse_x509_certificate(certificate).ok()?;
    let seconds = u64::try_from(certificate.validity().not_after.timestamp()).ok()?;
    Some(Timestamp(seconds.saturating_mul(1_000_000)))
}

fn build(settings: &Tls) -> Result<ClientConfig, String> {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let builder = ClientConfig::builder_with_provider(provider.clone())
        .with_safe_default_protocol_versions()
        .map_err(|error| error.to_string())?;
    let builder = if settings.insecure_skip_verify {
        builder.dangerous().with_custom_certificate_verifier(Arc::new(verify::Any::new(provider)))
    } else {
        builder.with_root_certificates(roots(settings.ca_file.as_ref())?)
    };
    let (Some(cert_file), Some(key_file)) = (&settings.cert_file, &settings.key_file) else {
        return Ok(builder.with_no_client_auth());
    };
    builder
        .with_client_auth_cert(certificates(cert_file)?, material::key(key_file)?)
        .map_err(|error| format!("{} with {}: {error}", cert_file.display(), key_file.display()))
}

fn roots(ca_file: Option<&PathBuf>) -> Result<Arc<RootCertStore>, String> {
    match ca_file {
        Some(ca_file) => material::authorities(&certificates(ca_file)?)
            .map_err(|error| format!("{}: {error}", ca_file.display())),
        None => material::native_authorities().map_err(|error| format!("{error}; set tls.ca_file")),
    }
}

fn explain(error: &io::Error) -> String {
    let inner = error.get_ref().and_then(|inner| inner.downcast_ref::<rustls::Error>());
    match inner {
        Some(rustls::Error::InvalidMessage(_)) => {
            "what answers does not speak TLS: is it the plain port?".to_owned()
        }
        Some(tls) => tls.to_string(),
        None if error.kind() == io::ErrorKind::UnexpectedEof => {
            "closed by the server within the handshake".to_owned()
        }
        None => error.to_string(),
    }
}
