//! A port that leads to another: a load balancer in front of a node, or a hole in a NAT.
#![allow(clippy::disallowed_methods, reason = "a test forwards on threads")]

use std::io::copy;
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread::{JoinHandle, spawn};

/// A relay. Dropped, it takes no more connections; those that are open go on until an end closes them.
pub struct Relay {
    /// Where it listens.
    pub address: String,
    counts: Arc<Counts>,
    acceptor: Option<JoinHandle<()>>,
}

#[derive(Default)]
struct Counts {
    taken: AtomicUsize,
    open: AtomicUsize,
    end: AtomicBool,
}

impl Relay {
    /// From a bound socket to an address.
    pub fn new(listener: TcpListener, to: &str) -> Self {
        let address = listener.local_addr().expect("address").to_string();
        let (counts, to) = (Arc::<Counts>::default(), to.to_owned());
        let shared = Arc::clone(&counts);
        let acceptor = spawn(move || {
            for client in listener.incoming() {
                if shared.end.load(Ordering::SeqCst) {
                    return;
                }
                let (Ok(client), Ok(server)) = (client, TcpStream::connect(&to)) else { continue };
                join(client, server, Arc::clone(&shared));
            }
        });
        Self { address, counts, acceptor: Some(acceptor) }
    }

    /// Connections that it has taken since it began.
    pub fn taken(&self) -> usize {
        self.counts.taken.load(Ordering::SeqCst)
    }

    /// Connections that are open.
    pub fn open(&self) -> usize {
        self.counts.open.load(Ordering::SeqCst)
    }
}

fn join(client: TcpStream, server: TcpStream, counts: Arc<Counts>) {
    counts.taken.fetch_add(1, Ordering::SeqCst);
    counts.open.fetch_add(1, Ordering::SeqCst);
    let (client_too, server_too) =
        (client.try_clone().expect("a second handle"), server.try_clone().expect("a second handle"));
    spawn(move || {
        let back = spawn(move || forward(server_too, client_too));
        forward(client, server);
        back.join().expect("forwarded");
        counts.open.fetch_sub(1, Ordering::SeqCst);
    });
}

/// Until the sender ends; then the receiver hears that too.
fn forward(mut from: TcpStream, mut to: TcpStream) {
    // An end that resets the connection ends it as well.
    drop(copy(&mut from, &mut to));
    drop(to.shutdown(Shutdown::Write));
}

impl Drop for Relay {
    fn drop(&mut self) {
        self.counts.end.store(true, Ordering::SeqCst);
        // Wakes the acceptor.
        drop(TcpStream::connect(&self.address));
        if let Some(acceptor) = self.acceptor.take() {
            drop(acceptor.join());
        }
    }
}
