//! What becomes part of the program is what `deny.toml` allows: licences, sources, no library twice, none of those that
//! are banned. `cargo deny check` says the same and knows of vulnerabilities too; this takes nothing but cargo.
#![allow(
    clippy::unwrap_used,
    clippy::disallowed_methods,
    reason = "a test fails where it meets what it does not expect, and runs cargo"
)]

use std::collections::{BTreeMap, BTreeSet};
use std::process::Command;

use serde_json::Value;

/// A library that the program is made of.
struct Package {
    name: String,
    version: String,
    license: String,
    source: Option<String>,
}

fn texts<'a>(value: &'a toml::Value, key: &str) -> Vec<&'a str> {
    value[key].as_array().unwrap().iter().map(|item| item.as_str().unwrap()).collect()
}

fn deny() -> toml::Value {
    toml::from_str(include_str!("../deny.toml")).unwrap()
}

/// What cargo says that is compiled in, or runs to build it, on one of the platforms; without what only tests use.
fn packages() -> BTreeMap<String, Package> {
    let deny = deny();
    texts(&deny["graph"], "targets").into_iter().flat_map(packages_of).collect()
}

fn packages_of(target: &str) -> BTreeMap<String, Package> {
    let mut cargo = Command::new(std::env::var("CARGO").unwrap_or_else(|_| "cargo".to_owned()));
    cargo.args(["metadata", "--locked", "--offline", "--format-version=1", "--filter-platform", target]);
    let output = cargo.current_dir(env!("CARGO_MANIFEST_DIR")).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let metadata: Value = serde_json::from_slice(&output.stdout).unwrap();
    let nodes = metadata["resolve"]["nodes"].as_array().unwrap();
    let nodes: BTreeMap<&str, &Value> =
        nodes.iter().map(|node| (node["id"].as_str().unwrap(), node)).collect();
    let mut seen = BTreeSet::new();
    let mut open = vec![metadata["resolve"]["root"].as_str().unwrap()];
    while let Some(id) = open.pop() {
        if seen.insert(id) {
            let deps = nodes[id]["deps"].as_array().unwrap().iter();
            open.extend(deps.filter(|dep| is_built_in(dep)).map(|dep| dep["pkg"].as_str().unwrap()));
        }
    }
    let packages = metadata["packages"].as_array().unwrap().iter();
    packages
        .filter_map(|package| seen.get(package["id"].as_str()?).map(|id| ((*id).to_owned(), read(package))))
        .collect()
}

fn is_built_in(dep: &Value) -> bool {
    dep["dep_kinds"].as_array().unwrap().iter().any(|kind| kind["kind"] != "dev")
}

fn read(package: &Value) -> Package {
    let text = |key: &str| package[key].as_str().map(str::to_owned);
    Package {
        name: text("name").unwrap(),
        version: text("version").unwrap(),
        license: text("license").unwrap_or_default(),
        source: text("source"),
    }
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
    for Package { name, license, source, .. } in packages().values() {
        assert!(
            source.is_none() || allowed(license, &licenses),
            "{name}: {license:?} is not among {licenses:?}"
        );
    }
}

#[test]
fn every_library_comes_from_the_registry() {
    let deny = deny();
    let registries: Vec<_> =
        texts(&deny["sources"], "allow-registry").iter().map(|url| format!("registry+{url}")).collect();
    let packages = packages();
    let own: Vec<_> =
        packages.values().filter(|package| package.source.is_none()).map(|p| &*p.name).collect();
    assert_eq!(own, [env!("CARGO_PKG_NAME")]);
    for Package { name, source, .. } in packages.values() {
        assert!(
            source.as_ref().is_none_or(|source| registries.contains(source)),
            "{name} comes from {source:?}"
        );
    }
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
    for Package { name, version, .. } in packages().values() {
        assert!(!banned.contains(&&**name), "{name} is banned");
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
