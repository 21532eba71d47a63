//! A target becomes an open stream: names resolved, every address tried, socket options set, TLS shaken.

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::path::Path;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use socket2::{SockRef, TcpKeepalive};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpStream, UnixStream};
use tokio_rustls::client::TlsStream;

use super::deadline::Deadline;
use super::tls;
use crate::model::address::{Address, Target};
use crate::model::failure::AskError;
use crate::model::snapshot::CertificateEnds;

/// An idle connection is probed after this long, so that a firewall neither forgets it nor keeps a dead one.
const KEEPALIVE: Duration = Duration::from_secs(30);

/// An open connection of any sort.
#[derive(Debug)]
pub(super) enum Stream {
    Tcp(TcpStream),
    Tls(Box<TlsStream<TcpStream>>),
    Unix(UnixStream),
}

/// Opens one, and tells when the certificates end. TLS is spoken to TCP targets where the cluster has it; never over a
/// unix socket.
pub(super) async fn dial(
    target: &Target,
    tls: Option<&tls::Client>,
    deadline: Deadline<'_>,
) -> Result<(Stream, CertificateEnds), AskError> {
    let address = match target {
        Target::Unix(path) => return Ok((dial_unix(path, deadline).await?, CertificateEnds::default())),
        Target::Tcp(address) => address,
    };
    let addresses = deadline.over("resolving the host name", resolve(address)).await??;
    let stream = connect_any(&addresses, deadline).await?;
    set_options(&stream, deadline).map_err(|error| AskError::Connect(format!("socket options: {error}")))?;
    let Some(tls) = tls else { return Ok((Stream::Tcp(stream), CertificateEnds::default())) };
    let (shaken, ends) = deadline.over("shaking hands over TLS", tls.shake(stream, &address.host)).await??;
    Ok((Stream::Tls(Box::new(shaken)), ends))
}

/// All addresses of a host, with its port, each once; an IP address is its own.
///
/// # Errors
/// [`AskError::Resolve`]: the resolver failed or knows no address.
pub async fn resolve(address: &Address) -> Result<Vec<SocketAddr>, AskError> {
    if let Ok(ip) = address.host.parse::<IpAddr>() {
        return Ok(vec![SocketAddr::new(ip, address.port)]);
    }
    let failed = |text: String| AskError::Resolve { host: address.host.to_string(), text };
    let found = tokio::net::lookup_host((&*address.host, address.port)).await;
    let mut addresses: Vec<SocketAddr> = Vec::new();
    for found in found.map_err(|error| failed(error.to_string()))? {
        if !addresses.contains(&found) {
            addresses.push(found);
        }
    }
    if addresses.is_empty() {
        return Err(failed("no address".to_owned()));
    }
    Ok(addresses)
}

/// The first address that takes a connection. Each has its share of the time that is left, so that one that
/// swallows packets does not cost the others their try.
async fn connect_any(addresses: &[SocketAddr], deadline: Deadline<'_>) -> Result<TcpStream, AskError> {
    let mut refusals = Vec::new();
    for (tried, address) in addresses.iter().enumerate() {
        let share = deadline.left() / (addresses.len() - tried).max(1) as u32;
        match tokio::time::timeout(share, TcpStream::connect(address)).await {
            Ok(Ok(stream)) => return Ok(stream),
            Ok(Err(error)) => refusals.push(format!("{address}: {error}")),
            Err(_) => refusals.push(format!("{address}: no answer")),
        }
    }
    if deadline.left().is_zero() {
        return Err(deadline.missed("connecting"));
    }
    Err(AskError::Connect(refusals.join("; ")))
}

async fn dial_unix(path: &Path, deadline: Deadline<'_>) -> Result<Stream, AskError> {
    let connected = deadline.over("connecting", UnixStream::connect(path)).await?;
    connected.map(Stream::Unix).map_err(|error| AskError::Connect(error.to_string()))
}

fn set_options(stream: &TcpStream, deadline: Deadline<'_>) -> io::Result<()> {
    stream.set_nodelay(true)?;
    let socket = SockRef::from(stream);
    socket.set_tcp_keepalive(&TcpKeepalive::new().with_time(KEEPALIVE))?;
    // What nobody acknowledges within one ask is given up by the kernel as well.
    #[cfg(target_os = "linux")]
    socket.set_tcp_user_timeout(Some(deadline.whole()))?;
    Ok(())
}

impl AsyncRead for Stream {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Tcp(stream) => Pin::new(stream).poll_read(cx, buf),
            Self::Tls(stream) => Pin::new(stream).poll_read(cx, buf),
            Self::Unix(stream) => Pin::new(stream).poll_read(cx, buf),
        }
    }
}

impl AsyncWrite for Stream {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        match self.get_mut() {
            Self::Tcp(stream) => Pin::new(stream).poll_write(cx, buf),
            Self::Tls(stream) => Pin::new(stream).poll_write(cx, buf),
            Self::Unix(stream) => Pin::new(stream).poll_write(cx, buf),
        }
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Tcp(stream) => Pin::new(stream).poll_flush(cx),
            Self::Tls(stream) => Pin::new(stream).poll_flush(cx),
            Self::Unix(stream) => Pin::new(stream).poll_flush(cx),
        }
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Tcp(stream) => Pin::new(stream).poll_shutdown(cx),
            Self::Tls(stream) => Pin::new(stream).poll_shutdown(cx),
            Self::Unix(stream) => Pin::new(stream).poll_shutdown(cx),
        }
    }
}
