//! What one simulated cabinet is: identity, build, contents, firmware, habits. Fixed for its
//! life; what changes at run time is in `faults`.

use std::net::IpAddr;
use std::sync::Arc;

use devices::Signal;
use domain::ids::{DeviceUuid, SlotKey};
use serde::{Deserialize, Serialize};

use crate::bank::Bank;
use crate::clock::{WallClock, system_clock};
use crate::events::Observer;
use crate::faults::Faults;
use crate::layout::Layout;
use crate::script::Script;
use crate::timing::Timing;

/// Everything needed to start a cabinet. `Spec::new` gives one that behaves well.
#[expect(clippy::struct_excessive_bools, reason = "independent habits of firmware")]
#[derive(Clone)]
pub struct Spec {
    pub uuid: DeviceUuid,
    /// Where its HTTP calls go, without a slash at the end, such as `http://127.0.0.1:8080`.
    pub base_url: String,
    pub layout: Layout,
    /// What is in it at first; a slot that does not exist or is named twice is left out.
    pub banks: Vec<(SlotKey, Bank)>,
    pub generation: Generation,
    pub timing: Timing,
    pub return_form: ReturnForm,
    pub signal: Signal,
    /// The code after `BP:` in heartbeats.
    pub backup_power: u8,
    /// Quality of what it publishes.
    pub qos: Qos,
    /// Off: the broker keeps messages for it while it is away.
    pub clean_session: bool,
    /// Address its connections come from.
    pub source_addr: Option<IpAddr>,
    /// Same seed and same inputs: same outputs.
    pub seed: u64,
    /// Replaces broker host and port of the connect answer, for brokers behind a proxy.
    pub broker: Option<(String, u16)>,
    /// Networks it lists when asked to scan.
    pub ssids: Vec<String>,
    /// Ejects that may wait while one runs; more are answered FD. 0: a second one is answered FE.
    pub eject_queue: usize,
    /// Old firmware: `check` lists the five fullest banks only.
    pub check_lists_five: bool,
    /// A self-check event (and with it a report) follows every accepted return.
    pub self_check_after_return: bool,
    /// Refuses banks whose area is not the one in the config answer.
    pub checks_area: bool,
    pub faults: Faults,
    pub script: Option<Script>,
    /// Wall clock for eject time limits; a test with a clock of its own gives that one here.
    pub clock: WallClock,
    /// How many events are kept for `events`; 0 keeps none.
    pub events_kept: usize,
    /// Called with every event as it happens. Must be quick and must not call the cabinet.
    pub observer: Option<Observer>,
}

/// Which set of HTTP paths the firmware knows.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Generation {
    /// `/api/rentbox/client/..`
    #[default]
    Newer,
    /// `/api/iot/client/con`, as cabinets without a screen call it (POST).
    Older,
    /// The same by GET, as cabinets with a screen do.
    OlderScreen,
}

/// The three lengths of a return event.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ReturnForm {
    Bytes13,
    Bytes14,
    #[default]
    Bytes15,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Qos {
    AtMostOnce,
    #[default]
    AtLeastOnce,
}

impl Spec {
    /// A well-behaved cabinet with real timing, one board of 8 slots and nothing in it.
    pub fn new(uuid: impl Into<DeviceUuid>, base_url: impl Into<String>) -> Spec {
        Spec {
            uuid: uuid.into(),
            base_url: base_url.into(),
            layout: Layout::of(8),
            banks: Vec::new(),
            generation: Generation::default(),
            timing: Timing::real(),
            return_form: ReturnForm::default(),
            signal: Signal::Csq(27),
            backup_power: 0,
            qos: Qos::default(),
            clean_session: true,
            source_addr: None,
            seed: 1,
            broker: None,
            ssids: vec!["Kathmandu_Cafe".to_owned(), "TP-LINK_5G".to_owned()],
            eject_queue: 0,
            check_lists_five: false,
            self_check_after_return: false,
            checks_area: false,
            faults: Faults::default(),
            script: None,
            clock: system_clock(),
            events_kept: 4096,
            observer: None,
        }
    }

    #[must_use]
    pub fn layout(self, layout: Layout) -> Spec {
        Spec { layout, ..self }
    }

    #[must_use]
    pub fn timing(self, timing: Timing) -> Spec {
        Spec { timing, ..self }
    }

    #[must_use]
    pub fn seed(self, seed: u64) -> Spec {
        Spec { seed, ..self }
    }

    /// Fills the first slots that are still free, in the order of the layout. Banks beyond the
    /// last slot are left out.
    #[must_use]
    pub fn with_banks<B: Into<Bank>>(mut self, banks: impl IntoIterator<Item = B>) -> Spec {
        let taken: Vec<SlotKey> = self.banks.iter().map(|(key, _)| *key).collect();
        let free: Vec<SlotKey> = self.layout.keys().filter(|key| !taken.contains(key)).collect();
        self.banks.extend(free.into_iter().zip(banks.into_iter().map(Into::into)));
        self
    }

    /// Calls `observer` with every event of this cabinet.
    #[must_use]
    pub fn observed_by(self, observer: Observer) -> Spec {
        Spec { observer: Some(Arc::clone(&observer)), ..self }
    }
}
