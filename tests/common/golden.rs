//! Texts that are kept in files: compared, or written anew under `UPDATE=1`.
#![allow(dead_code, reason = "each test binary uses its own part")]

use std::fmt::Write as _;
use std::fs;
use std::path::Path;

const SHOWN: usize = 12;

/// Compares `actual` with the file at `path`, relative to the crate. With `UPDATE=1` in the environment the file
/// is written instead.
#[allow(clippy::disallowed_methods, reason = "UPDATE is a switch of the test run, not configuration")]
pub(crate) fn golden(path: &str, actual: &str) {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join(path);
    if std::env::var("UPDATE").is_ok_and(|update| update == "1") {
        fs::create_dir_all(file.parent().unwrap()).unwrap();
        fs::write(&file, actual).unwrap();
        return;
    }
    let expected = fs::read_to_string(&file)
        .unwrap_or_else(|error| panic!("{path}: {error}; write it with UPDATE=1 cargo test"));
    if let Some(difference) = difference(&expected, actual) {
        panic!("{path} differs; if the change is meant: UPDATE=1 cargo test\n{difference}");
    }
}

/// The first lines that differ, with the two lines before them: `-` is the file, `+` the program.
fn difference(expected: &str, actual: &str) -> Option<String> {
    if expected == actual {
        return None;
    }
    let (old, new): (Vec<_>, Vec<_>) = (expected.lines().collect(), actual.lines().collect());
    let same = old.iter().zip(&new).take_while(|(a, b)| a == b).count();
    let tail = |lines: &[&str]| lines.len() - same;
    let after = old.iter().rev().zip(new.iter().rev()).take_while(|(a, b)| a == b).count();
    let after = after.min(tail(&old)).min(tail(&new));
    let mut text = String::new();
    for (number, line) in old.iter().enumerate().take(same).skip(same.saturating_sub(2)) {
        writeln!(text, "  {:>5} {line}", number + 1).unwrap();
    }
    for (sign, lines) in [('-', &old), ('+', &new)] {
        let changed = &lines[same..lines.len() - after];
        for (number, line) in changed.iter().enumerate().take(SHOWN) {
            writeln!(text, "{sign} {:>5} {line}", same + number + 1).unwrap();
        }
        if changed.len() > SHOWN {
            writeln!(text, "{sign}       … {} more lines", changed.len() - SHOWN).unwrap();
        }
    }
    if old == new {
        text.push_str("the lines are the same: the line ends differ\n");
    }
    Some(text)
}

#[test]
fn a_difference_is_shown_where_it_is() {
    assert_eq!(difference("a\nb\n", "a\nb\n"), None);
    let expected = "1\n2\n3\nold\n5\n6\n";
    let shown = difference(expected, "1\n2\n3\nnew\nmore\n5\n6\n").unwrap();
    assert_eq!(shown, "      2 2\n      3 3\n-     4 old\n+     4 new\n+     5 more\n");
    assert_eq!(difference("a\na\n", "a\n").unwrap(), "      1 a\n-     2 a\n");
    assert!(difference("a\n", "a").unwrap().contains("line ends"));
}
