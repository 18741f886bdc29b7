//! One actor per cabinet. It knows whether the cabinet can be reached, runs the one eject that
//! may be open, and compares every report with the books. It writes its own row, its slots and
//! banks that no rental carries; it never decides about money.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use chrono::{DateTime, Utc};
use devices::Uplink;
use domain::ids::{CommandId, RentalId, SlotKey, Sn, StationId};
use domain::presence::{Presence, Session};
use domain::slot::Reading;
use domain::station::Layout;
use ractor::{Actor, ActorId, ActorProcessingErr, ActorRef, RpcReplyPort, SupervisionEvent};

use super::Context;
use super::availability::Info;
use super::mailbox::{Depth, Mailbox};
use super::slot::{SlotMailbox, View};
use super::storm::Ended;
use super::timers::{Alarm, Generation};
use crate::link::Ack;
use crate::spawn::restart::Budget;
use crate::store::fact::RawFrame;

mod asks;
mod children;
mod claims;
mod connect;
mod inbound;
mod inventory;
mod lane;
mod layout;
mod presence;
mod recover;
mod report;
mod service;
mod settled;
mod show;
mod turn;
mod unsent;
mod verify;

pub use asks::Described;
pub use lane::{PublishEject, Reserve, ReserveRefusal, Reserved};
pub use service::EjectAsk;

/// What came from a cabinet, over either channel.
#[derive(Debug)]
pub struct Inbound {
    pub uplink: Uplink,
    pub raw: RawFrame,
    pub at: DateTime<Utc>,
    /// Not from before our subscription was complete.
    pub live: bool,
    /// The cabinet sent it after this instant; equals `at` when live.
    pub earliest: DateTime<Utc>,
    pub ack: Option<Ack>,
}

pub struct StationActor;

pub enum Msg {
    Inbound(Box<Inbound>),
    /// The broker saw the cabinet come or go.
    Session {
        connected: bool,
        at: DateTime<Utc>,
    },
    /// Our own link to the broker is down since then.
    LinkLost {
        at: DateTime<Utc>,
    },
    LinkBack {
        at: DateTime<Utc>,
    },
    /// A slot is not what it was.
    SlotChanged(View),
    /// Custody changed by a rental's fact: this bank is in the slot now, or none.
    Moved(SlotKey),
    /// A start asks for a bank and for its turn.
    Reserve(Reserve),
    /// That start came to nothing before its publish.
    Unreserve(CommandId),
    /// A start was refused by the books: a rental that is not known here has this bank.
    Engaged(Sn),
    /// The rental is committed: eject.
    Publish(PublishEject),
    /// The actor of a rental began anew, and does not know whether its eject was sent.
    LookInto(PublishEject),
    /// The eject's outcome is committed.
    EjectOver(CommandId),
    /// A rental wants a fresh report about its bank.
    Doubt {
        rental: RentalId,
        sn: Sn,
    },
    /// A fact about a bank without a rental is committed, or not.
    Inventoried {
        sns: Vec<Sn>,
        good: bool,
    },
    /// What was to be written to the station's row is committed.
    Written {
        version: i32,
        maintenance: bool,
        /// The slot that was taken out of service, or put back.
        slot: Option<(SlotKey, bool)>,
    },
    /// It was not, or nobody knows: the row as the database has it. None when the station is
    /// not in service any more.
    Reread(Option<Box<Seed>>),
    /// Somebody calls `connect` in the cabinet's name; answered whether it may be the cabinet.
    Connecting {
        may_wait: bool,
        reply: RpcReplyPort<bool>,
    },
    /// An operator asks for a whole report; answered when it came.
    Check(RpcReplyPort<bool>),
    /// An operator takes a bank out, without a rental.
    EjectForService(EjectAsk),
    /// Who asked for it is written down.
    EjectNoted {
        ask: EjectAsk,
        sn: Sn,
    },
    /// An operator takes the station, or one slot of it, out of service, or puts it back.
    Maintenance {
        slot: Option<SlotKey>,
        on: bool,
        actor: String,
        reply: RpcReplyPort<bool>,
    },
    /// An operator says something else of it: name, place, password.
    Told(Box<Seed>),
    Describe(RpcReplyPort<Described>),
    /// Its check may be sent now.
    Turn,
    /// A slot that died may be started again.
    SlotAgain(SlotKey),
    Tick(Generation),
}

/// What a station begins with; kept by its supervisor and brought up to date by it.
#[derive(Clone, Debug)]
pub struct Seed {
    pub info: Arc<Info>,
    pub version: i32,
    pub maintenance: bool,
    pub layout: Layout,
    pub slots_in_maintenance: BTreeSet<SlotKey>,
    pub slot_versions: BTreeMap<SlotKey, i32>,
    /// What the slots said before the service started; shown as stale.
    pub readings: BTreeMap<SlotKey, Reading>,
    pub heard_at: Option<DateTime<Utc>>,
    pub whole_at: Option<DateTime<Utc>>,
}

pub struct Args {
    pub seed: Seed,
    pub depth: Depth,
    pub context: Arc<Context>,
}

pub struct State {
    context: Arc<Context>,
    seed: Seed,
    myself: Mailbox<Msg>,
    depth: Depth,
    alarm: Alarm,

    slots: BTreeMap<SlotKey, Child>,
    slot_ids: BTreeMap<ActorId, SlotKey>,

    presence: Presence,
    /// When the cabinet last came back to us, or we to it.
    up_since: Option<DateTime<Utc>>,
    /// A whole report came since the service started.
    confirmed: bool,
    /// No bank of an open rental was in the cabinet at some instant after this: the last whole
    /// report that showed none. Kept over a restart, so it must hold whatever was not committed.
    whole_at: Option<DateTime<Utc>>,
    seq: i64,

    lane: lane::Lane,
    check: claims::Checking,
    calling: connect::Calling,
    /// Banks whose fact is under way.
    moving: BTreeSet<Sn>,
    settled: Option<settled::Settled>,
    row_write: layout::RowWrite,
    dirty: bool,
    shown_version: u64,
}

struct Child {
    mailbox: Option<SlotMailbox>,
    view: View,
    budget: Budget,
    /// What it was told last; the same reading again is not sent.
    reading: Option<Reading>,
}

impl Actor for StationActor {
    type Msg = Msg;
    type State = State;
    type Arguments = Args;

    async fn pre_start(
        &self,
        myself: ActorRef<Msg>,
        args: Args,
    ) -> Result<State, ActorProcessingErr> {
        let mut state = State::new(&myself, args);
        state.raise_slots(&myself).await?;
        state.recover();
        state.settle_down().await;
        Ok(state)
    }

    #[tracing::instrument(name = "station", level = "debug", skip_all,
        fields(station.serial = %state.seed.info.serial))]
    async fn handle(
        &self,
        myself: ActorRef<Msg>,
        message: Msg,
        state: &mut State,
    ) -> Result<(), ActorProcessingErr> {
        state.depth.taken();
        state.mind_settled(&message);
        state.mind_session().await;
        match message {
            Msg::Inbound(inbound) => state.inbound(*inbound, &myself).await,
            Msg::Session { connected: true, at } => state.session_began(at).await,
            Msg::Session { connected: false, at } => state.session_ended(at),
            Msg::LinkLost { at } => state.link_lost(at),
            Msg::LinkBack { at } => state.link_back(at).await,
            Msg::SlotChanged(view) => state.slot_changed(view),
            Msg::Moved(key) => state.moved(key),
            Msg::Reserve(reserve) => state.reserve(reserve).await,
            Msg::Unreserve(command) => state.unreserve(command),
            Msg::Engaged(sn) => state.set_aside(sn),
            Msg::Publish(publish) => state.publish(publish).await,
            Msg::LookInto(publish) => state.look_into(publish),
            Msg::EjectOver(command) => state.eject_over(command),
            Msg::Doubt { rental, sn } => state.doubt(rental, sn).await,
            Msg::Inventoried { sns, good } => state.inventoried(&sns, good),
            Msg::Written { version, maintenance, slot } => {
                state.written(version, maintenance, slot);
            }
            Msg::Reread(seed) => state.reread(seed, &myself).await,
            Msg::Connecting { may_wait, reply } => state.connecting(may_wait, reply).await,
            Msg::Check(reply) => state.asked_to_check(reply).await,
            Msg::EjectForService(ask) => state.eject_for_service(ask),
            Msg::EjectNoted { ask, sn } => state.eject_noted(ask, sn).await,
            Msg::Maintenance { slot: None, on, actor, reply } => state.maintain(on, actor, reply),
            Msg::Maintenance { slot: Some(key), on, actor, reply } => {
                state.maintain_slot(key, on, actor, reply);
            }
            Msg::Told(seed) => state.told(*seed),
            Msg::Describe(reply) => state.describe(reply),
            Msg::Turn => state.turn_came().await,
            Msg::SlotAgain(key) => state.raise_slot(key, &myself).await,
            Msg::Tick(generation) => state.tick(generation).await,
        }
        state.settle_down().await;
        Ok(())
    }

    async fn handle_supervisor_evt(
        &self,
        _: ActorRef<Msg>,
        event: SupervisionEvent,
        state: &mut State,
    ) -> Result<(), ActorProcessingErr> {
        match event {
            SupervisionEvent::ActorFailed(child, error) => state.slot_failed(&child, &error),
            SupervisionEvent::ActorTerminated(child, ..) => state.slot_ended(&child),
            SupervisionEvent::ActorStarted(_) | SupervisionEvent::ProcessGroupChanged(_) => {}
        }
        Ok(())
    }
}

impl State {
    fn new(myself: &ActorRef<Msg>, args: Args) -> State {
        let Args { seed, depth, context } = args;
        let max = context.settings.mailbox_max;
        let myself = Mailbox::new(myself.clone(), depth.clone(), max, "station");
        context.stations.open(seed.info.id, myself.clone());
        context.storm.over(seed.info.id, Ended::Gone, context.clock.now());
        let presence = Presence {
            heard_at: seed.heard_at,
            session: context.session_of(&seed.info.uuid),
            ..Presence::default()
        };
        State {
            myself,
            depth,
            alarm: Alarm::default(),
            slots: BTreeMap::new(),
            slot_ids: BTreeMap::new(),
            presence,
            up_since: None,
            confirmed: false,
            whole_at: seed.whole_at,
            seq: context.clock.now().timestamp_micros(),
            lane: lane::Lane::default(),
            check: claims::Checking::default(),
            calling: connect::Calling::new(context.untold_since(&seed.info.uuid)),
            moving: BTreeSet::new(),
            settled: None,
            row_write: layout::RowWrite::default(),
            dirty: true,
            shown_version: 0,
            seed,
            context,
        }
    }

    fn id(&self) -> StationId {
        self.seed.info.id
    }

    fn now(&self) -> DateTime<Utc> {
        self.context.clock.now()
    }

    /// After every message: whoever waits is served, riders see the change, and the alarm is
    /// set to the next thing that is due.
    async fn settle_down(&mut self) {
        self.serve_waiting().await;
        self.admit_callers();
        self.show();
        let now = self.now();
        let due = [
            self.presence.next_change(now, &self.context.settings.presence),
            self.lane.next_due(&self.context.settings),
            self.check.next_due(self.is_reachable()),
            self.calling.next_due(),
        ];
        let due = due.into_iter().flatten().min();
        self.alarm.set(due, &self.context.clock, &self.myself, Msg::Tick);
    }

    async fn tick(&mut self, generation: Generation) {
        if !self.alarm.is_due(generation) {
            return;
        }
        self.dirty = true; // presence may have changed by time alone
        self.lane_due().await;
        self.check_due().await;
    }

    /// What is told before any report: the broker's word, or nothing.
    fn is_reachable(&self) -> bool {
        self.presence.is_reachable(self.now(), &self.context.settings.presence)
            && self.context.link_is_up()
    }

    fn needs_check_first(&self) -> bool {
        let silence = self.presence.unheard_for(self.now());
        let silent = silence.is_none_or(|s| s >= self.context.settings.silence_check);
        !self.confirmed || (self.presence.session == Session::Untold && silent)
    }
}
