//! Every recorded state, judged by every check. The states of one name are alike in all versions.
#![allow(clippy::unwrap_used, reason = "a test fails where it meets what it does not expect")]

mod common {
    pub(crate) mod captures;
    pub(crate) mod scenario;
    pub(crate) mod sim;
}

use std::collections::{BTreeMap, BTreeSet};

use common::captures::{self, State};
use common::scenario::{Judge, Verdicts};

const RECORDED: [(&str, &str); 0] = [];

/// Views of one moment, in which anything may be seen that is over in the next: holds keep it quiet.
fn is_transient(state: &State) -> bool {
    state.name.ends_with("_instant") || state.name.ends_with("_first_ms")
}

/// The state polled twice, and judged both times.
fn judged(state: &State) -> [Verdicts; 2] {
    let replies: Vec<_> = state.nodes().into_iter().map(|(_, replies)| replies).collect();
    let mut judge = Judge::new();
    [judge.replies(&replies), judge.replies(&replies)]
}

#[test]
fn every_recorded_state_is_judged_as_it_was_made() {
    let expected: BTreeMap<&str, &str> = RECORDED.into_iter().collect();
    let (mut named, mut told, mut wrong) = (BTreeSet::new(), BTreeSet::new(), Vec::new());
    for state in captures::states().iter().filter(|state| !is_transient(state)) {
        let codes = expected.get_key_value(&*state.name);
        let codes: Vec<&str> = codes.map_or("", |(_, codes)| codes).split_whitespace().collect();
        named.insert(state.name.clone());
        let [_, verdicts] = judged(state);
        let firing = verdicts.firing();
        let may = |code: &str| codes.iter().any(|known| known.trim_end_matches('?') == code);
        told.extend(firing.iter().map(|code| (state.name.clone(), (*code).to_owned())));
        if !firing.iter().all(|code| may(code))
            || !codes.iter().all(|code| code.ends_with('?') || firing.contains(code))
        {
            wrong.push(format!("{state}: {}", firing.join(" ")));
        }
    }
    assert!(wrong.is_empty(), "judged otherwise:\n{}", wrong.join("\n"));
    for (name, codes) in RECORDED {
        assert!(named.contains(name), "{name} was not recorded");
        for code in codes.split_whitespace().map(|code| code.trim_end_matches('?')) {
            assert!(told.contains(&(name.to_owned(), code.to_owned())), "{code} never fires in {name}");
        }
    }
}

#[test]
fn healthy_is_silent_in_every_version() {
    let mut versions = BTreeSet::new();
    for state in captures::states().into_iter().filter(|state| state.name.starts_with("healthy")) {
        for verdicts in judged(&state) {
            assert!(verdicts.firing().is_empty(), "{state}: {:?}", verdicts.firing());
        }
        versions.insert(state.server);
    }
    assert!(versions.len() > 5, "{versions:?}");
}
