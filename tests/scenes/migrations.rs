//! Atomic migrations, where the server has them: one that runs and ends well, one whose target freezes and goes on, one
//! that fails.

use redis_cluster_exporter::model::finding::Finding;

use super::act::{About, Act, evidence};
use super::stage::{MIGRATION_FAILED, MIGRATION_SILENT, MIGRATION_SLOW, Stage};
use super::table::Table;
use super::truth::Truth;
use crate::common::real::id;
use crate::common::real::{Cluster, cli};

/// Keys of slot 0; with [`DELAY`] their snapshot takes ten seconds.
const KEYS: usize = 2000;
/// `rdb-key-save-delay`: microseconds for each key.
const DELAY: &str = "5000";

/// How a server does it.
enum Kind {
    /// `CLUSTER MIGRATESLOTS` at the source (Valkey 9).
    Valkey,
    /// `CLUSTER MIGRATION IMPORT` at the target (Redis 8.4).
    Redis,
}

pub(crate) fn scene(table: &Table) {
    let shape = Cluster::of(3, 0).node_timeout_ms(15_000).conf("enable-debug-command yes");
    let cluster = shape.boot();
    let truth = Truth::of(&[&cluster]);
    let (source, target) = (cluster.primary(0), cluster.primary(1));
    let knows = |words: &[&str]| !cluster.cli(source, words).starts_with("ERR");
    let kind = if knows(&["CLUSTER", "GETSLOTMIGRATIONS"]) {
        Kind::Valkey
    } else if knows(&["CLUSTER", "MIGRATION", "STATUS", "ALL"]) {
        Kind::Redis
    } else {
        return;
    };
    for key in 0..KEYS / 100 {
        let words = (0..100).flat_map(|at| [format!("{{06S}}{}", key * 100 + at), "1".to_owned()]);
        let words: Vec<String> = std::iter::once("MSET".to_owned()).chain(words).collect();
        let words: Vec<&str> = words.iter().map(String::as_str).collect();
        assert_eq!(cluster.cli(source, &words), "OK");
    }
    for node in cluster.nodes() {
        assert_eq!(cluster.cli(node, &["CONFIG", "SET", "rdb-key-save-delay", DELAY]), "OK");
    }
    let stage = Stage::of(&cluster, table);
    let both = [source, target];

    let mut act = stage.act("atomic migration running, then done");
    kind.begin(&cluster, source, target);
    act.shows(|| both.iter().all(|end| kind.is_running(end)));
    let finding = act.names_after(MIGRATION_SLOW, "migration_slow", About::Whole);
    assert_eq!((evidence(&finding, "source"), evidence(&finding, "target")), (source.into(), target.into()));
    assert_eq!(evidence(&finding, "slots"), "0");
    act.may("slot_maps_disagree", "the new owner is known to one node after the other");
    act.heals();
    act.clears(|| truth.owns(target, 0) && both.iter().all(|end| !kind.is_running(end)) && truth.is_well());

    // Back again.
    let mut act = stage.act("atomic migration silent, its target frozen");
    kind.begin(&cluster, target, source);
    act.shows(|| both.iter().all(|end| kind.is_running(end)));
    cluster.stop(source);
    act.shows(|| !truth.answers(source));
    act.names("node_unreachable", About::Node(source));
    let finding = act.names_after(MIGRATION_SILENT, "migration_stalled", About::Whole);
    assert_eq!((evidence(&finding, "source"), evidence(&finding, "target")), (target.into(), source.into()));
    assert_eq!(evidence(&finding, "reasons"), "silent: 0");
    act.may("migration_slow", "it runs for longer than that");
    act.may("slot_maps_disagree", "the new owner is known to one node after the other");
    act.heals();
    cluster.resume(source);
    act.clears(|| truth.owns(source, 0) && both.iter().all(|end| !kind.is_running(end)) && truth.is_well());

    let mut act = stage.act("atomic migration failed");
    kind.begin(&cluster, source, target);
    act.shows(|| both.iter().all(|end| kind.is_running(end)));
    kind.forbid_retries(&cluster, target);
    act.shows(|| {
        kind.cut(&cluster, source);
        kind.is_failed(target)
    });
    let finding = kind.names_failed(&mut act);
    assert_eq!((evidence(&finding, "source"), evidence(&finding, "target")), (source.into(), target.into()));
    assert_eq!(evidence(&finding, "reasons"), "failed: 0");
    act.may("migration_slow", "it ran for longer than that");
    act.heals();
    let told = kind.give_up(&cluster, target);
    act.clears_after(told, || truth.is_well());
}

impl Kind {
    fn begin(&self, cluster: &Cluster, source: &str, target: &str) {
        match self {
            Self::Valkey => {
                let to = id(cluster, target);
                let words = ["CLUSTER", "MIGRATESLOTS", "SLOTSRANGE", "0", "0", "NODE", &to];
                assert_eq!(cluster.cli(source, &words), "OK");
            }
            Self::Redis => {
                let reply = cluster.cli(target, &["CLUSTER", "MIGRATION", "IMPORT", "0", "0"]);
                assert_eq!(reply.len(), 40, "{reply}");
            }
        }
    }

    /// The state of the newest entry in the node's log.
    fn state(&self, node: &str) -> String {
        let log = match self {
            Self::Valkey => cli(node, None, &["CLUSTER", "GETSLOTMIGRATIONS"]),
            Self::Redis => cli(node, None, &["CLUSTER", "MIGRATION", "STATUS", "ALL"]),
        };
        log.lines().skip_while(|line| *line != "state").nth(1).unwrap_or_default().to_owned()
    }

    fn is_running(&self, node: &str) -> bool {
        let over = ["", "success", "completed", "failed", "cancelled", "canceled"];
        !over.contains(&&*self.state(node))
    }

    fn is_failed(&self, node: &str) -> bool {
        self.state(node) == "failed"
    }

    /// Redis begins anew by itself: from now on that comes to nothing.
    fn forbid_retries(&self, cluster: &Cluster, target: &str) {
        if let Self::Redis = self {
            let words = ["DEBUG", "ASM-FAILPOINT", "import-main-channel", "connecting"];
            assert_eq!(cluster.cli(target, &words), "OK");
        }
    }

    /// Ends the connections that the source has to the target.
    fn cut(&self, cluster: &Cluster, source: &str) {
        let clients = cluster.cli(source, &["CLIENT", "LIST"]);
        let sends = |line: &&str| line.contains("cmd=cluster|syncslots") || line.contains(" flags=E ");
        let channels = clients.lines().filter(sends);
        for id in channels.filter_map(|line| line.strip_prefix("id=")?.split(' ').next()) {
            // Where there are two, the first may take the other with it.
            cluster.cli(source, &["CLIENT", "KILL", "ID", id]);
        }
    }

    /// Redis tries again; only if that comes to nothing for some time it has failed.
    fn names_failed(&self, act: &mut Act<'_>) -> Finding {
        match self {
            Self::Valkey => act.names("migration_stalled", About::Whole),
            Self::Redis => act.names_after(MIGRATION_SILENT, "migration_stalled", About::Whole),
        }
    }

    /// Ends the attempts; nothing takes a failure out of the log of Valkey, which is told for a while.
    fn give_up(&self, cluster: &Cluster, target: &str) -> u64 {
        if let Self::Valkey = self {
            return MIGRATION_FAILED;
        }
        assert_eq!(cluster.cli(target, &["CLUSTER", "MIGRATION", "CANCEL", "ALL"]), "1");
        0
    }
}
