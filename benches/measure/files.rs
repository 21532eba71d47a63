//! How many files a process may have open: a connection is one, and so is a listening socket.

use std::os::unix::process::CommandExt;
use std::process::Command;

/// Set for the program that runs with the raised limit.
const RAISED: &str = "RCE_BENCH_FILES_RAISED";

/// Raises the soft limit to the hard one, for this program and those that it starts: begins it anew from a shell that may.
pub(crate) fn allow_many() {
    if std::env::var_os(RAISED).is_some() {
        return;
    }
    let program = std::env::current_exe().expect("the path of this program");
    let mut shell = Command::new("sh");
    shell.args(["-c", "ulimit -n \"$(ulimit -Hn)\"; exec \"$0\" \"$@\""]).arg(program);
    let error = shell.args(std::env::args_os().skip(1)).env(RAISED, "1").exec();
    panic!("no shell to begin anew from: {error}");
}
