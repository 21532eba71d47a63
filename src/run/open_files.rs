//! How many files may be open: each node takes one, and so does each HTTP client. Shells and service managers start
//! programs with a soft limit of 1024, for the sake of those that use `select`.

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

/// Raises the soft limit to the hard one. What cannot be raised stays as it is: `process_max_fds` tells.
pub fn allow_all() {
    let limit = getrlimit(Resource::Nofile);
    if let Err(error) = setrlimit(Resource::Nofile, Rlimit { current: limit.maximum, ..limit }) {
        tracing::debug!(%error, "cannot raise the limit of open files");
    }
}
