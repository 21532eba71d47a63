//! Relays in front of the bus ports of a cluster: links between groups of nodes can be cut and joined again while the
//! client ports stay open. A link is known by the id of its sender, which every message of the bus carries.

use std::collections::BTreeSet;
use std::io::{Read, Write, copy};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::thread::spawn;

use crate::common::real::{Cluster, await_that};
use crate::common::real::{id, set};

/// Where the sender's id stands in the header of a message.
const SENDER: std::ops::Range<usize> = 40..80;

/// Relays for all nodes.
pub(crate) struct Bus {
    ids: Vec<(String, String)>,
    state: Arc<Mutex<State>>,
}

#[derive(Default)]
struct State {
    /// Sender and receiver that may not talk.
    cut: BTreeSet<(String, String)>,
    links: Vec<Link>,
}

struct Link {
    ends: (String, String),
    streams: [TcpStream; 2],
}

impl Bus {
    /// Puts a relay in front of every node, and returns when all links go through them.
    pub(crate) fn around(cluster: &Cluster) -> Self {
        let ids = cluster.nodes().iter().map(|node| (node.clone(), id(cluster, node))).collect();
        let this = Self { ids, state: Arc::default() };
        for (node, receiver) in &this.ids {
            let host = node.rsplit_once(':').expect("host:port").0;
            let port = cluster.cli(node, &["CONFIG", "GET", "cluster-port"]);
            let to = format!("{host}:{}", port.lines().nth(1).expect("a value"));
            let listener = TcpListener::bind((host, 0)).expect("bind");
            let announced = listener.local_addr().expect("address").port().to_string();
            let (state, receiver) = (Arc::clone(&this.state), receiver.clone());
            spawn(move || {
                for peer in listener.incoming().flatten() {
                    let (state, receiver, to) = (Arc::clone(&state), receiver.clone(), to.clone());
                    spawn(move || relay(peer, &to, receiver, &state));
                }
            });
            set(cluster, node, "cluster-announce-bus-port", &announced);
        }
        let pairs = this.ids.len() * (this.ids.len() - 1);
        await_that("all links go through the relays", || {
            let state = this.state.lock().expect("no panic while it is held");
            state.links.iter().map(|link| &link.ends).collect::<BTreeSet<_>>().len() == pairs
        });
        this
    }

    /// Cuts these nodes off from all others.
    pub(crate) fn cut_off(&self, nodes: &[&str]) {
        let inside = |node: &str| nodes.contains(&node);
        let mut state = self.state.lock().expect("no panic while it is held");
        for (one, one_id) in &self.ids {
            for (other, other_id) in &self.ids {
                if inside(one) != inside(other) {
                    state.cut.insert((one_id.clone(), other_id.clone()));
                }
            }
        }
        let State { cut, links } = &mut *state;
        for stream in links.iter().filter(|link| cut.contains(&link.ends)).flat_map(|link| &link.streams) {
            // An end may have closed it.
            drop(stream.shutdown(Shutdown::Both));
        }
        links.retain(|link| !cut.contains(&link.ends));
    }

    /// Joins all.
    pub(crate) fn join(&self) {
        self.state.lock().expect("no panic while it is held").cut.clear();
    }
}

/// One link until either end closes it.
fn relay(mut peer: TcpStream, to: &str, receiver: String, state: &Mutex<State>) {
    let mut head = [0; SENDER.end];
    if peer.read_exact(&mut head).is_err() {
        return;
    }
    let ends = (String::from_utf8_lossy(&head[SENDER]).into_owned(), receiver);
    let Ok(mut node) = TcpStream::connect(to) else { return };
    let both = |stream: &TcpStream| stream.try_clone().expect("a second handle");
    {
        let mut state = state.lock().expect("no panic while it is held");
        if state.cut.contains(&ends) {
            return;
        }
        state.links.push(Link { ends, streams: [both(&peer), both(&node)] });
    }
    let (mut node_too, mut peer_too) = (both(&node), both(&peer));
    spawn(move || {
        drop(copy(&mut node_too, &mut peer_too));
        drop(peer_too.shutdown(Shutdown::Both));
    });
    if node.write_all(&head).is_ok() {
        drop(copy(&mut peer, &mut node));
    }
    drop(node.shutdown(Shutdown::Both));
}
