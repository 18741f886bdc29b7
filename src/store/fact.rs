//! What one transaction writes: a fact, whole or not at all. Built by actors from what the
//! rules decided; written by the writer alone.

use chrono::{DateTime, Utc};
use domain::bank::{Condition, Custody, Fingerprint};
use domain::effect::Effect;
use domain::ids::{DeviceUuid, IncidentId, IntentId, RentalId, RiderId, SlotKey, Sn, StationId};
use domain::invoice::Draft;
use domain::ledger::{Gateway, Movement};
use domain::money::Money;
use domain::payment::Errand;
use domain::rental::{Event, Rental};
use serde_json::Value;

mod refunds;
mod withdrawals;

pub use refunds::{NewRefund, RefundStep, RefundWrite};
pub use withdrawals::{NewWithdrawal, WithdrawalStep, WithdrawalWrite};

/// Everything that becomes true together. Empty parts write nothing.
#[derive(Clone, Debug)]
pub struct Fact {
    /// When it became true, by the service's clock.
    pub at: DateTime<Utc>,
    pub rental: Option<RentalWrite>,
    pub banks: Vec<BankWrite>,
    pub slots: Vec<SlotWrite>,
    pub station: Option<StationWrite>,
    pub movements: Vec<Movement>,
    pub intent: Option<IntentWrite>,
    pub withdrawal: Option<WithdrawalWrite>,
    pub refund: Option<RefundWrite>,
    pub gateway_event: Option<GatewayEvent>,
    /// An invoice or a credit note, which gets its number when this is written.
    pub document: Option<Box<Draft>>,
    pub effects: Vec<Effect>,
    pub incidents: Vec<NewIncident>,
    pub frame: Option<RawFrame>,
    pub key: Option<KeyWrite>,
    pub audit: Option<AuditEntry>,
}

impl Fact {
    pub fn at(at: DateTime<Utc>) -> Fact {
        Fact {
            at,
            rental: None,
            banks: vec![],
            slots: vec![],
            station: None,
            movements: vec![],
            intent: None,
            withdrawal: None,
            refund: None,
            gateway_event: None,
            document: None,
            effects: vec![],
            incidents: vec![],
            frame: None,
            key: None,
            audit: None,
        }
    }
}

/// A rental's row and the events that led to it. The row's version grows by one for each
/// event; a new rental starts at the number of its events.
#[derive(Clone, Debug)]
pub struct RentalWrite {
    /// The version that was read; `None` makes a new row.
    pub before: Option<i32>,
    pub after: Rental,
    pub events: Vec<Event>,
    /// Until when a late answer of the cabinet may reopen it.
    pub settle_until: DateTime<Utc>,
}

impl RentalWrite {
    /// The version of the row once this is committed.
    pub fn version(&self) -> i32 {
        let grown = i32::try_from(self.events.len()).unwrap_or(i32::MAX);
        self.before.unwrap_or(0).saturating_add(grown)
    }
}

/// A bank changes hands. Its version grows by one; a new bank starts at 1.
#[derive(Clone, Debug)]
pub struct BankWrite {
    pub sn: Sn,
    /// The version that was read; `None` makes a new row.
    pub before: Option<i32>,
    pub custody: Custody,
    pub condition: Condition,
    pub consumed: Vec<Fingerprint>,
    /// A word for the history: `ejected`, `returned`, `seen`, `gone`, `adopted`, …
    pub cause: &'static str,
    pub rental: Option<RentalId>,
}

/// A slot appears, goes, or is taken out of service.
#[derive(Clone, Debug)]
pub struct SlotWrite {
    pub station: StationId,
    pub key: SlotKey,
    pub change: SlotChange,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SlotChange {
    /// At version 1.
    Add,
    Remove {
        version: i32,
    },
    Maintenance {
        version: i32,
        on: bool,
    },
}

/// The part of a station's row that its actor changes.
#[derive(Clone, Debug)]
pub struct StationWrite {
    pub station: StationId,
    pub before: i32,
    pub layout_confirmed: bool,
    pub is_maintenance: bool,
}

#[derive(Clone, Debug)]
pub enum IntentWrite {
    Create(NewIntent),
    /// Only while it is not settled; the gateway's own number is used once.
    Settle {
        intent: IntentId,
        gateway: Gateway,
        gateway_txn_id: String,
    },
    /// It ended without money, unless it is settled by now.
    End {
        intent: IntentId,
        status: IntentEnd,
    },
    /// What it was paid for is done with it: once, and only with a settled one.
    Resumed {
        intent: IntentId,
        rental: RentalId,
    },
    /// What it was paid for cannot be done; its money stays in the wallet.
    NotResumed {
        intent: IntentId,
        error: String,
    },
}

impl IntentWrite {
    pub fn intent(&self) -> IntentId {
        match self {
            IntentWrite::Create(new) => new.id,
            IntentWrite::Settle { intent, .. }
            | IntentWrite::End { intent, .. }
            | IntentWrite::Resumed { intent, .. }
            | IntentWrite::NotResumed { intent, .. } => *intent,
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum IntentEnd {
    Failed,
    Cancelled,
    Expired,
}

#[derive(Clone, Debug)]
pub struct NewIntent {
    pub id: IntentId,
    pub rider: RiderId,
    pub gateway: Gateway,
    pub amount: Money,
    pub gateway_ref: String,
    pub redirect: Value,
    pub expires_at: DateTime<Utc>,
    /// When the gateway is asked unasked.
    pub next_check_at: Option<DateTime<Utc>>,
    /// What it is paid for, to be gone on with once it is settled.
    pub errand: Option<Box<Errand>>,
}

/// What a gateway said, as it may be kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GatewayEvent {
    pub gateway: Gateway,
    pub intent: Option<IntentId>,
    pub source: GatewaySource,
    /// Of sealed news: the same news is stored once.
    pub news_id: Option<String>,
    /// Of an answer over HTTP.
    pub status: Option<u16>,
    pub body: String,
    pub hash: [u8; 32],
}

/// How it came to us.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum GatewaySource {
    Start,
    Check,
    Refund,
    Redirect,
    Webhook,
}

impl GatewaySource {
    pub fn as_str(self) -> &'static str {
        match self {
            GatewaySource::Start => "start",
            GatewaySource::Check => "check",
            GatewaySource::Refund => "refund",
            GatewaySource::Redirect => "redirect",
            GatewaySource::Webhook => "webhook",
        }
    }
}

#[derive(Clone, Debug)]
pub struct NewIncident {
    pub id: IncidentId,
    pub kind: &'static str,
    /// What it is about, if it can be told again: nothing is written while an incident of this
    /// kind about the same is open.
    pub subject: Option<String>,
    pub station: Option<StationId>,
    pub rental: Option<RentalId>,
    pub bank: Option<Sn>,
    pub evidence: Value,
}

/// Bytes as a cabinet sent them.
#[derive(Clone, Debug)]
pub struct RawFrame {
    pub at: DateTime<Utc>,
    pub device: DeviceUuid,
    pub channel: Channel,
    /// What they were decoded to, or the code of the error.
    pub kind: &'static str,
    pub bytes: Vec<u8>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Channel {
    Mqtt,
    Http,
}

impl Channel {
    pub fn as_str(self) -> &'static str {
        match self {
            Channel::Mqtt => "mqtt",
            Channel::Http => "http",
        }
    }
}

/// Makes a second request with the same key answer like the first.
#[derive(Clone, Debug)]
pub struct KeyWrite {
    /// Whose key it is: `rider:7`, `operator:anna`.
    pub actor: String,
    pub key: String,
    pub route: &'static str,
    pub body_hash: [u8; 32],
    pub status: u16,
    /// What was made, to be rendered as it is when the key comes again.
    pub resource: Option<String>,
    /// Or the answer itself.
    pub response: Option<Value>,
}

/// Who did what to which thing.
#[derive(Clone, Debug)]
pub struct AuditEntry {
    pub actor: String,
    pub action: &'static str,
    pub target: String,
    pub details: Value,
}

/// A fact is written. The versions that its rows have from here on.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Committed {
    pub rental: Option<i32>,
    pub banks: Vec<(Sn, i32)>,
    pub slots: Vec<(SlotKey, i32)>,
    pub station: Option<i32>,
}

/// Why a fact is not written. Nothing of it is.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CommitError {
    /// The database could not be reached: state stands, ask again later.
    #[error("the database cannot be reached")]
    NotSent,
    /// The connection broke at the commit: it may be written or not. Read before anything else.
    #[error("the connection broke at the commit")]
    Ambiguous,
    /// A row was written since it was read.
    #[error("{0} was changed since it was read")]
    Stale(Row),
    /// A rule of the database says no.
    #[error("{0}")]
    Conflict(Conflict),
    /// A rider's account has not got what a movement takes.
    #[error("the account has not enough money")]
    Short { account: String },
    /// Another instance owns this database.
    #[error("another instance has taken over")]
    Fenced,
    /// The queue of facts is full.
    #[error("too many facts are waiting")]
    Busy,
    /// The database says something that it should not.
    #[error("the database refused a fact: {0}")]
    Corrupt(String),
}

/// Which kind of row is meant.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Row {
    #[error("a rental")]
    Rental,
    #[error("a bank")]
    Bank,
    #[error("a slot")]
    Slot,
    #[error("a station")]
    Station,
    #[error("a payment")]
    Intent,
    #[error("a withdrawal")]
    Withdrawal,
    #[error("a refund")]
    Refund,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Conflict {
    #[error("the rider has an open rental")]
    RiderHasRental,
    #[error("the bank has an open rental")]
    BankHasRental,
    #[error("the slot is dispensing")]
    SlotDispensing,
    #[error("the key was used before")]
    KeyUsed,
    #[error("the gateway's transaction was used before")]
    GatewayTransactionUsed,
    #[error("more would go out than a day allows")]
    DayLimit,
    #[error("more would go out than a month allows")]
    MonthLimit,
    #[error("a refund of this is under way")]
    RefundOpen,
    #[error("so much is not left to give back")]
    NothingLeft,
    #[error("the transfer was reversed before")]
    ReversedBefore,
    #[error("a cabinet with this uuid is enrolled")]
    DeviceUsed,
    #[error("a station with this serial is enrolled")]
    SerialUsed,
    #[error("the station has banks or an open rental")]
    StationInUse,
    #[error("an eject of the station has no end")]
    StationEjecting,
    #[error("a unique value was used before")]
    Duplicate,
}
