//! `deploy/docker`: what `compose.yml` mounts and waits for is there, and its exporter starts.

use std::collections::BTreeSet;

use clap::Parser;
use redis_cluster_exporter::cli::Cli;
use redis_cluster_exporter::config;

use crate::common::real::{available, skip};
use crate::{absolute, at, list, passes, program, speaks, text, word, yaml};

const COMPOSE: &str = "deploy/docker/compose.yml";

/// The keys of a map, or the items of a list: compose takes both.
fn names(value: &serde_json::Value) -> Vec<&str> {
    match value.as_object() {
        Some(map) => map.keys().map(String::as_str).collect(),
        None => list(value).iter().map(word).collect(),
    }
}

#[test]
fn services_find_each_other_and_their_files() {
    let compose = yaml(COMPOSE);
    let services: BTreeSet<&str> = names(&compose["services"]).into_iter().collect();
    let networks: BTreeSet<&str> = names(&compose["networks"]).into_iter().collect();
    for name in &services {
        let service = &compose["services"][*name];
        let needed = names(&service["depends_on"]);
        assert!(needed.iter().all(|other| services.contains(other)), "{name} waits for {needed:?}");
        let joined = names(&service["networks"]);
        assert!(
            !joined.is_empty() && joined.iter().all(|net| networks.contains(net)),
            "{name} is in {joined:?}"
        );
        for volume in list(&service["volumes"]) {
            let (from, _) = word(volume).split_once(':').unwrap();
            assert!(word(volume).ends_with(":ro"), "{name}: {volume}");
            assert!(absolute("deploy/docker").join(from).exists(), "{name} mounts {from}");
        }
        for port in list(&service["ports"]) {
            assert!(word(port).starts_with("127.0.0.1:"), "{name} is open to all: {port}");
        }
    }
}

#[test]
fn the_exporter_asks_nodes_that_are_there() {
    let compose = yaml(COMPOSE);
    let arguments = list(at(&compose, "/services/exporter/command")).iter().map(word);
    let cli = Cli::try_parse_from(std::iter::once("exporter").chain(arguments)).unwrap();
    let config = config::load(&cli.sources(std::collections::BTreeMap::new())).unwrap();
    let mut nodes: BTreeSet<String> = BTreeSet::new();
    for service in compose["services"].as_object().unwrap().values() {
        if let Some(address) = service["networks"]["cluster"]["ipv4_address"].as_str() {
            nodes.insert(format!("{address}:6379"));
        }
    }
    assert_eq!(nodes.len(), 6);
    let seeds: Vec<String> = config.clusters[0].seeds.iter().map(ToString::to_string).collect();
    assert!(!seeds.is_empty() && seeds.iter().all(|seed| nodes.contains(seed)), "{seeds:?} of {nodes:?}");
    let script = word(&list(at(&compose, "/services/form-cluster/command"))[0]).to_owned();
    assert!(nodes.iter().all(|node| script.contains(node.as_str())), "{script}");
}

#[test]
fn what_one_container_calls_another_is_its_name_and_port() {
    let prometheus = yaml("deploy/docker/prometheus.yml");
    let scraped = word(at(&prometheus, "/scrape_configs/0/static_configs/0/targets/0"));
    let alerts = word(at(&prometheus, "/alerting/alertmanagers/0/static_configs/0/targets/0"));
    let source = yaml("deploy/docker/grafana-datasource.yml");
    let source = at(&source, "/datasources/0");
    let asked = word(&source["url"]).strip_prefix("http://").unwrap();
    let compose = yaml(COMPOSE);
    for (name, target) in [("exporter", scraped), ("alertmanager", alerts), ("prometheus", asked)] {
        let (host, port) = target.split_once(':').unwrap();
        let published = word(at(&compose, &format!("/services/{name}/ports/0")));
        assert!(host == name && published.ends_with(&format!(":{port}")), "{target}: {published}");
    }
    assert_eq!(source["jsonData"]["timeInterval"], prometheus["scrape_configs"][0]["scrape_interval"]);
    // The dashboards name it.
    assert_eq!(
        source["uid"],
        yaml("deploy/grafana/provisioning/datasources/prometheus.yml")["datasources"][0]["uid"]
    );
}

#[test]
fn promtool_takes_the_configuration_of_prometheus() {
    let promtool = program("RCE_PROMTOOL", "promtool");
    if available(&promtool) {
        // The rules lie elsewhere in the container.
        passes(&promtool, &["check", "config", "--syntax-only", "deploy/docker/prometheus.yml"]);
    }
}

/// No package of Debian has it.
#[test]
fn compose_takes_the_file() {
    if speaks("docker", &["compose", "version"]) {
        passes("docker", &["compose", "--file", COMPOSE, "config", "--quiet"]);
    } else {
        skip("docker compose is not installed");
    }
}

#[test]
fn the_image_is_made_of_what_the_context_has() {
    let ignore = text(".dockerignore");
    let kept: Vec<&str> = ignore.lines().filter_map(|line| line.strip_prefix('!')).collect();
    assert!(ignore.lines().any(|line| line == "*"));
    for path in &kept {
        assert!(absolute(path).exists(), "{path}");
    }
    let dockerfile = text("deploy/docker/Dockerfile");
    assert!(dockerfile.contains("scripts/rootfs ") && kept.contains(&"scripts/rootfs"));
    let health = dockerfile.lines().find_map(|line| line.trim().strip_prefix("CMD ")).unwrap();
    let health: Vec<String> = serde_json::from_str(health).unwrap();
    Cli::try_parse_from(health).unwrap();
    // The compiler of the image is not older than the program wants.
    let minor = |text: &str, before: &str| -> u32 {
        let version = text.split_once(before).unwrap().1;
        version.split(['.', '"', '-']).next().unwrap().parse().unwrap()
    };
    assert!(minor(&dockerfile, "rust:1.") >= minor(&text("Cargo.toml"), "rust-version = \"1."));
}
