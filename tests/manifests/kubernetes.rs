//! `deploy/kubernetes`, file by file: what takes no program to see.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;

use redis_cluster_exporter::config::{self, Sources};
use redis_cluster_exporter::derive;
use serde_json::Value;

use crate::common::golden::golden;
use crate::{absolute, at, files, list, text, word, yaml};

pub(super) const BASE: &str = "deploy/kubernetes/base";
const SHARDED: &str = "deploy/kubernetes/sharded";

const RULES_HEAD: &str = "\
# The alerts of alerts/, for the operator of Prometheus. Derived: `make docs` writes it anew.
apiVersion: monitoring.coreos.com/v1
kind: PrometheusRule
metadata:
  name: redis-cluster-exporter
spec:
  groups:
";

/// The rule files of `alerts/` as one object; comments stay behind.
fn prometheus_rule() -> String {
    let mut object = RULES_HEAD.to_owned();
    for rules in [derive::health_rules(), text("alerts/exporter.rules.yml")] {
        let (_, groups) = rules.split_once("\ngroups:\n").expect("groups");
        for line in groups.lines() {
            object += if line.is_empty() { "" } else { "  " };
            object += line;
            object.push('\n');
        }
    }
    object
}

#[test]
fn the_rules_are_those_of_the_repository() {
    golden("deploy/kubernetes/base/prometheusrule.yaml", &prometheus_rule());
    let groups = |path: &str| list(&yaml(path)["groups"]).to_vec();
    let wanted = [groups("alerts/health.rules.yml"), groups("alerts/exporter.rules.yml")].concat();
    let rule: Value = serde_saphyr::from_str(&prometheus_rule()).unwrap();
    assert_eq!(list(at(&rule, "/spec/groups")), wanted);
    // No rule file is left out.
    assert_eq!(files("alerts").iter().filter(|path| path.ends_with(".rules.yml")).count(), 2);
}

#[test]
fn kustomizations_name_all_files_that_lie_beside_them() {
    for dir in [BASE, "deploy/kubernetes/ha", SHARDED, "dashboards"] {
        let kustomization = yaml(&format!("{dir}/kustomization.yaml"));
        let patches = list(&kustomization["patches"]).iter().filter_map(|patch| patch["path"].as_str());
        let made = list(&kustomization["configMapGenerator"]).iter().flat_map(|map| list(&map["files"]));
        let named = list(&kustomization["resources"]).iter().chain(made).map(word).chain(patches);
        let (outside, inside): (BTreeSet<&str>, BTreeSet<&str>) =
            named.partition(|path| path.starts_with(".."));
        for path in outside {
            assert!(absolute(dir).join(path).join("kustomization.yaml").exists(), "{dir}: {path}");
        }
        let beside = fs::read_dir(absolute(dir)).unwrap().map(|entry| entry.unwrap().file_name());
        let mut beside: BTreeSet<String> = beside.map(|name| name.into_string().unwrap()).collect();
        assert!(beside.remove("kustomization.yaml"));
        assert_eq!(inside, beside.iter().map(String::as_str).collect(), "{dir}");
    }
}

#[test]
fn the_configuration_is_one_that_the_exporter_takes() {
    let sources = Sources { file: Some(absolute(BASE).join("config.yaml")), ..Sources::default() };
    let config = config::load(&sources).unwrap_or_else(|errors| panic!("{errors}"));
    // Its passwords lie where the Secret is mounted.
    let deployment = yaml(&format!("{BASE}/deployment.yaml"));
    let mounts = list(at(&deployment, "/spec/template/spec/containers/0/volumeMounts"));
    let secrets = mounts.iter().find(|mount| mount["name"] == "secrets").unwrap();
    let mounted = word(&secrets["mountPath"]);
    let shown = format!("{:?}", config.clusters[0].credentials);
    assert!(shown.contains(&format!("{mounted}/")), "{shown}: {mounted}");
}

#[test]
fn pods_meet_the_restricted_standard() {
    let deployment = yaml(&format!("{BASE}/deployment.yaml"));
    let pod = at(&deployment, "/spec/template/spec");
    assert_eq!(pod["securityContext"]["runAsNonRoot"], true);
    assert_eq!(pod["securityContext"]["seccompProfile"]["type"], "RuntimeDefault");
    assert_eq!(pod["automountServiceAccountToken"], false);
    for container in list(&pod["containers"]) {
        let context = &container["securityContext"];
        assert_eq!(context["allowPrivilegeEscalation"], false);
        assert_eq!(context["readOnlyRootFilesystem"], true);
        assert_eq!(context["capabilities"], serde_json::json!({ "drop": ["ALL"] }));
    }
    for volume in list(&pod["volumes"]) {
        assert!(volume["configMap"].is_object() || volume["secret"].is_object(), "{volume}");
    }
}

/// The values of the patch that makes the StatefulSet, by path.
fn sharded() -> BTreeMap<String, Value> {
    let patch = yaml(&format!("{SHARDED}/statefulset.yaml"));
    list(&patch).iter().map(|step| (word(&step["path"]).to_owned(), step["value"].clone())).collect()
}

#[test]
fn every_pod_of_the_stateful_set_has_its_share_and_is_asked_for_it() {
    let patch = sharded();
    let replicas = patch["/spec/replicas"].as_u64().unwrap();
    let env = list(&patch["/spec/template/spec/containers/0/env"]).iter();
    let env: BTreeMap<&str, &Value> = env.map(|variable| (word(&variable["name"]), variable)).collect();
    let count = &env["REDIS_CLUSTER_EXPORTER_SHARD__COUNT"]["value"];
    assert_eq!(word(count), replicas.to_string());

    let (set, service) = ("redis-cluster-exporter", word(&patch["/spec/serviceName"]));
    assert_eq!(at(&yaml(&format!("{SHARDED}/shards.yaml")), "/metadata/name"), service);
    let index = at(env["REDIS_CLUSTER_EXPORTER_SHARD__INDEX"], "/valueFrom/fieldRef/fieldPath");
    assert_eq!(index, "metadata.name");
    let scrape = yaml(&format!("{SHARDED}/scrapeconfig.yaml"));
    let asked = list(at(&scrape, "/spec/httpSDConfigs")).iter().map(|entry| word(&entry["url"]).to_owned());
    let pods = (0..replicas).map(|n| format!("{set}-{n}"));
    let wanted = pods.clone().map(|pod| format!("http://{pod}.{service}:19121/api/v1/sd"));
    assert_eq!(asked.collect::<Vec<_>>(), wanted.collect::<Vec<_>>());

    let shards: Vec<String> = pods
        .map(|pod| {
            let variables = [
                ("REDIS_CLUSTER_EXPORTER_SHARD__INDEX".to_owned(), pod),
                ("REDIS_CLUSTER_EXPORTER_SHARD__COUNT".to_owned(), word(count).to_owned()),
            ];
            let sources = Sources {
                file: Some(absolute(BASE).join("config.yaml")),
                environment: BTreeMap::from(variables),
                ..Sources::default()
            };
            config::load(&sources).unwrap_or_else(|errors| panic!("{errors}")).shard.to_string()
        })
        .collect();
    assert_eq!(shards, (0..replicas).map(|n| format!("{n}/{replicas}")).collect::<Vec<_>>());
}
