//! `deploy/kubernetes` as kustomize renders it, and as Kubernetes' own schemas want it.

use std::fs;
use std::process::Command;

use serde_json::Value;

use super::operator;
use crate::common::real::{available, skip};
use crate::{absolute, at, list, passes, program, text, word, yaml};

const OVERLAYS: [&str; 3] = ["base", "ha", "sharded"];

/// The first kubectl whose kustomize knows `labels` and patches with targets. That of Debian 12 is older.
const OLDEST: u64 = 22;

fn kubectl() -> Option<String> {
    let program = program("RCE_KUBECTL", "kubectl");
    let said = Command::new(&program).args(["version", "--client", "--output=json"]).output();
    let version: Option<Value> = said.ok().and_then(|said| serde_json::from_slice(&said.stdout).ok());
    let Some(version) = version else {
        skip("kubectl is not installed: overlays are not rendered");
        return None;
    };
    let minor = word(at(&version, "/clientVersion/minor")).trim_end_matches('+');
    if minor.parse::<u64>().unwrap() < OLDEST {
        skip(&format!("kubectl 1.{minor} is too old, wanted 1.{OLDEST}: overlays are not rendered"));
        return None;
    }
    Some(program)
}

fn validated(objects: &str, name: &str) {
    let program = program("RCE_KUBERNETES_VALIDATE", "kubernetes-validate");
    if !available(&program) {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join(name);
    fs::write(&path, objects).unwrap();
    let said = passes(&program, &["--strict", path.to_str().unwrap()]);
    for line in said.lines().filter(|line| !line.contains(" passed for resource ")) {
        assert!(operator::KINDS.iter().any(|kind| line.contains(&format!("kind {kind} "))), "{name}: {line}");
    }
    assert!(said.contains(" passed for resource "), "{name}: {said}");
}

/// Patches are no objects: they are seen in what is rendered.
#[test]
fn every_object_is_valid_as_it_lies() {
    let mut objects = Vec::new();
    for overlay in OVERLAYS {
        let dir = format!("deploy/kubernetes/{overlay}");
        let kustomization = yaml(&format!("{dir}/kustomization.yaml"));
        let files = list(&kustomization["resources"]).iter().map(word).filter(|path| path.ends_with(".yaml"));
        objects.extend(files.map(|file| text(&format!("{dir}/{file}"))));
    }
    assert!(objects.len() > 8, "{objects:?}");
    validated(&objects.join("\n---\n"), "objects.yaml");
}

#[test]
fn every_overlay_renders_to_valid_objects() {
    let Some(kubectl) = kubectl() else { return };
    for overlay in OVERLAYS {
        let dir = absolute("deploy/kubernetes").join(overlay);
        let objects = passes(&kubectl, &["kustomize", dir.to_str().unwrap()]);
        let count = |kind: &str| objects.lines().filter(|line| *line == format!("kind: {kind}")).count();
        let sharded = usize::from(overlay == "sharded");
        let kinds = ["Deployment", "StatefulSet", "ServiceMonitor", "ScrapeConfig", "Service"].map(count);
        assert_eq!(kinds, [1 - sharded, sharded, 1 - sharded, sharded, 1 + sharded], "{overlay}");
        assert_eq!(
            ["PrometheusRule", "NetworkPolicy", "PodDisruptionBudget"].map(count),
            [1; 3],
            "{overlay}"
        );
        assert_eq!(objects.matches("grafana_dashboard: \"1\"").count(), 3, "{overlay}");
        validated(&objects, &format!("{overlay}.yaml"));
        let parts = objects.split("\n---\n").map(|part| serde_saphyr::from_str(part).unwrap());
        assert_eq!(parts.filter(operator::validated).count(), 2, "{overlay}: its rules and who is asked");
    }
}
