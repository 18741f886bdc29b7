//! The slots of a station: started from what is known, started again when they die.

use domain::ids::SlotKey;
use domain::slot::Slot;
use ractor::{Actor, ActorCell, ActorProcessingErr, ActorRef};

use super::{Child, Msg, State};
use crate::actors::mailbox::{Depth, Mailbox};
use crate::actors::slot::{self, MAILBOX_MAX, SlotActor, View};
use crate::metrics;
use crate::spawn::restart::Verdict;
use crate::spawn::spawn;

impl State {
    pub(super) async fn raise_slots(
        &mut self,
        myself: &ActorRef<Msg>,
    ) -> Result<(), ActorProcessingErr> {
        let keys: Vec<SlotKey> = self.seed.layout.slots.iter().copied().collect();
        for key in keys {
            self.raise_slot(key, myself).await;
        }
        Ok(())
    }

    /// Starts a slot from the books and from what it last said; never beside one that lives. A
    /// slot that failed may have been raised by a report before its own timer ends.
    pub(super) async fn raise_slot(&mut self, key: SlotKey, myself: &ActorRef<Msg>) {
        let lives = self.slots.get(&key).is_some_and(|child| child.mailbox.is_some());
        if lives || !self.seed.layout.slots.contains(&key) {
            return;
        }
        let budget = self.slots.get(&key).map(|child| child.budget.clone()).unwrap_or_default();
        let depth = Depth::default();
        let args = slot::Args {
            slot: self.slot_by_the_books(key),
            rules: self.context.settings.rules,
            clock: self.context.clock.clone(),
            station: self.myself.clone(),
            depth: depth.clone(),
        };
        let spawned = Actor::spawn_linked(None, SlotActor, args, myself.get_cell()).await;
        let mailbox = match spawned {
            Ok((actor, _)) => {
                metrics::ACTORS.inc(["slot"]);
                self.slot_ids.insert(actor.get_id(), key);
                Some(Mailbox::new(actor, depth, MAILBOX_MAX, "slot"))
            }
            Err(error) => {
                tracing::error!(%key, %error, "a slot could not be started");
                None
            }
        };
        let child = Child { mailbox, view: View::unheard(key), budget, reading: None };
        self.slots.insert(key, child);
        self.dirty = true;
    }

    fn slot_by_the_books(&self, key: SlotKey) -> Slot {
        let bank = self.context.banks.in_slot(self.id(), key);
        let offered = bank.as_ref().is_some_and(|sn| self.context.banks.is_offered(sn));
        Slot {
            offered,
            bank,
            maintenance: self.seed.slots_in_maintenance.contains(&key),
            reading: self.seed.readings.get(&key).cloned(),
            ..Slot::new(key)
        }
    }

    pub(super) fn slot_failed(&mut self, cell: &ActorCell, error: &ActorProcessingErr) {
        let Some(key) = self.slot_ids.remove(&cell.get_id()) else { return };
        metrics::ACTORS.dec(["slot"]);
        metrics::ACTOR_RESTARTS.inc(["slot"]);
        let now = self.now();
        let Some(child) = self.slots.get_mut(&key) else { return };
        let fell = child.mailbox.as_ref().is_some_and(|m| m.actor().get_id() == cell.get_id());
        if !fell {
            return; // it was told to stop, and another one lives in its place
        }
        child.mailbox = None;
        child.reading = None;
        child.view = View::unheard(key);
        let at = match child.budget.failed(now) {
            Verdict::Restart { after } => now + after,
            Verdict::Isolate { until } => until,
        };
        tracing::warn!(%key, %error, "a slot failed");
        let (clock, myself) = (self.context.clock.clone(), self.myself.clone());
        spawn("slot_restart", async move {
            clock.sleep_until(at).await;
            myself.insist(Msg::SlotAgain(key));
        });
        self.dirty = true;
    }

    pub(super) fn slot_ended(&mut self, cell: &ActorCell) {
        if self.slot_ids.remove(&cell.get_id()).is_some() {
            metrics::ACTORS.dec(["slot"]);
        }
    }

    /// A slot that is gone for good.
    pub(super) fn drop_slot(&mut self, key: SlotKey) {
        if let Some(child) = self.slots.remove(&key)
            && let Some(mailbox) = child.mailbox
        {
            mailbox.actor().stop(None);
        }
        self.dirty = true;
    }

    /// A slot that does not take a message is told again with the next report.
    pub(super) fn tell_slot(&mut self, key: SlotKey, message: slot::Msg) {
        let Some(child) = self.slots.get_mut(&key) else { return };
        let taken = child.mailbox.as_ref().is_some_and(|mailbox| mailbox.cast(message).is_ok());
        if !taken {
            child.reading = None;
        }
    }

    pub(super) fn slot_changed(&mut self, view: View) {
        if let Some(child) = self.slots.get_mut(&view.key) {
            child.view = view;
            self.dirty = true;
        }
    }

    /// Custody of the bank in this slot changed.
    pub(super) fn moved(&mut self, key: SlotKey) {
        let bank = self.context.banks.in_slot(self.id(), key);
        let offered = bank.as_ref().is_some_and(|sn| self.context.banks.is_offered(sn));
        self.tell_slot(key, slot::Msg::Occupied { bank, offered });
        if let Some(child) = self.slots.get_mut(&key) {
            child.reading = None; // it may have taken its reading for out of date
        }
    }
}
