//! `deploy/kubernetes` as kustomize renders it, and as Kubernetes' own schemas want it.

use std::fs;

use crate::common::real::{available, skip};
use crate::{absolute, list, passes, program, speaks, text, word, yaml};

const OVERLAYS: [&str; 3] = ["base", "ha", "sharded"];

/// Objects of operators, whose schemas are not those of Kubernetes itself.
const OTHERS: [&str; 3] = ["PrometheusRule", "ServiceMonitor", "ScrapeConfig"];

/// No package of Debian has it: where it is not installed, the objects are looked at as they lie.
fn kubectl() -> Option<String> {
    let program = program("RCE_KUBECTL", "kubectl");
    let there = speaks(&program, &["version", "--client"]);
    if !there {
        skip("kubectl is not installed: overlays are not rendered");
    }
    there.then_some(program)
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
        assert!(OTHERS.iter().any(|kind| line.contains(&format!("kind {kind} "))), "{name}: {line}");
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
    }
}
