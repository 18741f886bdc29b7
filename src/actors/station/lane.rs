//! The one lane out of a cabinet: who may eject next, and the publish itself. An eject is
//! published at most once, only while the cabinet can be reached and only while this node
//! owns the database.

use std::collections::VecDeque;
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use devices::{Downlink, TimeLimit};
use domain::eject::{OpenEject, Settlement};
use domain::ids::{CommandId, SlotKey, Sn};
use domain::rental::Phase;
use domain::slot::{Ejecting, Standing};
use domain::station::{Offer, pick};

use super::service::Service;
use super::unsent::Unsent;
use super::{Child, State};
use crate::actors::settings::Settings;
use crate::actors::slot;

mod engaged;
mod later;
mod recent;
mod reserve;

#[cfg(test)]
mod tests;

use engaged::Engaged;
pub(super) use later::Proof;
pub(super) use recent::Recent;
pub use reserve::{PublishEject, Reserve, ReserveRefusal, Reserved};

#[derive(Default)]
pub(super) struct Lane {
    pub eject: Option<OpenEject>,
    /// When the open eject wants to be looked at.
    pub eject_due: Option<DateTime<Utc>>,
    /// Its outcome, until its rental has stored it.
    pub settlement: Option<Settlement>,
    /// Ejects of before a restart that are looked into after it.
    pub later: VecDeque<OpenEject>,
    pub unsent: Unsent,
    pub service: Option<Service>,
    pub engaged: Engaged,
    grant: Option<Grant>,
    waiting: Option<Waiting>,
    published_at: Option<DateTime<Utc>>,
    recent: Vec<Recent>,
}

struct Grant {
    command: CommandId,
    key: SlotKey,
    until: DateTime<Utc>,
}

struct Waiting {
    reserve: Reserve,
    /// For its turn.
    until: DateTime<Utc>,
    /// For the first report since the service started.
    confirmed_by: DateTime<Utc>,
}

impl Waiting {
    /// The cabinet has said what it holds: the lane alone is waited for.
    fn for_its_turn(self) -> Waiting {
        Waiting { confirmed_by: self.until, ..self }
    }
}

impl Lane {
    pub fn resume(&mut self, eject: OpenEject) {
        self.eject_due = Some(eject.sent_at);
        self.eject = Some(eject);
    }

    pub fn published_at(&self) -> Option<DateTime<Utc>> {
        self.published_at
    }

    pub fn note_publish(&mut self, at: DateTime<Utc>) {
        self.published_at = Some(at);
    }

    /// When the next eject may be published, if no eject is open.
    fn free_at(&self, gap: TimeDelta) -> Option<DateTime<Utc>> {
        self.published_at.map(|at| at + gap)
    }

    pub fn is_free(&self, now: DateTime<Utc>, gap: TimeDelta) -> bool {
        self.is_idle() && self.free_at(gap).is_none_or(|at| at <= now)
    }

    /// Nothing has the lane or is about to have it, so that another eject may be looked into.
    pub fn may_resume(&self) -> bool {
        self.eject.is_none() && self.grant.is_none()
    }

    fn is_idle(&self) -> bool {
        self.may_resume() && self.service.is_none()
    }

    /// An eject has no end, or somebody waits for one.
    pub fn is_busy(&self) -> bool {
        let open = self.eject.is_some() || !self.later.is_empty();
        open || self.waiting.is_some() || self.service.is_some()
    }

    /// Not even an eject that is over may be told of by a report.
    pub fn is_quiet(&self) -> bool {
        !self.is_busy() && self.grant.is_none() && self.recent.iter().all(|recent| recent.shown)
    }

    /// It may be published, and was not.
    pub fn has_turn(&self, command: CommandId) -> bool {
        self.grant.as_ref().is_some_and(|grant| grant.command == command)
    }

    /// It is being looked into, now or later.
    pub fn knows(&self, command: CommandId) -> bool {
        self.eject.iter().chain(&self.later).any(|eject| eject.command == command)
    }

    pub fn next_due(&self, settings: &Settings) -> Option<DateTime<Utc>> {
        let waiting = self.waiting.as_ref().map(|w| w.until.min(w.confirmed_by));
        let rested = self.waiting.as_ref().filter(|_| self.is_idle());
        let turn = rested.and_then(|_| self.free_at(settings.eject_gap));
        let grant = self.grant.as_ref().map(|grant| grant.until);
        let service = self.service.as_ref().map(|service| service.until);
        let dues = [self.eject_due, waiting, turn, grant, service, self.unsent.next_due()];
        dues.into_iter().flatten().min()
    }
}

impl State {
    /// A start asks for a bank. It is refused at once where that is certain, else it gets the
    /// lane, or waits behind the eject that has it.
    pub(super) async fn reserve(&mut self, reserve: Reserve) {
        let now = self.now();
        self.reap();
        if let Err(refusal) = self.may_reserve(&reserve) {
            let _ = reserve.reply.send(Err(refusal)); // the start may have given up
            return;
        }
        let settings = &self.context.settings;
        let (until, confirmed_by) =
            (now + settings.publish_within, now + settings.unconfirmed_check);
        let unsure = self.needs_check_first();
        self.lane.waiting = Some(Waiting { reserve, until, confirmed_by });
        if unsure {
            self.ask_for_report("start").await;
        }
    }

    fn may_reserve(&self, reserve: &Reserve) -> Result<(), ReserveRefusal> {
        if self.seed.maintenance {
            return Err(ReserveRefusal::Maintenance);
        }
        if !self.is_reachable() {
            return Err(ReserveRefusal::Offline);
        }
        let is_known = !self.needs_check_first() && !self.slots_are_due();
        if is_known && self.offer(reserve.wanted.as_ref()).is_none() {
            return Err(self.lack(reserve.wanted.as_ref()));
        }
        if self.lane.waiting.is_some()
            || self.lane.eject.as_ref().is_some_and(OpenEject::is_unknown)
        {
            let retry_after = self.retry_after();
            return Err(ReserveRefusal::Busy { retry_after });
        }
        Ok(())
    }

    fn lack(&self, wanted: Option<&Sn>) -> ReserveRefusal {
        let here = |sn: &Sn| self.context.banks.at(self.id()).values().any(|known| known == sn);
        match wanted {
            Some(sn) if !here(sn) => ReserveRefusal::NotHere,
            Some(_) | None => ReserveRefusal::NoBank,
        }
    }

    fn retry_after(&self) -> Duration {
        let gap = self.context.settings.eject_gap;
        let free_at = self.lane.free_at(gap).unwrap_or_else(|| self.now() + gap);
        (free_at - self.now()).to_std().unwrap_or_default().max(Duration::from_secs(1))
    }

    fn offer(&self, wanted: Option<&Sn>) -> Option<Offer> {
        let now = self.now();
        let offers: Vec<Offer> = self
            .slots
            .values()
            .filter(|child| child.view.rentable && child.mailbox.is_some())
            .filter_map(|child| {
                let (sn, level) = (child.view.sn.clone()?, child.view.level?);
                let free =
                    self.context.rentals.of_bank(&sn).is_none() && !self.lane.engaged.has(&sn, now);
                free.then_some(Offer { key: child.view.key, sn, level })
            })
            .collect();
        pick(offers.iter(), wanted).cloned()
    }

    /// Serves the start that waits, if its turn has come, or refuses it if its time is over.
    pub(super) async fn serve_waiting(&mut self) {
        let now = self.now();
        let Some(waiting) = self.lane.waiting.take() else { return };
        if !self.is_reachable() {
            let _ = waiting.reserve.reply.send(Err(ReserveRefusal::Offline));
            return;
        }
        if self.needs_check_first() {
            if now < waiting.confirmed_by {
                self.lane.waiting = Some(waiting);
            } else {
                let _ = waiting.reserve.reply.send(Err(ReserveRefusal::Offline));
            }
            return;
        }
        let nothing = || self.offer(waiting.reserve.wanted.as_ref()).is_none();
        if now < waiting.confirmed_by && self.slots_are_due() && nothing() {
            self.lane.waiting = Some(waiting);
        } else if self.lane.is_free(now, self.context.settings.eject_gap) {
            self.grant(waiting.reserve).await;
        } else if now < waiting.until {
            self.lane.waiting = Some(waiting.for_its_turn());
        } else {
            let retry_after = self.retry_after();
            let _ = waiting.reserve.reply.send(Err(ReserveRefusal::Busy { retry_after }));
        }
    }

    /// A report came, and slots have not said yet what they are by it.
    fn slots_are_due(&self) -> bool {
        let told = |child: &Child| child.mailbox.is_some() && child.reading.is_some();
        self.slots.values().any(|child| told(child) && child.view.standing == Standing::Stale)
    }

    async fn grant(&mut self, reserve: Reserve) {
        for _ in 0..=self.slots.len() {
            let Some(offer) = self.offer(reserve.wanted.as_ref()) else { break };
            if self.hold(&offer, reserve.command).await {
                return self.granted(offer, reserve);
            }
            if let Some(child) = self.slots.get_mut(&offer.key) {
                child.view.rentable = false; // it will say so itself if that changes
            }
        }
        let refusal = self.lack(reserve.wanted.as_ref());
        let _ = reserve.reply.send(Err(refusal));
    }

    async fn hold(&self, offer: &Offer, command: CommandId) -> bool {
        let Some(child) = self.slots.get(&offer.key) else { return false };
        let Some(mailbox) = &child.mailbox else { return false };
        let (sn, ttl) = (offer.sn.clone(), self.context.settings.hold);
        let ask = |reply| slot::Msg::Hold { sn, command, ttl, reply };
        matches!(mailbox.call(ask, slot::PATIENCE).await, Some(Ok(())))
    }

    fn granted(&mut self, offer: Offer, reserve: Reserve) {
        let until = self.now() + self.context.settings.publish_within;
        let (key, command) = (offer.key, reserve.command);
        let reserved = Reserved { key, sn: offer.sn, level: offer.level, publish_before: until };
        if reserve.reply.send(Ok(reserved)).is_ok() {
            self.lane.grant = Some(Grant { command, key, until });
        } else {
            self.tell_slot(key, slot::Msg::Release(command));
        }
    }

    pub(super) fn unreserve(&mut self, command: CommandId) {
        if let Some(grant) = self.lane.grant.take_if(|grant| grant.command == command) {
            self.tell_slot(grant.key, slot::Msg::Release(command));
            self.take_up_next();
        }
    }

    /// Ejects, or says that it was never sent.
    pub(super) async fn publish(&mut self, publish: PublishEject) {
        crate::failpoint::hold("before_publish").await;
        let now = self.now();
        let granted = self.lane.grant.take_if(|grant| grant.command == publish.command).is_some();
        // one that is looked into meanwhile has the lane: a cabinet has one open eject
        let granted = granted && self.lane.eject.is_none();
        let in_time = now <= publish.publish_before && self.context.lease.is_held();
        let command = Downlink::EjectBySn {
            sn: publish.sn.clone(),
            limit: Some(TimeLimit {
                at: self.context.clock.told(),
                ttl_s: self.context.settings.eject_ttl_s,
            }),
        };
        let sent = granted
            && in_time
            && self.is_reachable()
            && publish.go_ahead.take()
            && self.send(&command, publish.publish_before.min(self.owned_until(now))).await;
        crate::failpoint::hit("after_publish");
        self.tell_slot(publish.key, slot::Msg::Release(publish.command));
        if sent {
            let PublishEject { command, rental, sn, key, .. } = publish;
            let eject = OpenEject::published(command, rental, sn, key, now);
            self.lane.published_at = Some(now);
            self.lane.eject_due = Some(now + self.context.settings.eject.reply_wait);
            self.lane.settlement = None;
            self.lane.eject = Some(eject);
            self.tell_slot(key, slot::Msg::Ejecting(Some(Ejecting::Sent)));
        } else {
            self.never_sent(publish.command, publish.rental);
            self.take_up_next();
        }
    }

    /// Hands a command to the broker; true when it is on its way over a connection that is up.
    pub(super) async fn send(&self, command: &Downlink, deadline: DateTime<Utc>) -> bool {
        let sent = self.context.send(&self.seed.info.uuid, command, deadline).await;
        if let Err(error) = &sent {
            tracing::debug!(command = command.name(), %error, "a command was not published");
        }
        sent.is_ok()
    }

    /// Frees the lane of an eject whose rental is over and whose word for it was lost.
    fn reap(&mut self) {
        let Some(eject) = &self.lane.eject else { return };
        let stored = self.context.rentals.stored(eject.rental);
        if stored.is_none_or(|stored| stored.rental.phase != Phase::Dispensing) {
            self.eject_over(eject.command);
        }
    }

    /// Another instance may own the database from here on, if the lease is not renewed.
    pub(super) fn owned_until(&self, now: DateTime<Utc>) -> DateTime<Utc> {
        now + TimeDelta::from_std(self.context.lease.left()).unwrap_or_default()
    }

    /// The outcome of the eject is stored.
    pub(super) fn eject_over(&mut self, command: CommandId) {
        self.unreserve(command);
        self.lane.unsent.forget(command);
        self.drop_later(command);
        let Some(eject) = self.lane.eject.take_if(|eject| eject.command == command) else { return };
        let shown = self.lane.found_in(&eject);
        self.lane.eject_due = None;
        self.lane.settlement = None;
        if let Some(stored) = self.context.rentals.stored(eject.rental) {
            self.lane.remember(Recent {
                sn: eject.sn.clone(),
                rental: eject.rental,
                sent_at: eject.sent_at,
                until: stored.settle_until,
                shown,
            });
        }
        self.tell_slot(eject.key, slot::Msg::Ejecting(None));
        self.moved(eject.key);
        self.take_up_next();
    }

    pub(super) async fn lane_due(&mut self) {
        let now = self.now();
        if let Some(grant) = self.lane.grant.take_if(|grant| grant.until <= now) {
            self.tell_slot(grant.key, slot::Msg::Release(grant.command));
            self.take_up_next();
        }
        self.service_due(now);
        self.unsent_due(now);
        self.eject_due(now).await;
    }
}
