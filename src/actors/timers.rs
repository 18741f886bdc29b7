//! One alarm for an actor, with a generation: a tick that was under way when the alarm was
//! set anew is recognised as stale.

use chrono::{DateTime, Utc};
use ractor::Message;
use tokio::task::AbortHandle;

use super::mailbox::Mailbox;
use crate::clock::Clock;
use crate::spawn::spawn;

/// Which setting of the alarm a tick belongs to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Generation(u64);

/// The next instant at which an actor wants to be woken.
#[derive(Debug, Default)]
pub struct Alarm {
    generation: Generation,
    due: Option<DateTime<Utc>>,
    task: Option<AbortHandle>,
}

impl Alarm {
    /// Sets the alarm to `due`, or off. Nothing happens when it is set so already.
    pub fn set<M: Message>(
        &mut self,
        due: Option<DateTime<Utc>>,
        clock: &Clock,
        mailbox: &Mailbox<M>,
        tick: impl FnOnce(Generation) -> M + Send + 'static,
    ) {
        if self.due == due {
            return;
        }
        self.stop();
        self.due = due;
        let Some(due) = due else { return };
        self.generation.0 += 1;
        let (generation, clock, mailbox) = (self.generation, clock.clone(), mailbox.clone());
        let task = spawn("alarm", async move {
            clock.sleep_until(due).await;
            mailbox.insist(tick(generation));
        });
        self.task = Some(task.abort_handle());
    }

    /// Whether a tick is of the present setting; it is used up by asking.
    pub fn is_due(&mut self, generation: Generation) -> bool {
        let due = generation == self.generation && self.due.is_some();
        if due {
            self.due = None;
            self.task = None;
        }
        due
    }

    fn stop(&mut self) {
        if let Some(task) = self.task.take() {
            task.abort();
        }
    }
}

impl Drop for Alarm {
    fn drop(&mut self) {
        self.stop();
    }
}
