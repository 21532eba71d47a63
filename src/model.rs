//! The vocabulary: what every other module speaks of. No clock, socket, environment or task.
//!
//! | module | holds |
//! |---|---|
//! | [`address`] | where a node is reached, and under which name it is shown |
//! | [`before`] | what the poll before this one showed |
//! | [`clock`] | how far the servers' clocks are from ours |
//! | [`event`] | what happened while this exporter watched |
//! | [`failure`] | why a node, or one of its replies, could not be had |
//! | [`finding`] | what a check concludes |
//! | [`limits`] | thresholds and expectations that the configuration hands to the core |
//! | [`migration`] | slots on the move, by all three mechanisms |
//! | [`node`] | ids, roles, flags and the rows of `CLUSTER NODES` |
//! | [`past`] | what the polls before this one tell |
//! | [`reply`] | RESP replies, unread, as one node gave them |
//! | [`slots`] | a set of the 16384 hash slots |
//! | [`snapshot`] | everything one node said in one poll, typed |
//! | [`text`] | text that somebody else chose |
//! | [`time`] | instants that arrive as arguments |
//! | [`units`] | durations, bytes and numbers as the configuration writes them |
//! | [`view`] | all snapshots of one poll side by side |

pub mod address;
pub mod before;
pub mod clock;
pub mod event;
pub mod failure;
pub mod finding;
pub mod info;
pub mod limits;
pub mod migration;
pub mod node;
pub mod past;
pub mod reply;
pub mod slots;
pub mod snapshot;
pub mod text;
pub mod time;
pub mod units;
pub mod view;
