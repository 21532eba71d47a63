//! Which probes are due on a connection, the request they make, and their replies against their shapes.

use std::sync::LazyLock;
use std::time::Duration;

use super::Turn;
use super::login::{Login, refusal};
use super::reply::{brief, shortened};
use crate::config::Cluster;
use crate::model::failure::AskError;
use crate::model::reply::Reply;
use crate::model::time::Timestamp;
use crate::probes::{Answer, Every, Need, PROBES, ProbeId, SETTINGS, Shape};

/// Under which name the servers list our connections.
const CLIENT_NAME: &str = "redis-cluster-exporter";

/// Bytes that the request of most polls fits into.
const USUAL_REQUEST: usize = 256;

/// How the settings are asked for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Settings {
    /// All names in one CONFIG GET.
    #[default]
    Together,
    /// The server takes one name at a time, as Redis 6.2 does, and has not been asked so yet.
    TrySingly,
    /// One CONFIG GET for each name.
    Singly,
}

/// The last answer to a probe on one connection.
#[derive(Debug, Default)]
enum Last {
    /// It was never asked.
    #[default]
    None,
    /// It stands until it is asked again.
    Stands(Answer),
    /// It was given away, and stands where it was read or will be asked anew with the next poll.
    Given,
}

/// What a node has answered on one connection: the last answer to each probe.
#[derive(Debug, Default)]
pub(super) struct Memory {
    last: [Last; PROBES.len()],
    settings: Settings,
    asked: u64,
}

/// One request.
#[derive(Debug)]
pub(super) struct Plan {
    /// On a new connection: AUTH, if there is a password, and CLIENT SETNAME.
    greeting: Option<Option<Login>>,
    probes: Vec<ProbeId>,
    singly: bool,
    slots: Vec<u16>,
    /// DBSIZE before and after the slots.
    sizes: bool,
    /// Sent last, in a PING that repeats it: were an extra reply among the others, it would not come back in place.
    mark: String,
}

/// The commands of a plan as they are sent. Holds the password on a new connection, and does not print.
pub(super) struct Request {
    /// One command behind the other.
    pub(super) bytes: Vec<u8>,
    /// How many they are: so many replies come back.
    pub(super) commands: usize,
}

impl Request {
    fn add(&mut self, command: &redis::Cmd) {
        command.write_packed_command(&mut self.bytes);
        self.commands += 1;
    }

    fn add_packed(&mut self, command: &[u8]) {
        self.bytes.extend_from_slice(command);
        self.commands += 1;
    }
}

/// Every probe as it is sent, in the order of the table: the same bytes go to every node with every poll.
static PACKED: LazyLock<Vec<Vec<u8>>> =
    LazyLock::new(|| PROBES.iter().map(|probe| command(probe.command).get_packed_command()).collect());

fn command(words: &[&str]) -> redis::Cmd {
    let mut command = redis::Cmd::new();
    words.iter().for_each(|word| _ = command.arg(word));
    command
}

/// The replies to one request, each in its place.
#[derive(Debug)]
pub(super) struct Heard {
    pub(super) answers: Vec<(ProbeId, Reply)>,
    pub(super) key_counts: Vec<(u16, Reply)>,
    pub(super) sizes: Vec<Reply>,
}

impl Memory {
    /// A request that only counts the keys of these slots, and all keys of the node before and after them.
    pub(super) fn count(&mut self, slots: &[u16]) -> Plan {
        let slots = slots.to_vec();
        Plan { greeting: None, probes: Vec::new(), singly: false, slots, sizes: true, mark: self.mark() }
    }

    fn mark(&mut self) -> String {
        self.asked += 1;
        format!("{CLIENT_NAME}-{}", self.asked)
    }

    /// The next request. `greeting` goes first on a new connection.
    pub(super) fn plan(
        &mut self,
        greeting: Option<Option<Login>>,
        turn: &Turn<'_>,
        cluster: &Cluster,
    ) -> Plan {
        let wanted = |probe: &ProbeId| match probe {
            ProbeId::CommandStats => cluster.command_stats,
            ProbeId::LatencyStats => cluster.latency_stats,
            ProbeId::ClusterNodes => turn.tables,
            ProbeId::ClusterLinks => turn.links,
            _ => true,
        };
        if !turn.tables {
            ProbeId::GROWING.iter().for_each(|probe| self.last[*probe as usize] = Last::None);
        }
        let due = |probe: &ProbeId| wanted(probe) && self.is_due(*probe, turn);
        let probes: Vec<ProbeId> = ProbeId::ALL.into_iter().filter(due).collect();
        let singly = self.settings != Settings::Together;
        let slots = turn.count_slots.to_vec();
        Plan { greeting, probes, singly, slots, sizes: false, mark: self.mark() }
    }

    /// A request of these probes alone, on a new connection.
    pub(super) fn only(&mut self, greeting: Option<Login>, probes: Vec<ProbeId>) -> Plan {
        let (slots, mark) = (Vec::new(), self.mark());
        Plan { greeting: Some(greeting), probes, singly: false, slots, sizes: false, mark }
    }

    fn is_due(&self, probe: ProbeId, turn: &Turn<'_>) -> bool {
        let row = probe.row();
        if row.every == Every::OnDemand {
            return false;
        }
        if row.need == Need::Required || (probe == ProbeId::ConfigGet && self.settings == Settings::TrySingly)
        {
            return true;
        }
        // What is asked in turn is not wanted but where it has its turn.
        let slow = turn.slow || row.every == Every::InTurn;
        let on_its_turn = slow || row.every == Every::Poll;
        let last = match &self.last[probe as usize] {
            Last::None => return true,
            Last::Given => return on_its_turn,
            Last::Stands(last) => last,
        };
        let Reply::Error { code, text } = &*last.reply else { return on_its_turn };
        if AskError::says_unsupported(code, text) {
            return false;
        }
        match AskError::from_reply(code, text) {
            AskError::Denied(_) => slow,
            AskError::Loading(_) | AskError::Busy(_) => true,
            _ => on_its_turn,
        }
    }

    /// Keeps what was heard.
    pub(super) fn learn(&mut self, heard: Vec<(ProbeId, Reply)>, asked_at: Timestamp, took: Duration) {
        for (probe, reply) in heard {
            if probe == ProbeId::ConfigGet {
                self.settings = match self.settings {
                    Settings::Together if takes_one_name(&reply) => Settings::TrySingly,
                    Settings::Together => Settings::Together,
                    Settings::TrySingly | Settings::Singly => Settings::Singly,
                };
            }
            self.last[probe as usize] = Last::Stands(Answer { probe, asked_at, took, reply: reply.into() });
        }
    }

    /// The last answer to each probe, in the order of the table, but for those that were given away before.
    pub(super) fn answers(&mut self) -> Vec<Answer> {
        self.last.iter_mut().filter_map(Last::give).collect()
    }
}

impl Last {
    /// The answer; it is kept if it will be of use: of thousands of nodes the others would be many megabytes.
    fn give(&mut self) -> Option<Answer> {
        match self {
            Self::Stands(answer) if stands(answer) => Some(answer.clone()),
            Self::Stands(_) => match std::mem::replace(self, Self::Given) {
                Self::Stands(answer) => Some(answer),
                _ => None,
            },
            Self::None | Self::Given => None,
        }
    }
}

/// Whether an answer is of use after this poll: that to a slow probe which is not kept as it was read, or a refusal.
fn stands(answer: &Answer) -> bool {
    let is_slow = answer.probe.row().every != Every::Poll && !ProbeId::READ_ONCE.contains(&answer.probe);
    is_slow || matches!(*answer.reply, Reply::Error { .. })
}

/// `Unknown subcommand or wrong number of arguments for 'GET'`: it has CONFIG GET, but not for several names.
fn takes_one_name(reply: &Reply) -> bool {
    matches!(reply, Reply::Error { code, text } if code == "ERR" && text.contains("wrong number of arguments"))
}

impl Plan {
    /// Whether a password is among the words.
    pub(super) fn has_secret(&self) -> bool {
        matches!(self.greeting, Some(Some(_)))
    }

    /// All commands, to be sent in one write.
    pub(super) fn request(&self) -> Request {
        let mut request = Request { bytes: Vec::with_capacity(USUAL_REQUEST), commands: 0 };
        if let Some(login) = &self.greeting {
            if let Some(login) = login {
                request.add(&login.command());
            }
            request.add(&command(&["CLIENT", "SETNAME", CLIENT_NAME]));
        }
        for &probe in &self.probes {
            if probe == ProbeId::ConfigGet && self.singly {
                SETTINGS.iter().for_each(|name| request.add(&command(&["CONFIG", "GET", name])));
            } else {
                request.add_packed(&PACKED[probe as usize]);
            }
        }
        if self.sizes {
            request.add(&command(&["DBSIZE"]));
        }
        for slot in &self.slots {
            request.add(command(&["CLUSTER", "COUNTKEYSINSLOT"]).arg(slot));
        }
        if self.sizes {
            request.add(&command(&["DBSIZE"]));
        }
        request.add(&command(&["PING", &self.mark]));
        request
    }

    /// Puts the replies in their places.
    ///
    /// # Errors
    /// AUTH was refused or is wanted, or a reply is not one to its question.
    pub(super) fn read(self, replies: Vec<Reply>) -> Result<Heard, AskError> {
        let mut replies = replies.into_iter().map(shortened);
        let mut next = move || replies.next().ok_or_else(|| AskError::Protocol("too few replies".to_owned()));
        if let Some(login) = &self.greeting {
            if login.is_some() {
                check_login(&next()?)?;
            }
            // Without the name we are a connection like any other.
            next()?;
        }
        let mut answers = Vec::with_capacity(self.probes.len());
        for probe in self.probes {
            let reply =
                if probe == ProbeId::ConfigGet && self.singly { merge_settings(&mut next)? } else { next()? };
            let row = probe.row();
            check(|| row.file_stem().replace('_', " "), row.shape, &reply)?;
            answers.push((probe, reply));
        }
        let mut integer = |command: &str| {
            let reply = next()?;
            check(|| command.to_owned(), Shape::Integer, &reply)?;
            Ok::<Reply, AskError>(reply)
        };
        let mut sizes = Vec::new();
        if self.sizes {
            sizes.push(integer("DBSIZE")?);
        }
        let mut key_counts = Vec::with_capacity(self.slots.len());
        for slot in self.slots {
            key_counts.push((slot, integer("CLUSTER COUNTKEYSINSLOT")?));
        }
        if self.sizes {
            sizes.push(integer("DBSIZE")?);
        }
        let last = next()?;
        if matches!(last, Reply::Error { .. }) || last.bytes() == Some(self.mark.as_bytes()) {
            return Ok(Heard { answers, key_counts, sizes });
        }
        Err(AskError::Protocol(format!(
            "the replies are not one to one with the commands: last came {}",
            brief(&last)
        )))
    }
}

fn check_login(reply: &Reply) -> Result<(), AskError> {
    match reply {
        Reply::Status(text) if text == "OK" => Ok(()),
        Reply::Error { code, text } => Err(refusal(code, text)),
        // Not shown: whatever it is, it may repeat the password.
        _ => Err(AskError::Protocol("the reply to AUTH is neither OK nor an error".to_owned())),
    }
}

fn check(command: impl Fn() -> String, shape: Shape, reply: &Reply) -> Result<(), AskError> {
    match reply {
        Reply::Error { code, text } if code == "NOAUTH" => Err(AskError::from_reply(code, text)),
        _ if shape.fits(reply) => Ok(()),
        _ => Err(AskError::Protocol(format!("the reply to {} is {}", command(), brief(reply)))),
    }
}

/// One flat array of all settings that were given; the first refusal where none was.
fn merge_settings(next: &mut impl FnMut() -> Result<Reply, AskError>) -> Result<Reply, AskError> {
    let mut merged = Vec::with_capacity(2 * SETTINGS.len());
    let mut refused = None;
    for _ in SETTINGS {
        match next()? {
            Reply::Array(pair) => merged.extend(pair),
            error @ Reply::Error { .. } => refused = refused.or(Some(error)),
            other => check(|| "CONFIG GET".to_owned(), Shape::Array, &other)?,
        }
    }
    Ok(refused.filter(|_| merged.is_empty()).unwrap_or(Reply::Array(merged)))
}
