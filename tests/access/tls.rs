use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use rcgen::{BasicConstraints, CertificateParams, IsCa, KeyPair, SanType};
use rustls::crypto::{CryptoProvider, ring};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use rustls::{ClientConfig, RootCertStore, SupportedProtocolVersion, version};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_rustls::TlsConnector;

use crate::authority::Authority;
use crate::web::{Answer, HANGS, Server, answer, limits, start_guarded};
use redis_cluster_exporter::http::Limits;

/// A server with a certificate of this authority, and these lines beside.
pub(crate) async fn serve(authority: &Authority, more: &str) -> Server {
    authority.issue("server", "localhost");
    start_guarded(&write(authority, more), limits()).await
}

pub(crate) fn write(authority: &Authority, more: &str) -> PathBuf {
    let path = authority.path("web.yml");
    let certificate = "cert_file: server.pem, key_file: server.key";
    std::fs::write(&path, format!("tls_server_config: {{{certificate}, {more}}}")).unwrap();
    path
}

/// Certificate and key of a client.
pub(crate) type Identity = (PathBuf, PathBuf);

pub(crate) struct Client<'a> {
    authority: &'a Authority,
    provider: CryptoProvider,
    versions: Vec<&'static SupportedProtocolVersion>,
    identity: Option<Identity>,
}

/// What a client saw.
struct Seen {
    answer: Answer,
    certificate: CertificateDer<'static>,
    suite: &'static str,
    curve: String,
}

impl<'a> Client<'a> {
    pub(crate) fn of(authority: &'a Authority) -> Self {
        let versions = vec![&version::TLS13, &version::TLS12];
        Self { authority, provider: ring::default_provider(), versions, identity: None }
    }

    fn with(mut self, identity: Option<Identity>) -> Self {
        self.identity = identity;
        self
    }

    pub(crate) fn config(&self) -> ClientConfig {
        let mut roots = RootCertStore::empty();
        roots.add(CertificateDer::from_pem_file(self.authority.path("ca.pem")).unwrap()).unwrap();
        let builder = ClientConfig::builder_with_provider(Arc::new(self.provider.clone()));
        let builder = builder.with_protocol_versions(&self.versions).unwrap().with_root_certificates(roots);
        let Some((certificate, key)) = &self.identity else { return builder.with_no_client_auth() };
        let chain = vec![CertificateDer::from_pem_file(certificate).unwrap()];
        builder.with_client_auth_cert(chain, PrivateKeyDer::from_pem_file(key).unwrap()).unwrap()
    }

    /// One scrape on a connection of its own.
    async fn scrape(&self, address: SocketAddr) -> Result<Seen, std::io::Error> {
        let connector = TlsConnector::from(Arc::new(self.config()));
        let name = ServerName::try_from("localhost").unwrap();
        let stream = TcpStream::connect(address).await?;
        let mut stream = timeout(HANGS, connector.connect(name, stream)).await.expect("a handshake")?;
        let request = "GET /metrics HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n";
        stream.write_all(request.as_bytes()).await?;
        let mut bytes = Vec::new();
        // In TLS 1.3 a refusal of the client's certificate comes only now.
        timeout(HANGS, stream.read_to_end(&mut bytes)).await.expect("an answer")?;
        let tls = stream.get_ref().1;
        Ok(Seen {
            answer: answer(&bytes),
            certificate: tls.peer_certificates().unwrap()[0].clone(),
            suite: tls.negotiated_cipher_suite().unwrap().suite().as_str().unwrap(),
            curve: format!("{:?}", tls.negotiated_key_exchange_group().unwrap().name()),
        })
    }

    pub(crate) async fn is_served(&self, server: &Server) -> bool {
        match self.scrape(server.address).await {
            Ok(seen) => seen.answer.code == 200,
            Err(_) => false,
        }
    }
}

/// A certificate that signed itself, and may be no authority or one.
fn self_signed(authority: &Authority, who: &str, is_ca: bool) -> Identity {
    let key = KeyPair::generate().unwrap();
    let mut params = CertificateParams::new(vec!["self.test".to_owned()]).unwrap();
    if is_ca {
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    }
    write_identity(authority, who, &params.self_signed(&key).unwrap().pem(), &key)
}

fn write_identity(authority: &Authority, who: &str, certificate: &str, key: &KeyPair) -> Identity {
    let paths = (authority.path(&format!("{who}.pem")), authority.path(&format!("{who}.key")));
    std::fs::write(&paths.0, certificate).unwrap();
    std::fs::write(&paths.1, key.serialize_pem()).unwrap();
    paths
}

#[tokio::test]
async fn nothing_but_tls_is_spoken() {
    let authority = Authority::new();
    let server = serve(&authority, "").await;
    let seen = Client::of(&authority).scrape(server.address).await.unwrap();
    assert_eq!(seen.answer.code, 200);
    let mut plain = TcpStream::connect(server.address).await.unwrap();
    plain.write_all(b"GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n").await.unwrap();
    let mut bytes = Vec::new();
    // An alert or a reset, and no HTTP.
    drop(timeout(HANGS, plain.read_to_end(&mut bytes)).await.expect("an end"));
    assert!(!bytes.starts_with(b"HTTP"), "{bytes:?}");
}

#[tokio::test]
async fn versions_suites_and_curves_are_those_of_the_file() {
    let authority = Authority::new();
    let server = serve(&authority, "min_version: TLS13").await;
    let mut old = Client::of(&authority);
    old.versions = vec![&version::TLS12];
    assert!(!old.is_served(&server).await);
    assert!(Client::of(&authority).is_served(&server).await);

    let (aes128, aes256) =
        ("TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256", "TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384");
    for (list, prefer, wanted) in [
        (format!("{aes128}, {aes256}"), "true", aes128),
        (format!("{aes256}, {aes128}"), "true", aes256),
        // The client's own first one.
        (format!("{aes128}, {aes256}"), "false", aes256),
        (aes128.to_owned(), "false", aes128),
    ] {
        write(
            &authority,
            &format!("max_version: TLS12, cipher_suites: [{list}], prefer_server_cipher_suites: {prefer}"),
        );
        let seen = Client::of(&authority).scrape(server.address).await.unwrap();
        assert_eq!(seen.suite, wanted, "{list} {prefer}");
    }
    for (list, wanted) in [("CurveP384", "secp384r1"), ("CurveP521, CurveP256", "secp256r1")] {
        write(&authority, &format!("curve_preferences: [{list}]"));
        let seen = Client::of(&authority).scrape(server.address).await.unwrap();
        assert_eq!(seen.curve, wanted);
        let mut other = Client::of(&authority);
        other.provider.kx_groups = vec![ring::kx_group::X25519];
        assert!(!other.is_served(&server).await);
    }
}

#[tokio::test]
async fn every_client_auth_type() {
    let (authority, stranger) = (Authority::new(), Authority::new());
    let signed = authority.issue("client", "prometheus.test");
    let foreign = stranger.issue("client", "prometheus.test");
    let server = serve(&authority, "").await;
    for (kind, wanted) in [
        ("NoClientCert", [true, true, true]),
        ("RequestClientCert", [true, true, true]),
        ("RequireAnyClientCert", [false, true, true]),
        ("RequireClientCert", [false, true, true]),
        ("VerifyClientCertIfGiven", [true, false, true]),
        ("RequireAndVerifyClientCert", [false, false, true]),
    ] {
        let ca = if kind == "NoClientCert" { "" } else { "client_ca_file: ca.pem" };
        write(&authority, &format!("client_auth_type: {kind}, {ca}"));
        for versions in [vec![&version::TLS13], vec![&version::TLS12]] {
            for (identity, wanted) in
                [None, Some(foreign.clone()), Some(signed.clone())].into_iter().zip(wanted)
            {
                let mut client = Client::of(&authority).with(identity.clone());
                client.versions.clone_from(&versions);
                assert_eq!(client.is_served(&server).await, wanted, "{kind} {identity:?} {versions:?}");
            }
        }
    }
}

#[tokio::test]
async fn a_client_may_be_its_own_authority() {
    let authority = Authority::new();
    let server = serve(&authority, "").await;
    let (plain, ca) = (self_signed(&authority, "plain", false), self_signed(&authority, "ca-like", true));
    for (trusted, file) in [(&plain, "plain.pem"), (&ca, "ca-like.pem")] {
        write(&authority, &format!("client_auth_type: RequireAndVerifyClientCert, client_ca_file: {file}"));
        for identity in [&plain, &ca] {
            let client = Client::of(&authority).with(Some(identity.clone()));
            assert_eq!(client.is_served(&server).await, identity == trusted, "{file}");
        }
    }
    let key = KeyPair::generate().unwrap();
    let mut params = CertificateParams::new(vec!["old.test".to_owned()]).unwrap();
    params.not_before = rcgen::date_time_ymd(2001, 1, 1);
    params.not_after = rcgen::date_time_ymd(2002, 1, 1);
    let old = write_identity(&authority, "old", &params.self_signed(&key).unwrap().pem(), &key);
    write(&authority, "client_auth_type: RequireAndVerifyClientCert, client_ca_file: old.pem");
    assert!(!Client::of(&authority).with(Some(old)).is_served(&server).await);
}

#[tokio::test]
async fn a_client_has_one_of_the_allowed_names() {
    let authority = Authority::new();
    let key = KeyPair::generate().unwrap();
    let mut params =
        CertificateParams::new(vec!["a.test".to_owned(), "10.1.2.3".to_owned(), "::1".to_owned()]).unwrap();
    params.subject_alt_names.push(SanType::URI("spiffe://a/b".try_into().unwrap()));
    params.subject_alt_names.push(SanType::Rfc822Name("a@b.test".try_into().unwrap()));
    let certificate = params.signed_by(&key, &authority.issuer).unwrap();
    let identity = write_identity(&authority, "named", &certificate.pem(), &key);
    let server = serve(&authority, "").await;
    for (allowed, wanted) in [
        ("a.test", true),
        ("x, 10.1.2.3", true),
        ("'::1'", true),
        ("'spiffe://a/b'", true),
        ("a@b.test", true),
        ("b.test", false),
        ("A.test", false),
        ("test", false),
        ("", false),
    ] {
        write(
            &authority,
            &format!(
                "client_auth_type: RequireAndVerifyClientCert, client_ca_file: ca.pem, client_allowed_sans: [{allowed}]"
            ),
        );
        let client = Client::of(&authority).with(Some(identity.clone()));
        assert_eq!(client.is_served(&server).await, wanted, "{allowed}");
    }
}

#[tokio::test]
async fn certificates_are_followed_as_they_change() {
    let authority = Authority::new();
    let server = serve(&authority, "").await;
    let client = Client::of(&authority);
    let first = client.scrape(server.address).await.unwrap().certificate;
    let issued = authority.issue("next", "localhost");
    // Half of the exchange: the key does not go with it, and the pair before stays.
    std::fs::rename(issued.0, authority.path("server.pem")).unwrap();
    assert_eq!(client.scrape(server.address).await.unwrap().certificate, first);
    std::fs::rename(issued.1, authority.path("server.key")).unwrap();
    let second = client.scrape(server.address).await.unwrap().certificate;
    assert_ne!(second, first);
    // Without its files the server goes on, and takes up the next.
    std::fs::remove_file(authority.path("server.pem")).unwrap();
    assert_eq!(client.scrape(server.address).await.unwrap().certificate, second);
    authority.issue("server", "localhost");
    assert_ne!(client.scrape(server.address).await.unwrap().certificate, second);
    // A file that names no certificate would end TLS.
    for open in ["", "tls_server_config: {}", "http_server_config: {http2: false}"] {
        std::fs::write(authority.path("web.yml"), open).unwrap();
        assert!(client.is_served(&server).await, "{open}");
    }
}

/// Clients that begin no handshake, or half of one, hold up nobody and are let go.
#[tokio::test]
async fn a_handshake_that_does_not_end_costs_nobody_else() {
    let authority = Authority::new();
    authority.issue("server", "localhost");
    let short = Limits { header_timeout: Duration::from_millis(500), ..limits() };
    let server = start_guarded(&write(&authority, ""), short).await;
    let mut silent = Vec::new();
    for n in 0..60 {
        let mut stream = TcpStream::connect(server.address).await.unwrap();
        if n % 2 == 0 {
            stream.write_all(b"\x16\x03\x01\x02\x00\x01\x00").await.unwrap();
        }
        silent.push(stream);
    }
    let client = Client::of(&authority);
    for _ in 0..5 {
        assert!(client.is_served(&server).await);
    }
    for mut stream in silent {
        let mut bytes = Vec::new();
        drop(timeout(HANGS, stream.read_to_end(&mut bytes)).await.expect("it is let go"));
    }
    assert!(client.is_served(&server).await);
}

/// Nor do they keep anybody out where they take all places.
#[tokio::test]
async fn silent_connections_give_way_within_the_handshake() {
    let authority = Authority::new();
    authority.issue("server", "localhost");
    let server = start_guarded(&write(&authority, ""), Limits { max_connections: 3, ..limits() }).await;
    let client = Client::of(&authority);
    let mut silent = Vec::new();
    for _ in 0..10 {
        silent.push(TcpStream::connect(server.address).await.unwrap());
        assert!(timeout(HANGS / 2, client.is_served(&server)).await.expect("served beside them"));
    }
}

/// A stop does not wait for those who have not shaken hands.
#[tokio::test]
async fn a_stop_ends_open_handshakes() {
    let authority = Authority::new();
    let mut server = serve(&authority, "").await;
    let mut silent = TcpStream::connect(server.address).await.unwrap();
    assert!(Client::of(&authority).is_served(&server).await);
    server.stop.take().unwrap().send(()).unwrap();
    timeout(HANGS / 2, server.done).await.expect("it ends").unwrap();
    drop(timeout(HANGS, silent.read_u8()).await.expect("closed"));
}
