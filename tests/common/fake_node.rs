//! A server that speaks RESP2 and does what it is told, also the wrong thing.
//!
//! ```ignore
//! let node = FakeNode::healthy().fault(Fault::Hang).spawn().await;
//! …
//! node.heal();
//! ```

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test fails by panicking")]
#![allow(dead_code, unreachable_pub, reason = "each test file uses its part")]

pub mod answers;
mod resp;
mod serve;

use std::path::Path;
use std::sync::{Arc, Mutex};

use redis_cluster_exporter::model::address::{Address, Target};
use redis_cluster_exporter::model::reply::Reply;
use tokio::net::{TcpListener, UnixListener};
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio_rustls::TlsAcceptor;

pub use answers::Answers;
use serve::{Listening, serve};

/// What a node does wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// The port is closed, and so are all connections.
    Refuse,
    /// Reads and never answers.
    Hang,
    /// The kernel takes connections; nobody reads them, as behind a stopped process.
    Frozen,
    /// Answers one byte a second.
    Trickle,
    /// Sends half of its replies and closes.
    CutMidReply,
    /// Answers bytes that are no protocol.
    Garbage,
    /// Is an HTTP server.
    Http,
    /// Is a TLS port.
    TlsAlert,
    /// Answers a bulk string that does not end.
    EndlessBulk,
    /// Answers an array of a million integers.
    MillionElements,
    /// Answers arrays in arrays without end.
    Nesting,
    /// Is reading its dataset.
    Loading,
    /// Wants authentication, whatever was sent.
    NoAuth,
    /// Knows no password.
    WrongPass,
    /// Refuses the commands that begin with one of these.
    NoPerm(&'static [&'static str]),
    /// Refuses commands that begin with this as if they did not exist.
    Lacks(&'static str),
    /// Takes one name in CONFIG GET, as Redis 6.2.
    OneSetting,
    /// Sends everybody elsewhere.
    Moved,
    /// Runs a script.
    Busy,
    /// Has no room for another client.
    MaxClients,
    /// Lets nobody in from outside.
    ProtectedMode,
    /// Puts an empty array among its replies, after so many of them.
    ExtraReply(usize),
    /// Sends one more reply a little after the last.
    LateReply,
    /// Reads a request and closes.
    SilentClose,
}

/// What connection tasks and the test share.
#[derive(Debug, Default)]
pub struct State {
    answers: Answers,
    fault: Option<Fault>,
    password: Option<String>,
    commands: Vec<String>,
    connections: u64,
    reads: u64,
    hang_ups: u64,
}

/// A node that is not running yet.
#[derive(Default)]
pub struct Script {
    state: State,
    acceptor: Option<TlsAcceptor>,
}

impl Script {
    pub fn fault(mut self, fault: Fault) -> Self {
        self.state.fault = Some(fault);
        self
    }

    /// The `default` user has a password.
    pub fn password(mut self, password: &str) -> Self {
        self.state.password = Some(password.to_owned());
        self
    }

    pub fn say(mut self, command: &str, reply: Reply) -> Self {
        self.state.answers.insert(command.to_uppercase(), reply);
        self
    }

    /// Speaks TLS.
    pub fn tls(mut self, config: rustls::ServerConfig) -> Self {
        self.acceptor = Some(TlsAcceptor::from(Arc::new(config)));
        self
    }

    /// On a free port of 127.0.0.1.
    pub async fn spawn(self) -> FakeNode {
        self.spawn_at("127.0.0.1:0").await
    }

    pub async fn spawn_at(self, address: &str) -> FakeNode {
        let listener = TcpListener::bind(address).await.expect("a free port");
        let local = listener.local_addr().unwrap();
        let target = Target::Tcp(Address::new(&local.ip().to_string(), local.port()));
        self.start(target, Listening::Tcp(listener, local))
    }

    pub async fn spawn_unix(self, path: &Path) -> FakeNode {
        let listener = UnixListener::bind(path).expect("a new socket");
        self.start(Target::Unix(path.to_owned()), Listening::Unix(listener))
    }

    fn start(self, target: Target, listening: Listening) -> FakeNode {
        let state = Arc::new(Mutex::new(self.state));
        let (changed, watching) = watch::channel(());
        let mut tasks = JoinSet::new();
        tasks.spawn(serve(listening, self.acceptor, state.clone(), watching));
        FakeNode { target, state, changed, _tasks: tasks }
    }
}

/// A node that runs until it is dropped.
pub struct FakeNode {
    target: Target,
    state: Arc<Mutex<State>>,
    changed: watch::Sender<()>,
    _tasks: JoinSet<()>,
}

impl FakeNode {
    /// A sound primary of a healthy cluster.
    pub fn healthy() -> Script {
        Self::answering(answers::healthy())
    }

    /// A node with these answers by command (`CLUSTER INFO`); PING it knows by itself.
    pub fn answering(answers: Answers) -> Script {
        Script { state: State { answers, ..State::default() }, acceptor: None }
    }

    pub fn target(&self) -> Target {
        self.target.clone()
    }

    /// Of a node on a TCP port.
    pub fn address(&self) -> Address {
        match &self.target {
            Target::Tcp(address) => address.clone(),
            Target::Unix(path) => panic!("{} has no address", path.display()),
        }
    }

    /// From now on does this wrong.
    pub fn fall_ill(&self, fault: Fault) {
        self.change(|state| state.fault = Some(fault));
    }

    /// From now on does everything right.
    pub fn heal(&self) {
        self.change(|state| state.fault = None);
    }

    /// From now on answers this.
    pub fn say(&self, command: &str, reply: Reply) {
        self.change(|state| {
            state.answers.insert(command.to_uppercase(), reply);
        });
    }

    /// From now on answers these, and nothing else.
    pub fn say_all(&self, answers: Answers) {
        self.change(|state| state.answers = answers);
    }

    /// From now on wants this password of new connections.
    pub fn set_password(&self, password: &str) {
        self.change(|state| state.password = Some(password.to_owned()));
    }

    /// Closes all connections.
    pub fn hang_up(&self) {
        self.change(|state| state.hang_ups += 1);
    }

    /// Connections that were accepted.
    pub fn connections(&self) -> u64 {
        self.state.lock().unwrap().connections
    }

    /// Reads that brought anything: what a client writes at once arrives at once.
    pub fn reads(&self) -> u64 {
        self.state.lock().unwrap().reads
    }

    /// The commands that came, each as one text.
    pub fn commands(&self) -> Vec<String> {
        self.state.lock().unwrap().commands.clone()
    }

    /// The commands that came since the last call.
    pub fn new_commands(&self) -> Vec<String> {
        std::mem::take(&mut self.state.lock().unwrap().commands)
    }

    fn change(&self, by: impl FnOnce(&mut State)) {
        by(&mut self.state.lock().unwrap());
        self.changed.send_replace(());
    }
}
