//! Connections whose client has asked nothing yet. Where all places are taken they give way, the oldest first: who
//! opens connections and says nothing keeps nobody out.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::task::AbortHandle;

/// All of a server, by the order in which they came.
#[derive(Default)]
pub(super) struct Strangers(Mutex<Waiting>);

#[derive(Default)]
struct Waiting {
    next: u64,
    /// Without a task where it has not begun.
    tasks: BTreeMap<u64, Option<AbortHandle>>,
}

/// One of them, until it is dropped or has asked.
pub(super) struct Stranger {
    all: Arc<Strangers>,
    number: u64,
}

impl Strangers {
    pub(super) fn enter(self: &Arc<Self>) -> Stranger {
        let mut waiting = self.lock();
        let number = waiting.next;
        waiting.next += 1;
        waiting.tasks.insert(number, None);
        Stranger { all: Arc::clone(self), number }
    }

    /// Tells the task that serves a stranger, unless it has asked meanwhile.
    pub(super) fn served_by(&self, number: u64, task: AbortHandle) {
        if let Some(known) = self.lock().tasks.get_mut(&number) {
            *known = Some(task);
        }
    }

    /// Ends the connection that has been silent for longest, if there is one.
    pub(super) fn one_gives_way(&self) {
        let oldest = self.lock().tasks.pop_first();
        if let Some((_, Some(task))) = oldest {
            task.abort();
        }
    }

    fn lock(&self) -> MutexGuard<'_, Waiting> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Stranger {
    pub(super) fn number(&self) -> u64 {
        self.number
    }

    /// The head of a request has arrived: from here on it is a client like others.
    pub(super) fn has_asked(&self) {
        self.all.lock().tasks.remove(&self.number);
    }
}

impl Drop for Stranger {
    fn drop(&mut self) {
        self.has_asked();
    }
}
