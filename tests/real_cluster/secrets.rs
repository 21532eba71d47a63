//! Secrets that are really used, each in every form in which it can be given, are looked for in all that the exporter
//! says: logs, every route, reports, captures, errors, and what the system shows of its process.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;
use std::process::Command;

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use redis_cluster_exporter::config::{self, Sources, web_config};

use crate::common::authority::Authority;
use crate::common::exporter::{CLUSTER, Exporter, Response};
use crate::common::real::{Cluster, available, await_that, server};
use crate::common::samples::Samples;

/// The name in the certificate of every node.
const NAME: &str = "redis.test";

/// What must not be told. Of letters and digits, so that each is written in one way everywhere.
const DEFAULT: &str = "k1passwordOfTheDefaultUser";
const REPLICATION: &str = "k2passwordOfTheReplicas";
const KEY_FILE: &str = "k3passphraseOfTheKey";
const IN_FILE: &str = "k4passwordInAFile";
const IN_CONFIG: &str = "k5passwordInTheConfiguration";
const IN_SEED: &str = "k6passwordInASeed";
const CLIENT: &str = "k7passwordOfAClient";
const WRONG: &str = "k8passwordThatIsWrong";

/// Everything that was said, and what may not be in it.
struct Outputs {
    secrets: BTreeMap<String, String>,
}

impl Outputs {
    /// `text` holds no secret; it is what it is meant to be, and is read, as the `witness` in it shows.
    fn tell_nothing(&self, what: &str, text: &str, witness: &str) {
        assert!(!witness.is_empty() && text.contains(witness), "{what} does not hold {witness:?}:\n{text}");
        for (name, secret) in &self.secrets {
            assert!(!text.contains(secret), "{what} tells {name}:\n{text}");
        }
    }
}

/// The cluster, what belongs to it, and what is looked for.
struct Scene {
    cluster: Cluster,
    home: Authority,
    outputs: Outputs,
}

impl Scene {
    fn begin() -> Self {
        let home = Authority::new();
        home.issue("node", NAME);
        home.issue("client", "monitor");
        let path = |file: &str| home.path(file).display().to_string();
        let (ca, certificate, key) = (path("ca.pem"), path("client.pem"), path("client.key"));
        let cluster = Cluster::of(3, 1)
            .password(DEFAULT)
            .conf("masteruser replication")
            .conf(&format!("masterauth {REPLICATION}"))
            .conf(&format!("user replication on >{REPLICATION} ~* &* +@all"))
            .conf(&format!("user monitor on >{IN_FILE} >{IN_CONFIG} >{IN_SEED} ~* &* +@all"))
            .conf("port 0")
            .conf("tls-port {port}")
            .conf("tls-cluster yes")
            .conf("tls-replication yes")
            .conf(&format!("tls-ca-cert-file {ca}"))
            .conf(&format!("tls-cert-file {}", path("node.pem")))
            .conf(&format!("tls-key-file {}", path("node.key")))
            .conf(&format!("tls-key-file-pass {KEY_FILE}"))
            .cli_options(&format!("--tls --cacert {ca} --cert {certificate} --key {key} --sni {NAME}"))
            .boot();
        fs::write(home.path("password"), format!("{IN_FILE}\n")).expect("written");
        let hash = bcrypt::hash(CLIENT, 4).expect("a hash");
        fs::write(home.path("web.yml"), format!("basic_auth_users: {{ alice: {hash} }}\n")).expect("written");
        let key_body = fs::read_to_string(&key).expect("a key").lines().nth(1).expect("its text").to_owned();
        let plain = [DEFAULT, REPLICATION, KEY_FILE, IN_FILE, IN_CONFIG, IN_SEED, CLIENT, WRONG];
        let mut secrets: BTreeMap<String, String> =
            plain.iter().map(|secret| ((*secret).to_owned(), (*secret).to_owned())).collect();
        secrets.insert("the hash of a client's password".to_owned(), hash);
        secrets.insert("what a client sends".to_owned(), BASE64_STANDARD.encode(format!("alice:{CLIENT}")));
        secrets.insert("the key of the exporter's certificate".to_owned(), key_body);
        Self { cluster, home, outputs: Outputs { secrets } }
    }

    fn path(&self, file: &str) -> String {
        self.home.path(file).display().to_string()
    }

    /// A configuration with this login, as keys of the cluster, and this user in front of the seed's host.
    fn yaml(&self, login: &str, user: &str) -> String {
        let (ca, certificate, key) = (self.path("ca.pem"), self.path("client.pem"), self.path("client.key"));
        format!(
            "clusters:\n- name: {CLUSTER}\n  seeds: [\"rediss://{user}{}\"]\n  {login}\n  \
             tls: {{ca_file: {ca}, cert_file: {certificate}, key_file: {key}, server_name: {NAME}}}\n",
            self.cluster.primary(0)
        )
    }

    /// The three forms in which the password can be given.
    fn forms(&self) -> [String; 3] {
        [
            self.yaml(&format!("username: monitor\n  password_file: {}", self.path("password")), ""),
            self.yaml(&format!("username: monitor\n  password: {IN_CONFIG}"), ""),
            self.yaml("", &format!("monitor:{IN_SEED}@")),
        ]
    }

    /// Runs a command of the program: both streams, and its exit code.
    fn run(&self, yaml: &str, arguments: &[&str]) -> (String, i32) {
        let file = self.path("config.yaml");
        fs::write(&file, yaml).expect("written");
        let mut command = Command::new(env!("CARGO_BIN_EXE_redis-cluster-exporter"));
        command.args(["--config.file", &file, "--log.level", "trace"]).args(arguments).env_clear();
        let output = command.output().expect("it runs");
        let said = [output.stdout, output.stderr].concat();
        (String::from_utf8(said).expect("UTF-8"), output.status.code().expect("an exit code"))
    }

    fn all_answer(&self, samples: &Samples) -> bool {
        let nodes = self.cluster.nodes().len() as f64;
        samples.find("rediscluster_nodes_reachable", &[]) == Some(nodes)
    }
}

/// An exporter as a client with a password sees it.
struct Guarded<'a>(&'a Exporter);

impl Guarded<'_> {
    fn ask(&self, method: &str, path: &str, accept: &str, password: &str) -> Response {
        let login = BASE64_STANDARD.encode(format!("alice:{password}"));
        let lines = format!("Authorization: Basic {login}\r\nAccept: {accept}\r\n");
        let response = self.0.ask(method, path, &lines);
        response.unwrap_or_else(|| panic!("{method} {path}: no answer:\n{}", self.0.log()))
    }

    fn scrape(&self) -> Samples {
        let response = self.ask("GET", "/metrics", "*/*", CLIENT);
        assert_eq!(response.code, 200, "{}", response.body);
        Samples::parse(&response.body).expect("a sound exposition")
    }

    /// Every route there is, as programs and as browsers ask, with and without the right password.
    fn routes_tell_nothing(&self, outputs: &Outputs) {
        let mut asked = BTreeSet::new();
        for (route, path, witness) in [
            ("/", "/", CLUSTER),
            ("/clusters/{name}", "/clusters/e2e", CLUSTER),
            ("/runbooks", "/runbooks", "quorum_lost"),
            ("/runbooks/{check}", "/runbooks/quorum_lost", "quorum_lost"),
            ("/assets/page.css", "/assets/page.css", "{"),
            ("/assets/page.js", "/assets/page.js", "("),
            ("/metrics", "/metrics", "rediscluster_node_up"),
            ("HEALTHY", "/-/healthy", "200"),
            ("READY", "/-/ready", "200"),
            ("/-/reload", "/-/reload", "405"),
            ("/api/v1/clusters", "/api/v1/clusters", CLUSTER),
            ("/api/v1/clusters/{name}", "/api/v1/clusters/e2e", CLUSTER),
            ("/api/v1/clusters/{name}/events", "/api/v1/clusters/e2e/events", "events"),
            ("/api/v1/sd", "/api/v1/sd", CLUSTER),
            ("", "/nothing", "404"),
        ] {
            asked.insert(route);
            for accept in ["*/*", "text/html", "application/openmetrics-text; version=1.0.0"] {
                for (password, witness) in [(CLIENT, witness), (WRONG, "")] {
                    let response = self.ask("GET", path, accept, password);
                    let refused =
                        if path.starts_with("/-/h") || path.starts_with("/-/rea") { "200" } else { "401" };
                    let witness = if witness.is_empty() { refused } else { witness };
                    let text = response.head + "\r\n\r\n" + &response.body;
                    outputs.tell_nothing(&format!("GET {path} for {accept}"), &text, witness);
                }
            }
        }
        let table = include_str!("../../src/http/routes.rs");
        let routes = table.lines().filter_map(|line| line.trim().strip_prefix(".route(")?.split_once(", "));
        let routes: BTreeSet<_> = routes.map(|(route, _)| route.trim_matches('"')).chain([""]).collect();
        assert_eq!(asked, routes, "a route that is not looked at");
    }
}

fn texts_below(dir: &Path) -> String {
    let mut text = String::new();
    for entry in fs::read_dir(dir).expect("a directory") {
        let path = entry.expect("an entry").path();
        text += &format!("{}\n", path.display());
        text += &if path.is_dir() {
            texts_below(&path)
        } else {
            String::from_utf8_lossy(&fs::read(&path).expect("a file")).into_owned()
        };
    }
    text
}

#[test]
fn nothing_that_it_says_holds_a_secret() {
    if !available(&server()) {
        return;
    }
    let scene = Scene::begin();
    let outputs = &scene.outputs;
    // The secrets of the servers are there to be had.
    for (setting, secret) in
        [("requirepass", DEFAULT), ("masterauth", REPLICATION), ("tls-key-file-pass", KEY_FILE)]
    {
        let reply = scene.cluster.cli(scene.cluster.primary(0), &["CONFIG", "GET", setting]);
        assert_eq!(reply.lines().nth(1), Some(secret), "{setting}");
    }
    commands(&scene);
    values(&scene);

    let [in_file, _, in_seed] = scene.forms();
    let web = format!("web: {{config_file: {}, enable_lifecycle: true}}\n", scene.path("web.yml"));
    let exporter = Exporter::with_file_and(&format!("{web}{in_file}"), &["--log.level", "trace"]);
    let guarded = Guarded(&exporter);
    await_that("all nodes answer", || scene.all_answer(&guarded.scrape()));
    guarded.routes_tell_nothing(outputs);
    outputs.tell_nothing("cmdline", &exporter.shown("cmdline"), "--config.file");
    outputs.tell_nothing("environ", &exporter.shown("environ"), "PATH=");

    // Files that are refused, told to whoever asked for it and to the log.
    exporter.reload(&format!(
        "{web}clusters: [{{name: {CLUSTER}, seeds: [\"http://u:{IN_SEED}@h\"], password: [{IN_CONFIG}]}}]"
    ));
    await_that("the refusal", || exporter.log().contains("configuration not reloaded"));
    let response = guarded.ask("POST", "/-/reload", "*/*", CLIENT);
    outputs.tell_nothing("the answer to a bad reload", &response.body, "not reloaded");
    let hash = &outputs.secrets["the hash of a client's password"];
    fs::write(scene.path("web.yml"), format!("basic_auth_users: {{ alice: {hash}x, bob: {WRONG} }}"))
        .expect("written");
    await_that("the second refusal", || {
        guarded.scrape().find("rediscluster_exporter_web_config_last_reload_successful", &[]) == Some(0.0)
    });

    // Logins that the servers refuse.
    scene.cluster.all(&["ACL", "SETUSER", "monitor", "resetpass", &format!(">{WRONG}")]);
    for node in scene.cluster.nodes() {
        scene.cluster.cli(node, &["CLIENT", "KILL", "TYPE", "normal"]);
    }
    await_that("refused logins", || {
        guarded.scrape().sum("rediscluster_exporter_ask_errors_total", &[("error", "auth")]) > 0.0
    });
    guarded.routes_tell_nothing(outputs);
    outputs.tell_nothing("the log", &exporter.log(), "level=error");
    for line in ["configuration not reloaded", "web configuration not read anew", "authentication failed"] {
        assert!(exporter.log().contains(line), "not logged: {line}\n{}", exporter.log());
    }

    scene.cluster.all(&["ACL", "SETUSER", "monitor", &format!(">{IN_SEED}")]);
    let flags = ["--log.level", "trace", "--log.format", "json"];
    let exporter = Exporter::with_file_and(&in_seed, &flags);
    exporter.until("all nodes answer", |samples| scene.all_answer(samples));
    outputs.tell_nothing("the log as JSON", &exporter.log(), "\"msg\":\"cluster answers\"");
}

/// The other commands of the program, with each form of the password.
fn commands(scene: &Scene) {
    let outputs = &scene.outputs;
    for (number, yaml) in scene.forms().iter().enumerate() {
        let (said, code) = scene.run(yaml, &["config", "check"]);
        assert_eq!(code, 0, "{said}");
        outputs.tell_nothing("config check", &said, "OK");
        let (format, log) = [("text", "logfmt"), ("json", "json"), ("text", "json")][number];
        let (said, code) = scene.run(yaml, &["check", "--format", format, "--log.format", log]);
        assert_ne!(code, 3, "nothing could be judged:\n{said}");
        outputs.tell_nothing(&format!("check as {format}"), &said, CLUSTER);
        let dir = scene.path(&format!("capture-{number}"));
        let disguise = [&[][..], &["--anonymise"], &[]][number];
        let (said, code) = scene.run(yaml, &[&["capture", "--out", &dir], disguise].concat());
        assert_eq!(code, 0, "{said}");
        outputs.tell_nothing("capture", &said, "6 nodes written");
        outputs.tell_nothing("a capture", &texts_below(Path::new(&dir)), "maxmemory-policy");
    }
    let bad =
        format!("clusters: [{{name: x, seeds: [\"redis://u:{IN_SEED}@h:port\"], password: [{IN_CONFIG}]}}]");
    let (said, code) = scene.run(&bad, &["config", "check"]);
    assert_eq!(code, 2, "{said}");
    outputs.tell_nothing("the errors of config check", &said, "clusters[0].seeds[0]");
}

/// What a panic or a careless log line would print.
fn values(scene: &Scene) {
    let text =
        |file: &str| fs::read_to_string(scene.home.path(file)).expect("a file").replace('\n', "\n    ");
    let (certificate, key) = (text("client.pem"), text("client.key"));
    let hash = &scene.outputs.secrets["the hash of a client's password"];
    let web = scene.home.path("inline.yml");
    let yaml = format!(
        "tls_server_config:\n  cert: |\n    {certificate}\n  key: |\n    {key}\nbasic_auth_users: {{ alice: {hash} }}\n"
    );
    fs::write(&web, yaml).expect("written");
    let reading = web_config::read(&web);
    assert!(reading.outcome.is_ok(), "{:?}", reading.outcome);
    scene.outputs.tell_nothing("a web configuration", &format!("{reading:?} {reading:#?}"), "1 users");
    for yaml in scene.forms() {
        let file = scene.home.path("config.yaml");
        fs::write(&file, yaml).expect("written");
        let environment =
            [("REDIS_CLUSTER_EXPORTER_CLUSTER__PASSWORD".to_owned(), IN_CONFIG.to_owned())].into();
        let sources = Sources { file: Some(file), ..Sources::default() };
        let config = config::load(&sources).expect("good");
        scene.outputs.tell_nothing("a configuration", &format!("{config:?} {config:#?}"), CLUSTER);
        let sources = Sources { environment, seeds: vec![format!("redis://u:{IN_SEED}@h")], ..sources };
        scene.outputs.tell_nothing("its sources", &format!("{sources:?} {sources:#?}"), "CLUSTER__PASSWORD");
    }
}
