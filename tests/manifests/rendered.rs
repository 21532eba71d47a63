//! `deploy/kubernetes` as kustomize renders it, and as Kubernetes' own schemas want it.

use std::fs;
use std::process::Command;

use crate::common::real::{available, skip};
use crate::{absolute, files, passes, text};

const OVERLAYS: [&str; 3] = ["base", "ha", "sharded"];

/// Objects of operators, whose schemas are not those of Kubernetes itself.
const OTHERS: [&str; 3] = ["PrometheusRule", "ServiceMonitor", "ScrapeConfig"];

fn program(variable: &str, installed: &str) -> String {
    std::env::var(variable).unwrap_or_else(|_| installed.to_owned())
}

/// No package of Debian has it: where it is not installed, the objects are looked at as they lie.
fn kubectl() -> Option<String> {
    let program = program("RCE_KUBECTL", "kubectl");
    let there = Command::new(&program).args(["version", "--client"]).output().is_ok();
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
    assert!(said.contains(" passed for resource ") || said.lines().count() == 1, "{name}: {said}");
}

#[test]
fn every_object_is_valid_as_it_lies() {
    let objects = files("deploy/kubernetes").into_iter().filter(|path| text(path).contains("\napiVersion: "));
    let paths: Vec<_> = objects.filter(|path| !path.ends_with("kustomization.yaml")).collect();
    assert!(paths.len() > 8, "{paths:?}");
    let together: Vec<_> = paths.iter().map(|path| text(path)).collect();
    validated(&together.join("\n---\n"), "objects.yaml");
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
