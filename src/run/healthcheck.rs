//! The command `healthcheck`: asks the exporter that runs on this machine whether it is healthy, for containers whose
//! image has no other program to ask with.

use std::io;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;

use crate::config::Web;

/// How long all of it may take.
const PATIENCE: Duration = Duration::from_secs(3);

/// Bytes of the answer that are read at most.
const ANSWER_BYTES: u64 = 64 << 10;

/// Why the exporter cannot be called healthy.
#[derive(Debug, thiserror::Error)]
pub enum Unhealthy {
    /// Nobody is there, or the connection broke.
    #[error("{0}: {1}")]
    Connection(SocketAddr, io::Error),
    /// It took too long.
    #[error("{0} did not answer within {PATIENCE:?}")]
    Silent(SocketAddr),
    /// It says so itself, or what answers is no exporter.
    #[error("{0} answered: {1}")]
    Says(SocketAddr, String),
}

/// Asks for `/-/healthy` where an exporter with this configuration listens. Where that speaks TLS or wants a password,
/// as its web configuration may say, all that is asked is whether it takes connections.
///
/// # Errors
/// It is not healthy, or cannot be asked.
pub async fn ask(web: &Web) -> Result<(), Unhealthy> {
    let Some(address) = web.listen.first().map(|address| reachable(*address)) else { return Ok(()) };
    let answer = timeout(PATIENCE, answer(address, web.config_file.is_none())).await;
    let answer = answer.map_err(|_| Unhealthy::Silent(address))?;
    match answer.map_err(|error| Unhealthy::Connection(address, error))? {
        Some(text) if !text.starts_with("HTTP/1.1 200 ") => Err(Unhealthy::Says(address, told(&text))),
        _ => Ok(()),
    }
}

async fn answer(address: SocketAddr, plain: bool) -> io::Result<Option<String>> {
    let mut stream = TcpStream::connect(address).await?;
    if !plain {
        return Ok(None);
    }
    stream.write_all(b"GET /-/healthy HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n").await?;
    let mut bytes = Vec::new();
    stream.take(ANSWER_BYTES).read_to_end(&mut bytes).await?;
    Ok(Some(String::from_utf8_lossy(&bytes).into_owned()))
}

/// Every address is also this one.
fn reachable(listen: SocketAddr) -> SocketAddr {
    let ip = if listen.ip().is_unspecified() { IpAddr::V4(Ipv4Addr::LOCALHOST) } else { listen.ip() };
    SocketAddr::new(ip, listen.port())
}

/// The status and the body on one line.
fn told(answer: &str) -> String {
    let (head, body) = answer.split_once("\r\n\r\n").unwrap_or((answer, ""));
    let status = head.lines().next().unwrap_or_default();
    let lines = std::iter::once(status).chain(body.lines());
    lines.filter(|line| !line.is_empty()).collect::<Vec<_>>().join("; ")
}
