//! What must hold of everything that a server may reply and that a file may say. Each function takes bytes and panics
//! where something does not hold. `make fuzz` looks for such bytes; `tests/fuzzed.rs` gives them the recorded replies, and
//! all bytes that were ever found.

pub mod disclosure;
pub mod files;
pub mod mutate;
pub mod nodes;
pub mod polls;

#[path = "../../tests/common/markup.rs"]
mod markup;
#[allow(dead_code, reason = "shared with the tests")]
#[path = "../../tests/common/samples.rs"]
mod samples;
