//! What was measured, as a table on the terminal and in the documentation.

use std::fs;

/// The document that holds the tables.
const DOCUMENT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/docs/performance.md");

/// Rows under a head; the first column is text, the others are figures.
pub(crate) struct Table(Vec<Vec<String>>);

impl Table {
    pub(crate) fn new<const N: usize>(head: [&str; N]) -> Self {
        Self(vec![head.map(str::to_owned).to_vec()])
    }

    pub(crate) fn row<const N: usize>(&mut self, cells: [String; N]) {
        assert_eq!(N, self.0[0].len(), "a cell for each column");
        self.0.push(cells.to_vec());
    }

    /// In columns.
    pub(crate) fn print(&self) {
        let width = |column: usize| self.0.iter().map(|row| row[column].chars().count()).max().unwrap_or(0);
        let widths: Vec<usize> = (0..self.0[0].len()).map(width).collect();
        for row in &self.0 {
            let mut cells = row.iter().zip(&widths);
            let first = cells.next().map(|(cell, width)| format!("{cell:<width$}"));
            let others = cells.map(|(cell, width)| format!("{cell:>width$}"));
            println!("{}", first.into_iter().chain(others).collect::<Vec<_>>().join("   "));
        }
        println!();
    }

    /// As Markdown.
    pub(crate) fn markdown(&self) -> String {
        let line = |cells: &[String]| format!("| {} |\n", cells.join(" | "));
        let rule = format!("|{}\n", "---|".repeat(self.0[0].len()));
        let (head, rows) = self.0.split_first().expect("a head");
        line(head) + &rule + &rows.iter().map(|row| line(row)).collect::<String>()
    }
}

/// A figure with as many digits as it is worth.
pub(crate) fn figure(value: f64) -> String {
    match value.abs() {
        0.0 => "0".to_owned(),
        1000.0.. => thousands(value),
        100.0.. => format!("{value:.0}"),
        10.0.. => format!("{value:.1}"),
        1.0.. => format!("{value:.2}"),
        _ => format!("{value:.3}"),
    }
}

fn thousands(value: f64) -> String {
    let digits = format!("{value:.0}");
    let groups = digits.as_bytes().rchunks(3).rev().map(String::from_utf8_lossy);
    groups.collect::<Vec<_>>().join(",")
}

/// Whether the documentation is to be written anew.
pub(crate) fn updates() -> bool {
    std::env::var_os("UPDATE").is_some()
}

/// Puts `text` into the document between the marks of `section`.
pub(crate) fn publish(section: &str, text: &str) {
    let (begins, ends) = (format!("<!-- measured: {section} -->\n"), format!("<!-- end: {section} -->"));
    let document = fs::read_to_string(DOCUMENT).expect("the document");
    let (before, rest) = document.split_once(&begins).unwrap_or_else(|| panic!("no {begins} in {DOCUMENT}"));
    let after = rest.split_once(&ends).unwrap_or_else(|| panic!("no {ends} in {DOCUMENT}")).1;
    fs::write(DOCUMENT, format!("{before}{begins}\n{text}\n{ends}{after}")).expect("written");
    println!("wrote {section} into {DOCUMENT}");
}
