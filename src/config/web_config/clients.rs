//! What is asked of clients: no certificate, any, or one that an authority has signed, and under which names.

use std::sync::Arc;

use rustls::client::danger::HandshakeSignatureValid;
use rustls::crypto::{CryptoProvider, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::{CertificateDer, UnixTime};
use rustls::server::WebPkiClientVerifier;
use rustls::server::danger::{ClientCertVerified, ClientCertVerifier};
use rustls::{CertificateError, DigitallySignedStruct, DistinguishedName, Error, SignatureScheme};
use x509_parser::certificate::X509Certificate;
use x509_parser::extensions::GeneralName;
use x509_parser::time::ASN1Time;

use super::super::material;

/// The values of `client_auth_type`.
pub(super) const AUTH_TYPES: [&str; 5] = [
    "NoClientCert",
    "RequestClientCert",
    "RequireAnyClientCert",
    "VerifyClientCertIfGiven",
    "RequireAndVerifyClientCert",
];

/// What is asked of clients.
pub(super) struct Policy {
    /// They are asked for a certificate.
    pub(super) asked: bool,
    /// Without one there is no connection.
    pub(super) mandatory: bool,
    /// An authority must have signed it.
    pub(super) verified: bool,
    /// Whose signatures count; without any, those of the system.
    pub(super) authorities: Option<Vec<CertificateDer<'static>>>,
    /// Alternative names of which it must have one.
    pub(super) sans: Option<Vec<String>>,
}

/// Asked, mandatory, verified. Empty is `NoClientCert`; `RequireClientCert` is the older name of `RequireAnyClientCert`.
pub(super) fn auth_type(text: &str) -> Option<(bool, bool, bool)> {
    match text {
        "" | "NoClientCert" => Some((false, false, false)),
        "RequestClientCert" => Some((true, false, false)),
        "RequireAnyClientCert" | "RequireClientCert" => Some((true, true, false)),
        "VerifyClientCertIfGiven" => Some((true, false, true)),
        "RequireAndVerifyClientCert" => Some((true, true, true)),
        _ => None,
    }
}

/// What decides about clients; `None` where none is asked.
///
/// # Errors
/// The authorities are no good: the key that names them, and why.
pub(super) fn verifier(
    policy: Policy,
    provider: Arc<CryptoProvider>,
) -> Result<Option<Arc<dyn ClientCertVerifier>>, (&'static str, String)> {
    if !policy.asked {
        return Ok(None);
    }
    let trusted = policy.authorities.clone().unwrap_or_default();
    let signed = if policy.verified { Some(signed(&policy, &provider)?) } else { None };
    let Policy { mandatory, sans, .. } = policy;
    Ok(Some(Arc::new(Clients { signed, trusted, mandatory, sans, provider })))
}

fn signed(
    policy: &Policy,
    provider: &Arc<CryptoProvider>,
) -> Result<Arc<dyn ClientCertVerifier>, (&'static str, String)> {
    let roots = match &policy.authorities {
        Some(certificates) => {
            material::authorities(certificates).map_err(|error| ("client_ca_file", error))?
        }
        None => {
            let absent = |error| ("client_auth_type", format!("{error}; set client_ca_file"));
            material::native_authorities().map_err(absent)?
        }
    };
    let builder = WebPkiClientVerifier::builder_with_provider(roots, Arc::clone(provider));
    builder.build().map_err(|error| ("client_ca_file", error.to_string()))
}

/// Decides about clients.
#[derive(Debug)]
struct Clients {
    signed: Option<Arc<dyn ClientCertVerifier>>,
    /// Certificates that are trusted as such: one that signed itself is its own authority, and webpki would refuse it.
    trusted: Vec<CertificateDer<'static>>,
    mandatory: bool,
    sans: Option<Vec<String>>,
    provider: Arc<CryptoProvider>,
}

impl ClientCertVerifier for Clients {
    fn client_auth_mandatory(&self) -> bool {
        self.mandatory
    }

    fn root_hint_subjects(&self) -> &[DistinguishedName] {
        self.signed.as_ref().map_or(&[], |signed| signed.root_hint_subjects())
    }

    fn verify_client_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        now: UnixTime,
    ) -> Result<ClientCertVerified, Error> {
        if let Some(signed) = &self.signed {
            if self.trusted.contains(end_entity) {
                in_force(end_entity, now)?;
            } else {
                signed.verify_client_cert(end_entity, intermediates, now)?;
            }
        }
        if let Some(allowed) = &self.sans {
            let names = names(&parsed(end_entity)?);
            if !names.iter().any(|name| allowed.contains(name)) {
                return Err(Error::InvalidCertificate(CertificateError::ApplicationVerificationFailure));
            }
        }
        Ok(ClientCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls12_signature(message, cert, dss, &self.provider.signature_verification_algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls13_signature(message, cert, dss, &self.provider.signature_verification_algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.provider.signature_verification_algorithms.supported_schemes()
    }
}

fn parsed<'a>(certificate: &'a CertificateDer<'_>) -> Result<X509Certificate<'a>, Error> {
    let parsed = x509_parser::parse_x509_certificate(certificate);
    parsed.map(|(_, parsed)| parsed).map_err(|_| Error::InvalidCertificate(CertificateError::BadEncoding))
}

/// Whether a trusted certificate may be used by a client, and now.
fn in_force(certificate: &CertificateDer<'_>, now: UnixTime) -> Result<(), Error> {
    let certificate = parsed(certificate)?;
    let now = i64::try_from(now.as_secs()).ok().and_then(|now| ASN1Time::from_timestamp(now).ok());
    if !now.is_some_and(|now| certificate.validity().is_valid_at(now)) {
        return Err(Error::InvalidCertificate(CertificateError::Expired));
    }
    match certificate.extended_key_usage() {
        Ok(None) => Ok(()),
        Ok(Some(usage)) if usage.value.any || usage.value.client_auth => Ok(()),
        _ => Err(Error::InvalidCertificate(CertificateError::InvalidPurpose)),
    }
}

/// DNS names, e-mail and IP addresses and URIs, as the file names them.
fn names(certificate: &X509Certificate<'_>) -> Vec<String> {
    let Ok(Some(names)) = certificate.subject_alternative_name() else { return Vec::new() };
    names.value.general_names.iter().filter_map(name).collect()
}

fn name(name: &GeneralName<'_>) -> Option<String> {
    use std::net::{Ipv4Addr, Ipv6Addr};
    match name {
        GeneralName::DNSName(text) | GeneralName::RFC822Name(text) | GeneralName::URI(text) => {
            Some((*text).to_owned())
        }
        GeneralName::IPAddress(bytes) => match bytes.len() {
            4 => <[u8; 4]>::try_from(*bytes).ok().map(|bytes| Ipv4Addr::from(bytes).to_string()),
            _ => <[u8; 16]>::try_from(*bytes).ok().map(|bytes| Ipv6Addr::from(bytes).to_string()),
        },
        _ => None,
    }
}
