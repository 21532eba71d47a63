//! One fault or operation on one cluster, and what anybody is told of it.

use std::collections::BTreeMap;
use std::sync::Mutex;
use std::thread::sleep;
use std::time::{Duration, Instant};

use redis_cluster_exporter::checks::{CHECKS, Check};
use redis_cluster_exporter::derive::alert_name;
use redis_cluster_exporter::model::finding::Severity;

use super::chain::{Chain, get};
use super::receiver::Told;

/// A chain that is stuck must not hold up the test for ever. Nothing that is expected takes so long.
const STUCK: Duration = Duration::from_secs(900);

/// A hold of a minute, as most have, an evaluation, and the time that Alertmanager waits for a cause.
const LINGERS: Duration = Duration::from_secs(110);

/// One cluster of the chain.
#[derive(Clone, Copy)]
pub(crate) struct Watched<'a> {
    /// The chain.
    pub(crate) chain: &'a Chain,
    /// Its configured name.
    pub(crate) name: &'a str,
    /// Rows of all incidents.
    pub(crate) rows: &'a Mutex<Vec<String>>,
}

/// What happens to the cluster.
pub(crate) struct Fault<'f> {
    /// In words.
    pub(crate) what: &'static str,
    /// Codes of the checks whose alerts arrive, and no others.
    pub(crate) pages: &'static [&'static str],
    /// Lets it happen.
    pub(crate) begin: &'f dyn Fn(),
    /// Whether the cluster itself shows it.
    pub(crate) shows: &'f dyn Fn() -> bool,
    /// Mends it.
    pub(crate) heal: &'f dyn Fn(),
}

impl Watched<'_> {
    /// Plays it: exactly these pages, each once, and resolved after the heal.
    pub(crate) fn play(self, fault: &Fault<'_>) {
        let began = Instant::now();
        (fault.begin)();
        self.until(fault.what, "the cluster shows it", || (fault.shows)());
        let shown = Instant::now();
        self.until(fault.what, "all pages", || {
            let pages = self.pages(began);
            self.only(fault, &pages);
            fault.pages.iter().all(|code| pages.iter().any(|page| page.label("check") == *code))
        });
        // What is kept back would have been told of by then.
        sleep(LINGERS.saturating_sub(shown.elapsed()));
        self.only(fault, &self.pages(began));
        let kept_back = self.chain.kept_back(self.name);
        (fault.heal)();
        let healed = Instant::now();
        self.until(fault.what, "nothing fires", || self.chain.firing(self.name).is_empty());
        self.until(fault.what, "all is told to be resolved", || {
            let told = self.chain.receiver.about(self.name, began);
            told.iter().filter(|told| told.firing).count() == told.iter().filter(|told| !told.firing).count()
        });
        let pages = self.pages(began);
        self.only(fault, &pages);
        pages.iter().for_each(|page| self.reads_well(page));
        self.note(fault, shown, healed, began, &kept_back);
    }

    /// Plays what an operator does on purpose: nobody is woken or called. A ticket may tell of it.
    pub(crate) fn is_quiet(self, what: &'static str, operate: &dyn Fn()) {
        let began = Instant::now();
        operate();
        sleep(LINGERS);
        let mut pages = self.pages(began);
        pages.retain(|page| page.route != "/p3");
        assert!(pages.is_empty(), "{what}: {pages:#?}");
        self.until(what, "nothing fires", || self.chain.firing(self.name).is_empty());
        self.row(&format!("| {what} | nobody is paged | | | | |"));
    }

    fn until(self, what: &str, wanted: &str, mut holds: impl FnMut() -> bool) {
        let until = Instant::now() + STUCK;
        while !holds() {
            let firing = self.chain.firing(self.name);
            assert!(Instant::now() < until, "{what}: never came: {wanted}; these fire: {firing:?}");
            sleep(Duration::from_millis(200));
        }
    }

    fn pages(self, since: Instant) -> Vec<Told> {
        let mut told = self.chain.receiver.about(self.name, since);
        told.retain(|told| told.firing);
        told
    }

    /// Nothing but what is expected, by the right route, in one notification each.
    fn only(self, fault: &Fault<'_>, pages: &[Told]) {
        let mut notifications = BTreeMap::new();
        for page in pages {
            let code = page.label("check");
            assert!(fault.pages.contains(&code), "{}: nobody expects {page:#?}", fault.what);
            let check = check(code);
            assert_eq!(page.label("alertname"), alert_name(check), "{page:#?}");
            assert_eq!(page.label("priority"), check.severity.as_str(), "{page:#?}");
            assert_eq!(page.route, format!("/{}", check.severity.as_str().to_lowercase()), "{page:#?}");
            let first = notifications.entry(code.to_owned()).or_insert(page.notification);
            assert_eq!(*first, page.notification, "{}: told twice: {page:#?}", fault.what);
        }
    }

    /// What somebody can use at night.
    fn reads_well(self, page: &Told) {
        let check = check(page.label("check"));
        assert_eq!(page.annotation("summary"), check.summary);
        let text = page.annotation("description");
        for wanted in [self.name, "First: "] {
            assert!(text.contains(wanted), "{wanted}: {text}");
        }
        for unwanted in ["<error", "<no value>", "%!", "{{", "NaN", "Inf"] {
            assert!(!text.contains(unwanted), "{unwanted}: {text}");
        }
        let link = page.annotation("runbook_url");
        let (address, path) = link.trim_start_matches("http://").split_once('/').expect("a link");
        let answer = get(address, &format!("/{path}"));
        let runbook = answer.filter(|(code, text)| *code == 200 && text.contains(check.code));
        assert!(runbook.is_some(), "no runbook at {link}");
    }

    fn note(self, fault: &Fault<'_>, shown: Instant, healed: Instant, began: Instant, kept_back: &[String]) {
        let told = self.chain.receiver.about(self.name, began);
        let mut what = fault.what;
        let short = |name: &String| name.trim_start_matches("RedisCluster").to_owned();
        let mut beside = kept_back.iter().map(short).collect::<Vec<_>>().join(", ");
        for code in fault.pages {
            let check = check(code);
            let of = |firing: bool| {
                let mine = told.iter().filter(|told| told.label("check") == *code && told.firing == firing);
                mine.map(|told| told.at).collect::<Vec<_>>()
            };
            let after = |at: Option<Instant>, since: Instant| {
                at.map_or(String::new(), |at| {
                    format!("{:.0}", at.saturating_duration_since(since).as_secs_f64())
                })
            };
            self.row(&format!(
                "| {what} | {} {} | {} | {} | {} | {beside} |",
                check.severity.as_str(),
                alert_name(check),
                check.hold.as_secs(),
                after(of(true).into_iter().min(), shown),
                after(of(false).into_iter().max(), healed),
            ));
            (what, beside) = ("", String::new());
        }
        if let Some(page) =
            told.iter().find(|told| told.firing && told.label("priority") == Severity::P1.as_str())
        {
            eprintln!("{}: {}", page.label("alertname"), page.annotation("description"));
        }
    }

    fn row(self, row: &str) {
        eprintln!("{row}");
        self.rows.lock().expect("no panic while it is held").push(format!("{row}\n"));
    }
}

fn check(code: &str) -> &'static Check {
    CHECKS.into_iter().find(|check| check.code == code).unwrap_or_else(|| panic!("no check {code:?}"))
}
