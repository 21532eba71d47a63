//! TLS towards the servers, with certificates made here.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test fails by panicking")]

mod common {
    pub(crate) mod asking;
    pub(crate) mod authority;
    pub(crate) mod fake_node;
}

use std::path::Path;
use std::sync::Arc;

use common::asking::{Asker, cluster, kind};
use common::authority::Authority;
use common::fake_node::{FakeNode, Fault};
use redis_cluster_exporter::config::{Cluster, Tls};
use redis_cluster_exporter::model::failure::AskError;
use redis_cluster_exporter::model::time::Timestamp;
use rustls::pki_types::PrivateKeyDer;
use rustls::pki_types::pem::PemObject;
use rustls::server::WebPkiClientVerifier;
use rustls::{RootCertStore, ServerConfig};

impl Authority {
    /// A server under this name; `mutual`: clients must show a certificate of this authority.
    fn server(&self, name: &str, mutual: bool) -> ServerConfig {
        let (cert_file, key_file) = self.issue("server", name);
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let builder = ServerConfig::builder_with_provider(provider.clone())
            .with_safe_default_protocol_versions()
            .unwrap();
        let builder = if mutual {
            let mut roots = RootCertStore::empty();
            roots.add(self.issuer.der().clone()).unwrap();
            let verifier =
                WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider).build().unwrap();
            builder.with_client_cert_verifier(verifier)
        } else {
            builder.with_no_client_auth()
        };
        let certificate = rustls::pki_types::CertificateDer::from_pem_file(cert_file).unwrap();
        builder.with_single_cert(vec![certificate], PrivateKeyDer::from_pem_file(key_file).unwrap()).unwrap()
    }

    fn trusted(&self) -> Tls {
        Tls { ca_file: Some(self.path("ca.pem")), ..Tls::default() }
    }
}

fn asker(tls: Tls, node: &FakeNode) -> Asker {
    Asker::patient(Cluster { tls: Some(tls), ..cluster() }, node.target(), std::time::Duration::from_secs(10))
}

async fn tls_failure(tls: Tls, node: &FakeNode) -> String {
    let failure = asker(tls, node).ask().await.failure;
    let Some(AskError::Tls(text)) = failure else { panic!("not of TLS: {failure:?}") };
    text
}

#[tokio::test]
async fn a_server_of_the_trusted_authority_is_asked() {
    let authority = Authority::new();
    let node = FakeNode::healthy().tls(authority.server("127.0.0.1", false)).spawn().await;
    let mut asker = asker(authority.trusted(), &node);
    // The links and the settings are not asked anew, and stand as they were read.
    for answers in [14, 12, 12] {
        let replies = asker.ask().await;
        assert_eq!((kind(&replies), replies.answers.len()), ("none", answers));
        // The first instant of 4096: the default end of the certificates that are made here.
        let end = replies.certificate_ends.server.map(Timestamp::as_seconds);
        assert_eq!((end, replies.certificate_ends.exporter), (Some(67_090_118_400.0), None));
    }
    assert_eq!(node.connections(), 1);
}

#[tokio::test]
async fn a_server_of_another_authority_is_refused() {
    let (ours, theirs) = (Authority::new(), Authority::new());
    let node = FakeNode::healthy().tls(theirs.server("127.0.0.1", false)).spawn().await;
    let text = tls_failure(ours.trusted(), &node).await;
    assert!(text.contains("certificate"), "{text}");
    assert!(node.commands().is_empty());

    let careless = Tls { insecure_skip_verify: true, ..ours.trusted() };
    assert_eq!(kind(&asker(careless, &node).ask().await), "none");
}

#[tokio::test]
async fn a_certificate_for_a_name_is_good_for_an_address_under_that_name() {
    let authority = Authority::new();
    let node = FakeNode::healthy().tls(authority.server("orders.example", false)).spawn().await;
    let text = tls_failure(authority.trusted(), &node).await;
    assert!(text.contains("not valid for name"), "{text}");

    let named = Tls { server_name: Some("orders.example".into()), ..authority.trusted() };
    assert_eq!(kind(&asker(named, &node).ask().await), "none");
}

#[tokio::test]
async fn a_server_that_wants_a_certificate_gets_ours() {
    let authority = Authority::new();
    let node = FakeNode::healthy().tls(authority.server("127.0.0.1", true)).spawn().await;
    // In TLS 1.3 the server says so only after our side of the handshake is done.
    let text = tls_failure(authority.trusted(), &node).await;
    assert!(text.contains("alert"), "{text}");

    let (cert_file, key_file) = authority.issue("client", "exporter");
    let mutual = Tls { cert_file: Some(cert_file), key_file: Some(key_file), ..authority.trusted() };
    let replies = asker(mutual, &node).ask().await;
    assert_eq!(kind(&replies), "none");
    assert_eq!(
        replies.certificate_ends.exporter, replies.certificate_ends.server,
        "both have the default end"
    );
}

#[tokio::test]
async fn files_are_followed_as_they_change() {
    let (old, new) = (Authority::new(), Authority::new());
    let node = FakeNode::healthy().tls(new.server("127.0.0.1", false)).spawn().await;
    let mut asker = asker(old.trusted(), &node);
    assert_eq!(kind(&asker.ask().await), "tls");
    // The new bundle holds both, as one does in a rotation: its length differs whatever the clock of the files.
    let both = [old.path("ca.pem"), new.path("ca.pem")].map(|file| std::fs::read_to_string(file).unwrap());
    std::fs::write(old.path("ca.pem"), both.concat()).unwrap();
    assert_eq!(kind(&asker.ask().await), "none");
}

#[tokio::test]
async fn unreadable_files_are_named() {
    let authority = Authority::new();
    let node = FakeNode::healthy().tls(authority.server("127.0.0.1", false)).spawn().await;
    let missing = Tls { ca_file: Some("missing.pem".into()), ..Tls::default() };
    assert!(tls_failure(missing, &node).await.starts_with("missing.pem: "));

    let empty = authority.path("empty.pem");
    std::fs::write(&empty, "no certificate").unwrap();
    assert!(
        tls_failure(Tls { ca_file: Some(empty), ..Tls::default() }, &node)
            .await
            .ends_with("holds no certificate")
    );

    let (cert_file, _) = authority.issue("client", "exporter");
    let (_, key_file) = authority.issue("other", "exporter");
    let mixed = Tls { cert_file: Some(cert_file), key_file: Some(key_file), ..authority.trusted() };
    let text = tls_failure(mixed, &node).await;
    assert!(text.contains(&shown(&authority.path("client.pem"))), "{text}");
}

fn shown(path: &Path) -> String {
    path.display().to_string()
}

#[tokio::test]
async fn the_two_sorts_of_ports_are_told_apart() {
    let authority = Authority::new();
    let node = FakeNode::healthy().tls(authority.server("127.0.0.1", false)).spawn().await;
    let failure = Asker::of(node.target()).ask().await.failure.unwrap();
    assert_eq!(failure.to_string(), "TLS: the server speaks TLS, and none is configured");

    let node = FakeNode::healthy().fault(Fault::MaxClients).spawn().await;
    let text = tls_failure(authority.trusted(), &node).await;
    assert_eq!(text, "what answers does not speak TLS: is it the plain port?");

    let silent = FakeNode::healthy().fault(Fault::Frozen).spawn().await;
    let tls = Some(authority.trusted());
    let replies = Asker::within(Cluster { tls, ..cluster() }, silent.target()).ask().await;
    assert!(
        matches!(replies.failure, Some(AskError::Timeout { during: "shaking hands over TLS", .. })),
        "{:?}",
        replies.failure
    );
}
