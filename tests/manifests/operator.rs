//! The objects of Prometheus' operator, held to the schemas of its custom resources in `crds/`: the names and types of
//! theirs, made strict, since the operator drops silently what it does not know.

use jsonschema::Validator;
use serde_json::Value;

use crate::{at, files, text, word, yaml};

/// The kinds whose schemas are here.
pub(super) const KINDS: [&str; 3] = ["PrometheusRule", "ScrapeConfig", "ServiceMonitor"];

fn schema(kind: &str) -> Validator {
    let path = format!("tests/manifests/crds/{}.json", kind.to_lowercase());
    let schema: Value = serde_json::from_str(&text(&path)).unwrap();
    // Of which version it is the schema.
    assert!(word(&schema["$comment"]).starts_with("monitoring.coreos.com/"), "{path}");
    jsonschema::validator_for(&schema).unwrap()
}

fn faults(object: &Value) -> Vec<String> {
    let said = schema(word(&object["kind"]));
    said.iter_errors(object).map(|error| format!("{}: {error}", error.instance_path())).collect()
}

/// Fails with what is wrong with an object of one of these kinds; of others nothing is said.
pub(super) fn validated(object: &Value) -> bool {
    let known = object["kind"].as_str().is_some_and(|kind| KINDS.contains(&kind));
    if known {
        assert_eq!(faults(object), [""; 0], "{} {}", object["kind"], at(object, "/metadata/name"));
    }
    known
}

#[test]
fn every_object_of_the_operator_is_one() {
    let objects = files("deploy/kubernetes").into_iter().filter(|path| path.ends_with(".yaml"));
    let valid = objects.filter(|path| validated(&yaml(path))).count();
    assert_eq!(valid, KINDS.len());
}

#[test]
fn what_the_operator_does_not_know_is_found() {
    let path = "deploy/kubernetes/base/prometheusrule.yaml";
    let misspelt = text(path).replacen("          for: ", "          fro: ", 1);
    assert_ne!(misspelt, text(path));
    let faults_of = |yaml: &str| faults(&serde_saphyr::from_str(yaml).unwrap());
    assert!(faults_of(&misspelt).concat().contains("fro"), "{:?}", faults_of(&misspelt));
    let monitor = text("deploy/kubernetes/base/servicemonitor.yaml");
    assert_eq!(faults_of(&monitor.replacen("port: http", "port: [http]", 1)).len(), 1, "{monitor}");
}
