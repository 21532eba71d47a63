//! The JSON API: every reply conforms to the published schema, which names every key; and events tell what happened.
#![allow(
    clippy::expect_used,
    clippy::unwrap_used,
    clippy::disallowed_methods,
    reason = "a test fails where it meets what it does not expect"
)]

mod common {
    pub(crate) mod scenario;
    pub(crate) mod sim;
    pub(crate) mod web;
}

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use common::scenario::Judge;
use common::sim::{Cluster, START, Server as Played};
use common::web::{Server, frame, get, limits, now, start};
use jsonschema::Validator;
use redis_cluster_exporter::checks::Override;
use redis_cluster_exporter::frame::Frame;
use redis_cluster_exporter::model::event::EventLog;
use redis_cluster_exporter::model::node::Health;
use redis_cluster_exporter::status::{Polled, api};
use serde_json::{Value as Json, json};

const STEP: Duration = Duration::from_secs(5);

/// The published schema, with every key that it does not name forbidden: in a reply that is a key nobody documented.
fn published() -> Json {
    let text = include_str!("../docs/openapi.yaml");
    let mut schema: Json = serde_saphyr::from_str(text).unwrap();
    close(&mut schema["components"]["schemas"]);
    schema
}

fn close(schema: &mut Json) {
    match schema {
        Json::Object(keys) => {
            if keys.get("type") == Some(&json!("object")) && keys.contains_key("properties") {
                keys.insert("additionalProperties".to_owned(), false.into());
            }
            keys.values_mut().for_each(close);
        }
        Json::Array(items) => items.iter_mut().for_each(close),
        _ => {}
    }
}

/// The schemas of the replies by path.
struct Schemas {
    document: Json,
}

impl Schemas {
    fn read() -> Self {
        Self { document: published() }
    }

    fn paths(&self) -> BTreeSet<String> {
        self.document["paths"].as_object().unwrap().keys().cloned().collect()
    }

    fn of(&self, path: &str) -> Validator {
        let reply = &self.document["paths"][path]["get"]["responses"]["200"];
        let mut schema = reply["content"]["application/json"]["schema"].clone();
        assert!(schema.is_object(), "{path} is not in docs/openapi.yaml");
        schema["components"] = self.document["components"].clone();
        jsonschema::validator_for(&schema).unwrap()
    }

    fn hold(&self, path: &str, reply: &Json, what: &str) {
        let errors: Vec<String> = self
            .of(path)
            .iter_errors(reply)
            .map(|error| format!("{}: {error}", error.instance_path()))
            .collect();
        assert!(errors.is_empty(), "{what}: {path}: {errors:#?}\n{reply:#}");
    }
}

/// Clusters in every kind of state, each after two polls.
fn states() -> Vec<(&'static str, Cluster)> {
    let healthy = || Cluster::healthy(3, 1);
    vec![
        ("healthy", healthy()),
        ("split", healthy().split(&["m1", "r1"])),
        ("split brain", healthy().split(&["m1"]).promote("r1").claims("m1", 0..=5460)),
        ("hung", healthy().hang("m2").seen_by_all("m2", Health::Suspected)),
        ("killed", healthy().kill("m3").seen_by_all("m3", Health::Failed)),
        ("loading", healthy().loading("m1")),
        ("open", healthy().open_slot(42, "m1", "m2").key_count("m1", 42, 7)),
        ("atomic", healthy().server(Played::Valkey9).atomic("m1", "m2", 0..=99, "in-progress")),
        ("unassigned", healthy().unassign(100..=200)),
        ("noaddr", healthy().noaddr("r1")),
        ("strangers", healthy().strangers(&["m1", "r1"])),
        ("silent", ["m1", "m2", "m3", "r1", "r2", "r3"].into_iter().fold(healthy(), Cluster::kill)),
    ]
}

fn polled(frame: &Frame) -> Polled<'_> {
    Polled { name: &frame.cluster, frame: Some(frame), now: frame.view.at }
}

fn hold_all(schemas: &Schemas, polled: Polled<'_>, what: &str) {
    schemas.hold("/api/v1/clusters", &api::clusters(&[polled, polled]), what);
    schemas.hold("/api/v1/clusters/{name}", &api::cluster(&polled), what);
    schemas.hold("/api/v1/clusters/{name}/events", &api::events(&polled), what);
}

#[test]
fn every_reply_conforms_to_the_published_schema() {
    let schemas = Schemas::read();
    for (what, state) in states() {
        let mut judge = Judge::new();
        judge.poll(&Cluster::healthy(3, 1));
        hold_all(&schemas, polled(&judge.poll(&state.clone().later(STEP)).0), what);
        // And from it to a healthy cluster.
        hold_all(&schemas, polled(&judge.poll(&Cluster::healthy(3, 1).later(STEP * 2)).0), what);
    }
    hold_all(&schemas, Polled { name: "new", frame: None, now: START }, "before the first poll");
}

#[test]
fn the_schema_can_be_violated() {
    let schemas = Schemas::read();
    let frame = Judge::new().poll(&Cluster::healthy(1, 0)).0;
    let sound = api::cluster(&polled(&frame));
    let validator = schemas.of("/api/v1/clusters/{name}");
    assert!(validator.is_valid(&sound));
    for (pointer, value) in [
        ("/clusters/0/verdict", json!("fine")),
        ("/clusters/0/topology/slots/covered", json!("all")),
        ("/clusters/0/topology/nodes/0/response_seconds", json!("fast")),
        ("/clusters/0/views/undocumented", json!(1)),
    ] {
        let mut broken = sound.clone();
        match broken.pointer_mut(pointer) {
            Some(place) => *place = value,
            None => broken["clusters"][0]["views"]["undocumented"] = value,
        }
        assert!(!validator.is_valid(&broken), "{pointer}");
    }
}

async fn reply(server: &Server, path: &str) -> Json {
    let answer = get(server, path).await;
    assert_eq!((answer.code, answer.header("content-type")), (200, Some("application/json")), "{path}");
    serde_json::from_slice(&answer.body).unwrap()
}

#[tokio::test]
async fn what_is_published_is_served_and_what_is_served_is_published() {
    let schemas = Schemas::read();
    let server = start(&["a b", "c"], limits(), false).await;
    server.frames[0].send_replace(Some(frame("a b", now())));
    for path in schemas.paths() {
        let served = reply(&server, &path.replace("{name}", "a%20b")).await;
        schemas.hold(&path, &served, "served");
    }
    // The routes stand in a table of the module.
    let table = include_str!("../src/http.rs");
    let routes =
        table.split('`').filter(|word| word.starts_with("/api/")).map(|path| path.replace("NAME", "{name}"));
    assert_eq!(routes.collect::<BTreeSet<_>>(), schemas.paths());

    let all = reply(&server, "/api/v1/clusters").await;
    assert_eq!(all["clusters"][1]["name"], "c");
    assert_eq!(
        (&all["clusters"][1]["verdict"], &all["clusters"][1]["judged_at"]),
        (&json!("unknown"), &Json::Null)
    );
    for path in ["/api/v1/clusters/b", "/api/v1/clusters/127.0.0.1:6379", "/api/v1/clusters/b/events"] {
        assert_eq!(get(&server, path).await.code, 404, "{path}");
    }
}

#[tokio::test]
async fn a_cluster_that_is_no_longer_polled_says_so() {
    let server = start(&["a"], limits(), false).await;
    let long_ago = redis_cluster_exporter::model::time::Timestamp(now().0 - 4 * 3_600_000_000);
    for (at, stale) in [(now(), false), (long_ago, true)] {
        server.frames[0].send_replace(Some(frame("a", at)));
        assert_eq!(reply(&server, "/api/v1/clusters").await["clusters"][0]["stale"], stale);
    }
}

#[test]
fn views_show_both_sides_of_a_partition() {
    let frame = Judge::new().poll(&Cluster::healthy(3, 1).split(&["m1", "r1"])).0;
    let views = &api::cluster(&polled(&frame))["clusters"][0]["views"];
    let (inside, outside) = (json!(["10.0.0.1:6379", "10.0.0.4:6379"]), 4);
    assert_eq!(views["partitions"][1], inside);
    assert_eq!(views["partitions"][0].as_array().unwrap().len(), outside);
    let shared = views["shared"].as_array().unwrap();
    assert_eq!(shared.len(), 2);
    assert_eq!((&shared[0]["failed"], &shared[0]["suspected"]), (&inside, &json!([])));
    assert_eq!(shared[1]["held_by"], inside);
    assert_eq!(shared[1]["suspected"].as_array().unwrap().len(), outside);
    assert_eq!(views["slot_maps"].as_array().unwrap().len(), 1);
}

/// The events of a frame as kind and a few words, oldest first.
fn told(frame: &Frame) -> Vec<String> {
    let events = api::events(&polled(frame));
    let one = |event: &Json| {
        let word = |key: &str| event[key].as_str().map(|word| format!(" {word}")).unwrap_or_default();
        let words: String = ["check", "node", "before", "role", "ending"].into_iter().map(word).collect();
        format!("{}{words}", event["kind"].as_str().unwrap())
    };
    events["events"].as_array().unwrap().iter().rev().map(one).collect()
}

#[test]
fn events_tell_a_failover_and_its_findings() {
    let healthy = Cluster::healthy(3, 1);
    let mut judge = Judge::new();
    assert!(told(&judge.poll(&healthy).0).is_empty(), "where everything begins");
    let killed = healthy.clone().kill("m1");
    judge.poll(&killed.clone().later(STEP));
    let after = judge.poll(&killed.promote("r1").later(STEP * 2)).0;
    let events = told(&after);
    for wanted in [
        "finding_opened node_unreachable",
        "failover 10.0.0.4:6379 10.0.0.1:6379",
        "role_changed 10.0.0.4:6379 primary",
        "slots_moved 10.0.0.4:6379",
        "finding_opened failover_happened",
    ] {
        assert!(events.iter().any(|event| event == wanted), "{wanted}: {events:#?}");
    }
    let at: Vec<f64> = api::events(&polled(&after))["events"]
        .as_array()
        .unwrap()
        .iter()
        .map(|event| event["at"].as_f64().unwrap())
        .collect();
    assert!(at.is_sorted_by(|a, b| a >= b), "newest first: {at:?}");
}

#[test]
fn a_finding_is_told_when_it_comes_and_when_it_goes_and_not_between() {
    let healthy = Cluster::healthy(3, 1);
    let holed = healthy.clone().unassign(0..=99);
    let mut judge = Judge::new();
    judge.poll(&healthy);
    for step in 1..=3 {
        judge.poll(&holed.clone().later(STEP * step));
    }
    let of = |events: Vec<String>| -> Vec<String> {
        events.into_iter().filter(|event| event.contains("slots_uncovered")).collect()
    };
    let opened = "finding_opened slots_uncovered".to_owned();
    let before = judge.poll(&holed.clone().later(STEP * 4)).0;
    assert_eq!(of(told(&before)), std::slice::from_ref(&opened));
    let quiet = judge.poll(&holed.clone().later(STEP * 5)).0;
    assert!(Arc::ptr_eq(&before.past.log, &quiet.past.log), "nothing happened, nothing is copied");
    let healed = judge.poll(&healthy.later(STEP * 6)).0;
    assert_eq!(of(told(&healed)), [opened, "finding_closed slots_uncovered clear".to_owned()]);
    let closed = api::events(&polled(&healed))["events"]
        .as_array()
        .unwrap()
        .iter()
        .find(|event| event["ending"] == "clear")
        .cloned();
    // A slot is unassigned once two polls show it.
    assert_eq!(closed.unwrap()["since"], START.plus(STEP * 2).as_seconds());
}

#[test]
fn a_finding_that_cannot_be_told_any_more_is_not_clear() {
    let mut judge = Judge::new();
    let holed = Cluster::healthy(3, 1).unassign(0..=99);
    judge.poll(&holed);
    let blind = ["m1", "m2", "r1", "r2"].into_iter().fold(holed, Cluster::kill);
    let events = told(&judge.poll(&blind.later(STEP)).0);
    let ended: Vec<_> =
        events.iter().filter(|event| event.starts_with("finding_closed slots_uncovered")).collect();
    assert!(ended.iter().all(|event| event.ends_with(" unknown")), "{events:#?}");

    let mut judge = Judge::new();
    let holed = Cluster::healthy(3, 1).unassign(0..=99);
    judge.poll(&holed);
    let off = Override { enabled: Some(false), severity: None };
    judge.setup.overrides.insert("slots_uncovered".to_owned(), off);
    let events = told(&judge.poll(&holed.later(STEP)).0);
    assert!(events.contains(&"finding_closed slots_uncovered disabled".to_owned()), "{events:#?}");
}

#[test]
fn a_finding_that_comes_and_goes_does_not_drive_out_a_failover() {
    let healthy = Cluster::healthy(3, 1);
    let killed = healthy.kill("m1");
    let after = killed.clone().promote("r1");
    let mut judge = Judge::new();
    judge.poll(&killed);
    judge.poll(&after.clone().later(STEP));
    // For two polls of four a slot is gone, and with the second one a finding comes.
    let holed = after.clone().unassign(16000..=16000);
    let flapping = |n: u32| if n % 4 < 2 { after.clone() } else { holed.clone() };
    let rounds = 2 * EventLog::MOST as u32 + 20;
    let last = (0..rounds).map(|n| judge.poll(&flapping(n).later(STEP * (n + 2))).0).last().unwrap();
    let events = api::events(&polled(&last));
    let kinds = |kind: &str| {
        events["events"].as_array().unwrap().iter().filter(|event| event["kind"] == kind).count()
    };
    assert_eq!(kinds("failover"), 1);
    assert_eq!(kinds("finding_opened") + kinds("finding_closed"), EventLog::MOST);
    assert_eq!(kinds("slots_moved"), EventLog::MOST);
    assert!(events["dropped"].as_u64().unwrap() > 0);
}
