//! Relays on the cluster bus of the demo, so that nodes can be cut off from it while their client ports stay open.
//!
//! `bus_relay CUT_FILE LISTEN_PORT BUS_PORT ID …`, three words per node. While CUT_FILE names ids, those nodes and the
//! others hear nothing of each other.
#![allow(
    clippy::disallowed_methods,
    clippy::expect_used,
    reason = "a stand-in of the demo: it forwards on threads, and ends where it cannot work"
)]

use std::io::{ErrorKind, Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::Arc;
use std::thread::{JoinHandle, spawn};
use std::time::Duration;

/// Where the sender's id stands in the header of a message: every message of a link has the same.
const SENDER: std::ops::Range<usize> = 40..80;

/// How soon a cut is noticed.
const NOTICED: Duration = Duration::from_millis(100);

fn main() {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let (file, nodes) = words.split_first().expect("a file, and three words per node");
    let file: Arc<str> = Arc::from(&**file);
    let relays: Vec<JoinHandle<()>> = nodes.chunks_exact(3).map(|node| relay(&file, node)).collect();
    for relay in relays {
        relay.join().expect("it listens for ever");
    }
}

/// Listens for the links to one node.
fn relay(file: &Arc<str>, node: &[String]) -> JoinHandle<()> {
    let [listen, bus, id] = node else { unreachable!("chunks of three") };
    let listener = TcpListener::bind(format!("127.0.0.1:{listen}")).expect("the port is free");
    let (file, to, id) = (Arc::clone(file), format!("127.0.0.1:{bus}"), id.clone());
    spawn(move || {
        for peer in listener.incoming().flatten() {
            let (file, to, id) = (Arc::clone(&file), to.clone(), id.clone());
            // A link that fails is made anew by the node that made it.
            spawn(move || drop(forward(&file, peer, &to, &id)));
        }
    })
}

/// One link until an end closes it or a cut goes through it.
fn forward(file: &str, mut peer: TcpStream, to: &str, receiver: &str) -> std::io::Result<()> {
    let mut head = [0; SENDER.end];
    peer.read_exact(&mut head)?;
    let sender = String::from_utf8_lossy(&head[SENDER]).into_owned();
    let is_cut = move |receiver: &str| {
        let cut = std::fs::read_to_string(file).unwrap_or_default();
        cut.contains(&*sender) != cut.contains(receiver)
    };
    if is_cut(receiver) {
        return Ok(());
    }
    let mut node = TcpStream::connect(to)?;
    node.write_all(&head)?;
    let (mut from, mut back) = (node.try_clone()?, peer.try_clone()?);
    let answers = spawn(move || {
        drop(std::io::copy(&mut from, &mut back));
        drop(back.shutdown(Shutdown::Both));
    });
    peer.set_read_timeout(Some(NOTICED))?;
    let mut buffer = [0; 16384];
    while !is_cut(receiver) {
        match peer.read(&mut buffer) {
            Ok(0) => break,
            Ok(length) => node.write_all(buffer.get(..length).unwrap_or_default())?,
            Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) => {}
            Err(_) => break,
        }
    }
    drop(node.shutdown(Shutdown::Both));
    drop(peer.shutdown(Shutdown::Both));
    drop(answers.join());
    Ok(())
}
