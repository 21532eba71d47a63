//! `tls_server_config`: from names and files to what rustls serves with.

use std::path::Path;
use std::sync::Arc;

use rustls::crypto::{CryptoProvider, SupportedKxGroup, ring};
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::{ServerConfig, SupportedCipherSuite, SupportedProtocolVersion, version};
use secrecy::{ExposeSecret, SecretString};

use super::super::error::{Report, suggest};
use super::super::file::List;
use super::super::material::{self, Print};
use super::clients::{self, Policy};
use super::file::TlsFile;

/// HTTP/2 in the handshake's list of protocols (ALPN).
pub const HTTP2: &[u8] = b"h2";
const HTTP1: &[u8] = b"http/1.1";

/// Of TLS 1.2, HTTP/2 demands one of these: which one depends on the certificate (RFC 9113, 9.2.2).
const HTTP2_SUITES: [&str; 2] =
    ["TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256", "TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256"];

/// Suites that Go knows and rustls does not: no authenticated encryption.
const NOT_OFFERED_SUITES: [&str; 4] = [
    "TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA",
    "TLS_ECDHE_ECDSA_WITH_AES_256_CBC_SHA",
    "TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA",
    "TLS_ECDHE_RSA_WITH_AES_256_CBC_SHA",
];

/// A curve that Go knows and ring does not.
const NOT_OFFERED_CURVE: &str = "CurveP521";

/// In the order in which they are preferred.
const CURVES: [(&str, &dyn SupportedKxGroup); 3] = [
    ("X25519", ring::kx_group::X25519),
    ("CurveP256", ring::kx_group::SECP256R1),
    ("CurveP384", ring::kx_group::SECP384R1),
];

/// Checks the section, and reads what it names.
pub(super) struct Checker<'a> {
    pub(super) report: &'a mut Report,
    /// Where relative paths begin.
    pub(super) directory: &'a Path,
    /// Gets every file that is named, whether or not it can be read.
    pub(super) print: &'a mut Print,
    pub(super) notes: &'a mut Vec<String>,
    /// HTTP/2 is offered beside HTTP/1.1.
    pub(super) http2: bool,
}

impl Checker<'_> {
    /// `None` where the section is empty, or wrong; then the report tells.
    pub(super) fn tls(&mut self, file: &TlsFile) -> Option<Arc<ServerConfig>> {
        if is_empty(file) {
            return None;
        }
        let chain = self.material(("cert", &file.cert), &file.cert_file, material::certificates_in);
        let key = self.material(("key", &file.key), &file.key_file, material::key_in);
        for (what, named) in [
            ("cert", is_named(file.cert.as_ref(), file.cert_file.as_ref())),
            ("key", is_named(file.key.as_ref(), file.key_file.as_ref())),
        ] {
            if !named {
                let message = format!("neither {what} nor {what}_file is given: TLS takes one of them");
                self.report.unfit(&key_path(&format!("{what}_file")), message);
            }
        }
        let provider = self.provider(file);
        let policy = self.policy(file);
        let versions = self.versions(file);
        self.serve(provider?, &versions?, policy?, (chain?, key?), file)
    }

    fn serve(
        &mut self,
        provider: CryptoProvider,
        versions: &[&'static SupportedProtocolVersion],
        policy: Policy,
        (chain, key): (Vec<CertificateDer<'static>>, PrivateKeyDer<'static>),
        file: &TlsFile,
    ) -> Option<Arc<ServerConfig>> {
        let provider = Arc::new(provider);
        let builder = ServerConfig::builder_with_provider(Arc::clone(&provider));
        let builder = match builder.with_protocol_versions(versions) {
            Ok(builder) => builder,
            Err(error) => {
                // Only a list of suites of TLS 1.3, where that is not spoken, leads here.
                self.report.unfit(&key_path("cipher_suites"), format!("for these versions: {error}"));
                return None;
            }
        };
        if self.http2 && versions.contains(&&version::TLS12) && !self.has_suite_of_http2(file) {
            return None;
        }
        let builder = match clients::verifier(policy, provider) {
            Ok(Some(verifier)) => builder.with_client_cert_verifier(verifier),
            Ok(None) => builder.with_no_client_auth(),
            Err((key, message)) => {
                self.report.wrong(&key_path(key), message);
                return None;
            }
        };
        match builder.with_single_cert(chain, key) {
            Ok(mut config) => {
                config.alpn_protocols =
                    self.http2.then_some(HTTP2).into_iter().chain([HTTP1]).map(<[u8]>::to_vec).collect();
                config.ignore_client_order = file.prefer_server_cipher_suites.unwrap_or(true);
                Some(Arc::new(config))
            }
            Err(error) => {
                let name = if file.key_file.is_some() { "key_file" } else { "key" };
                self.report.wrong(&key_path(name), format!("does not go with the certificate: {error}"));
                None
            }
        }
    }

    /// As in Go, a list without one of these suites is refused, whatever its clients speak.
    fn has_suite_of_http2(&mut self, file: &TlsFile) -> bool {
        let Some(List(names)) = file.cipher_suites.as_ref().filter(|names| !names.0.is_empty()) else {
            return true;
        };
        let has = names.iter().any(|name| HTTP2_SUITES.contains(&name.as_str()));
        if !has {
            let (found, wanted) = (names.join(", "), HTTP2_SUITES.join(" or "));
            let message = format!(
                "found {found}, wanted {wanted} among them: HTTP/2 demands it; or http_server_config.http2: false"
            );
            self.report.unfit(&key_path("cipher_suites"), message);
        }
        has
    }

    /// What stands under a key or in the file under the key with `_file`; `None` where it is in neither, or wrong.
    fn material<T>(
        &mut self,
        (key, inline): (&str, &Option<SecretString>),
        path: &Option<String>,
        parse: impl Fn(&[u8]) -> Result<T, String>,
    ) -> Option<T> {
        let inline = inline.as_ref().filter(|text| is_given(Some(text)));
        let path = path.as_ref().filter(|path| !path.is_empty());
        let (name, parsed) = match (inline, path) {
            (None, None) => return None,
            (Some(_), Some(_)) => {
                self.report.wrong(&key_path(key), format!("{key} and {key}_file are both given: wanted one"));
                return None;
            }
            (Some(text), None) => (key.to_owned(), parse(text.expose_secret().as_bytes())),
            (None, Some(path)) => (format!("{key}_file"), self.read(path, parse)),
        };
        parsed.map_err(|message| self.report.wrong(&key_path(&name), message)).ok()
    }

    fn read<T>(&mut self, path: &str, parse: impl Fn(&[u8]) -> Result<T, String>) -> Result<T, String> {
        let path = self.directory.join(path);
        self.print.add(&path);
        let at = |error: String| format!("{}: {error}", path.display());
        let text = std::fs::read(&path).map_err(|error| at(error.to_string()))?;
        parse(&text).map_err(at)
    }

    fn versions(&mut self, file: &TlsFile) -> Option<Vec<&'static SupportedProtocolVersion>> {
        let least = self.version("min_version", file.min_version.as_deref(), 2);
        let most = self.version("max_version", file.max_version.as_deref(), 3);
        let (least, most) = (least?, most?);
        if least > most {
            self.report.unfit(&key_path("min_version"), "is higher than max_version");
            return None;
        }
        let all = [(3, &version::TLS13), (2, &version::TLS12)];
        Some(all.into_iter().filter(|(n, _)| (least..=most).contains(n)).map(|(_, v)| v).collect())
    }

    /// The minor number of TLS 1.
    fn version(&mut self, key: &str, text: Option<&str>, default: u8) -> Option<u8> {
        let old = "is not spoken: it is broken; wanted TLS12 or TLS13";
        let message = match text {
            None => return Some(default),
            Some("TLS12") => return Some(2),
            Some("TLS13") => return Some(3),
            Some(text @ ("TLS10" | "TLS11")) => format!("{text} {old}"),
            Some(other) => format!("{other:?} is no version of TLS: wanted TLS12 or TLS13"),
        };
        self.report.wrong(&key_path(key), message);
        None
    }

    fn provider(&mut self, file: &TlsFile) -> Option<CryptoProvider> {
        let mut provider = ring::default_provider();
        if let Some(names) = file.cipher_suites.as_ref().filter(|names| !names.0.is_empty()) {
            // As in Go, the list is about TLS 1.2 alone: the suites of TLS 1.3 are always there.
            let always = ring::ALL_CIPHER_SUITES.iter().filter(|suite| suite.tls13().is_some());
            let chosen =
                self.chosen("cipher_suites", "cipher suite", names, suites(), &NOT_OFFERED_SUITES)?;
            let chosen = chosen.into_iter().filter(|suite| suite.tls13().is_none());
            provider.cipher_suites = always.copied().chain(chosen).collect();
        }
        if let Some(names) = file.curve_preferences.as_ref().filter(|names| !names.0.is_empty()) {
            let known = CURVES.to_vec();
            provider.kx_groups =
                self.chosen("curve_preferences", "curve", names, known, &[NOT_OFFERED_CURVE])?;
        }
        Some(provider)
    }

    /// What the names of a list stand for, in its order. Names that others know and we do not offer are passed over
    /// and noted; where nothing is left, the report tells.
    fn chosen<T: Copy>(
        &mut self,
        key: &str,
        kind: &str,
        names: &List,
        known: Vec<(&str, T)>,
        not_offered: &[&str],
    ) -> Option<Vec<T>> {
        let mut chosen = Vec::new();
        let mut passed = Vec::new();
        let mut unknown = false;
        for (n, name) in names.0.iter().enumerate() {
            if let Some((_, found)) = known.iter().find(|(known, _)| known == name) {
                chosen.push(*found);
            } else if not_offered.contains(&name.as_str()) {
                passed.push(name.as_str());
            } else {
                let hint = suggest(name, known.iter().map(|(known, _)| *known));
                self.report
                    .wrong(&format!("{}[{n}]", key_path(key)), format!("{name:?} is no {kind}, {hint}"));
                unknown = true;
            }
        }
        if chosen.is_empty() && !unknown {
            let offered: Vec<&str> = known.iter().map(|(known, _)| *known).collect();
            let message = format!("no {kind} of these is offered: wanted one of {}", offered.join(", "));
            self.report.wrong(&key_path(key), message);
        } else if !passed.is_empty() {
            self.notes.push(format!("{}: not offered: {}", key_path(key), passed.join(", ")));
        }
        (!chosen.is_empty()).then_some(chosen)
    }

    fn policy(&mut self, file: &TlsFile) -> Option<Policy> {
        let authorities =
            self.material(("client_ca", &file.client_ca), &file.client_ca_file, material::certificates_in);
        let named = is_named(file.client_ca.as_ref(), file.client_ca_file.as_ref());
        let sans = file.client_allowed_sans.as_ref().map(|list| list.0.clone());
        let text = file.client_auth_type.as_deref().unwrap_or_default();
        let Some((asked, mandatory, verified)) = clients::auth_type(text) else {
            let wanted = clients::AUTH_TYPES.join(", ");
            self.report.wrong(
                &key_path("client_auth_type"),
                format!("{text:?} is no such type: wanted one of {wanted}"),
            );
            return None;
        };
        if !asked && (named || sans.is_some()) {
            let key = match (named, is_given(file.client_ca.as_ref())) {
                (true, true) => "client_ca",
                (true, false) => "client_ca_file",
                (false, _) => "client_allowed_sans",
            };
            let message = "no client is asked for a certificate: it takes a client_auth_type such as RequireAndVerifyClientCert";
            self.report.unfit(&key_path(key), message);
            return None;
        }
        if named && authorities.is_none() {
            return None;
        }
        Some(Policy { asked, mandatory, verified, authorities, sans })
    }
}

fn suites() -> Vec<(&'static str, SupportedCipherSuite)> {
    let name = |suite: &SupportedCipherSuite| suite.suite().as_str().unwrap_or_default();
    let suites = ring::ALL_CIPHER_SUITES.iter();
    suites.map(|suite| (iana(name(suite)), *suite)).collect()
}

/// rustls marks the suites of TLS 1.3 in their names, the registry does not.
fn iana(name: &'static str) -> &'static str {
    match name {
        "TLS13_AES_128_GCM_SHA256" => "TLS_AES_128_GCM_SHA256",
        "TLS13_AES_256_GCM_SHA384" => "TLS_AES_256_GCM_SHA384",
        "TLS13_CHACHA20_POLY1305_SHA256" => "TLS_CHACHA20_POLY1305_SHA256",
        other => other,
    }
}

fn key_path(key: &str) -> String {
    format!("tls_server_config.{key}")
}

fn is_given(text: Option<&SecretString>) -> bool {
    text.is_some_and(|text| !text.expose_secret().is_empty())
}

/// Whether it stands in the file, or in another one.
fn is_named(inline: Option<&SecretString>, path: Option<&String>) -> bool {
    is_given(inline) || path.is_some_and(|path| !path.is_empty())
}

/// Nothing at all is said. Whatever is said wants TLS: who sets a version must not end up with plain HTTP.
fn is_empty(file: &TlsFile) -> bool {
    let TlsFile {
        cert,
        key,
        client_ca,
        cert_file,
        key_file,
        client_auth_type,
        client_ca_file,
        client_allowed_sans,
        min_version,
        max_version,
        cipher_suites,
        prefer_server_cipher_suites,
        curve_preferences,
    } = file;
    let secrets = [cert, key, client_ca];
    let texts = [cert_file, key_file, client_auth_type, client_ca_file, min_version, max_version];
    let lists = [client_allowed_sans, cipher_suites, curve_preferences];
    secrets.iter().all(|value| value.is_none())
        && texts.iter().all(|value| value.is_none())
        && lists.iter().all(|value| value.is_none())
        && prefer_server_cipher_suites.is_none()
}
