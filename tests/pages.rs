//! The pages: sound whatever a node says, small, and showing what is wrong.
#![allow(
    clippy::expect_used,
    clippy::unwrap_used,
    clippy::disallowed_methods,
    reason = "a test fails where it meets what it does not expect"
)]

mod common {
    pub(crate) mod hostile;
    pub(crate) mod judged;
    pub(crate) mod markup;
    #[allow(dead_code, unreachable_pub, reason = "shared with other test programs")]
    pub(crate) mod samples;
    pub(crate) mod scenario;
    pub(crate) mod sim;
    pub(crate) mod web;
}

use std::collections::BTreeSet;
use std::time::Duration;

use common::hostile::{all_say, texts};
use common::judged::frame_of;
use common::markup::Page;
use common::scenario::{Judge, judge, judge_two};
use common::sim::Cluster;
use common::web::{ask, frame, get, limits, now, start};
use redis_cluster_exporter::checks::CHECKS;
use redis_cluster_exporter::frame::Frame;
use redis_cluster_exporter::model::address::{Address, Naming};
use redis_cluster_exporter::model::node::Health;
use redis_cluster_exporter::status::{self, Polled};

const BROWSER: &str = "Accept: text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8\r\n";

fn polled(frame: &Frame) -> Polled<'_> {
    Polled { name: &frame.cluster, frame: Some(frame), now: frame.view.at.plus(Duration::from_millis(700)) }
}

fn html(frame: &Frame) -> String {
    status::cluster(&polled(frame))
}

fn page(frame: &Frame) -> Page {
    Page::read(&html(frame))
}

fn section<'a>(page: &'a Page, id: &str) -> &'a str {
    &page.id(id).unwrap_or_else(|| panic!("no #{id}")).text
}

#[test]
fn no_text_of_a_node_breaks_a_page() {
    let mut hostile = texts();
    for text in [
        "<script>alert(1)</script>",
        "</main></body><iframe src=//evil.example>",
        "\" onmouseover=\"alert(1)",
        "' onfocus='alert(1)' autofocus='",
        "<!--",
        "]]>",
        "&lt;b&gt;&#x3c;",
        "\u{202e}drowssap",
        "javascript:alert(1)",
    ] {
        hostile.push(text.as_bytes().to_vec());
    }
    for text in hostile {
        for prefer_hostnames in [false, true] {
            let naming = Naming { prefer_hostnames, ..Naming::default() };
            let frame = frame_of(&all_say(&text), naming, 2);
            let html = html(&frame);
            Page::read(&html);
            assert!(html.len() < 200_000, "{} bytes", html.len());
            Page::read(&status::fleet(&[polled(&frame)], false));
        }
    }
}

#[test]
fn no_name_of_a_node_or_cluster_breaks_a_page() {
    for name in
        ["<script>alert(1)</script>", "\"><img/src=x>", "a'b\"c", "\u{202e}x", "&amp;", &"n".repeat(10_000)]
    {
        let address = Address::new(&name.replace(' ', ""), 6379);
        let cluster = Cluster::healthy(3, 1).at("m1", &address).hang("m2").seen_by_all("m2", Health::Failed);
        let cluster = cluster.unassign(5..=7).open_slot(9000, "m2", "m1");
        let frame = judge_two(&Cluster::healthy(3, 1), &cluster).0;
        for named in [&*frame.cluster, name] {
            let polled = Polled { name: named, ..polled(&frame) };
            let read = Page::read(&status::cluster(&polled));
            assert!(read.elements.iter().all(|element| element.name != "img"), "{name}");
            Page::read(&status::fleet(&[polled, Polled { frame: None, ..polled }], true));
        }
    }
}

#[test]
fn a_command_cannot_be_made_to_run_another() {
    let evil = Address::new("$(reboot);`reboot`'&&reboot", 6379);
    let frame = judge(&Cluster::healthy(3, 1).at("m1", &evil).told("m1", "m1", |_| {}).unassign(0..=9)).0;
    let commands: Vec<&String> = frame
        .judgements
        .iter()
        .flat_map(|judgement| judgement.outcome.findings())
        .flat_map(|finding| &finding.commands)
        .filter(|command| command.contains("reboot"))
        .collect();
    assert!(!commands.is_empty());
    for command in commands {
        assert!(command.contains("-h '$(reboot);`reboot`'\\''&&reboot' -p 6379"), "{command}");
    }
}

#[test]
fn a_healthy_cluster_reads_as_one() {
    let healthy = Cluster::healthy(3, 1);
    let page = page(&judge_two(&healthy, &healthy).0);
    assert!(
        section(&page, "verdict").contains("ok") && section(&page, "verdict").contains("Nothing is wrong.")
    );
    assert!(section(&page, "findings").contains("No check that could judge found anything."));
    assert!(section(&page, "slots").contains("16384 of 16384 slots have a live owner."));
    assert!(section(&page, "views").contains("All share one slot map."));
    assert_eq!(page.class("bad").count(), 0);
    let rows = page.one("main").text.matches("10.0.0.").count();
    assert!(rows >= 12, "each node in the matrix and in the table: {rows}");
    let areas: Vec<&str> = page.all("path").map(|path| &*path.text).collect();
    assert_eq!(
        areas,
        [
            "slots 0-5460: 10.0.0.1:6379",
            "slots 5461-10921: 10.0.0.2:6379",
            "slots 10922-16383: 10.0.0.3:6379"
        ]
    );
    for landmark in ["header", "main", "footer", "h1"] {
        page.one(landmark);
    }
}

#[test]
fn a_split_brain_explains_what_follows_from_it() {
    let split = Cluster::healthy(3, 1).split(&["m1"]).promote("r1").claims("m1", 0..=5460).seen_from(
        "m1",
        "r1",
        Health::Suspected,
    );
    let mut judge = Judge::new();
    judge.poll(&split);
    let frame = judge.poll(&split.later(Duration::from_secs(5))).0;
    let page = page(&frame);
    assert!(
        section(&page, "verdict").contains("Two primaries claim the same slots"),
        "{}",
        section(&page, "verdict")
    );
    let first = page.class("finding").next().unwrap();
    assert_eq!(first.attribute("id"), "check-split_brain");
    for effect in ["partitioned", "node_suspected"] {
        assert!(page.id("explained-split_brain").unwrap().text.contains(effect), "{effect}");
    }
    assert!(first.text.contains("Do this first") && first.text.contains("BGSAVE"));
    let copied: Vec<&str> = page.all("button").map(|button| button.attribute("data-copy")).collect();
    assert!(copied.contains(&"redis-cli -h 10.0.0.4 -p 6379 BGSAVE"), "{copied:?}");
    assert!(page.paths().contains("/runbooks/split_brain"));
    let contested: Vec<_> = page.all("path").filter(|path| path.text.contains("claimed by")).collect();
    assert_eq!(contested.len(), 1);
    assert!(contested[0].text.starts_with("slots 0-5460: claimed by 10.0.0.1:6379 and 10.0.0.4:6379"));
    assert!(section(&page, "views").contains("2 groups that do not hold each other for alive"));
    let cells = |class: &str| page.all("td").filter(|cell| cell.has_class(class)).count();
    assert_eq!((cells("failed"), cells("suspected")), (5, 5));
}

#[test]
fn nothing_severe_is_folded_under_something_mild() {
    let mut judge = Judge::new();
    let cluster = Cluster::healthy(3, 1).kill("m1").seen_by_all("m1", Health::Failed);
    let severe = redis_cluster_exporter::checks::Override {
        enabled: None,
        severity: Some(redis_cluster_exporter::model::finding::Severity::P1),
    };
    let folded = |judge: &mut Judge| {
        let page = page(&judge.poll(&cluster).0);
        let fold = page
            .elements
            .iter()
            .find(|element| element.text.contains("Explains") && element.name == "details");
        fold.is_some_and(|fold| fold.text.contains("node_failed"))
    };
    assert!(folded(&mut judge), "slots_uncovered explains it");
    judge.setup.overrides.insert("node_failed".to_owned(), severe);
    assert!(folded(&mut judge), "as severe");
    let mild = redis_cluster_exporter::checks::Override {
        enabled: None,
        severity: Some(redis_cluster_exporter::model::finding::Severity::P3),
    };
    judge.setup.overrides.insert("slots_uncovered".to_owned(), mild);
    assert!(!folded(&mut judge));
}

#[test]
fn what_is_missing_says_why() {
    let frame = judge(&Cluster::healthy(3, 1).hang("m2").noaddr("r3")).0;
    let page = page(&frame);
    for id in ["views", "shards"] {
        assert!(
            section(&page, id).contains("no complete answer within 2000 ms while reading the replies"),
            "{id}"
        );
        assert!(
            section(&page, id).contains("not asked: no address of it is known")
                || section(&page, id).contains("not asked"),
            "{id}"
        );
    }
    let unknown = section(&page, "unknown");
    assert!(
        unknown.contains("Cannot be judged") && unknown.contains("was not watched for long enough"),
        "{unknown}"
    );

    let new = Page::read(&status::cluster(&Polled { name: "new", frame: None, now: frame.view.at }));
    assert!(section(&new, "verdict").contains("The first poll has not ended"));
    let late = Polled { now: frame.view.at.plus(Duration::from_secs(60)), ..polled(&frame) };
    let late = Page::read(&status::cluster(&late));
    assert!(
        section(&late, "verdict").contains("Not polled any more")
            && section(&late, "verdict").contains("unknown")
    );
}

#[test]
fn open_and_uncovered_slots_stand_out_one_by_one() {
    let cluster = Cluster::healthy(3, 1).unassign(7..=7).open_slot(42, "m1", "m2").key_count("m1", 42, 9);
    let page = page(&judge(&cluster).0);
    let areas: Vec<&str> = page.all("path").map(|path| &*path.text).collect();
    assert!(areas.contains(&"slot 7: unassigned"), "{areas:?}");
    assert!(
        areas
            .contains(&"slot 42: on the move from 10.0.0.1:6379 to 10.0.0.2:6379, 9 keys left at the source"),
        "{areas:?}"
    );
    assert!(section(&page, "slots").contains("16383 of 16384"));
}

#[test]
fn the_start_page_has_the_worst_cluster_first() {
    let healthy = Cluster::healthy(3, 1);
    let sound = judge_two(&healthy, &healthy).0;
    let broken = judge(&healthy.unassign(0..=99)).0;
    let named = |name: &'static str, frame| Polled { name, ..polled(frame) };
    let rows = [
        named("a", &sound),
        Polled { frame: None, ..named("b", &sound) },
        named("c", &broken),
        named("d", &sound),
    ];
    let page = Page::read(&status::fleet(&rows, true));
    let order: Vec<&str> =
        page.all("a").filter_map(|link| link.attribute("href").strip_prefix("/clusters/")).collect();
    assert_eq!(order, ["c", "b", "a", "d"]);
    assert!(section(&page, "verdict").contains("2 of 4 clusters want a look"));
    assert!(page.one("main").text.contains("POST /-/reload"));
    assert!(!Page::read(&status::fleet(&rows, false)).one("main").text.contains("POST /-/reload"));
}

/// So many shards cut off from the others, and a finding about every replica.
fn large(primaries: u16, cut_off: u16) -> Cluster {
    let cluster = Cluster::healthy(primaries, 1);
    let side: Vec<String> = (1..=cut_off).flat_map(|n| [format!("m{n}"), format!("r{n}")]).collect();
    let side: Vec<&str> = side.iter().map(String::as_str).collect();
    let cluster = cluster.split(&side);
    (1..=primaries)
        .fold(cluster, |cluster, n| cluster.info(&format!("r{n}"), "used_memory_vm_total", "90000000"))
}

#[test]
fn a_hundred_nodes_make_less_than_a_megabyte() {
    let frame = judge(&large(50, 24)).0;
    assert_eq!(frame.view.members.len(), 100);
    let html = html(&frame);
    assert!(html.len() < 1_000_000, "{} bytes", html.len());
    let page = Page::read(&html);
    let cells = page.all("td").filter(|cell| cell.has_class("failed") || cell.has_class("suspected")).count();
    assert_eq!(cells, 2, "two sides are two rows and two columns");
}

#[test]
fn a_thousand_nodes_stay_usable() {
    let frame = judge(&large(500, 5)).0;
    let html = html(&frame);
    assert!(html.len() < 3_000_000, "{} bytes", html.len());
    let page = Page::read(&html);
    assert!(page.elements.len() < 60_000, "{} elements", page.elements.len());
    assert!(section(&page, "views").contains("2 groups"));
}

#[test]
fn a_map_in_many_pieces_stays_small() {
    let primaries = 40;
    let cluster = (0..16384u16).step_by(2).fold(Cluster::healthy(primaries, 0), |cluster, slot| {
        cluster.assign(&format!("m{}", slot % primaries + 1), slot..=slot)
    });
    let html = html(&judge(&cluster).0);
    Page::read(&html);
    assert!(html.len() < 1_000_000, "{} bytes", html.len());
}

#[tokio::test]
async fn every_path_on_a_page_is_served() {
    let server = start(&["a b/c", "<script>"], limits(), false).await;
    server.frames[0].send_replace(Some(frame("a b/c", now())));
    let mut known: BTreeSet<String> = ["/".to_owned()].into();
    let mut next = known.clone();
    while let Some(path) = next.pop_first() {
        let answer = ask(&server, "GET", &path, BROWSER).await;
        let ready = path == "/-/ready" && answer.code == 503;
        assert!(answer.code == 200 || ready, "{path}: {}", answer.code);
        if answer.header("content-type") == Some("text/html; charset=utf-8") {
            let page = Page::read(answer.text());
            next.extend(page.paths().into_iter().filter(|path| known.insert(path.clone())));
        }
    }
    assert!(known.len() > CHECKS.len() + 8, "{known:#?}");
}

#[tokio::test]
async fn nothing_foreign_runs_on_a_page() {
    let server = start(&["a"], limits(), false).await;
    server.frames[0].send_replace(Some(frame("a", now())));
    for path in ["/", "/clusters/a", "/runbooks", "/runbooks/split_brain"] {
        let answer = ask(&server, "GET", path, BROWSER).await;
        let policy = answer.header("content-security-policy").unwrap();
        let allowed: Vec<&str> = policy.split("; ").collect();
        assert_eq!(
            allowed,
            [
                "default-src 'none'",
                "script-src 'self'",
                "style-src 'self'",
                "connect-src 'self'",
                "img-src data:",
                "base-uri 'none'",
                "form-action 'none'",
                "frame-ancestors 'none'"
            ],
            "{path}"
        );
        assert_eq!(answer.header("referrer-policy"), Some("no-referrer"));
        assert_eq!(answer.header("x-content-type-options"), Some("nosniff"));
        let zipped = ask(&server, "GET", path, &format!("{BROWSER}Accept-Encoding: gzip\r\n")).await;
        assert_eq!(zipped.header("content-encoding"), Some("gzip"));
        Page::read(&zipped.unzipped());
    }
}

#[tokio::test]
async fn runbooks_are_pages_for_browsers_and_markdown_for_others() {
    let server = start(&["a"], limits(), false).await;
    for check in CHECKS {
        let path = format!("/runbooks/{}", check.code);
        let answer = get(&server, &path).await;
        assert_eq!((answer.code, answer.header("content-type")), (200, Some("text/markdown; charset=utf-8")));
        assert_eq!(answer.text(), check.runbook);
        let page = Page::read(ask(&server, "GET", &path, BROWSER).await.text());
        assert_eq!(page.one("h1").text, check.code);
        let headings: Vec<&str> = page.all("h2").map(|heading| &*heading.text).collect();
        assert_eq!(headings, ["Observed", "Means", "Confirm", "Fix", "Not this"], "{}", check.code);
    }
    for path in ["/runbooks/", "/runbooks/nothing", "/runbooks/../../etc/passwd", "/runbooks/split_brain.md"]
    {
        assert_eq!(get(&server, path).await.code, 404, "{path}");
    }
}
