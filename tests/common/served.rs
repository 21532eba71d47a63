//! A simulated cluster on ports of loopback: every node is a fake node that says what the simulation has it say.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test fails by panicking")]

use std::collections::BTreeMap;

use redis_cluster_exporter::model::reply::Reply;
use redis_cluster_exporter::probes::{ProbeId, Replies};
use tokio::runtime::{Builder, Runtime};

use super::fake_node::{Answers, FakeNode};
use super::sim::Cluster;

/// What every node wants to hear first.
const PASSWORD: &str = "open-sesame";

/// A cluster that runs until it is dropped.
pub struct Served {
    cluster: Cluster,
    nodes: BTreeMap<String, FakeNode>,
    /// Threads of its own: a test may block.
    _runtime: Runtime,
}

impl Served {
    /// Serves it. The nodes leave the addresses that the simulation gave them for free ports of 127.0.0.1.
    pub fn start(mut cluster: Cluster) -> Self {
        let runtime = Builder::new_multi_thread().worker_threads(2).enable_all().build().expect("a runtime");
        let mut nodes = BTreeMap::new();
        for name in cluster.names() {
            let node = runtime.block_on(FakeNode::answering(Answers::new()).password(PASSWORD).spawn());
            cluster = cluster.at(&name, &node.address());
            nodes.insert(name, node);
        }
        let mut this = Self { cluster, nodes, _runtime: runtime };
        this.change(|cluster| cluster);
        this
    }

    /// What every node wants to hear first.
    pub fn password() -> &'static str {
        PASSWORD
    }

    /// From now on the nodes answer what the changed cluster says.
    pub fn change(&mut self, change: impl FnOnce(Cluster) -> Cluster) {
        self.cluster = change(self.cluster.clone());
        for (node, replies) in self.nodes.values().zip(self.cluster.replies()) {
            node.say_all(answers(&replies));
        }
    }

    /// Names, as in the simulation.
    pub fn names(&self) -> Vec<String> {
        self.cluster.names()
    }

    /// The fake node of this name.
    pub fn node(&self, name: &str) -> &FakeNode {
        &self.nodes[name]
    }

    /// The value of `redis_node` that its series bear.
    pub fn label(&self, name: &str) -> String {
        self.nodes[name].address().to_string()
    }

    /// A node as a seed, with the password.
    pub fn seed(&self, name: &str) -> String {
        format!("redis://:{PASSWORD}@{}", self.label(name))
    }
}

fn answers(replies: &Replies) -> Answers {
    assert!(replies.failure.is_none(), "{} is silent: let its fake node fall ill instead", replies.target);
    let command = |probe: ProbeId| match probe {
        // The fake node picks the names that are asked for.
        ProbeId::ConfigGet => "CONFIG GET".to_owned(),
        _ => probe.row().command.join(" ").to_uppercase(),
    };
    // PING, which may have an argument to repeat, the fake node knows by itself.
    let answered = replies.answers.iter().filter(|answer| answer.probe != ProbeId::Ping);
    let mut answers: Answers =
        answered.map(|answer| (command(answer.probe), (*answer.reply).clone())).collect();
    answers.insert("CLIENT SETNAME".to_owned(), Reply::Status("OK".to_owned()));
    answers
}
