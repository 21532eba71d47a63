//! The pages in a real browser, on a real cluster: what is wrong can be seen, clicked through and copied; by mouse and by
//! key, in both schemes of colours, on a phone, and without scripts.
//!
//! `SCREENSHOTS=1` writes the pictures of docs/images anew; `SCREENSHOTS=all` adds those in every size and scheme.
#![allow(
    clippy::expect_used,
    clippy::print_stderr,
    clippy::print_stdout,
    clippy::disallowed_methods,
    reason = "clippy allows these in test functions, and this is what they call"
)]

/// What the test stands on.
pub mod common {
    pub mod browser;
    pub mod exporter;
    pub mod real;
    pub mod relay;
    pub mod samples;
}

#[allow(dead_code, reason = "shared with the campaign, which watches what fires")]
mod scenes {
    pub(crate) mod bus;
}

use std::path::Path;

use common::browser::Browser;
use common::exporter::Exporter;
use common::real::{Cluster, available, await_that, free_port, server};
use common::real::{id, set};
use scenes::bus::Bus;

/// Width of a window, and its height.
const DESK: (u32, u32) = (1200, 900);
const PHONE: (u32, u32) = (390, 844);

/// Pictures are no higher than this.
const HEIGHT: u32 = 1500;

/// An exporter in front of clusters, and a browser in front of it.
struct Stage {
    browser: Browser,
    exporter: Exporter,
}

impl Stage {
    fn open(&self, path: &str) {
        self.browser.open(&format!("http://{}{path}", self.exporter.address));
    }

    /// Waits until the page shows that a check fires.
    fn shows(&self, check: &str) {
        self.browser.until(check, &format!("document.querySelector('#check-{check}')"));
    }

    /// Looks at what is open in both schemes, at a desk and on a phone, and keeps the pictures that are wanted.
    fn looks(&self, name: &str, kept: &[&str]) {
        for ((width, height), size) in [(DESK, ""), (PHONE, "-phone")] {
            for (dark, scheme) in [(false, ""), (true, "-dark")] {
                let name = format!("{name}{size}{scheme}");
                self.browser.look(width, height, dark);
                self.browser.is_sound(&name);
                if screenshots() == "all" || kept.contains(&&*format!("{size}{scheme}")) {
                    self.keep(&name, "body", "footer + *");
                }
            }
        }
        self.browser.look(DESK.0, DESK.1, false);
    }

    /// Keeps a picture of the page, from the first of two elements to before the second, if pictures are wanted.
    fn keep(&self, name: &str, from: &str, to: &str) {
        if !screenshots().is_empty() {
            let file = Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("docs/images/{name}.webp"));
            std::fs::write(file, self.browser.picture(from, to, HEIGHT)).expect("written");
        }
    }
}

/// Whether pictures are wanted: `1` for those that the documents show, `all` for all.
fn screenshots() -> String {
    std::env::var("SCREENSHOTS").unwrap_or_default()
}

#[test]
fn what_is_wrong_can_be_seen_clicked_and_copied() {
    if !available(&server()) {
        return;
    }
    let Some(browser) = Browser::start() else { return };
    let cluster = Cluster::of(3, 1).node_timeout_ms(2000).boot();
    let small = Cluster::of(1, 0).boot();
    let bus = Bus::around(&cluster);
    for (n, node) in (0..300).zip(cluster.nodes().iter().take(3).cycle()) {
        // Two of three keys belong elsewhere: each primary takes its own.
        cluster.cli(node, &["SET", &format!("key:{n}"), "value"]);
    }
    let seeds = [
        ("orders", cluster.primary(0).to_owned()),
        ("sessions", small.primary(0).to_owned()),
        ("archive", format!("127.0.0.1:{}", free_port())),
    ];
    let mut yaml = "poll: { interval: 500ms, timeout: 400ms }\nclusters:\n".to_owned();
    for (name, seed) in seeds {
        yaml += &format!("  - {{ name: {name}, seeds: [\"{seed}\"] }}\n");
    }
    let stage = Stage { browser, exporter: Exporter::with_file(&yaml) };
    stage.browser.look(DESK.0, DESK.1, false);

    healthy(&stage);
    open_slot(&stage, &cluster);
    hung_node(&stage, &cluster);
    split_brain(&stage, &cluster, &bus);
    by_key(&stage);
    without_scripts(&stage);
    exporter_gone(stage);
}

fn healthy(stage: &Stage) {
    let browser = &stage.browser;
    stage.open("/");
    browser.until(
        "the cluster that does not answer comes first",
        "document.querySelector('tbody tr').innerText.includes('archive')",
    );
    browser.click("a[href='/clusters/orders']");
    browser.until(
        "the cluster's page",
        "location.pathname === '/clusters/orders' && document.querySelector('#verdict.ok')",
    );
    assert_eq!(browser.eval("document.querySelectorAll('.matrix td.ok').length"), 36);
    // Before the script is there nobody hears the mouse.
    browser.until("the page is complete", "document.readyState === 'complete'");
    await_that("the slot that is pointed at is named", || {
        browser.point("#verdict");
        browser.point("#slots path");
        browser.text("#slot-info").starts_with("slots 0-5460")
    });
    stage.looks("page-healthy", &["-dark"]);
    // Any name in the path that nobody configured.
    stage.open("/clusters/nobody");
    assert!(browser.text("body").starts_with("404"));
    browser.forgive();
}

fn open_slot(stage: &Stage, cluster: &Cluster) {
    let (source, target) = (cluster.primary(0), cluster.primary(1));
    let (from, to) = (id(cluster, source), id(cluster, target));
    stage.open("/clusters/orders");
    stage.browser.eval("window.same = true");
    assert_eq!(cluster.cli(target, &["CLUSTER", "SETSLOT", "42", "IMPORTING", &from]), "OK");
    assert_eq!(cluster.cli(source, &["CLUSTER", "SETSLOT", "42", "MIGRATING", &to]), "OK");
    stage
        .browser
        .until("the open slot, without a reload", "document.querySelector('.map .open path') && window.same");
    assert!(stage.browser.text("#slots").contains(&format!("on the move from {source} to {target}")));
    stage.looks("page-open-slot", &[]);
    for node in [target, source] {
        assert_eq!(cluster.cli(node, &["CLUSTER", "SETSLOT", "42", "STABLE"]), "OK");
    }
    stage.browser.until("the slot is closed", "!document.querySelector('.map .open')");
}

fn hung_node(stage: &Stage, cluster: &Cluster) {
    let node = cluster.replica(2);
    stage.open("/clusters/orders");
    cluster.stop(node);
    stage.browser.until("the node that hangs", "document.querySelector('.matrix .silent')");
    stage.shows("node_failed");
    let views = stage.browser.text("#views");
    assert!(views.contains(&format!("{node}\tdid not answer: no complete answer within 400 ms")), "{views}");
    assert!(stage.browser.text("#shards").contains("does not answer: timeout"));
    stage.looks("page-hung-node", &["-phone"]);
    cluster.resume(node);
    stage
        .browser
        .until("the node answers again", "!document.querySelector('.matrix .silent, .matrix .failed')");
}

fn split_brain(stage: &Stage, cluster: &Cluster, bus: &Bus) {
    let browser = &stage.browser;
    let (cut, heir) = (cluster.primary(0), cluster.replica(0));
    set(cluster, cut, "cluster-node-timeout", "60000");
    stage.open("/clusters/orders");
    bus.cut_off(&[cut]);
    stage.shows("split_brain");
    await_that("the one that is cut off takes writes", || {
        cluster.cli(cut, &["SET", "{06S}split", "x"]) == "OK"
    });
    browser.until("it comes first", "document.querySelector('.finding').id === 'check-split_brain'");
    browser.until("who sees whom", "document.querySelectorAll('.matrix .failed').length === 5");
    assert!(browser.text("#verdict").starts_with("P1 orders\n"), "{}", browser.text("#verdict"));
    assert!(browser.text("#slots").contains("contested"));

    // What was unfolded stays so while the page refreshes beneath it.
    let summary = "#evidence-split_brain-0 > summary";
    browser.click(summary);
    browser.eval("window.old = document.querySelector('#findings')");
    browser.until("a refresh", "document.querySelector('#findings') !== window.old");
    assert_eq!(browser.eval("document.querySelector('#evidence-split_brain-0').open"), true);
    assert!(browser.text("#evidence-split_brain-0").contains(heir));
    browser.click(summary);

    let button = "#check-split_brain button.copy";
    let command = browser.eval(&format!("document.querySelector({button:?}).dataset.copy"));
    browser.click(button);
    browser.until(
        "it says that it is copied",
        &format!("document.querySelector({button:?}).innerText.startsWith('Copied')"),
    );
    let port = cut.rsplit_once(':').expect("a port").1;
    assert_eq!(command, format!("redis-cli -h 127.0.0.1 -p {port} BGSAVE"));
    assert_eq!(browser.clipboard(), command);

    stage.looks("page-split-brain", &["", "-dark"]);
    stage.keep("page-split-brain-views", "#slots", "#shards");
    stage.open("/");
    stage.looks("page-fleet", &[""]);
    stage.open("/clusters/orders");
    browser.click("#check-split_brain a.runbook");
    browser.until("the runbook", "location.pathname === '/runbooks/split_brain'");
    assert!(browser.text("main").contains("Before the network heals"));
    stage.looks("page-runbook", &[]);
}

fn by_key(stage: &Stage) {
    let browser = &stage.browser;
    stage.open("/clusters/orders");
    browser.press("Tab");
    assert_eq!(browser.eval("document.activeElement.innerText"), "Skip to content");
    assert_eq!(browser.eval("document.activeElement.getBoundingClientRect().height > 10"), true, "it shows");
    browser.press("Enter");
    browser.until("the content has the focus", "document.activeElement.id === 'main'");
    let seen = "getComputedStyle(document.activeElement).outlineStyle !== 'none'";
    let mut steps = 0;
    while browser.eval("document.activeElement.matches('button.copy')") != true {
        browser.press("Tab");
        assert_eq!(browser.eval(seen), true, "{}", browser.eval("document.activeElement.outerHTML"));
        steps += 1;
        assert!(steps < 50, "no command can be reached by key");
    }
    let command = browser.eval("document.activeElement.dataset.copy");
    browser.press("Enter");
    browser.until("copied", "document.activeElement.innerText.startsWith('Copied')");
    assert_eq!(command, browser.clipboard());
}

fn without_scripts(stage: &Stage) {
    let browser = &stage.browser;
    browser.scripts(false);
    stage.open("/clusters/orders");
    assert!(browser.text("#check-split_brain").contains("BGSAVE"));
    assert_eq!(browser.eval("getComputedStyle(document.querySelector('button.copy')).display"), "none");
    assert_eq!(browser.eval("document.querySelector('meta[http-equiv=refresh]')?.content"), "30");
    browser.scripts(true);
}

fn exporter_gone(stage: Stage) {
    let Stage { browser, exporter } = stage;
    browser.open(&format!("http://{}/clusters/orders", exporter.address));
    assert!(exporter.terminate().success());
    browser.until(
        "it says that it is old",
        "document.getElementById('freshness').innerText.startsWith('Not refreshed since')",
    );
    assert!(browser.text("#verdict").contains("orders"), "what was there stays");
}
