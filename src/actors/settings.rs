//! What actors have to know of the settings, in the types that the rules use.

use std::sync::Arc;
use std::time::Duration;

use chrono::TimeDelta;
use domain::bank::UnknownBanks;
use domain::invoice::Seller;
use domain::rental::Terms;
use domain::{eject, presence, slot};

/// Durations and bounds of every actor.
#[derive(Clone, Debug)]
pub struct Settings {
    pub eject: eject::Timing,
    pub presence: presence::Timing,
    pub rules: slot::Rules,
    pub terms: Terms,
    /// Who issues the documents.
    pub seller: Arc<Seller>,
    pub unknown_banks: UnknownBanks,
    /// Between two ejects of one cabinet.
    pub eject_gap: TimeDelta,
    /// An eject that could not be published within this is refused.
    pub publish_within: TimeDelta,
    /// What cabinets are told, in seconds.
    pub eject_ttl_s: u16,
    /// An eject without an end is given up after this.
    pub verify_bound: TimeDelta,
    /// How long a slot is kept for a start before its rental is stored.
    pub hold: TimeDelta,
    /// Silence after which a start first asks for a report, where the broker tells nothing.
    pub silence_check: TimeDelta,
    /// How long a start waits for the first report of a cabinet.
    pub unconfirmed_check: TimeDelta,
    /// How long a start waits for the bank before it answers.
    pub start_patience: Duration,
    /// An outcome that its rental has not stored yet is told again after this.
    pub tell_again: TimeDelta,
    /// Checks that may be sent to all cabinets together.
    pub checks_per_s: u32,
    pub mailbox_max: usize,
    pub slots_max: usize,
    /// Between two writes of telemetry.
    pub flush_every: Duration,
    /// Raw frames that may wait to be written; more are dropped and counted.
    pub backlog_max: usize,
}

impl Default for Settings {
    fn default() -> Settings {
        Settings {
            eject: eject::Timing::default(),
            presence: presence::Timing::default(),
            rules: slot::Rules::default(),
            terms: Terms::default(),
            seller: Arc::default(),
            unknown_banks: UnknownBanks::Quarantine,
            eject_gap: TimeDelta::seconds(5),
            publish_within: TimeDelta::seconds(6),
            eject_ttl_s: 15,
            verify_bound: TimeDelta::minutes(25),
            hold: TimeDelta::seconds(10),
            silence_check: TimeDelta::seconds(60),
            unconfirmed_check: TimeDelta::seconds(5),
            start_patience: Duration::from_secs(8),
            tell_again: TimeDelta::seconds(1),
            checks_per_s: 500,
            mailbox_max: 1_000,
            slots_max: 512,
            flush_every: Duration::from_secs(2),
            backlog_max: 200_000,
        }
    }
}
