//! One cluster of the file, checked.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;

use secrecy::{ExposeSecret, SecretString};

use super::Checker;
use crate::checks::CHECKS;
use crate::config::error::suggest;
use crate::config::file::{CheckFile, ClusterFile, List, Section, Text, TlsFile};
use crate::config::seed::{self, Seed};
use crate::config::{CheckOverride, Cluster, Credentials, Secret, Tls};
use crate::model::address::{Address, Target};
use crate::model::limits::Expect;

/// The longest name of a cluster, in bytes.
const LONGEST_NAME: usize = 128;

impl Checker<'_> {
    /// One cluster, over which the defaults have been merged already.
    pub(super) fn cluster(&mut self, n: usize, file: ClusterFile) -> Cluster {
        let name = self.name(n, file.name.as_deref());
        let seeds = self.seeds(n, file.seeds);
        let password_given = file.password.is_some()
            || file.password_file.is_some()
            || seeds.iter().any(|seed| seed.password.is_some());
        let username = self.secret(n, "username", file.username, file.username_file, &seeds, |s| &s.username);
        let password = self.secret(n, "password", file.password, file.password_file, &seeds, |s| &s.password);
        if username.is_some() && !password_given {
            let key = self.key(n, "username");
            self.report.unfit(&key, "a user without password or password_file");
        }
        let tls = self.tls(n, file.tls.map(|section| section.0), &seeds);
        let expect = file.expect.unwrap_or_default().0;
        self.expect(n, expect);
        Cluster {
            name,
            seeds: seeds.into_iter().map(|seed| seed.target).collect(),
            credentials: Credentials { username, password },
            tls,
            address_map: self.address_map(n, file.address_map.unwrap_or_default()),
            prefer_hostnames: file.prefer_hostnames.unwrap_or(false),
            expect,
            limits: file.limits.unwrap_or_default().0,
            checks: self.checks(n, file.checks.unwrap_or_default()),
            command_stats: file.command_stats.unwrap_or(false),
            latency_stats: file.latency_stats.unwrap_or(false),
        }
    }

    /// The full key of a value of this cluster, as it was given: under the cluster, or under the defaults.
    fn key(&self, n: usize, key: &str) -> String {
        let (own, shared) = (format!("clusters[{n}].{key}"), format!("defaults.{key}"));
        let given = |path: &String| self.report.places.contains_key(path);
        if !given(&own) && given(&shared) { shared } else { own }
    }

    fn name(&mut self, n: usize, name: Option<&str>) -> Arc<str> {
        let key = self.key(n, "name");
        let Some(name) = name else {
            self.report.unfit(&key, "missing: wanted the value of the label redis_cluster");
            return Arc::from("");
        };
        if name.is_empty() || name.len() > LONGEST_NAME || name.contains(|c: char| c == '/' || c.is_control())
        {
            let message =
                format!("{name:?}: wanted 1 to {LONGEST_NAME} bytes without / and control characters");
            self.report.wrong(&key, message);
        }
        Arc::from(name)
    }

    fn seeds(&mut self, n: usize, list: Option<List>) -> Vec<Seed> {
        let key = self.key(n, "seeds");
        let texts = list.map(|list| list.0).unwrap_or_default();
        if texts.is_empty() {
            self.report.unfit(&key, "missing: wanted at least one address such as 10.0.0.1:6379");
        }
        let mut seeds = Vec::new();
        for (i, text) in texts.iter().enumerate() {
            match seed::parse(text) {
                Ok(seed) => seeds.push(seed),
                Err(message) => self.report.wrong(&format!("{key}[{i}]"), message),
            }
        }
        seeds
    }

    /// The one source of a user name or password among key, file and seeds.
    fn secret(
        &mut self,
        n: usize,
        what: &str,
        value: Option<SecretString>,
        file: Option<String>,
        seeds: &[Seed],
        of: impl Fn(&Seed) -> &Option<SecretString>,
    ) -> Option<Secret> {
        let key = self.key(n, what);
        let mut in_seeds = seeds.iter().filter_map(|seed| of(seed).as_ref());
        let in_seed = in_seeds.next();
        let same = |a: &SecretString, b: &SecretString| a.expose_secret() == b.expose_secret();
        if in_seed.is_some_and(|first| in_seeds.any(|other| !same(first, other))) {
            let seeds = self.key(n, "seeds");
            self.report.wrong(&seeds, format!("the seeds name different {what}s: wanted one"));
        }
        if value.as_ref().is_some_and(|value| value.expose_secret().is_empty()) {
            self.report.wrong(&key, "empty: leave the key out");
        }
        match (value, file, in_seed) {
            (Some(_), Some(_), _) => {
                self.report.wrong(&key, format!("{what} and {what}_file are both given: wanted one"));
                None
            }
            (Some(value), None, Some(seed)) if !same(&value, seed) => {
                self.report.wrong(&key, format!("differs from the {what} in the seeds: wanted one"));
                None
            }
            (None, Some(_), Some(_)) => {
                let key = self.key(n, &format!("{what}_file"));
                self.report.wrong(&key, format!("the seeds name a {what} too: wanted one"));
                None
            }
            (Some(value), None, _) => Some(Secret::Value(value)),
            (None, Some(path), None) => {
                let key = self.key(n, &format!("{what}_file"));
                Some(Secret::File(self.secret_beside(&key, &path)))
            }
            (None, None, seed) => seed.cloned().map(Secret::Value),
        }
    }

    fn tls(&mut self, n: usize, file: Option<TlsFile>, seeds: &[Seed]) -> Option<Tls> {
        let key = self.key(n, "tls");
        let any = |wanted| seeds.iter().any(|seed| seed.tls == Some(wanted));
        if any(true)
            && seeds.iter().any(|seed| seed.tls != Some(true) && matches!(seed.target, Target::Tcp(_)))
        {
            let seeds = self.key(n, "seeds");
            self.report.wrong(&seeds, "some are TLS and some are not: wanted one of both");
        } else if file.is_some() && any(false) {
            self.report
                .wrong(&key, "the seeds are redis:// or valkey://, which is without TLS: wanted one of both");
        }
        let Some(file) = file else {
            return any(true).then(Tls::default);
        };
        if file.cert_file.is_some() != file.key_file.is_some() {
            self.report.unfit(&key, "cert_file and key_file go together");
        }
        if let Some(name) = &file.server_name
            && rustls::pki_types::ServerName::try_from(name.as_str()).is_err()
        {
            let key = self.key(n, "tls.server_name");
            self.report.wrong(&key, format!("{name:?} is neither a DNS name nor an IP address"));
        }
        let path = |name: &str, path: Option<String>| -> Option<PathBuf> {
            path.map(|path| self.beside(&self.key(n, &format!("tls.{name}")), &path))
        };
        Some(Tls {
            ca_file: path("ca_file", file.ca_file),
            cert_file: path("cert_file", file.cert_file),
            key_file: path("key_file", file.key_file),
            server_name: file.server_name,
            insecure_skip_verify: file.insecure_skip_verify.unwrap_or(false),
        })
    }

    fn address_map(&mut self, n: usize, file: BTreeMap<String, Text>) -> BTreeMap<Address, Target> {
        let mut map = BTreeMap::new();
        for (from, to) in file {
            let key = self.key(n, &format!("address_map.{from}"));
            match (from.parse::<Address>(), seed::target(&to.text)) {
                (Ok(from), Ok(to)) => {
                    map.insert(from, to);
                }
                (Err(error), _) => self.report.wrong(&key, format!("{from:?}: {error}")),
                (_, Err(message)) => self.report.wrong(&key, message),
            }
        }
        map
    }

    fn expect(&mut self, n: usize, expect: Expect) {
        let (Some(primaries), Some(nodes)) = (expect.primaries, expect.nodes) else {
            return;
        };
        let least = u64::from(primaries) * (1 + u64::from(expect.replicas_per_primary.unwrap_or(0)));
        if u64::from(nodes) < least {
            let key = self.key(n, "expect.nodes");
            self.report
                .unfit(&key, format!("{nodes} is less than the {least} that primaries and replicas make"));
        }
    }

    fn checks(
        &mut self,
        n: usize,
        file: BTreeMap<String, Section<CheckFile>>,
    ) -> BTreeMap<String, CheckOverride> {
        let mut checks = BTreeMap::new();
        for (code, Section(file)) in file {
            let key = self.key(n, &format!("checks.{code}"));
            if !CHECKS.iter().any(|check| check.code == code) {
                self.report.wrong(&key, unknown_check(&code));
            }
            let severity = match file.severity.as_deref() {
                None => None,
                Some("P1") => Some(1),
                Some("P2") => Some(2),
                Some("P3") => Some(3),
                Some(other) => {
                    let message = format!("{other:?} is no severity: wanted P1, P2 or P3");
                    self.report.wrong(&format!("{key}.severity"), message);
                    None
                }
            };
            checks.insert(code, CheckOverride { enabled: file.enabled, severity });
        }
        checks
    }
}

fn unknown_check(code: &str) -> String {
    let near = suggest(code, CHECKS.iter().map(|check| check.code));
    if near.starts_with("did you mean") {
        format!("unknown check, {near}")
    } else {
        "unknown check".to_owned()
    }
}
