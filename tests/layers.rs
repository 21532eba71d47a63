//! The modules lean on each other in one direction only, and the pure ones touch no clock, socket, file,
//! environment or task.
#![allow(clippy::unwrap_used, reason = "a test fails where it meets what it does not expect")]

use std::fs;
use std::path::{Path, PathBuf};

/// A module may use those on the lines above its own, and nothing else of the crate.
const ORDER: [&[&str]; 14] = [
    &["model"],
    &["probes", "resp"],
    &["parse"],
    &["checks"],
    &["history"],
    &["frame"],
    &["metrics", "status"],
    &["derive"],
    &["alarms", "clock", "config", "self_metrics", "capture"],
    &["ask"],
    &["poll"],
    &["http"],
    &["service", "log"],
    &["cli", "run", "lib", "main"],
];

/// The program itself stands on one line: its parts use each other.
const TOP: usize = ORDER.len() - 1;

/// Up to this layer everything is pure.
const LAST_PURE: usize = 7;

/// What the pure layers must not name. Types that only carry a value, such as `Duration` and `IpAddr`, are no I/O.
const IMPURE: [&str; 14] = [
    "tokio",
    "std::fs",
    "std::net::Tcp",
    "std::net::Udp",
    "std::net::ToSocketAddrs",
    "std::env",
    "std::process",
    "std::thread",
    "std::os::unix::net",
    "std::io::stdin",
    "std::time::Instant",
    "SystemTime",
    "Instant::now",
    "tracing",
];

fn layer(module: &str) -> Option<usize> {
    ORDER.iter().position(|names| names.contains(&module))
}

/// `src/parse/info.rs` belongs to `parse`.
fn module_of(path: &Path) -> String {
    let inside = path.strip_prefix("src").unwrap();
    let first = inside.components().next().unwrap().as_os_str().to_string_lossy();
    first.trim_end_matches(".rs").to_owned()
}

/// The source without comments, each `use` statement on one line with its line number.
fn statements(source: &str) -> Vec<(usize, String)> {
    let mut out: Vec<(usize, String)> = Vec::new();
    let mut open = false;
    for (number, line) in source.lines().enumerate() {
        let code = line.split("//").next().unwrap_or_default().trim();
        match out.last_mut() {
            Some((_, statement)) if open => statement.push_str(code),
            _ => out.push((number + 1, code.to_owned())),
        }
        let statement = &out[out.len() - 1].1;
        let is_use = statement.starts_with("use ") || statement.starts_with("pub use ");
        open = is_use && !statement.contains(';');
    }
    out
}

/// First names behind `crate::` (or, in the binary, the crate's own name), braces looked into.
fn used_modules(statement: &str) -> Vec<String> {
    let mut names = Vec::new();
    for root in ["crate::", "redis_cluster_exporter::"] {
        for rest in statement.split(root).skip(1) {
            match rest.strip_prefix('{') {
                Some(group) => names.extend(top_level(group)),
                None => names.push(first_name(rest)),
            }
        }
    }
    names.retain(|name| !name.is_empty());
    names
}

/// The first names of the items in a brace group: `a::{b, c}, d}` gives `a` and `d`.
fn top_level(group: &str) -> Vec<String> {
    let mut names = Vec::new();
    let (mut depth, mut start) = (0, 0);
    for (at, c) in group.char_indices() {
        match c {
            '{' => depth += 1,
            ',' | '}' if depth == 0 => {
                names.push(first_name(group.get(start..at).unwrap().trim()));
                start = at + 1;
                if c == '}' {
                    break;
                }
            }
            '}' => depth -= 1,
            _ => {}
        }
    }
    names
}

fn first_name(path: &str) -> String {
    path.chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect()
}

/// Everything in one file that breaks the order.
fn faults(path: &Path, source: &str) -> Vec<String> {
    let module = module_of(path);
    let Some(own) = layer(&module) else {
        return vec![format!("{}: module {module} has no place in the order", path.display())];
    };
    let mut faults = Vec::new();
    for (line, statement) in statements(source) {
        // The tests of a module may use what they need; they stand at its end.
        if statement == "#[cfg(test)]" {
            break;
        }
        let at = format!("{}:{line}", path.display());
        for used in used_modules(&statement).into_iter().filter(|used| *used != module) {
            match layer(&used) {
                Some(other) if other < own || own == TOP => {}
                Some(_) => faults.push(format!("{at}: {module} uses {used}, which comes after it")),
                None if own == TOP || used.starts_with(char::is_uppercase) => {}
                None => faults.push(format!("{at}: {used} has no place in the order")),
            }
        }
        let impure = IMPURE.iter().filter(|name| own <= LAST_PURE && statement.contains(*name));
        faults.extend(impure.map(|name| format!("{at}: {module} is pure and must not name {name}")));
    }
    faults
}

fn sources(dir: &Path) -> Vec<PathBuf> {
    let mut files = Vec::new();
    for path in fs::read_dir(dir).unwrap().map(|entry| entry.unwrap().path()) {
        if path.is_dir() {
            files.extend(sources(&path));
        } else if path.extension().is_some_and(|ending| ending == "rs") {
            files.push(path);
        }
    }
    files.sort();
    files
}

#[test]
fn modules_lean_one_way_and_the_core_is_pure() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let files = sources(&root.join("src"));
    assert!(files.len() > 20, "only {} source files found", files.len());
    let faults: Vec<_> = files
        .iter()
        .filter(|path| path.file_name().is_some_and(|name| name != "tests.rs"))
        .flat_map(|path| faults(path.strip_prefix(root).unwrap(), &fs::read_to_string(path).unwrap()))
        .collect();
    assert!(faults.is_empty(), "\n{}", faults.join("\n"));
}

#[test]
fn a_fault_is_named_with_its_line() {
    let check = |path: &str, source: &str| faults(Path::new(path), source);
    assert_eq!(check("src/parse/info.rs", "use crate::model::node::NodeId;\nuse super::x;\n"), [""; 0]);
    assert_eq!(
        check("src/model/view.rs", "\nuse crate::parse::Tables;\n"),
        ["src/model/view.rs:2: model uses parse, which comes after it"]
    );
    assert_eq!(
        check("src/frame.rs", "use crate::{\n    model::{a, b},\n    poll,\n};\n"),
        ["src/frame.rs:1: frame uses poll, which comes after it"]
    );
    assert_eq!(
        check("src/metrics.rs", "fn f() -> crate::status::Page {}\n"),
        ["src/metrics.rs:1: metrics uses status, which comes after it"]
    );
    assert_eq!(check("src/history.rs", "// std::fs\nlet now = std::time::Instant::now();\n").len(), 2);
    assert_eq!(check("src/ask.rs", "use std::net::TcpStream;\nuse crate::config::Tls;\n"), [""; 0]);
    assert_eq!(check("src/utils.rs", ""), ["src/utils.rs: module utils has no place in the order"]);
    assert_eq!(check("src/main.rs", "use redis_cluster_exporter::{cli, poll};\n"), [""; 0]);
    assert_eq!(check("src/frame.rs", "#[cfg(test)]\nmod tests { use crate::poll; }\n"), [""; 0]);
}
