//! What can go wrong with a cabinet, and how often: rules that strike at commands, mechanics,
//! reports and frames, and switches that change its habits. Decides only; acting is the
//! machine's.

use std::time::Duration;

use domain::ids::{DeviceUuid, Sn};
use rand::Rng;
use serde::{Deserialize, Serialize};

#[cfg(test)]
mod tests;

/// One thing that goes wrong. Durations are real milliseconds, not sped up.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case", deny_unknown_fields)]
pub enum Fault {
    /// A command is neither carried out nor answered; any one when no name is given.
    Ignore {
        #[serde(default)]
        command: Option<String>,
    },
    /// An accepted eject takes this much longer.
    SlowEject { by_ms: u64 },
    /// An eject is answered with this code, and the bank leaves or stays whatever the code says.
    EjectCode {
        code: u8,
        #[serde(default)]
        out: bool,
    },
    /// The bank stays, its slot shows a jam (state 04), and the answer has this code.
    Jam { code: u8 },
    /// The eject is carried out and the answer names another bank.
    WrongSn { sn: Sn },
    /// The released bank falls back into its slot unless it was taken before.
    FallBack { after_ms: u64 },
    /// An eject with a time limit is answered 87: no clock to judge it by.
    NoClock,
    /// An eject is answered FD: queue full.
    QueueFull,
    /// An insertion ends with this code of table 7.3, with what follows for the bank: 01 and 03
    /// keep it, 11-14, 21-24 keep it unread, the rest push it out.
    ReturnCode { code: u8 },
    /// The frame is not sent.
    Lose { frame: FrameKind },
    /// The frame is sent later. Until then it is lost with the power.
    Delay { frame: FrameKind, by_ms: u64 },
    /// The frame is sent once more.
    Duplicate {
        frame: FrameKind,
        #[serde(default)]
        after_ms: u64,
    },
    /// The frame waits until another one was sent, at most this long.
    Reorder {
        frame: FrameKind,
        #[serde(default = "a_moment")]
        at_most_ms: u64,
    },
    /// The frame's checksum is wrong.
    Corrupt { frame: FrameKind },
    /// The last bytes of the frame are missing.
    Truncate { frame: FrameKind, bytes: usize },
    /// The previous frame of this kind is sent before this one, byte by byte the same.
    Replay { frame: FrameKind },
    /// A report lacks its last boards, and the last rows of the board before.
    Partial {
        #[serde(default)]
        boards_missing: usize,
        #[serde(default)]
        rows_missing: usize,
    },
    /// A report lists the five fullest banks only.
    TopFive,
    /// A `check` is answered over HTTP instead of MQTT.
    HttpOnly,
    /// Reports give this level for a bank, or for all.
    WrongLevel {
        #[serde(default)]
        sn: Option<Sn>,
        level: u8,
    },
}

const fn a_moment() -> u64 {
    2000
}

/// What a cabinet sends.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FrameKind {
    /// Every kind; only rules use it.
    Any,
    /// 0x31 and 0x21.
    EjectReply,
    /// 0x40.
    Return,
    /// 0x10 over MQTT.
    Report,
    /// 0x28.
    SelfCheck,
    /// 0x7A.
    Heartbeat,
    /// 0xCF.
    WifiList,
    HttpReport,
    HttpReturn,
    /// Sent by the caller, not by the cabinet's own will; rules never touch it.
    Raw,
}

/// A fault and how often it strikes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Rule {
    pub fault: Fault,
    /// How many occasions are left; `None` is always.
    pub next: Option<u32>,
    /// Occasions to let pass before.
    pub skip: u32,
    /// Chance per occasion in thousandths; an occasion it spares is not counted.
    pub permille: u16,
}

/// Rules and switches of one cabinet.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Faults {
    rules: Vec<Rule>,
    pub switches: Switches,
}

/// Habits that are on until they are put off. All off is a well-behaved cabinet.
#[expect(clippy::struct_excessive_bools, reason = "independent switches")]
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Switches {
    /// Carries out ejects however old they are.
    pub ignores_ttl: bool,
    /// Does not hear the echo of its heartbeats, so that it reboots.
    pub deaf_to_echo: bool,
    /// Never calls the HTTP return.
    pub no_http_return: bool,
    /// A cut link or lost power leaves connections open and silent instead of closing them.
    pub half_open: bool,
    /// Its wall clock is this many seconds ahead.
    pub clock_ahead_s: i64,
    /// Connects to the broker with this client id.
    pub client_id: Option<String>,
    /// Speaks and listens on the topics of this cabinet.
    pub topics_of: Option<DeviceUuid>,
}

impl Rule {
    /// Strikes every time.
    pub fn always(fault: Fault) -> Rule {
        Rule { fault, next: None, skip: 0, permille: 1000 }
    }

    /// Strikes the next `times` occasions.
    pub fn next(times: u32, fault: Fault) -> Rule {
        Rule { next: Some(times), ..Rule::always(fault) }
    }

    /// Lets `occasions` pass first.
    #[must_use]
    pub fn after(self, occasions: u32) -> Rule {
        Rule { skip: occasions, ..self }
    }

    /// Strikes by chance, in thousandths.
    #[must_use]
    pub fn by_chance(self, permille: u16) -> Rule {
        Rule { permille, ..self }
    }

    fn strikes(&mut self, chance: &mut impl Rng) -> bool {
        if self.next == Some(0) {
            return false;
        }
        if self.skip > 0 {
            self.skip -= 1;
            return false;
        }
        if self.permille < 1000 && chance.random_range(0..1000) >= self.permille {
            return false;
        }
        self.next = self.next.map(|left| left - 1);
        true
    }
}

impl Faults {
    /// The next `times` occasions.
    pub fn next(&mut self, times: u32, fault: Fault) {
        self.add(Rule::next(times, fault));
    }

    /// Every occasion until `clear`.
    pub fn always(&mut self, fault: Fault) {
        self.add(Rule::always(fault));
    }

    pub fn add(&mut self, rule: Rule) {
        self.rules.push(rule);
    }

    /// Drops every rule and puts every switch off.
    pub fn clear(&mut self) {
        *self = Faults::default();
    }

    /// Rules that may still strike.
    pub fn rules(&self) -> &[Rule] {
        &self.rules
    }

    /// Offers one occasion to the rules `pick` knows; of the first that strikes it says what
    /// `pick` made of it. At most one occasion of one rule is used up.
    pub(crate) fn strike<R>(
        &mut self,
        chance: &mut impl Rng,
        pick: impl Fn(&Fault) -> Option<R>,
    ) -> Option<R> {
        let mut struck = None;
        for rule in &mut self.rules {
            let picked = pick(&rule.fault);
            if picked.is_some() && rule.strikes(chance) {
                struck = picked;
                break;
            }
        }
        self.rules.retain(|rule| rule.next != Some(0));
        struck
    }

    /// Offers one occasion to a fault without values.
    pub(crate) fn strikes(&mut self, chance: &mut impl Rng, wanted: &Fault) -> bool {
        self.strike(chance, |fault| (fault == wanted).then_some(())).is_some()
    }

    /// What becomes of one frame: at most one rule of each sort strikes it.
    pub(crate) fn fate(&mut self, chance: &mut impl Rng, frame: FrameKind) -> Fate {
        let mut fate = Fate::default();
        let mut sorts = Vec::new();
        for rule in &mut self.rules {
            let sort = std::mem::discriminant(&rule.fault);
            let Some((about, part)) = rule.fault.of_frames() else { continue };
            if about.covers(frame) && !sorts.contains(&sort) && rule.strikes(chance) {
                sorts.push(sort);
                fate = fate.and(part);
            }
        }
        self.rules.retain(|rule| rule.next != Some(0));
        fate
    }
}

/// What the rules make of one frame.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Fate {
    pub lost: bool,
    pub delay: Duration,
    /// Sent once more, so much later.
    pub again: Option<Duration>,
    /// Held back until another frame went out, at most so long.
    pub held: Option<Duration>,
    pub corrupt: bool,
    /// Bytes missing at the end.
    pub short_by: usize,
    /// The one before is sent first.
    pub replay: bool,
}

impl Fate {
    /// With what another rule makes of the frame.
    fn and(self, other: Fate) -> Fate {
        Fate {
            lost: self.lost || other.lost,
            delay: self.delay + other.delay,
            again: self.again.or(other.again),
            held: self.held.or(other.held),
            corrupt: self.corrupt || other.corrupt,
            short_by: self.short_by + other.short_by,
            replay: self.replay || other.replay,
        }
    }
}

impl Fault {
    /// The frames this is about and what becomes of them; `None` when it is about something
    /// else.
    fn of_frames(&self) -> Option<(FrameKind, Fate)> {
        let fate = Fate::default();
        let millis = Duration::from_millis;
        match *self {
            Fault::Lose { frame } => Some((frame, Fate { lost: true, ..fate })),
            Fault::Delay { frame, by_ms } => Some((frame, Fate { delay: millis(by_ms), ..fate })),
            Fault::Duplicate { frame, after_ms } => {
                Some((frame, Fate { again: Some(millis(after_ms)), ..fate }))
            }
            Fault::Reorder { frame, at_most_ms } => {
                Some((frame, Fate { held: Some(millis(at_most_ms)), ..fate }))
            }
            Fault::Corrupt { frame } => Some((frame, Fate { corrupt: true, ..fate })),
            Fault::Truncate { frame, bytes } => Some((frame, Fate { short_by: bytes, ..fate })),
            Fault::Replay { frame } => Some((frame, Fate { replay: true, ..fate })),
            Fault::Ignore { .. }
            | Fault::SlowEject { .. }
            | Fault::EjectCode { .. }
            | Fault::Jam { .. }
            | Fault::WrongSn { .. }
            | Fault::FallBack { .. }
            | Fault::NoClock
            | Fault::QueueFull
            | Fault::ReturnCode { .. }
            | Fault::Partial { .. }
            | Fault::TopFive
            | Fault::HttpOnly
            | Fault::WrongLevel { .. } => None,
        }
    }
}

impl FrameKind {
    fn covers(self, frame: FrameKind) -> bool {
        frame != FrameKind::Raw && (self == frame || self == FrameKind::Any)
    }
}
