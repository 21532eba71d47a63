//! What becomes part of the program is what `deny.toml` allows: licences, sources, no library twice, none of those that
//! are banned. `cargo deny check` says the same and knows of vulnerabilities too; this takes nothing but cargo.
#![allow(
    clippy::unwrap_used,
    clippy::disallowed_methods,
    reason = "a test fails where it meets what it does not expect, and runs cargo"
)]

use std::collections::{BTreeMap, BTreeSet};
use std::process::Command;

/// A library that the program is made of.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
struct Package {
    name: String,
    version: String,
    license: String,
}

fn texts<'a>(value: &'a toml::Value, key: &str) -> Vec<&'a str> {
    value[key].as_array().unwrap().iter().map(|item| item.as_str().unwrap()).collect()
}

fn deny() -> toml::Value {
    toml::from_str(include_str!("../deny.toml")).unwrap()
}

/// What cargo says that is compiled in, or runs to build it, on one of the platforms; without what only tests use.
fn packages() -> BTreeSet<Package> {
    let deny = deny();
    let own = concat!(env!("CARGO_PKG_NAME"), " ");
    let lines = texts(&deny["graph"], "targets").into_iter().flat_map(tree_of);
    let packages: BTreeSet<_> = lines.filter(|line| !line.starts_with(own)).map(|line| read(&line)).collect();
    assert!(packages.iter().any(|package| package.name == "tokio"), "this is no list of libraries");
    packages
}

fn tree_of(target: &str) -> Vec<String> {
    let mut cargo = Command::new(std::env::var("CARGO").unwrap_or_else(|_| "cargo".to_owned()));
    cargo.args(["tree", "--locked", "--edges=normal,build", "--prefix=none", "--no-dedupe"]);
    cargo.args(["--format={p}|{l}", "--target", target]).current_dir(env!("CARGO_MANIFEST_DIR"));
    let output = cargo.output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap().lines().map(str::to_owned).collect()
}

/// `serde_derive v1.0.229 (proc-macro)|MIT OR Apache-2.0`
fn read(line: &str) -> Package {
    let (package, license) = line.split_once('|').unwrap();
    let mut words = package.split(' ');
    let (name, version) = (words.next().unwrap(), words.next().unwrap());
    Package { name: name.into(), version: version.trim_start_matches('v').into(), license: license.into() }
}

/// Whether an SPDX expression can be met with these licences alone. The old `/` means OR.
fn allowed(expression: &str, licenses: &[&str]) -> bool {
    let spaced = expression.replace('(', " ( ").replace(')', " ) ").replace('/', " OR ");
    let mut words = spaced.split_whitespace().peekable();
    let met = any(&mut words, licenses);
    assert_eq!(words.next(), None, "{expression:?} is no expression");
    met
}

type Words<'a> = std::iter::Peekable<std::str::SplitWhitespace<'a>>;

fn any(words: &mut Words<'_>, licenses: &[&str]) -> bool {
    let mut met = all(words, licenses);
    while words.next_if_eq(&"OR").is_some() {
        met |= all(words, licenses);
    }
    met
}

fn all(words: &mut Words<'_>, licenses: &[&str]) -> bool {
    let mut met = one(words, licenses);
    while words.next_if_eq(&"AND").is_some() {
        met &= one(words, licenses);
    }
    met
}

fn one(words: &mut Words<'_>, licenses: &[&str]) -> bool {
    if words.next_if_eq(&"(").is_some() {
        let met = any(words, licenses);
        assert_eq!(words.next(), Some(")"));
        return met;
    }
    let name = words.next().unwrap_or_default();
    let exception = words.next_if_eq(&"WITH").and_then(|_| words.next());
    let whole = exception.map_or(name.to_owned(), |exception| format!("{name} WITH {exception}"));
    licenses.contains(&whole.as_str())
}

#[test]
fn licences_are_those_allowed() {
    let deny = deny();
    let licenses = texts(&deny["licenses"], "allow");
    let packages = packages();
    for Package { name, license, .. } in &packages {
        assert!(allowed(license, &licenses), "{name}: {license:?} is not among {licenses:?}");
    }
    for license in licenses {
        let needed = packages.iter().any(|package| package.license.contains(license));
        assert!(needed, "deny.toml allows {license}, which nothing has");
    }
}

#[test]
fn every_library_comes_from_the_registry() {
    let deny = deny();
    let registries = texts(&deny["sources"], "allow-registry");
    let registries: Vec<_> = registries.iter().map(|url| format!("registry+{url}")).collect();
    let lock: toml::Value = toml::from_str(include_str!("../Cargo.lock")).unwrap();
    let mut own = Vec::new();
    for package in lock["package"].as_array().unwrap() {
        let name = package["name"].as_str().unwrap();
        match package.get("source") {
            None => own.push(name),
            Some(source) => {
                let source = source.as_str().unwrap();
                assert!(registries.iter().any(|registry| registry == source), "{name} comes from {source}");
                assert!(package.get("checksum").is_some(), "{name} may be anything");
            }
        }
    }
    assert_eq!(own, [env!("CARGO_PKG_NAME")]);
}

#[test]
fn no_library_is_banned_and_none_is_there_twice() {
    let deny = deny();
    let named = |key: &str| -> Vec<&str> {
        let rows = deny["bans"][key].as_array().unwrap().iter();
        rows.map(|row| row["crate"].as_str().unwrap()).collect()
    };
    let (banned, skipped) = (named("deny"), named("skip"));
    let mut versions: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    let mut unused: BTreeSet<&str> = skipped.iter().copied().collect();
    for Package { name, version, .. } in &packages() {
        assert!(!banned.contains(&name.as_str()), "{name} is banned");
        let is_this = |skip: &str| {
            let (of, from) = skip.split_once('@').unwrap();
            of == name && (version.as_str() == from || version.starts_with(&format!("{from}.")))
        };
        match skipped.iter().find(|skip| is_this(skip)) {
            Some(skip) => {
                unused.remove(skip);
            }
            None => {
                versions.entry(name.clone()).or_default().insert(version.clone());
            }
        }
    }
    versions.retain(|_, versions| versions.len() > 1);
    assert!(versions.is_empty(), "there twice: {versions:?}");
    assert!(unused.is_empty(), "skipped in deny.toml, and not there: {unused:?}");
}

#[test]
fn expressions_of_licences_are_understood() {
    let licenses = ["MIT", "Apache-2.0 WITH LLVM-exception"];
    for (expression, met) in [
        ("MIT", true),
        ("GPL-3.0", false),
        ("", false),
        ("MIT/GPL-3.0", true),
        ("MIT AND GPL-3.0", false),
        ("GPL-3.0 OR (MIT AND MIT)", true),
        ("(GPL-3.0 OR MIT) AND ISC", false),
        ("Apache-2.0", false),
        ("Apache-2.0 WITH LLVM-exception OR GPL-3.0", true),
    ] {
        assert_eq!(allowed(expression, &licenses), met, "{expression}");
    }
}
