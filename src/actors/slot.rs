//! One actor per slot, and the only holder of its state. It decides nothing: `domain::slot`
//! does. It persists nothing by itself: who is in it is the custody of a bank, what it says is
//! telemetry.

use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use domain::ids::{CommandId, SlotKey, Sn};
use domain::slot::{Ejecting, Reading, Refusal, Rules, Slot, Standing};
use ractor::{Actor, ActorProcessingErr, ActorRef, RpcReplyPort};

use super::mailbox::{Depth, Mailbox};
use super::station;
use super::timers::{Alarm, Generation};
use crate::clock::Clock;

/// Messages that may wait: a report, a hold and its release, and then some.
pub const MAILBOX_MAX: usize = 64;
/// How long a station waits for its slot.
pub const PATIENCE: Duration = Duration::from_millis(500);

pub type SlotMailbox = Mailbox<Msg>;

pub struct SlotActor;

pub enum Msg {
    /// The cabinet said something about this slot.
    Observed(Reading),
    /// The last report left it out.
    LeftOut,
    /// Custody changed: this bank is in it, or none.
    Occupied {
        bank: Option<Sn>,
        offered: bool,
    },
    /// Sets its bank aside for one start.
    Hold {
        sn: Sn,
        command: CommandId,
        ttl: TimeDelta,
        reply: RpcReplyPort<Result<(), Refusal>>,
    },
    Release(CommandId),
    /// Its bank is being ejected, or not any more.
    Ejecting(Option<Ejecting>),
    Maintenance(bool),
    Tick(Generation),
}

pub struct Args {
    pub slot: Slot,
    pub rules: Rules,
    pub clock: Clock,
    pub station: Mailbox<station::Msg>,
    pub depth: Depth,
}

pub struct State {
    slot: Slot,
    told: Option<View>,
    alarm: Alarm,
    myself: SlotMailbox,
    args: Args,
}

/// What a slot is to its station.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct View {
    pub key: SlotKey,
    pub standing: Standing,
    pub rentable: bool,
    pub sn: Option<Sn>,
    /// Percent.
    pub level: Option<u8>,
    pub maintenance: bool,
}

impl View {
    /// A slot that nobody has heard of yet.
    pub fn unheard(key: SlotKey) -> View {
        let standing = Standing::Stale;
        View { key, standing, rentable: false, sn: None, level: None, maintenance: false }
    }
}

impl Actor for SlotActor {
    type Msg = Msg;
    type State = State;
    type Arguments = Args;

    async fn pre_start(
        &self,
        myself: ActorRef<Msg>,
        args: Args,
    ) -> Result<State, ActorProcessingErr> {
        let myself = Mailbox::new(myself, args.depth.clone(), MAILBOX_MAX, "slot");
        let alarm = Alarm::default();
        let mut state = State { slot: args.slot.clone(), told: None, alarm, myself, args };
        state.tell();
        Ok(state)
    }

    async fn handle(
        &self,
        _: ActorRef<Msg>,
        message: Msg,
        state: &mut State,
    ) -> Result<(), ActorProcessingErr> {
        state.args.depth.taken();
        let now = state.args.clock.now();
        match message {
            Msg::Observed(reading) => state.slot.observe(reading),
            Msg::LeftOut => state.slot.stale = true,
            Msg::Occupied { bank, offered } => state.slot.occupy(bank, offered),
            Msg::Hold { sn, command, ttl, reply } => state.hold(&sn, command, ttl, now, reply),
            Msg::Release(command) => state.slot.release(command),
            Msg::Ejecting(ejecting) => state.slot.eject = ejecting,
            Msg::Maintenance(on) => state.slot.maintenance = on,
            Msg::Tick(generation) => drop(state.alarm.is_due(generation)),
        }
        state.tell();
        Ok(())
    }
}

impl State {
    fn hold(
        &mut self,
        sn: &Sn,
        command: CommandId,
        ttl: TimeDelta,
        now: DateTime<Utc>,
        reply: RpcReplyPort<Result<(), Refusal>>,
    ) {
        let held = self.slot.hold(sn, command, now, ttl, &self.args.rules);
        if reply.send(held).is_err() {
            self.slot.release(command); // the station gave up waiting
        }
    }

    /// Tells the station what changed, and wakes up when the hold runs out.
    fn tell(&mut self) {
        let now = self.args.clock.now();
        let until = self.slot.hold.map(|hold| hold.until).filter(|until| *until > now);
        self.alarm.set(until, &self.args.clock, &self.myself, Msg::Tick);
        let view = self.view(now);
        if self.told.as_ref() != Some(&view) {
            let taken = self.args.station.cast(station::Msg::SlotChanged(view.clone()));
            // a station whose mailbox is full is told with the next message
            self.told = taken.ok().map(|()| view);
        }
    }

    fn view(&self, now: DateTime<Utc>) -> View {
        let slot = &self.slot;
        View {
            key: slot.key,
            standing: slot.standing(now),
            rentable: slot.is_rentable(&self.args.rules, now),
            sn: slot.bank.clone(),
            level: slot.reading.as_ref().and_then(|reading| reading.level),
            maintenance: slot.maintenance,
        }
    }
}
