//! What `deploy/grafana` tells Grafana is there, and fits together.

use std::fs;
use std::path::{Path, PathBuf};

use serde_json::Value;

use super::file::{list, path, text};

fn absolute(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(path)
}

fn yaml(path: &str) -> Value {
    let text = fs::read_to_string(absolute(path)).unwrap_or_else(|error| panic!("{path}: {error}"));
    serde_saphyr::from_str(&text).unwrap_or_else(|error| panic!("{path}: {error}"))
}

#[test]
fn grafana_finds_the_dashboards() {
    let provider = &yaml("deploy/grafana/provisioning/dashboards/redis-clusters.yml")["providers"][0];
    let compose = &yaml("deploy/grafana/compose.yaml")["services"]["grafana"];
    let mounts: Vec<(&str, &str)> = list(&compose["volumes"])
        .iter()
        .filter_map(|volume| text(volume).trim_end_matches(":ro").split_once(':'))
        .collect();
    let inside = text(&provider["options"]["path"]);
    let mounted = mounts.iter().find(|(_, to)| *to == inside).expect("the path of the provider is mounted").0;
    let outside = absolute("deploy/grafana").join(mounted).canonicalize().expect("the mounted directory");
    assert_eq!(outside, absolute("dashboards").canonicalize().expect("the dashboards"));
    assert!(mounts.contains(&("./provisioning", "/etc/grafana/provisioning")));
    assert!(absolute(&path("fleet")).exists());
    let home = text(&compose["environment"]["GF_DASHBOARDS_DEFAULT_HOME_DASHBOARD_PATH"]);
    assert_eq!(home, format!("{inside}/fleet.json"));
}

#[test]
fn the_data_source_knows_the_scrape_interval() {
    let source = &yaml("deploy/grafana/provisioning/datasources/prometheus.yml")["datasources"][0];
    let scrape = &yaml("deploy/prometheus/one.yml")["scrape_configs"][0]["scrape_interval"];
    assert_eq!(&source["jsonData"]["timeInterval"], scrape);
    assert_eq!((text(&source["type"]), text(&source["access"])), ("prometheus", "proxy"));
}
