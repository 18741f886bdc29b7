//! What a machine does later.

use domain::ids::{SlotKey, Sn};

use super::ejects;
use super::uplink::Uplink;

/// What is due later.
#[derive(Debug)]
pub(super) enum Due {
    Boot,
    /// From the HTTP connect call on.
    Connect,
    /// From the broker on.
    Redial,
    Heartbeat,
    /// The periodic report; sets the next one.
    Report,
    /// One report over HTTP.
    Upload,
    Adverts,
    /// A report over MQTT for `check` (old firmware may list five) or `check_all`.
    CheckAnswer {
        may_list_five: bool,
    },
    WifiAnswer,
    Release(ejects::Eject),
    EjectAnswer(ejects::Answer),
    Send(Uplink),
    HttpReturn {
        sn: Sn,
        slot: u16,
        level: u8,
    },
    SelfCheck {
        key: SlotKey,
    },
    /// Past the rules already.
    Transmit(Uplink),
    FlushHeld,
    FallBack {
        sn: Sn,
    },
    Step(usize),
}
