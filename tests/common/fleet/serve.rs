//! Accepting and reading; the answers are made elsewhere.

use std::io;
use std::net::TcpListener as Bound;
use std::sync::Arc;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::oneshot;
use tokio::task::JoinSet;

use super::Node;
use super::answers::answers;

/// Answers on one thread until the other end of `stopped` is gone.
pub(super) fn until(stopped: oneshot::Receiver<()>, nodes: Vec<(Bound, Arc<Node>)>) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_io().build().unwrap();
    runtime.block_on(async {
        let mut listening = JoinSet::new();
        for (bound, node) in nodes {
            bound.set_nonblocking(true).unwrap();
            let listener = TcpListener::from_std(bound).unwrap();
            listening.spawn(accept(listener, node));
        }
        // Only ever closed.
        let _closed = stopped.await;
    });
}

async fn accept(listener: TcpListener, node: Arc<Node>) {
    let mut clients = JoinSet::new();
    loop {
        let (stream, _) = listener.accept().await.expect("files may be opened: raise `ulimit -n`");
        let node = Arc::clone(&node);
        clients.spawn(async move {
            // How a client leaves is its own affair.
            let _left = converse(stream, &node).await;
        });
        while clients.try_join_next().is_some() {}
    }
}

async fn converse(mut stream: TcpStream, node: &Node) -> io::Result<()> {
    stream.set_nodelay(true)?;
    let mut requests = Vec::with_capacity(2048);
    while stream.read_buf(&mut requests).await? > 0 {
        let (taken, answers) = answers(node, &requests);
        requests.drain(..taken);
        stream.write_all(&answers).await?;
    }
    Ok(())
}
