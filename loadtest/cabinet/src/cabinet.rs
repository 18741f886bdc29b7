//! The handle to a running cabinet: look at it, put banks in, take them out, break it, wait
//! for it.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use domain::ids::{DeviceUuid, SlotKey, Sn};
use reqwest::Client;
use tokio::time::timeout_at;

use crate::bank::Bank;
use crate::calls::{self, CallError, HttpAnswer, HttpCall};
use crate::clock::instant;
use crate::driver;
use crate::events::{Counts, RebootCause, Seen};
use crate::faults::{Faults, FrameKind};
use crate::fleet::Fleet;
use crate::http;
use crate::machine::{Machine, Phase, Snapshot};
use crate::rack::InsertError;
use crate::script::{Cut, Script};
use crate::shared::Shared;
use crate::spawn::spawn;
use crate::spec::Spec;

mod events;

#[cfg(test)]
mod tests;

pub use events::Events;

/// A running cabinet. Clones are handles to the same one; it stops with the last of them.
#[derive(Clone)]
pub struct Cabinet {
    shared: Arc<Shared>,
    client: Client,
    uuid: DeviceUuid,
    _leash: Arc<Leash>,
}

/// Stops the task when the last handle goes.
struct Leash(Arc<Shared>);

impl Drop for Leash {
    fn drop(&mut self) {
        self.0.stop();
    }
}

/// Something did not happen in time, and the last things that did.
#[derive(Clone, Debug, thiserror::Error)]
#[error("cabinet {uuid}: {what} did not happen within {within:?} (phase {phase:?})\n{tail}")]
pub struct NotInTime {
    pub uuid: DeviceUuid,
    pub what: String,
    pub within: Duration,
    pub phase: Phase,
    /// The last events, one per line.
    pub tail: String,
}

/// How many events an error shows.
const TAIL: usize = 25;

impl Cabinet {
    /// Starts a cabinet by itself, with its power on. Many share their connections in a
    /// `Fleet`. Needs a tokio runtime.
    pub fn start(spec: Spec) -> Cabinet {
        Fleet::new().start(spec)
    }

    pub(crate) fn start_with(mut spec: Spec, client: Client) -> Cabinet {
        let (uuid, script) = (spec.uuid.clone(), spec.script.take());
        let shared = Arc::new(Shared::new(spec));
        shared.with(|machine, now| {
            machine.power(now, true);
            if let Some(script) = script {
                machine.script(now, script);
            }
        });
        spawn(driver::run(Arc::clone(&shared), client.clone()));
        let leash = Arc::new(Leash(Arc::clone(&shared)));
        Cabinet { shared, client, uuid, _leash: leash }
    }

    pub fn uuid(&self) -> &DeviceUuid {
        &self.uuid
    }

    /// Everything it is and holds.
    pub fn state(&self) -> Snapshot {
        self.shared.look_now(Machine::snapshot)
    }

    pub fn phase(&self) -> Phase {
        self.shared.look(Machine::phase)
    }

    pub fn is_online(&self) -> bool {
        self.phase() == Phase::Online
    }

    pub fn counts(&self) -> Counts {
        self.shared.look(|machine| machine.counts().clone())
    }

    /// Puts a bank in, into a slot or the first free one.
    pub fn insert(
        &self,
        bank: impl Into<Bank>,
        slot: Option<SlotKey>,
    ) -> Result<SlotKey, InsertError> {
        self.shared.with(|machine, now| machine.insert(now, bank.into(), slot))
    }

    /// Takes a bank out of the opening it was ejected into.
    pub fn take(&self, sn: &Sn) -> Option<Bank> {
        self.shared.with(|machine, now| machine.take(now, sn))
    }

    /// Changes what goes wrong: `cabinet.faults(|f| f.next(1, Fault::QueueFull));`
    pub fn faults<R>(&self, change: impl FnOnce(&mut Faults) -> R) -> R {
        self.shared.with(|machine, _| change(&mut machine.faults))
    }

    /// Plays a script from now on, instead of the one before.
    pub fn script(&self, script: Script) {
        self.shared.with(|machine, now| machine.script(now, script));
    }

    pub fn power(&self, on: bool) {
        self.shared.with(|machine, now| machine.power(now, on));
    }

    /// Cuts one or both ways to the server.
    pub fn cut(&self, cut: Cut) {
        self.shared.with(|machine, now| machine.cut(now, cut));
    }

    /// Makes both ways whole.
    pub fn restore(&self) {
        self.shared.with(Machine::restore);
    }

    pub fn reboot(&self) {
        self.shared.with(|machine, now| machine.reboot(now, RebootCause::Caller));
    }

    /// Reports over HTTP.
    pub fn upload(&self) {
        self.shared.with(Machine::upload);
    }

    /// Looks at a slot again: 0x28, then a report. Nothing when the slot is empty.
    pub fn self_check(&self, key: SlotKey) {
        self.shared.with(|machine, now| machine.self_check(now, key));
    }

    /// Has the row of a slot say something else than the truth; `None` is the truth again.
    pub fn bend(&self, key: SlotKey, state: Option<u8>, sensor: Option<u8>) {
        self.shared.with(|machine, _| machine.bend(key, state, sensor));
    }

    /// Sends the last frame of a kind once more, byte by byte the same. False when there was
    /// none.
    pub fn replay(&self, kind: FrameKind) -> bool {
        self.shared.with(|machine, now| machine.replay(now, kind))
    }

    /// Publishes any bytes on any topic over its session. Lost when there is none.
    pub fn send_raw(&self, topic: impl Into<String>, payload: impl Into<Bytes>) {
        let (topic, payload) = (topic.into(), payload.into());
        self.shared.with(|machine, now| machine.send_raw(now, topic, payload));
    }

    /// The topic of one of its channels: `get`, `update` or `heart`.
    pub fn topic(&self, channel: &str) -> String {
        self.shared.look(|machine| machine.topic(channel))
    }

    /// Sends an HTTP return that the cabinet knows nothing of, as anyone could who knows its
    /// uuid.
    pub async fn http_return(
        &self,
        sn: &Sn,
        slot: u16,
        level: Option<u8>,
    ) -> Result<HttpAnswer, CallError> {
        self.perform(calls::returned(&self.uuid, sn, slot, level)).await
    }

    /// Uploads any bytes as a report that the cabinet knows nothing of.
    pub async fn http_report(&self, frame: impl Into<Bytes>) -> Result<HttpAnswer, CallError> {
        let (generation, signal) = self.shared.look(|m| (m.spec().generation, m.spec().signal));
        self.perform(calls::report(generation, &self.uuid, signal, frame)).await
    }

    /// Makes any call in its name, past its faults and cuts.
    pub async fn perform(&self, call: HttpCall) -> Result<HttpAnswer, CallError> {
        let (base_url, limit) =
            self.shared.look(|m| (m.spec().base_url.clone(), m.spec().timing.http_timeout));
        http::perform(self.client.clone(), base_url, call, limit).await
    }

    /// A report frame of its contents as they are, for forgeries.
    pub fn report_frame(&self) -> Vec<u8> {
        self.shared.look_now(Machine::true_report)
    }

    /// Reads events from now on.
    pub fn events(&self) -> Events {
        Events::of(&self.shared)
    }

    /// Reads events from the oldest kept one on.
    pub fn events_from_start(&self) -> Events {
        Events::from_start(&self.shared)
    }

    /// The events that are kept, oldest first.
    pub fn history(&self) -> Vec<Seen> {
        self.shared.look(|machine| machine.log().all().cloned().collect())
    }

    /// Waits until the broker has let it in.
    pub async fn wait_online(&self, within: Duration) -> Result<(), NotInTime> {
        let online = |state: &Snapshot| state.is_online().then_some(());
        self.wait_for("being online", within, online).await
    }

    /// Waits until the server has said yes to one of its reports over HTTP.
    pub async fn wait_reported(&self, within: Duration) -> Result<(), NotInTime> {
        let reported = |state: &Snapshot| (state.counts.reports > 0).then_some(());
        self.wait_for("a report", within, reported).await
    }

    /// Waits until a bank lies in the opening; says of which slot. `take` it then.
    pub async fn wait_ejected(&self, sn: &Sn, within: Duration) -> Result<SlotKey, NotInTime> {
        let out = |state: &Snapshot| {
            state.tray.iter().find(|(_, bank)| bank.sn == *sn).map(|(key, _)| *key)
        };
        self.wait_for(&format!("the eject of {sn}"), within, out).await
    }

    /// Waits until `found` finds something in its state.
    pub async fn wait_for<R>(
        &self,
        what: &str,
        within: Duration,
        mut found: impl FnMut(&Snapshot) -> Option<R>,
    ) -> Result<R, NotInTime> {
        let mut news = self.shared.watch();
        let deadline = instant() + within;
        loop {
            news.mark_unchanged();
            if let Some(result) = found(&self.state()) {
                return Ok(result);
            }
            if timeout_at(deadline, news.changed()).await.is_err() {
                return Err(self.shared.not_in_time(what, within));
            }
        }
    }

    /// Stops it: it says good-bye to the broker, as a real one never does. Ends when it has.
    pub async fn stop(&self) {
        let mut news = self.shared.watch();
        self.shared.stop();
        while !self.shared.has_ended() {
            // the sender lives in `shared`
            let _ = news.changed().await;
        }
    }
}

impl Shared {
    fn not_in_time(&self, what: &str, within: Duration) -> NotInTime {
        self.look(|machine| {
            let events: Vec<&Seen> = machine.log().all().collect();
            let tail = &events[events.len().saturating_sub(TAIL)..];
            let line = |seen: &&Seen| format!("  {:>9.3?} {}\n", seen.at, seen.event);
            NotInTime {
                uuid: machine.spec().uuid.clone(),
                what: what.to_owned(),
                within,
                phase: machine.phase(),
                tail: tail.iter().map(line).collect(),
            }
        })
    }
}
