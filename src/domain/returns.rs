//! How a bank comes back: what a cabinet says, and when that is enough to close a rental.
//!
//! A claim that is not enough is kept and a check is sent; the first fresh report over the
//! trusted session decides. The rental then ends at the earliest claim that was confirmed.

use chrono::{DateTime, TimeDelta, Utc};
use serde::{Deserialize, Serialize};

use crate::bank::Fingerprint;
use crate::ids::{SlotKey, StationId};

#[cfg(test)]
mod tests;

/// How many claims are kept for one rental; the earliest count.
pub const CLAIMS_MAX: usize = 8;

/// One return is told over several ways, and all of them are heard within this time: as long as
/// a fresh report takes to decide.
const SAME_RETURN: TimeDelta = TimeDelta::seconds(60);
/// A cabinet looks at all its slots at least this often: what was not so by then was never so.
const LOOKED_AT: TimeDelta = TimeDelta::minutes(20);

/// What a cabinet says of an insertion (protocol page, table 7.3).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ReturnResult {
    /// Taken and identified.
    Accepted,
    /// Taken although the slot's switch did not react: the switch is broken.
    AcceptedSwitchBroken,
    /// Physically in, but its serial, trace or lock could not be read. Holds the raw code.
    Unidentified(u8),
    /// Not taken. Holds the raw code.
    Rejected(u8),
}

impl ReturnResult {
    /// May close a rental when the serial is readable.
    pub fn is_accepted(self) -> bool {
        matches!(self, ReturnResult::Accepted | ReturnResult::AcceptedSwitchBroken)
    }
}

/// How a return was learnt.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Source {
    /// The insertion event on the trusted session.
    Event,
    /// A slot that was looked at again, on the trusted session.
    Inspection,
    /// A report on the trusted session.
    Report,
    /// The cabinet's HTTP call for a return; anybody can make it.
    HttpReturn,
    /// A report over HTTP; anybody can send it.
    HttpReport,
    /// An operator said so.
    Operator,
}

impl Source {
    pub fn as_str(self) -> &'static str {
        match self {
            Source::Event => "event",
            Source::Inspection => "inspection",
            Source::Report => "report",
            Source::HttpReturn => "http_return",
            Source::HttpReport => "http_report",
            Source::Operator => "operator",
        }
    }

    /// Came over the session whose topics the broker checks.
    pub fn is_trusted(self) -> bool {
        match self {
            Source::Event | Source::Inspection | Source::Report | Source::Operator => true,
            Source::HttpReturn | Source::HttpReport => false,
        }
    }
}

/// Somebody says that a bank is back.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Claim {
    pub station: StationId,
    /// Unknown when the cabinet did not say (an HTTP return may say slot 0).
    pub key: Option<SlotKey>,
    pub source: Source,
    /// When it was received.
    pub at: DateTime<Utc>,
    /// The bank was provably not back before this instant; equals `at` for a live event.
    pub earliest: DateTime<Utc>,
    /// Not from before our subscription was complete.
    pub live: bool,
    /// Of the bytes that said so.
    pub frame: Option<Fingerprint>,
    /// Percent, at the return.
    pub level: Option<u8>,
}

impl Claim {
    /// Whether it closes a rental without a second look: over the trusted session, live, the
    /// rental old enough, and not the bytes of an earlier return of this bank.
    pub fn is_enough(&self, since: DateTime<Utc>, young: TimeDelta, used: &[Fingerprint]) -> bool {
        let replayed = self.frame.is_some_and(|frame| used.contains(&frame));
        let old_enough = self.at - since >= young;
        let operator = self.source == Source::Operator;
        operator || (self.source.is_trusted() && self.live && old_enough && !replayed)
    }
}

/// The earliest claim at a cabinet that the proof of the return there confirms.
pub fn confirmed<'a>(claims: &'a [Claim], proof: &Claim) -> Option<&'a Claim> {
    agreeing(claims, proof).min_by_key(|c| (c.earliest, c.at))
}

/// When the bank was back, by a claim that the proof confirms. What anybody can say does not
/// reach further back than the proof does: a call that may be an old one is not, when the bank is
/// seen to come in right after it.
pub fn back_at(claim: &Claim, proof: &Claim) -> DateTime<Utc> {
    let leaves_open = claim.source.is_trusted() || proof.source == Source::Inspection;
    if leaves_open { claim.earliest } else { claim.earliest.max(proof.earliest - SAME_RETURN) }
}

/// When the return was first told of. What anybody can say counts only when it was proved at
/// once: a rental that costs nothing is not had for a word.
pub fn first_told(claims: &[Claim], proof: &Claim) -> DateTime<Utc> {
    let soon = |c: &&Claim| c.source.is_trusted() || proof.at <= c.at + SAME_RETURN;
    let told = agreeing(claims, proof).filter(soon).map(|c| c.at);
    told.chain([proof.at]).min().unwrap_or(proof.at)
}

/// What anybody can say counts only when the proof does not contradict it. An insertion that is
/// heard live says that the bank was out until then, so that no return that was made up before it
/// shortens the rental; cabinets keep no insertion back. A report or a slot that is looked at
/// again says that the bank is there, and leaves open since when.
fn agreeing<'a>(claims: &'a [Claim], proof: &Claim) -> impl Iterator<Item = &'a Claim> {
    let (station, back_after) = (proof.station, proof.earliest);
    let slack = if proof.source == Source::Inspection { LOOKED_AT } else { SAME_RETURN };
    let agrees = move |c: &&Claim| c.source.is_trusted() || back_after <= c.at + slack;
    claims.iter().filter(move |c| c.station == station).filter(agrees)
}

/// The earliest instant that the claims at one cabinet put the return at.
pub fn earliest(claims: &[Claim], station: StationId) -> Option<&Claim> {
    claims.iter().filter(|c| c.station == station).min_by_key(|c| (c.earliest, c.at))
}
