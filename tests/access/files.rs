use redis_cluster_exporter::config::web_config::{WebConfig, read};
use redis_cluster_exporter::config::{self, ConfigErrors, Sources};

use crate::authority::Authority;

/// The files that the cases name, in a directory of their own.
pub(crate) fn directory() -> Authority {
    let authority = Authority::new();
    authority.issue("server", "localhost");
    std::fs::rename(authority.path("server.pem"), authority.path("server.crt")).unwrap();
    authority
}

pub(crate) fn outcome(directory: &Authority, yaml: &str) -> Result<WebConfig, ConfigErrors> {
    let path = directory.path("web.yml");
    std::fs::write(&path, yaml).unwrap();
    read(&path).outcome
}

/// The errors, without the directory.
fn errors(directory: &Authority, yaml: &str) -> String {
    let home = format!("{}/", directory.path("").display().to_string().trim_end_matches('/'));
    outcome(directory, yaml).err().map(|errors| errors.to_string().replace(&home, "")).unwrap_or_default()
}

pub(crate) const CERTIFICATE: &str = "cert_file: server.crt, key_file: server.key";

/// Every case of the exporter-toolkit's own test data, by its name there: the file in short, and what is said here.
/// An empty text is a good file. Where the outcome differs from the toolkit's, the comment says why.
#[test]
fn the_cases_of_the_toolkit() {
    let directory = directory();
    let tls = |more: &str| format!("tls_server_config: {{{CERTIFICATE}, {more}}}");
    let verify = "client_auth_type: VerifyClientCertIfGiven";
    let plain = |text: &str| text.to_owned();
    let missing = "No such file or directory (os error 2)";
    let inline = {
        let text =
            |file: &str| std::fs::read_to_string(directory.path(file)).unwrap().replace('\n', "\n    ");
        format!(
            "tls_server_config:\n  cert: |\n    {}\n  key: |\n    {}\n  {verify}\n",
            text("server.crt").trim_end(),
            text("server.key").trim_end()
        )
    };
    let cases: Vec<(&str, String, String)> = vec![
        (
            "tls_config_noAuth.requireandverifyclientcert.good.yml",
            tls("client_auth_type: RequireAndVerifyClientCert, client_ca_file: ca.pem"),
            plain(""),
        ),
        (
            "tls_config_noAuth.requireanyclientcert.good.yml",
            tls("client_auth_type: RequireAnyClientCert"),
            plain(""),
        ),
        (
            "tls_config_noAuth.requireanyclientcertkeyinline.good.yml",
            inline.replace("VerifyClientCertIfGiven", "RequireAnyClientCert"),
            plain(""),
        ),
        (
            "web_config_auth_clientCAs_invalid.bad.yml",
            tls("client_auth_type: RequireAndVerifyClientCert, client_ca_file: somefile"),
            format!("web.yml:1:112: tls_server_config.client_ca_file: somefile: {missing}"),
        ),
        // Good there: the authorities of the system are trusted then, which a test cannot rely on.
        (
            "web_config_auth_clientCAs_missing.bad.yml",
            tls(&format!("{verify}, client_ca_file: ca.pem")),
            plain(""),
        ),
        (
            "web_config_auth_client_san.bad.yaml",
            tls(
                "client_auth_type: RequireAndVerifyClientCert, client_ca_file: ca.pem, client_allowed_sans: [bad]",
            ),
            plain(""),
        ),
        (
            "web_config_auth_client_san.good.yaml",
            tls(
                "client_auth_type: RequireAndVerifyClientCert, client_ca_file: ca.pem, client_allowed_sans: [a, b]",
            ),
            plain(""),
        ),
        (
            "web_config_auth_user_list_invalid.bad.yml",
            format!("{}\nbasic_auth_users: {{john: doe}}", tls("")),
            plain(
                "web.yml:2:20: basic_auth_users.john: found something else, wanted a bcrypt hash, as `htpasswd -nBC 10 USER` prints it",
            ),
        ),
        ("web_config_empty.yml", plain(""), plain("")),
        (
            "web_config_headers.good.yml",
            plain(
                "http_server_config: {headers: {X-Frame-Options: deny, X-XSS-Protection: 1, X-Content-Type-Options: nosniff}}",
            ),
            plain(""),
        ),
        (
            "web_config_headers_content_type_options.bad.yml",
            plain("http_server_config: {headers: {X-Content-Type-Options: sniff}}"),
            plain(
                "web.yml:1:32: http_server_config.headers.X-Content-Type-Options: found \"sniff\", wanted nosniff",
            ),
        ),
        (
            "web_config_headers_extra_header.bad.yml",
            plain("http_server_config: {headers: {Content-Type: foo}}"),
            plain(
                "web.yml:1:32: http_server_config.headers.Content-Type: unknown key, known are Content-Security-Policy, X-Frame-Options, X-Content-Type-Options, X-XSS-Protection, Strict-Transport-Security",
            ),
        ),
        (
            "web_config_headers_frame_options.bad.yml",
            plain("http_server_config: {headers: {X-Frame-Options: foo}}"),
            plain(
                "web.yml:1:32: http_server_config.headers.X-Frame-Options: found \"foo\", wanted deny or sameorigin",
            ),
        ),
        (
            "web_config_junk.yml",
            plain("hWkNKCp3fvIx\nTuEjdwNS8A2v\n"),
            plain("web.yml: found string \"hWkNKCp3fvIx TuEjdwNS8A2v\", wanted a map of keys"),
        ),
        (
            "web_config_junk_key.yml",
            plain("tls_server_config: {cert_filse: server.crt}"),
            plain("web.yml:1:21: tls_server_config.cert_filse: unknown key, did you mean `cert_file`?"),
        ),
        (
            "web_config_noAuth.bad.yml",
            tls("client_ca_file: /dev/null"),
            plain(
                "web.yml:1:66: tls_server_config.client_ca_file: /dev/null: holds no certificate\n\
                web.yml:1:66: tls_server_config.client_ca_file: no client is asked for a certificate: it takes a client_auth_type such as RequireAndVerifyClientCert",
            ),
        ),
        (
            "web_config_noAuth.good.blocking.yml",
            tls("client_auth_type: RequireAndVerifyClientCert, client_ca_file: ca.pem"),
            plain(""),
        ),
        ("web_config_noAuth.good.yml", tls(&format!("{verify}, client_ca_file: ca.pem")), plain("")),
        (
            "web_config_noAuth_allCiphers.good.yml",
            tls(
                "cipher_suites: [TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256, TLS_AES_128_GCM_SHA256, TLS_ECDHE_RSA_WITH_AES_256_CBC_SHA]",
            ),
            plain(""),
        ),
        (
            "web_config_noAuth_allCurves.good.yml",
            tls("curve_preferences: [CurveP256, CurveP384, CurveP521, X25519]"),
            plain(""),
        ),
        (
            "web_config_noAuth_certPath_empty.bad.yml",
            plain("tls_server_config: {cert_file: '', key_file: server.key}"),
            plain(
                "web.yml:1:21: tls_server_config.cert_file: neither cert nor cert_file is given: TLS takes one of them",
            ),
        ),
        (
            "web_config_noAuth_certPath_invalid.bad.yml",
            plain("tls_server_config: {cert_file: somefile, key_file: server.key}"),
            format!("web.yml:1:21: tls_server_config.cert_file: somefile: {missing}"),
        ),
        (
            "web_config_noAuth_certPath_keyPath_empty.bad.yml",
            plain("tls_server_config: {cert_file: '', key_file: '', client_auth_type: x}"),
            plain(
                "web.yml:1:21: tls_server_config.cert_file: neither cert nor cert_file is given: TLS takes one of them\n\
                web.yml:1:36: tls_server_config.key_file: neither key nor key_file is given: TLS takes one of them\n\
                web.yml:1:50: tls_server_config.client_auth_type: \"x\" is no such type: wanted one of NoClientCert, RequestClientCert, RequireAnyClientCert, VerifyClientCertIfGiven, RequireAndVerifyClientCert",
            ),
        ),
        (
            "web_config_noAuth_certPath_keyPath_invalid.bad.yml",
            plain("tls_server_config: {cert_file: somefile, key_file: somefile}"),
            format!(
                "web.yml:1:21: tls_server_config.cert_file: somefile: {missing}\nweb.yml:1:42: tls_server_config.key_file: somefile: {missing}"
            ),
        ),
        (
            "web_config_noAuth_cert_empty.bad.yml",
            plain("tls_server_config: {cert: '', key_file: server.key}"),
            plain(
                "web.yml:1:1: tls_server_config.cert_file: neither cert nor cert_file is given: TLS takes one of them",
            ),
        ),
        (
            "web_config_noAuth_inventedCiphers.bad.yml",
            tls("cipher_suites: [TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA257]"),
            plain(
                "web.yml:1:82: tls_server_config.cipher_suites[0]: \"TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA257\" is no cipher suite, did you mean `TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256`?",
            ),
        ),
        (
            "web_config_noAuth_inventedCurves.bad.yml",
            tls("curve_preferences: [CurveP257]"),
            plain(
                "web.yml:1:86: tls_server_config.curve_preferences[0]: \"CurveP257\" is no curve, did you mean `CurveP256`?",
            ),
        ),
        (
            "web_config_noAuth_keyPath_empty.bad.yml",
            plain("tls_server_config: {cert_file: server.crt, key_file: ''}"),
            plain(
                "web.yml:1:44: tls_server_config.key_file: neither key nor key_file is given: TLS takes one of them",
            ),
        ),
        (
            "web_config_noAuth_keyPath_invalid.bad.yml",
            plain("tls_server_config: {cert_file: server.crt, key_file: somefile}"),
            format!("web.yml:1:44: tls_server_config.key_file: somefile: {missing}"),
        ),
        (
            "web_config_noAuth_key_empty.bad.yml",
            plain("tls_server_config: {cert_file: server.crt, key: ''}"),
            plain(
                "web.yml:1:1: tls_server_config.key_file: neither key nor key_file is given: TLS takes one of them",
            ),
        ),
        (
            "web_config_noAuth_noHTTP2.good.yml",
            format!(
                "{}\nhttp_server_config: {{http2: false}}",
                tls("cipher_suites: [TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384], max_version: TLS12")
            ),
            plain(""),
        ),
        (
            "web_config_noAuth_noHTTP2Cipher.bad.yml",
            tls("cipher_suites: [TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384], max_version: TLS12"),
            plain(
                "web.yml:1:66: tls_server_config.cipher_suites: found TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384, wanted TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256 or TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256 among them: HTTP/2 demands it; or http_server_config.http2: false",
            ),
        ),
        (
            "web_config_noAuth_someCiphers.good.yml",
            tls(
                "cipher_suites: [TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256, TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384], min_version: TLS12, max_version: TLS12",
            ),
            plain(""),
        ),
        (
            "web_config_noAuth_someCiphers_noOrder.good.yml",
            tls(
                "cipher_suites: [TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384, TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256], prefer_server_cipher_suites: false, max_version: TLS12",
            ),
            plain(""),
        ),
        // Good there. ring has no P-521, and nothing else may take its place.
        (
            "web_config_noAuth_someCurves.good.yml",
            tls("min_version: TLS13, curve_preferences: [CurveP521]"),
            plain(
                "web.yml:1:86: tls_server_config.curve_preferences: no curve of these is offered: wanted one of X25519, CurveP256, CurveP384",
            ),
        ),
        ("web_config_noAuth_tlsInline.good.yml", inline.replace(verify, ""), plain("")),
        (
            "web_config_noAuth_wrongTLSVersion.bad.yml",
            tls("min_version: TLS111"),
            plain(
                "web.yml:1:66: tls_server_config.min_version: \"TLS111\" is no version of TLS: wanted TLS12 or TLS13",
            ),
        ),
        ("web_config_rate_limiter_nonblocking.yaml", plain("rate_limit: {interval: 0, burst: 0}"), plain("")),
        (
            "web_config_rate_limiter_one_second.yaml",
            plain("rate_limit: {interval: '1s', burst: 0}"),
            plain(""),
        ),
        ("web_config_users.good.yml", format!("{}\nbasic_auth_users: {{alice: {HASH}}}", tls("")), plain("")),
        (
            "web_config_users_noTLS.good.yml",
            format!("basic_auth_users: {{alice: {HASH}, bob: {HASH}}}"),
            plain(""),
        ),
    ];
    let wrong: Vec<String> = cases
        .iter()
        .map(|(name, yaml, wanted)| (name, errors(&directory, yaml), wanted))
        .filter(|(_, found, wanted)| found != *wanted)
        .map(|(name, found, wanted)| format!("{name}\n  found  {found}\n  wanted {wanted}"))
        .collect();
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// Of some password, with a cost that nobody computes here.
const HASH: &str = "$2y$12$Ab3dEf6hIj9lMn2pQr5tUOHXxV5yySllI6wNvY.NdJC.X3z4YZuO.";

#[test]
fn what_would_not_protect_is_refused() {
    let directory = directory();
    directory.issue("other", "localhost");
    let tls = |more: &str| format!("tls_server_config: {{{CERTIFICATE}, {more}}}");
    for (yaml, wanted) in [
        (tls("min_version: TLS11"), "min_version: TLS11 is not spoken: it is broken; wanted TLS12 or TLS13"),
        (tls("min_version: TLS13, max_version: TLS12"), "min_version: is higher than max_version"),
        (tls("cert: x"), "cert: cert and cert_file are both given: wanted one"),
        (tls("client_allowed_sans: [a]"), "client_allowed_sans: no client is asked for a certificate"),
        (
            tls("cipher_suites: [TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA]"),
            "cipher_suites: no cipher suite of these is offered",
        ),
        (
            tls("cipher_suites: [TLS_AES_128_GCM_SHA256], max_version: TLS12"),
            "cipher_suites: for these versions: ",
        ),
        (
            "tls_server_config: {min_version: TLS13, key_file: server.key}".to_owned(),
            "cert_file: neither cert nor cert_file is given",
        ),
        (
            "tls_server_config: {cert_file: server.crt, key_file: other.key}".to_owned(),
            "key_file: does not go with the certificate",
        ),
        (
            "tls_server_config: {cert_file: server.key, key_file: server.key}".to_owned(),
            "cert_file: server.key: holds no certificate",
        ),
        (format!("basic_auth_users: {{'a:b': {HASH}}}"), "basic_auth_users.a:b: found a colon in the name"),
        ("basic_auth_users: {a: }".to_owned(), "basic_auth_users.a: found nothing, wanted a bcrypt hash"),
        (
            format!("basic_auth_users: {{a: {}}}", HASH.replace("$12$", "$99$")),
            "basic_auth_users.a: found a cost of 99",
        ),
        ("rate_limit: {interval: soon}".to_owned(), "rate_limit.interval: \"soon\" is not a duration"),
    ] {
        let found = errors(&directory, &yaml);
        assert!(found.lines().count() == 1 && found.contains(wanted), "{yaml}\n{found}\n{wanted}");
    }
}

#[test]
fn all_errors_are_told_and_no_secret() {
    let directory = directory();
    let key = std::fs::read_to_string(directory.path("server.key")).unwrap();
    let body = key.lines().nth(1).unwrap();
    let text = errors(
        &directory,
        &format!(
            "tls_server_config: {{key: '{body}', min: 1}}\nbasic_auth_users: {{a: {HASH}x, b: 12345678}}\nusers: {{}}"
        ),
    );
    assert_eq!(text.lines().count(), 5, "{text}");
    for secret in [body, HASH, "12345678"] {
        assert!(!text.contains(secret), "{text}");
    }
    let good = format!("tls_server_config: {{{CERTIFICATE}}}\nbasic_auth_users: {{alice: {HASH}}}");
    let shown = format!("{:?}", outcome(&directory, &good).unwrap());
    assert!(shown.contains("1 users") && !shown.contains("$2y$"), "{shown}");
}

/// What is not offered is said once, and the rest holds.
#[test]
fn what_has_no_effect_is_noted() {
    let directory = directory();
    let yaml = format!(
        "tls_server_config: {{{CERTIFICATE}, curve_preferences: [CurveP521, X25519], cipher_suites: [TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA, TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256]}}\nhttp_server_config: {{http2: true}}"
    );
    let notes = outcome(&directory, &yaml).unwrap().notes;
    let wanted = [
        "tls_server_config.cipher_suites: not offered: TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA",
        "tls_server_config.curve_preferences: not offered: CurveP521",
    ];
    assert_eq!(notes, wanted);
}

/// `config check`, the start and a reload read it too, beside the file that names it.
#[test]
fn it_is_part_of_the_configuration() {
    let directory = directory();
    let main = directory.path("config.yaml");
    std::fs::write(&main, "clusters: [{name: a, seeds: [h]}]\nweb: {config_file: web.yml}").unwrap();
    let load = || config::load(&Sources { file: Some(main.clone()), ..Sources::default() });
    let text = load().unwrap_err().to_string();
    assert!(text.ends_with("/web.yml: cannot be read: No such file or directory (os error 2)"), "{text}");
    std::fs::write(directory.path("web.yml"), "basic_auth_user: {}").unwrap();
    let text = load().unwrap_err().to_string();
    assert!(
        text.ends_with("/web.yml:1:1: basic_auth_user: unknown key, did you mean `basic_auth_users`?"),
        "{text}"
    );
    std::fs::write(directory.path("web.yml"), format!("basic_auth_users: {{alice: {HASH}}}")).unwrap();
    assert!(load().is_ok());
}
