//! A machine behind a lock, with what it takes to wait for it: shared by the handle, its event
//! readers and the task that carries the actions out.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::{Notify, watch};
use tokio::time::Instant;

use crate::clock::{Now, WallClock, instant};
use crate::machine::{Action, Machine};
use crate::spec::Spec;

pub(crate) struct Shared {
    machine: Mutex<Machine>,
    /// Wakes the task.
    pub wake: Notify,
    /// The number of events so far; wakes whoever waits for one.
    events: watch::Sender<u64>,
    started: Instant,
    clock: WallClock,
    stopping: AtomicBool,
    ended: AtomicBool,
}

impl Shared {
    pub fn new(spec: Spec) -> Shared {
        let clock = spec.clock.clone();
        Shared {
            machine: Mutex::new(Machine::new(spec)),
            wake: Notify::new(),
            events: watch::Sender::new(0),
            started: instant(),
            clock,
            stopping: AtomicBool::new(false),
            ended: AtomicBool::new(false),
        }
    }

    pub fn now(&self) -> Now {
        Now { up: self.started.elapsed(), unix_ms: (self.clock)() }
    }

    /// When something due `up` after the start is due.
    pub fn instant(&self, up: Duration) -> Instant {
        self.started + up
    }

    /// Looks at the machine or tells it something; the task then does what follows.
    pub fn with<R>(&self, act: impl FnOnce(&mut Machine, Now) -> R) -> R {
        let mut machine = self.lock();
        let now = self.now();
        let result = act(&mut machine, now);
        let events = machine.log().next_seq();
        drop(machine);
        self.announce(events);
        self.wake.notify_one();
        result
    }

    /// Looks at the machine.
    pub fn look<R>(&self, look: impl FnOnce(&Machine) -> R) -> R {
        look(&self.lock())
    }

    /// Looks at the machine as it is at this moment.
    pub fn look_now<R>(&self, look: impl FnOnce(&mut Machine, Now) -> R) -> R {
        look(&mut self.lock(), self.now())
    }

    /// Does what is due; says what to do outside and when to come back.
    pub fn turn(&self) -> (Vec<Action>, Option<Duration>) {
        let mut machine = self.lock();
        let now = self.now();
        machine.tick(now);
        let actions = machine.drain().collect();
        let (due, events) = (machine.due(), machine.log().next_seq());
        drop(machine);
        self.announce(events);
        (actions, due)
    }

    /// Changes when there are new events, and when the task has ended.
    pub fn watch(&self) -> watch::Receiver<u64> {
        self.events.subscribe()
    }

    pub fn stop(&self) {
        self.stopping.store(true, Ordering::Release);
        self.wake.notify_one();
    }

    pub fn is_stopping(&self) -> bool {
        self.stopping.load(Ordering::Acquire)
    }

    pub fn end(&self) {
        self.ended.store(true, Ordering::Release);
        self.events.send_modify(|_| ());
    }

    pub fn has_ended(&self) -> bool {
        self.ended.load(Ordering::Acquire)
    }

    fn announce(&self, events: u64) {
        self.events.send_if_modified(|known| {
            let news = *known < events;
            *known = events.max(*known);
            news
        });
    }

    fn lock(&self) -> MutexGuard<'_, Machine> {
        // a panic of an observer leaves the machine usable
        self.machine.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
