//! What befalls the cluster and the exporter, one thing after the other, and which nodes may be missed meanwhile.

use std::io::Write;
use std::path::Path;
use std::thread::sleep;
use std::time::{Duration, Instant};

use redis_cluster_exporter::derive::{ACL_SERVERS, acl_line};

use super::{Over, now};
use crate::common::exporter::Exporter;
use crate::common::naive::NaiveRow;
use crate::common::real::{Cluster, id};
use crate::scenes::truth::{Truth, last_trouble};

/// What never comes is told of after this; the misses that follow then have no explanation.
const PATIENCE: Duration = Duration::from_secs(120);
/// From look to look at a cluster that is getting well.
const LOOK: Duration = Duration::from_millis(500);

/// Something that happened.
pub(crate) struct Fault {
    pub(crate) what: &'static str,
    /// Who may be missed because of it.
    pub(crate) nodes: Vec<String>,
    /// Seconds since the epoch, until all nodes said that all is well.
    pub(crate) from: f64,
    pub(crate) to: f64,
}

/// A cluster with an exporter, and the ways to trouble them.
pub(crate) struct Troubles<'s> {
    pub(crate) cluster: &'s Cluster,
    pub(crate) exporter: &'s Exporter,
    /// The configuration, and the file with the password.
    pub(crate) yaml: &'s str,
    pub(crate) password: &'s Path,
    /// How long a fault lasts, and the calm after it.
    pub(crate) hold: Duration,
    pub(crate) calm: Duration,
    pub(crate) truth: Truth,
}

/// Does it in this round, and tells who may be missed.
type Play = fn(&Troubles<'_>, usize) -> Vec<String>;

/// In turn; first what takes little time.
pub(crate) const PLAYS: [(&str, Play); 9] = [
    ("the exporter's connections killed", |it, _| it.connections_killed()),
    ("configuration read again, a bad one first", |it, _| it.read_again()),
    ("replica hung, resumed", |it, round| it.hung("slave", round)),
    ("password rotated, connections killed", |it, round| it.password_rotated(round)),
    ("replica killed, restarted", |it, round| it.killed("slave", round)),
    ("slot opened, closed", |it, round| it.slot_opened(round)),
    ("primary killed, failed over, restarted", |it, round| it.killed("master", round)),
    ("node left, rejoined under a new id", |it, round| it.left(round)),
    ("primary hung, failed over, resumed", |it, round| it.hung("master", round)),
];

/// The user that the exporter logs in as, with the least rights, on every node and in its file.
pub(crate) fn create_user(cluster: &Cluster, password: &str) {
    let taken = |(_, since): &&(_, _)| {
        let line = acl_line(*since).replace(">PASSWORD", &format!(">{password}"));
        cluster.cli(cluster.primary(0), &Vec::from_iter(line.split_whitespace())) == "OK"
    };
    let (_, since) = ACL_SERVERS.iter().rfind(taken).expect("a line of rights that the server takes");
    let line = acl_line(*since).replace(">PASSWORD", &format!(">{password}"));
    cluster.all(&Vec::from_iter(line.split_whitespace()));
    cluster.all(&["CONFIG", "REWRITE"]);
}

impl Troubles<'_> {
    /// One after the other until it is over, each time other nodes.
    pub(crate) fn play(&self, over: &Over) -> Vec<Fault> {
        let (begun, mut faults) = (now(), Vec::new());
        for (round, (what, play)) in PLAYS.iter().cycle().enumerate() {
            if over.is() {
                break;
            }
            let from = now();
            let nodes = play(self, round / PLAYS.len());
            if !within(PATIENCE, || self.truth.is_well()) {
                eprintln!("not well after {what}: {:?}", last_trouble());
            }
            let to = now();
            let told = format!("{:>6.0} s: {what}: {:.1} s\n", to - begun, to - from);
            std::io::stderr().write_all(told.as_bytes()).expect("stderr");
            faults.push(Fault { what, nodes, from, to });
            sleep(self.calm);
        }
        faults
    }

    fn connections_killed(&self) -> Vec<String> {
        for node in self.cluster.nodes() {
            self.cluster.cli(node, &["CLIENT", "KILL", "USER", "monitor"]);
        }
        self.cluster.nodes().to_vec()
    }

    fn read_again(&self) -> Vec<String> {
        const SUCCESSFUL: &str = "rediscluster_exporter_config_last_reload_successful";
        self.exporter.reload("clusters: [{name: soak, seedz: []}]");
        self.exporter.until("a bad file is refused", |samples| samples.value(SUCCESSFUL, &[]) == 0.0);
        self.exporter.reload(self.yaml);
        self.exporter.until("a good one is taken", |samples| samples.value(SUCCESSFUL, &[]) == 1.0);
        Vec::new()
    }

    /// Each node takes the new password beside the old one before the exporter's file changes, and only then lets go of
    /// the old one.
    fn password_rotated(&self, round: usize) -> Vec<String> {
        let old = std::fs::read_to_string(self.password).expect("the password");
        let new = format!("secret-{round}");
        self.cluster.all(&["ACL", "SETUSER", "monitor", &format!(">{new}")]);
        let fresh = self.password.with_extension("fresh");
        std::fs::write(&fresh, &new).and_then(|()| std::fs::rename(&fresh, self.password)).expect("replaced");
        self.cluster.all(&["ACL", "SETUSER", "monitor", &format!("<{old}")]);
        // A node that restarts later must know it.
        self.cluster.all(&["CONFIG", "REWRITE"]);
        self.connections_killed()
    }

    fn killed(&self, role: &str, round: usize) -> Vec<String> {
        let node = self.pick(role, round).address;
        self.cluster.kill(&node);
        self.outlast(role, &node);
        self.cluster.start(&node);
        vec![node]
    }

    fn hung(&self, role: &str, round: usize) -> Vec<String> {
        let node = self.pick(role, round).address;
        self.cluster.stop(&node);
        self.outlast(role, &node);
        self.cluster.resume(&node);
        vec![node]
    }

    /// A replica is away for a while, a primary until another has its slots.
    fn outlast(&self, role: &str, node: &str) {
        sleep(self.hold);
        if role == "master" {
            let is_bare = |row: &Node| row.address == node && row.slots.is_empty();
            let replaced = within(PATIENCE, || self.members(node).iter().any(is_bare));
            assert!(replaced, "{node} was not failed over");
        }
    }

    fn slot_opened(&self, round: usize) -> Vec<String> {
        let (source, target) = (self.pick("master", round), self.pick("master", round + 1));
        let slot = source.slots[0].to_string();
        let set = |node: &Node, words: &[&str]| {
            let reply = self.cluster.cli(&node.address, &[&["CLUSTER", "SETSLOT", &slot], words].concat());
            assert_eq!(reply, "OK", "{}", node.address);
        };
        set(&target, &["IMPORTING", &source.id]);
        set(&source, &["MIGRATING", &target.id]);
        sleep(self.hold);
        set(&source, &["STABLE"]);
        set(&target, &["STABLE"]);
        Vec::new()
    }

    fn left(&self, round: usize) -> Vec<String> {
        let first = &self.cluster.nodes()[0];
        let replicas: Vec<_> =
            self.all_of("slave").into_iter().filter(|node| node.address != *first).collect();
        let leaving = &replicas[(round * STRIDE) % replicas.len()];
        let primary = leaving.primary.as_deref().expect("a replica has a primary");
        for other in self.cluster.nodes().iter().filter(|node| **node != leaving.address) {
            assert_eq!(self.cluster.cli(other, &["CLUSTER", "FORGET", &leaving.id]), "OK", "{other}");
        }
        assert_eq!(self.cluster.cli(&leaving.address, &["CLUSTER", "RESET", "HARD"]), "OK");
        assert_ne!(id(self.cluster, &leaving.address), leaving.id);
        sleep(self.hold);
        self.cluster.meet(&leaving.address);
        let follows = within(PATIENCE, || {
            self.cluster.cli(&leaving.address, &["CLUSTER", "REPLICATE", primary]) == "OK"
        });
        assert!(follows, "{} does not find its primary", leaving.address);
        vec![leaving.address.clone()]
    }

    fn pick(&self, role: &str, round: usize) -> Node {
        let mut all = self.all_of(role);
        let at = (round * STRIDE) % all.len();
        all.swap_remove(at)
    }

    /// By address.
    fn all_of(&self, role: &str) -> Vec<Node> {
        let mut all = self.members("");
        all.retain(|node| node.flags.iter().any(|flag| flag == role));
        all.sort_by(|a, b| a.address.cmp(&b.address));
        all
    }

    /// As somebody else than this node has them.
    fn members(&self, but: &str) -> Vec<Node> {
        let viewer = self.cluster.nodes().iter().find(|node| *node != but).expect("another node");
        self.truth.rows(viewer).into_iter().filter_map(Node::of).collect()
    }
}

/// Between the nodes that are picked in two rounds: all get their turn, neighbours not one after the other.
const STRIDE: usize = 4;

/// What a node's table says of one.
struct Node {
    id: String,
    address: String,
    flags: Vec<String>,
    primary: Option<String>,
    slots: Vec<u16>,
}

impl Node {
    fn of(row: NaiveRow) -> Option<Self> {
        let (host, port) = row.address?;
        let NaiveRow { id, flags, primary, slots, .. } = row;
        Some(Self { id, address: format!("{host}:{port}"), flags, primary, slots })
    }
}

/// Whether it comes to hold in time.
fn within(patience: Duration, mut holds: impl FnMut() -> bool) -> bool {
    let end = Instant::now() + patience;
    while !holds() {
        if Instant::now() > end {
            return false;
        }
        sleep(LOOK);
    }
    true
}
