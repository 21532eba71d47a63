use std::path::{Path, PathBuf};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use tempfile::TempDir;
use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;

use crate::web::{Server, ask, frame, get, limits, now, start_guarded};

/// A web configuration in a directory of its own.
struct File(TempDir);

impl File {
    fn new(yaml: &str) -> Self {
        let this = Self(TempDir::with_prefix("rce-web-").unwrap());
        std::fs::write(this.path(), yaml).unwrap();
        this
    }

    fn path(&self) -> PathBuf {
        self.0.path().join("web.yml")
    }

    /// In one step, as `mv` does it.
    fn replace(&self, yaml: &str) {
        let fresh = self.0.path().join("fresh");
        std::fs::write(&fresh, yaml).unwrap();
        std::fs::rename(fresh, self.path()).unwrap();
    }
}

fn user(name: &str, password: &str) -> String {
    format!("{name}: {}", bcrypt::hash(password, 4).unwrap())
}

fn users(users: &[String]) -> String {
    format!("basic_auth_users: {{{}}}\n", users.join(", "))
}

fn basic(pair: &str) -> String {
    format!("Authorization: Basic {}\r\n", STANDARD.encode(pair))
}

async fn code(server: &Server, path: &str, pair: &str) -> u16 {
    ask(server, "GET", path, &basic(pair)).await.code
}

async fn serve(file: &Path) -> Server {
    start_guarded(file, limits()).await
}

#[tokio::test]
async fn only_user_and_password_open_the_server() {
    let file = File::new(&users(&[user("alice", "won:der"), user("bob", "builder")]));
    let server = serve(&file.path()).await;
    for path in ["/metrics", "/", "/api/v1/sd", "/runbooks/split_brain", "/nothing"] {
        let answer = get(&server, path).await;
        assert_eq!(answer.code, 401, "{path}");
        assert_eq!(
            answer.header("www-authenticate"),
            Some("Basic realm=\"redis-cluster-exporter\", charset=\"UTF-8\"")
        );
        assert_eq!(answer.text(), "401: user and password are wanted\n");
    }
    for (pair, wanted) in [
        ("alice:won:der", 200),
        ("bob:builder", 200),
        ("alice:builder", 401),
        ("alice:", 401),
        ("Alice:won:der", 401),
        ("carol:builder", 401),
        ("alice", 401),
        ("alice:won:der", 200),
    ] {
        assert_eq!(code(&server, "/metrics", pair).await, wanted, "{pair}");
    }
    let text = server.exporter.encode(None);
    let refused = "rediscluster_exporter_http_requests_total{handler=\"/metrics\",code=\"401\"} 6\n";
    assert!(text.contains(refused), "{text}");
}

/// Probes have no password. Without one they hear the status alone: no names of clusters.
#[tokio::test]
async fn health_is_told_to_everyone_without_names() {
    let file = File::new(&users(&[user("alice", "wonder")]));
    let server = serve(&file.path()).await;
    let ready = get(&server, "/-/ready").await;
    assert_eq!((ready.code, ready.text()), (503, "503 Service Unavailable\n"));
    server.frames[0].send_replace(Some(frame("a", now())));
    for path in ["/-/ready", "/-/healthy"] {
        let answer = get(&server, path).await;
        assert_eq!((answer.code, answer.text()), (200, "200 OK\n"), "{path}");
    }
    assert_eq!(ask(&server, "POST", "/-/ready", "").await.code, 405);
    assert_eq!(ask(&server, "POST", "/-/reload", "").await.code, 401);
}

#[tokio::test]
async fn a_change_holds_from_the_next_request_on() {
    let file = File::new(&users(&[user("alice", "wonder")]));
    let server = serve(&file.path()).await;
    assert_eq!(code(&server, "/metrics", "alice:wonder").await, 200);
    // Another password: the old one is no longer known.
    file.replace(&users(&[user("alice", "land")]));
    assert_eq!(code(&server, "/metrics", "alice:wonder").await, 401);
    assert_eq!(code(&server, "/metrics", "alice:land").await, 200);
    // Written in place.
    std::fs::write(file.path(), users(&[user("bob", "builder")])).unwrap();
    assert_eq!(code(&server, "/metrics", "alice:land").await, 401);
    assert_eq!(code(&server, "/metrics", "bob:builder").await, 200);
}

/// Also an empty one, which is what a file looks like while it is written.
#[tokio::test]
async fn a_bad_file_changes_nothing() {
    let file = File::new(&users(&[user("alice", "wonder")]));
    let server = serve(&file.path()).await;
    let told = |successful: u8| {
        let text = server.exporter.encode(None);
        let line = format!("rediscluster_exporter_web_config_last_reload_successful {successful}\n");
        assert!(text.contains(&line), "{text}");
        let name = "rediscluster_exporter_web_config_last_reload_success_timestamp_seconds ";
        let taken = text.lines().find(|line| line.starts_with(name));
        taken.unwrap().to_owned()
    };
    let start = told(1);
    for bad in ["", "basic_auth_users: {}", "basic_auth_users: {bob: x}", "{", "nothing: 1"] {
        file.replace(bad);
        assert_eq!(code(&server, "/metrics", "alice:wonder").await, 200, "{bad}");
        assert_eq!(get(&server, "/metrics").await.code, 401, "{bad}");
        assert_eq!(told(0), start, "{bad}");
    }
    std::fs::remove_file(file.path()).unwrap();
    assert_eq!(code(&server, "/metrics", "alice:wonder").await, 200);
    assert_eq!(told(0), start);
    file.replace(&users(&[user("bob", "builder")]));
    assert_eq!(code(&server, "/metrics", "bob:builder").await, 200);
    assert_ne!(told(1), start);
}

#[tokio::test]
async fn headers_are_added_where_there_are_none_of_our_own() {
    let file = File::new(
        "http_server_config: {headers: {X-Frame-Options: deny, X-XSS-Protection: 1, Content-Security-Policy: x, Strict-Transport-Security: max-age=1}}",
    );
    let server = serve(&file.path()).await;
    for path in ["/metrics", "/nothing"] {
        let answer = get(&server, path).await;
        for (name, value) in [
            ("x-frame-options", "deny"),
            ("x-xss-protection", "1"),
            ("content-security-policy", "x"),
            ("strict-transport-security", "max-age=1"),
            ("x-content-type-options", "nosniff"),
        ] {
            assert_eq!(answer.header(name), Some(value), "{path} {name}");
        }
    }
    let landing = get(&server, "/").await;
    assert!(landing.header("content-security-policy").unwrap().starts_with("default-src 'none'"));
    file.replace("");
    assert_eq!(get(&server, "/metrics").await.header("x-frame-options"), None);
}

#[tokio::test]
async fn requests_beyond_the_rate_are_refused() {
    let file = File::new("rate_limit: {interval: 1h, burst: 2}");
    let server = serve(&file.path()).await;
    let mut codes = Vec::new();
    for _ in 0..4 {
        codes.push(get(&server, "/metrics").await.code);
    }
    assert_eq!(codes, [200, 200, 429, 429]);
    assert_eq!(get(&server, "/metrics").await.header("retry-after"), Some("3600"));
    assert_eq!(get(&server, "/-/healthy").await.code, 200);
    // A change of something else does not fill it up; one of the rate does.
    file.replace("rate_limit: {interval: 1h, burst: 2}\nhttp_server_config: {http2: false}");
    assert_eq!(get(&server, "/metrics").await.code, 429);
    file.replace("rate_limit: {interval: 1h, burst: 1}");
    assert_eq!(get(&server, "/metrics").await.code, 200);
    file.replace("rate_limit: {interval: 0, burst: 0}");
    assert_eq!(get(&server, "/metrics").await.code, 200);
}

/// Half-open requests, and passwords tried without end: a scrape is served beside them.
#[tokio::test]
async fn a_scrape_passes_by_hostile_clients() {
    let file = File::new(&users(&[user("alice", "wonder")]));
    let server = serve(&file.path()).await;
    assert_eq!(code(&server, "/metrics", "alice:wonder").await, 200);
    let mut hostile = Vec::new();
    for n in 0..60 {
        let mut stream = TcpStream::connect(server.address).await.unwrap();
        let tried = basic(&format!("alice:{n}"));
        let end = if n % 2 == 0 { "" } else { "\r\n" };
        stream.write_all(format!("GET / HTTP/1.1\r\nHost: x\r\n{tried}{end}").as_bytes()).await.unwrap();
        hostile.push(stream);
    }
    for _ in 0..20 {
        assert_eq!(code(&server, "/metrics", "alice:wonder").await, 200);
    }
}
