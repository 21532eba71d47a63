//! Sockets to listen on.

use std::io::{self, ErrorKind};
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};

use socket2::{Domain, Protocol, Socket, Type};
use tokio::net::TcpListener;

/// Connections that wait to be accepted.
const QUEUE: i32 = 1024;

/// An address cannot be listened on.
#[derive(Debug, thiserror::Error)]
#[error("cannot listen on {address}: {source}")]
pub struct ListenError {
    address: SocketAddr,
    source: io::Error,
}

/// Listens on all of these. `[::]` takes IPv4 too, and is `0.0.0.0` where the system has no IPv6.
///
/// # Errors
/// The first address that cannot be listened on.
pub fn listen(addresses: &[SocketAddr]) -> Result<Vec<TcpListener>, ListenError> {
    let one =
        |address: &SocketAddr| one(*address).map_err(|source| ListenError { address: *address, source });
    addresses.iter().map(one).collect()
}

fn one(address: SocketAddr) -> io::Result<TcpListener> {
    let any = address.ip() == Ipv6Addr::UNSPECIFIED;
    match bound(address, any) {
        Err(error) if any && error.kind() != ErrorKind::AddrInUse => {
            bound(SocketAddr::from((Ipv4Addr::UNSPECIFIED, address.port())), false)
        }
        listener => listener,
    }
}

fn bound(address: SocketAddr, any: bool) -> io::Result<TcpListener> {
    let socket = Socket::new(Domain::for_address(address), Type::STREAM, Some(Protocol::TCP))?;
    if any {
        socket.set_only_v6(false)?;
    }
    socket.set_reuse_address(true)?;
    socket.set_nonblocking(true)?;
    socket.bind(&address.into())?;
    socket.listen(QUEUE)?;
    TcpListener::from_std(socket.into())
}
