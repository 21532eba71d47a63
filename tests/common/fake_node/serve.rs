//! Accepting, reading, answering, and every way of doing it wrong.

use std::io;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use redis_cluster_exporter::model::reply::Reply;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::{TcpListener, UnixListener};
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio_rustls::TlsAcceptor;

use super::answers::answer;
use super::resp::{put, take_request};
use super::{Fault, State};

pub enum Listening {
    Tcp(TcpListener, SocketAddr),
    Unix(UnixListener),
}

trait Wire: AsyncRead + AsyncWrite + Unpin + Send {}
impl<T: AsyncRead + AsyncWrite + Unpin + Send> Wire for T {}

type Shared = Arc<Mutex<State>>;
type Changes = watch::Receiver<()>;

pub async fn serve(mut at: Listening, acceptor: Option<TlsAcceptor>, state: Shared, mut changes: Changes) {
    let mut clients = JoinSet::new();
    loop {
        if fault(&state) == Some(Fault::Refuse) {
            at = refuse(at, &state, &mut changes).await;
        }
        let wire = tokio::select! {
            wire = accept(&at) => wire,
            _ = changes.changed() => continue,
        };
        state.lock().unwrap().connections += 1;
        let (acceptor, state, changes) = (acceptor.clone(), state.clone(), changes.clone());
        clients.spawn(async move {
            // How a client leaves is for the test to judge, not for the server.
            let _left = converse(wire, acceptor, state, changes).await;
        });
    }
}

fn fault(state: &Shared) -> Option<Fault> {
    state.lock().unwrap().fault
}

/// Closes the port until the fault is over, and opens the same one again.
async fn refuse(at: Listening, state: &Shared, changes: &mut Changes) -> Listening {
    let Listening::Tcp(listener, address) = at else { panic!("only a port can be closed and opened again") };
    drop(listener);
    while fault(state) == Some(Fault::Refuse) {
        changes.changed().await.unwrap();
    }
    Listening::Tcp(TcpListener::bind(address).await.expect("the port is still free"), address)
}

async fn accept(at: &Listening) -> Box<dyn Wire> {
    match at {
        Listening::Tcp(listener, _) => {
            let (stream, _) = listener.accept().await.unwrap();
            stream.set_nodelay(true).unwrap();
            Box::new(stream)
        }
        Listening::Unix(listener) => Box::new(listener.accept().await.unwrap().0),
    }
}

async fn converse(
    mut wire: Box<dyn Wire>,
    acceptor: Option<TlsAcceptor>,
    state: Shared,
    mut changes: Changes,
) -> io::Result<()> {
    let hang_ups = state.lock().unwrap().hang_ups;
    match fault(&state) {
        Some(Fault::MaxClients) => return wire.write_all(b"-ERR max number of clients reached\r\n").await,
        Some(Fault::ProtectedMode) => {
            let words =
                b"-DENIED Redis is running in protected mode because protected mode is enabled and no \
                password is set for the default user.\r\n";
            return wire.write_all(words).await;
        }
        Some(Fault::Frozen) => return thaw(&state, &mut changes).await,
        _ => {}
    }
    if let Some(acceptor) = acceptor {
        wire = Box::new(acceptor.accept(wire).await?);
    }
    let mut admitted = state.lock().unwrap().password.is_none();
    // Room for a whole request, so that one write is one read.
    let mut buffer = Vec::with_capacity(1 << 16);
    loop {
        let got = tokio::select! {
            // What the test changed holds for every request that comes after.
            biased;
            _ = changes.changed() => {
                let state = state.lock().unwrap();
                if state.fault == Some(Fault::Refuse) || state.hang_ups != hang_ups {
                    return Ok(());
                }
                continue;
            }
            got = wire.read_buf(&mut buffer) => got?,
        };
        if got == 0 {
            return Ok(());
        }
        let (out, fault) = take_and_answer(&mut buffer, &mut admitted, &state);
        if !send(&mut *wire, &out, fault).await? {
            return Ok(());
        }
    }
}

/// Holds the connection unread until the fault is over.
async fn thaw(state: &Shared, changes: &mut Changes) -> io::Result<()> {
    while fault(state) == Some(Fault::Frozen) && changes.changed().await.is_ok() {}
    Ok(())
}

/// The replies to all complete requests in the buffer.
fn take_and_answer(buffer: &mut Vec<u8>, admitted: &mut bool, state: &Shared) -> (Vec<u8>, Option<Fault>) {
    let mut state = state.lock().unwrap();
    state.reads += 1;
    let mut out = Vec::new();
    let mut answered = 0;
    while let Some(words) = take_request(buffer) {
        state.commands.push(words.join(" "));
        if state.fault == Some(Fault::ExtraReply(answered)) {
            put(&mut out, &Reply::Array(Vec::new()));
        }
        put(&mut out, &reply_to(&words, admitted, &state));
        answered += 1;
    }
    (out, state.fault)
}

fn reply_to(words: &[String], admitted: &mut bool, state: &State) -> Reply {
    let command = words.join(" ").to_uppercase();
    let name = words[0].to_uppercase();
    if name == "AUTH" {
        return authenticate(words, admitted, state);
    }
    let begins = |start: &&str| command.starts_with(*start);
    let error = match state.fault {
        _ if !*admitted => "NOAUTH Authentication required.",
        Some(Fault::NoAuth) => "NOAUTH Authentication required.",
        Some(Fault::Loading) => "LOADING Redis is loading the dataset in memory",
        Some(Fault::Busy) => {
            "BUSY Redis is busy running a script. You can only call SCRIPT KILL or SHUTDOWN NOSAVE."
        }
        Some(Fault::Moved) => "MOVED 0 127.0.0.1:1",
        Some(Fault::NoPerm(refused)) if refused.iter().any(begins) => {
            "NOPERM User default has no permissions to run the command"
        }
        Some(Fault::Lacks(start)) if begins(&start) => "ERR unknown command",
        Some(Fault::OneSetting) if begins(&"CONFIG GET") && words.len() != 3 => {
            "ERR Unknown subcommand or wrong number of arguments for 'GET'. Try CONFIG HELP."
        }
        _ => return answer(&state.answers, words),
    };
    Reply::error(error)
}

fn authenticate(words: &[String], admitted: &mut bool, state: &State) -> Reply {
    let Some(password) = &state.password else {
        return Reply::error(
            "ERR AUTH <password> called without any password configured for the default user. \
            Are you sure your configuration is correct?",
        );
    };
    if state.fault != Some(Fault::WrongPass) && words.last() == Some(password) {
        *admitted = true;
        return Reply::Status("OK".into());
    }
    Reply::error("WRONGPASS invalid username-password pair or user is disabled.")
}

/// Sends the replies, or what stands for them; `false`: now close.
async fn send(wire: &mut dyn Wire, out: &[u8], fault: Option<Fault>) -> io::Result<bool> {
    match fault {
        Some(Fault::Hang) => {}
        Some(Fault::Trickle) => {
            for byte in out {
                wire.write_all(&[*byte]).await?;
                wire.flush().await?;
                tokio::time::sleep(Duration::from_secs(1)).await;
            }
        }
        Some(Fault::CutMidReply) => {
            wire.write_all(&out[..out.len() / 2]).await?;
            return Ok(false);
        }
        Some(Fault::Garbage) => wire.write_all(b"\x00\x01\x02 this is no Redis \xff\xfe").await?,
        Some(Fault::Http) => {
            wire.write_all(b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
                .await?;
            return Ok(false);
        }
        Some(Fault::TlsAlert) => {
            wire.write_all(b"\x15\x03\x01\x00\x02\x02\x46").await?;
            return Ok(false);
        }
        Some(Fault::EndlessBulk) => flood(wire, b"$9000000000000\r\n", &[b'x'; 1 << 16]).await?,
        Some(Fault::MillionElements) => flood(wire, b"*1000000\r\n", &b":1\r\n".repeat(1 << 14)).await?,
        Some(Fault::Nesting) => flood(wire, b"", &b"*1\r\n".repeat(1 << 14)).await?,
        Some(Fault::LateReply) => {
            wire.write_all(out).await?;
            wire.flush().await?;
            tokio::time::sleep(Duration::from_millis(30)).await;
            wire.write_all(b":1\r\n").await?;
        }
        Some(Fault::SilentClose) => return Ok(false),
        _ => wire.write_all(out).await?,
    }
    wire.flush().await?;
    Ok(true)
}

/// Until the client has had enough.
async fn flood(wire: &mut dyn Wire, head: &[u8], block: &[u8]) -> io::Result<()> {
    wire.write_all(head).await?;
    loop {
        wire.write_all(block).await?;
    }
}
