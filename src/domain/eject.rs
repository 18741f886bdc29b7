//! One eject of one bank: from the publish to *out*, *not out* or *unknown*.
//!
//! The machine holds no clock: it is told the time, and says until when it waits. It never
//! asks for a second publish; a bank that may have left is looked for, not ejected again.

use chrono::{DateTime, TimeDelta, Utc};
use serde::{Deserialize, Serialize};

use crate::ids::{CommandId, RentalId, SlotKey, Sn};

#[cfg(test)]
mod tests;

/// What a cabinet's answer to an eject proves (protocol page, table 7.2).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum EjectOutcome {
    /// The bank left its slot.
    Out,
    /// The bank did not leave by this command.
    NotOut(NotOutReason),
    /// An earlier eject still runs: this command did nothing, that one decides.
    Busy,
    /// Anything else: the bank may be in or out, only evidence tells. Holds the raw code.
    Verify(u8),
}

/// Why a bank stayed in (protocol page, table 7.2).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum NotOutReason {
    /// The serial can still be read in the slot.
    StillReadable,
    /// The cabinet has no clock to judge the time limit by.
    NoClock,
    /// The command came later than its time limit.
    TooLate,
    /// No bank meets the conditions.
    NoSuitableBank,
    /// The cabinet does not know this serial. After an earlier eject of the same bank without
    /// an answer this can mean that it is out already.
    UnknownBank,
    /// The cabinet's queue is full.
    QueueFull,
    /// The cabinet did not understand the command.
    NotUnderstood,
    /// Two reports, far enough apart, showed the bank in its slot.
    SeenTwice,
    /// The command was never handed to the broker.
    NeverSent,
    /// An operator said so.
    Operator,
}

impl NotOutReason {
    /// The word under which it is stored and shown.
    pub fn as_str(self) -> &'static str {
        match self {
            NotOutReason::StillReadable => "still_readable",
            NotOutReason::NoClock => "no_clock",
            NotOutReason::TooLate => "too_late",
            NotOutReason::NoSuitableBank => "no_suitable_bank",
            NotOutReason::UnknownBank => "unknown_bank",
            NotOutReason::QueueFull => "queue_full",
            NotOutReason::NotUnderstood => "not_understood",
            NotOutReason::SeenTwice => "seen_twice",
            NotOutReason::NeverSent => "never_sent",
            NotOutReason::Operator => "operator",
        }
    }
}

/// How long things take (protocol page, section 10).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Timing {
    /// How long an answer is waited for.
    pub reply_wait: TimeDelta,
    /// After the publish a report may still show the bank for this long; two presences must
    /// be this far apart to prove anything.
    pub settle: TimeDelta,
    /// Between two checks.
    pub check_gap: TimeDelta,
    /// Checks before the eject is unknown.
    pub checks_max: u8,
}

/// Between two looks at an eject that is unknown: its rider waits, and the answers may have been
/// lost, or have come too late to prove anything.
const LOOK_GAP: TimeDelta = TimeDelta::minutes(1);

impl Default for Timing {
    fn default() -> Timing {
        Timing {
            reply_wait: TimeDelta::seconds(15),
            settle: TimeDelta::seconds(5),
            check_gap: TimeDelta::seconds(10),
            checks_max: 3,
        }
    }
}

/// An eject without an end.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OpenEject {
    pub command: CommandId,
    pub rental: RentalId,
    pub sn: Sn,
    pub key: SlotKey,
    /// When the cabinet may have got it, at the latest.
    pub sent_at: DateTime<Utc>,
    phase: Phase,
    /// When a report first showed the bank in its slot after the eject.
    present_since: Option<DateTime<Utc>>,
    checks: u8,
    checked_at: Option<DateTime<Utc>>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Phase {
    Awaiting,
    Verifying,
    Unknown,
}

/// What a report says of the bank that was to be ejected.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Evidence {
    pub at: DateTime<Utc>,
    /// Known layout, every fitted slot present, no stale row: only such a report proves that
    /// something is not there.
    pub whole: bool,
    pub bank: Sighting,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sighting {
    /// In a slot, in working order.
    Present,
    /// In no slot; the slot it was in is empty with its switch open, or holds another bank.
    Absent,
    /// The report contradicts itself about the slot.
    Unclear,
}

/// What the eject asks its station to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// Nothing before this instant.
    Wait {
        until: DateTime<Utc>,
    },
    /// Ask the cabinet for a whole report.
    Check {
        then: DateTime<Utc>,
    },
    Settled(Settlement),
    /// Nobody answers. The hold stays; the next report or late answer decides. The cabinet is asked
    /// again at `look`, and so on.
    Unknown {
        look: DateTime<Utc>,
    },
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "outcome", rename_all = "snake_case")]
pub enum Settlement {
    /// The bank left; billing starts at `at`.
    Out {
        at: DateTime<Utc>,
    },
    NotOut {
        reason: NotOutReason,
    },
}

impl OpenEject {
    pub fn published(
        command: CommandId,
        rental: RentalId,
        sn: Sn,
        key: SlotKey,
        at: DateTime<Utc>,
    ) -> OpenEject {
        OpenEject {
            command,
            rental,
            sn,
            key,
            sent_at: at,
            phase: Phase::Awaiting,
            present_since: None,
            checks: 0,
            checked_at: None,
        }
    }

    /// An intent read back after a restart: it may have been sent, at the latest at
    /// `publish_before`, so it is verified and never published.
    pub fn recovered(
        command: CommandId,
        rental: RentalId,
        sn: Sn,
        key: SlotKey,
        publish_before: DateTime<Utc>,
    ) -> OpenEject {
        let eject = OpenEject::published(command, rental, sn, key, publish_before);
        OpenEject { phase: Phase::Verifying, ..eject }
    }

    /// Its answer may still come.
    pub fn is_awaiting(&self) -> bool {
        self.phase == Phase::Awaiting
    }

    pub fn is_unknown(&self) -> bool {
        self.phase == Phase::Unknown
    }

    /// A report that came after the eject showed the bank in its slot.
    pub fn is_seen(&self) -> bool {
        self.present_since.is_some()
    }

    /// The cabinet answered.
    pub fn reply(&mut self, outcome: EjectOutcome, now: DateTime<Utc>, timing: &Timing) -> Step {
        match outcome {
            EjectOutcome::Out => Step::Settled(Settlement::Out { at: now }),
            EjectOutcome::NotOut(NotOutReason::UnknownBank) if self.phase != Phase::Awaiting => {
                // an earlier command without an answer may have released it
                self.tick(now, timing)
            }
            EjectOutcome::NotOut(reason) => Step::Settled(Settlement::NotOut { reason }),
            EjectOutcome::Busy | EjectOutcome::Verify(_) => {
                self.verify();
                self.tick(now, timing)
            }
        }
    }

    /// A report that was received while this eject was open.
    pub fn report(&mut self, evidence: Evidence, timing: &Timing) -> Step {
        let now = evidence.at;
        let asked = self.checked_at.is_some_and(|checked| checked <= now);
        let settled_down = now - self.sent_at >= timing.settle;
        if !asked || !settled_down {
            return self.tick(now, timing);
        }
        match evidence.bank {
            Sighting::Absent if evidence.whole => Step::Settled(Settlement::Out { at: now }),
            Sighting::Absent | Sighting::Unclear => self.tick(now, timing),
            Sighting::Present => self.seen(now, timing),
        }
    }

    fn seen(&mut self, now: DateTime<Utc>, timing: &Timing) -> Step {
        let since = *self.present_since.get_or_insert(now);
        if now - since >= timing.settle {
            let reason = NotOutReason::SeenTwice;
            return Step::Settled(Settlement::NotOut { reason });
        }
        // one more look, far enough from the first one, whatever the number of checks
        self.checks = self.checks.min(timing.checks_max.saturating_sub(1));
        self.checked_at = Some(since + timing.settle - timing.check_gap);
        self.phase = Phase::Verifying;
        Step::Wait { until: since + timing.settle }
    }

    /// The cabinet can be asked again.
    pub fn cabinet_is_back(&mut self, now: DateTime<Utc>, timing: &Timing) -> Step {
        if self.phase == Phase::Unknown {
            self.verify();
        }
        self.tick(now, timing)
    }

    /// Time went by.
    pub fn tick(&mut self, now: DateTime<Utc>, timing: &Timing) -> Step {
        match self.phase {
            Phase::Unknown => self.look(now),
            Phase::Awaiting => {
                let until = self.sent_at + timing.reply_wait;
                if now < until {
                    return Step::Wait { until };
                }
                self.verify();
                self.tick(now, timing)
            }
            Phase::Verifying => self.check(now, timing),
        }
    }

    fn verify(&mut self) {
        self.phase = Phase::Verifying;
        self.checks = 0;
        self.checked_at = None;
    }

    fn check(&mut self, now: DateTime<Utc>, timing: &Timing) -> Step {
        let settled = self.sent_at + timing.settle;
        let due = self.checked_at.map_or(settled, |at| settled.max(at + timing.check_gap));
        if now < due {
            return Step::Wait { until: due };
        }
        if self.checks >= timing.checks_max {
            self.phase = Phase::Unknown;
            return self.look(now);
        }
        self.checks += 1;
        self.checked_at = Some(now);
        Step::Check { then: now + timing.check_gap }
    }

    fn look(&mut self, now: DateTime<Utc>) -> Step {
        let due = self.checked_at.map_or(now, |at| at + LOOK_GAP);
        if now < due {
            return Step::Unknown { look: due };
        }
        self.checked_at = Some(now);
        Step::Check { then: now + LOOK_GAP }
    }
}
