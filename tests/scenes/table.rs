//! What was seen, as a table of `docs/campaign.md`.

use std::fmt::Write;
use std::sync::Mutex;

/// One check that fired during a fault or an operation.
pub(crate) struct Row {
    /// The check.
    pub(crate) code: &'static str,
    /// How many subjects it named.
    pub(crate) subjects: usize,
    /// Seconds from the beginning to the first poll that has it.
    pub(crate) seen_after: f64,
    /// Which poll that was since the servers showed the fault, 0 if before; `None` for what was not waited for.
    pub(crate) seen_polls: Option<usize>,
    /// Seconds from the heal to the first poll without it, negative if before; `None` if it never was gone.
    pub(crate) gone_after: Option<f64>,
    /// Which poll that was since the servers showed that all is well, 0 if before.
    pub(crate) gone_polls: Option<usize>,
}

/// Rows of one scene, and what went wrong in it.
#[derive(Default)]
pub(crate) struct Table {
    rows: Mutex<String>,
    failures: Mutex<Vec<String>>,
    compared: Mutex<String>,
}

/// The first two lines of every table.
pub(crate) const HEAD: &str = "| fault or operation | finding | first seen: s | polls | cleared: s | polls |\n\
                               |---|---|--:|--:|--:|--:|\n";

/// The same of the tables that hold `check` against `redis-cli --cluster check`.
pub(crate) const COMPARED_HEAD: &str =
    "| state of the cluster | said by both | said by `check` alone |\n|---|---|---|\n";

impl Table {
    /// All rows, without a head.
    pub(crate) fn text(&self) -> String {
        self.rows.lock().expect("no panic while it is held").clone()
    }

    /// What `redis-cli` and we say of the same cluster.
    pub(crate) fn compared(&self) -> String {
        self.compared.lock().expect("no panic while it is held").clone()
    }

    /// Adds one such comparison: what both say, and what only we say.
    pub(super) fn compare(&self, what: &str, both: &[&str], only: &[&str]) {
        let list =
            |codes: &[&str]| codes.iter().map(|code| format!("`{code}`")).collect::<Vec<_>>().join(", ");
        let mut text = self.compared.lock().expect("no panic while it is held");
        writeln!(text, "| {what} | {} | {} |", list(both), list(only)).expect("a string");
    }

    /// What went wrong.
    pub(crate) fn failures(&self) -> Vec<String> {
        self.failures.lock().expect("no panic while it is held").clone()
    }

    /// Something went wrong.
    pub(super) fn fail(&self, why: String) {
        self.failures.lock().expect("no panic while it is held").push(why);
    }

    /// Adds what one act showed.
    pub(super) fn add(&self, what: &str, rows: Vec<Row>) {
        // Nobody is served by a second panic while the first one unwinds.
        let Ok(mut text) = self.rows.lock() else { return };
        let mut what = what;
        if rows.is_empty() {
            writeln!(text, "| {what} | nothing | | | | |").expect("a string");
        }
        for row in rows {
            let times = if row.subjects > 1 { format!(" ({})", row.subjects) } else { String::new() };
            let polls = |polls: Option<usize>| polls.map_or_else(String::new, |polls| polls.to_string());
            let gone = match row.gone_after {
                None => "fires".to_owned(),
                Some(after) if after < 0.0 => "before".to_owned(),
                Some(after) => format!("{after:.1}"),
            };
            let (code, seen) = (row.code, row.seen_after);
            let (seen_polls, gone_polls) = (polls(row.seen_polls), polls(row.gone_polls));
            writeln!(text, "| {what} | `{code}`{times} | {seen:.1} | {seen_polls} | {gone} | {gone_polls} |")
                .expect("a string");
            what = "";
        }
    }
}

/// `document` with the section of this heading replaced by `section`, or added; sections stand in the order of their
/// headings.
pub(crate) fn with_section(document: &str, heading: &str, section: &str) -> String {
    let mut parts = document.split("\n## ");
    let preface = parts.next().unwrap_or_default().trim_end().to_owned();
    let others = parts.map(|part| part.trim_end().to_owned());
    let mut sections: Vec<_> = others.filter(|part| part.lines().next() != Some(heading)).collect();
    sections.push(format!("{heading}\n\n{}", section.trim_end()));
    sections.sort();
    sections.into_iter().fold(preface, |text, section| format!("{text}\n\n## {section}")) + "\n"
}
