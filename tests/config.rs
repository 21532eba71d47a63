//! The configuration from the outside: files in, checked configuration or exact messages out.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test may panic, its helpers too")]

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::time::Duration;

use redis_cluster_exporter::config::{Config, Secret, Sources, load};
use redis_cluster_exporter::model::limits::Limits;
use secrecy::ExposeSecret;

fn case(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/config").join(name)
}

fn from_file(path: impl Into<PathBuf>) -> Sources {
    Sources { file: Some(path.into()), ..Sources::default() }
}

fn from_seeds(seeds: &[&str]) -> Sources {
    Sources { seeds: seeds.iter().map(|seed| (*seed).to_owned()).collect(), ..Sources::default() }
}

fn map(pairs: &[(&str, &str)]) -> BTreeMap<String, String> {
    pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
}

fn good(sources: &Sources) -> Config {
    load(sources).unwrap_or_else(|errors| panic!("{sources:?}\n{errors}"))
}

fn bad(sources: &Sources) -> String {
    load(sources).expect_err("should be refused").to_string()
}

fn cases(verdict: &str) -> Vec<PathBuf> {
    let all = std::fs::read_dir(case("")).unwrap().map(|entry| entry.unwrap().path());
    let mut found: Vec<_> = all.filter(|path| path.to_str().unwrap().contains(verdict)).collect();
    found.sort();
    assert!(!found.is_empty());
    found
}

#[test]
fn every_bad_file_is_refused_with_exactly_its_messages() {
    for path in cases(".bad.") {
        let text = std::fs::read_to_string(&path).unwrap();
        let wanted: Vec<&str> = text.lines().filter_map(|line| line.strip_prefix("# wanted: ")).collect();
        let prefix = format!("{}:", path.display());
        let found = bad(&from_file(&path)).replace(&prefix, "");
        let found: Vec<&str> = found.lines().map(str::trim_start).collect();
        assert_eq!(found, wanted, "{}", path.display());
        assert!(!found.concat().contains("hunter2"), "a secret in a message: {found:?}");
    }
}

#[test]
fn every_good_file_is_taken() {
    for path in cases(".good.") {
        good(&from_file(path));
    }
}

#[test]
fn toml_and_yaml_say_the_same() {
    let yaml = good(&from_file(case("everything.good.yaml")));
    let toml = good(&from_file(case("everything.good.toml")));
    assert_eq!(format!("{yaml:#?}"), format!("{toml:#?}"));
}

#[test]
fn defaults_lie_under_every_cluster_key_by_key() {
    let config = good(&from_file(case("everything.good.yaml")));
    let [orders, cache] = &config.clusters[..] else { panic!("{config:?}") };
    let here = case("");

    let limits = Limits {
        fragmentation_ratio: 2.0,
        replication_lag_bytes: 64 << 20,
        clock_skew_seconds: 120.0,
        ..Limits::default()
    };
    assert_eq!(orders.limits, limits);
    assert_eq!(
        cache.limits,
        Limits { fragmentation_ratio: 1.7, clock_skew_seconds: 120.0, ..Limits::default() }
    );
    assert_eq!(orders.checks.keys().collect::<Vec<_>>(), ["config_risky", "gossip_rate_high"]);
    assert_eq!(orders.checks["gossip_rate_high"].severity, Some(2));
    assert_eq!(cache.checks["config_risky"].enabled, Some(false));

    let tls = orders.tls.as_ref().unwrap();
    assert_eq!(tls.ca_file, Some(here.join("tls/ca.pem")));
    assert_eq!(tls.cert_file, Some(PathBuf::from("/etc/client.pem")));
    assert_eq!(tls.key_file, Some(here.join("tls/client.key")));

    // Its own password, the user of the defaults; what a seed says replaces both.
    let login = |secret: &Option<Secret>| secret.as_ref().unwrap().read().unwrap().expose_secret().to_owned();
    assert_eq!(login(&orders.credentials.username), "monitor");
    assert_eq!(login(&orders.credentials.password), "0123");
    assert_eq!(login(&cache.credentials.username), "bob");
    assert_eq!(login(&cache.credentials.password), "s@crat");
}

#[test]
fn a_key_without_value_takes_back_the_default() {
    let config = good(&from_file(case("takes-back-defaults.good.yaml")));
    let plain = &config.clusters[0];
    assert!(
        plain.tls.is_none() && plain.credentials.username.is_none() && plain.credentials.password.is_none()
    );
    assert_eq!(plain.limits, Limits::default());
}

#[test]
fn flags_win_over_environment_over_file_over_defaults() {
    let mut sources = from_seeds(&["h:1"]);
    assert_eq!(good(&sources).poll.interval, Duration::from_secs(5));
    sources = from_file(case("everything.good.yaml"));
    assert_eq!(good(&sources).poll.interval, Duration::from_secs(10));
    sources.environment = map(&[("REDIS_CLUSTER_EXPORTER_POLL__INTERVAL", "11s")]);
    assert_eq!(good(&sources).poll.interval, Duration::from_secs(11));
    sources.flags = map(&[("--poll.interval", "12s")]);
    assert_eq!(good(&sources).poll.interval, Duration::from_secs(12));
    // The neighbours in the file are as they were.
    assert_eq!(good(&sources).poll.concurrency, 8);
}

#[test]
fn one_cluster_needs_no_file() {
    let mut sources = from_seeds(&["h:1", "redis://:a,b@i"]);
    sources.flags = map(&[("--web.listen-address", ":1,127.0.0.1:2"), ("--web.enable-lifecycle", "true")]);
    let config = good(&sources);
    assert_eq!(&*config.clusters[0].name, "default");
    assert_eq!(
        config.clusters[0].seeds.iter().map(ToString::to_string).collect::<Vec<_>>(),
        ["h:1", "i:6379"]
    );
    assert_eq!(
        config.web.listen.iter().map(ToString::to_string).collect::<Vec<_>>(),
        ["[::]:1", "127.0.0.1:2"]
    );
    assert!(config.web.enable_lifecycle);

    let environment = map(&[
        ("REDIS_CLUSTER_EXPORTER_CLUSTER__SEEDS", "h:1, i:2"),
        ("REDIS_CLUSTER_EXPORTER_CLUSTER__NAME", "orders"),
        ("REDIS_CLUSTER_EXPORTER_CLUSTER__USERNAME", "monitor"),
        ("REDIS_CLUSTER_EXPORTER_CLUSTER__PASSWORD", "0123"),
        ("REDIS_CLUSTER_EXPORTER_DEFAULTS__LIMITS__CLOCK_SKEW_SECONDS", "7"),
        ("REDIS_CLUSTER_EXPORTER_DEFAULTS__EXPECT__NODES", "6"),
        ("REDIS_CLUSTER_EXPORTER_DEFAULTS__TLS__INSECURE_SKIP_VERIFY", "true"),
        ("REDIS_CLUSTER_EXPORTER_LOG__LEVEL", ""),
    ]);
    let config = good(&Sources { environment, ..Sources::default() });
    let orders = &config.clusters[0];
    assert_eq!((&*orders.name, orders.seeds.len()), ("orders", 2));
    assert_eq!(orders.credentials.password.as_ref().unwrap().read().unwrap().expose_secret(), "0123");
    assert_eq!(orders.limits.clock_skew_seconds, 7.0);
    assert_eq!(orders.expect.nodes, Some(6));
    assert!(orders.tls.as_ref().unwrap().insecure_skip_verify);
}

#[test]
fn seeds_on_the_command_line_replace_the_clusters_of_the_file() {
    let sources = Sources { seeds: vec!["h:1".to_owned()], ..from_file(case("everything.good.yaml")) };
    let config = good(&sources);
    assert_eq!(config.clusters.len(), 1);
    // What the file says for all clusters holds for this one too.
    assert_eq!(config.clusters[0].limits.fragmentation_ratio, 1.7);
}

#[test]
fn errors_outside_the_file_name_the_flag_or_the_variable() {
    let sources = Sources {
        flags: map(&[("--poll.timeout", "soon"), ("--log.level", "loud")]),
        environment: map(&[
            ("REDIS_CLUSTER_EXPORTER_POLL__INTERVALL", "5s"),
            ("REDIS_CLUSTER_EXPORTER_LOG__LEVEL__", "info"),
            ("REDIS_CLUSTER_EXPORTER_CLUSTER__PASSWORD", "a"),
            ("REDIS_CLUSTER_EXPORTER_CLUSTER__PASSWORD_FILE", "b"),
        ]),
        ..from_seeds(&["h:x"])
    };
    let wanted = [
        "environment variable REDIS_CLUSTER_EXPORTER_CLUSTER__PASSWORD: password and password_file are both given: wanted one",
        "environment variable REDIS_CLUSTER_EXPORTER_LOG__LEVEL__: unknown key: wanted names of keys with __ between them",
        "environment variable REDIS_CLUSTER_EXPORTER_POLL__INTERVALL: unknown key, did you mean `interval`?",
        "--log.level: \"loud\" is no level: wanted error, warn, info, debug or trace",
        "--poll.timeout: \"soon\" is not a duration: wanted numbers with units, such as 500ms, 5s or 1m30s",
        "seed: \"h:x\": port \"x\" is not a number from 1 to 65535",
    ];
    assert_eq!(bad(&sources).lines().collect::<Vec<_>>(), wanted);
}

#[test]
fn nothing_at_all_is_refused_and_so_is_half_a_cluster() {
    let none = "configuration: clusters: none: give seeds on the command line, or a file with --config.file that lists clusters";
    assert_eq!(bad(&Sources::default()), none);
    let sources =
        Sources { flags: map(&[("--cluster.name", "a")]), ..from_file(case("everything.good.yaml")) };
    let half =
        "--cluster.name: given without a seed: it tells of the cluster whose seeds stand on the command line";
    assert_eq!(bad(&sources), half);
    assert!(bad(&from_file("/nonexistent.yaml")).starts_with("/nonexistent.yaml: cannot be read: "));
}

#[test]
fn the_file_may_be_named_by_the_environment() {
    let path = case("everything.good.yaml");
    let environment = map(&[("REDIS_CLUSTER_EXPORTER_CONFIG__FILE", path.to_str().unwrap())]);
    assert_eq!(good(&Sources { environment, ..Sources::default() }).clusters.len(), 2);
}

#[test]
fn exporters_with_one_file_divide_its_clusters() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("c.yaml");
    let list: String = (0..40).map(|n| format!("  - {{ name: c{n}, seeds: [h] }}\n")).collect();
    std::fs::write(&file, format!("shard: {{ count: 4 }}\nclusters:\n{list}")).unwrap();
    let mut watched = Vec::new();
    for index in ["0", "1", "redis-cluster-exporter-2", "3"] {
        let environment = map(&[("REDIS_CLUSTER_EXPORTER_SHARD__INDEX", index)]);
        let share = good(&Sources { environment, ..from_file(&file) }).clusters;
        assert!((1..20).contains(&share.len()), "{index} has {} of 40", share.len());
        watched.extend(share.iter().map(|cluster| cluster.name.to_string()));
    }
    watched.sort();
    let mut all: Vec<_> = (0..40).map(|n| format!("c{n}")).collect();
    all.sort();
    assert_eq!(watched, all);
}

#[test]
fn a_share_may_be_empty_and_its_clusters_are_checked_by_all() {
    let share = |index: &str, seed: &str| {
        let flags = map(&[("--shard.index", index), ("--shard.count", "2")]);
        load(&Sources { flags, ..from_seeds(&[seed]) })
    };
    let sizes: usize = ["0", "1"].iter().map(|index| share(index, "h:1").unwrap().clusters.len()).sum();
    assert_eq!(sizes, 1);
    assert!(share("0", "h:x").is_err() && share("1", "h:x").is_err());
}

/// A Kubernetes service of our name puts these variables into every pod beside it.
#[test]
fn variables_of_a_kubernetes_service_are_not_ours() {
    let environment = map(&[
        ("REDIS_CLUSTER_EXPORTER_SERVICE_HOST", "10.0.0.1"),
        ("REDIS_CLUSTER_EXPORTER_SERVICE_PORT", "19121"),
        ("REDIS_CLUSTER_EXPORTER_SERVICE_PORT_METRICS", "19121"),
        ("REDIS_CLUSTER_EXPORTER_PORT", "tcp://10.0.0.1:19121"),
        ("REDIS_CLUSTER_EXPORTER_PORT_19121_TCP", "tcp://10.0.0.1:19121"),
        ("REDIS_CLUSTER_EXPORTER_PORT_19121_TCP_ADDR", "10.0.0.1"),
    ]);
    good(&Sources { environment, ..from_seeds(&["h:1"]) });
}

#[test]
fn secrets_never_print() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("c.yaml");
    let text = "defaults: { username: hunter2, password: hunter2 }\nclusters: [{ name: a, seeds: [h] }, { name: b, seeds: ['redis://hunter2:hunter2@h'] }]\n";
    std::fs::write(&file, text).unwrap();
    let sources = Sources {
        flags: map(&[("--cluster.username", "hunter2")]),
        environment: map(&[("REDIS_CLUSTER_EXPORTER_CLUSTER__PASSWORD", "hunter2")]),
        ..from_seeds(&["redis://hunter2:hunter2@h"])
    };
    for sources in [from_file(file), sources] {
        let printed = format!("{:?} {:?}", good(&sources), sources);
        assert!(!printed.contains("hunter2"), "{printed}");
    }
}

#[test]
fn a_password_file_is_read_at_every_use() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("c.yaml");
    std::fs::write(&file, "clusters: [{ name: a, seeds: [h], password_file: pw, username_file: user }]")
        .unwrap();
    let password = |sources: &Sources| good(sources).clusters[0].credentials.password.clone().unwrap();

    let secret = password(&from_file(&file));
    assert!(secret.read().is_err());
    for word in ["first", "second"] {
        std::fs::write(folder.path().join("pw"), format!("{word}\n")).unwrap();
        assert_eq!(secret.read().unwrap().expose_secret(), word);
    }

    let systemd = tempfile::tempdir().unwrap();
    std::fs::write(systemd.path().join("pw"), "from systemd").unwrap();
    let environment = map(&[("CREDENTIALS_DIRECTORY", systemd.path().to_str().unwrap())]);
    let secret = password(&Sources { environment, ..from_file(&file) });
    assert_eq!(secret.read().unwrap().expose_secret(), "from systemd");
}

#[test]
fn reloading_reads_the_file_anew() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("c.yaml");
    let sources = from_file(&file);
    for seconds in [7, 9] {
        std::fs::write(
            &file,
            format!("poll: {{ interval: {seconds}s }}\nclusters: [{{ name: a, seeds: [h] }}]"),
        )
        .unwrap();
        assert_eq!(good(&sources).poll.interval, Duration::from_secs(seconds));
    }
}

fn example() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("config.example.yaml")
}

#[test]
fn the_example_is_the_defaults() {
    let example = good(&from_file(example()));
    let defaults = good(&from_seeds(&["127.0.0.1:6379"]));
    assert_eq!(format!("{example:#?}"), format!("{defaults:#?}"));
}

/// The keys of a section, as the code names them where it refuses an unknown one.
fn keys_of(section: &str) -> BTreeSet<String> {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("c.yaml");
    let depth = section.split('.').filter(|part| !part.is_empty()).count();
    let mut text: String =
        section.split('.').filter(|part| !part.is_empty()).map(|part| format!("{{ {part}: ")).collect();
    text += "{ no_such_key_at_all: 1 }";
    text += &"}".repeat(depth);
    std::fs::write(&file, text).unwrap();
    let message = bad(&from_file(file));
    let (_, known) = message.split_once("known are ").unwrap_or_else(|| panic!("{section}: {message}"));
    known.lines().next().unwrap().split(", ").map(str::to_owned).collect()
}

#[test]
fn every_key_stands_in_the_example() {
    // A key behind a # without a space is one that has no default.
    let text = std::fs::read_to_string(example()).unwrap();
    let bare = |line: &str| match line.split_once('#') {
        Some((indent, rest)) if indent.trim().is_empty() && !rest.starts_with(' ') => {
            format!("{indent}{rest}\n")
        }
        _ => format!("{line}\n"),
    };
    let text: String = text.lines().map(bare).collect();
    let tree: serde_json::Value = serde_saphyr::from_str(&text).unwrap();
    let sections = [
        "",
        "poll",
        "defaults",
        "defaults.tls",
        "defaults.expect",
        "defaults.limits",
        "defaults.checks.config_risky",
        "shard",
        "web",
        "log",
    ];
    for section in sections {
        let pointer: String =
            section.split('.').filter(|part| !part.is_empty()).map(|part| format!("/{part}")).collect();
        let shown =
            tree.pointer(&pointer).and_then(|value| value.as_object()).unwrap_or_else(|| panic!("{section}"));
        let shown: BTreeSet<String> = shown.keys().cloned().collect();
        let mut wanted = keys_of(section);
        if section == "defaults" {
            wanted.retain(|key| key != "name" && key != "seeds");
        }
        assert_eq!(shown, wanted, "section {section:?} of the example, against the code");
    }
}
