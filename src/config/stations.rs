//! `[stations]`: how long a cabinet may be silent, and how an eject is carried out.

use super::section::{Problems, section};
use super::values::{Millis, Seconds};

section! {
    /// Cabinets: presence, ejects and the checks that settle doubt.
    Stations {
        /// Silence after which a station is suspect, in seconds (one missed heartbeat).
        suspect_s: Seconds = Seconds(720),
        /// Silence after which a station is offline, in seconds (two missed heartbeats).
        offline_s: Seconds = Seconds(1_320),
        /// From a broker's disconnect event to offline, in seconds; not reachable at once.
        disconnect_grace_s: Seconds = Seconds(90),
        /// After the node started with its own broker, how long a cabinet that was there before
        /// may be on its way back, in seconds; meanwhile whoever asks for its password waits
        /// 10 s. 0: nobody waits.
        comeback_s: Seconds = Seconds(120),
        /// Silence after which a start first checks the cabinet, in seconds; only where the
        /// broker tells nothing about sessions.
        silence_check_s: Seconds = Seconds(60),
        /// Pause between two ejects of one cabinet, in milliseconds.
        eject_gap_ms: Millis = Millis(5_000),
        /// Longest wait for the reply to an eject, in seconds; then its outcome is unknown.
        eject_reply_s: Seconds = Seconds(15),
        /// An eject that could not be published within this time is refused, in milliseconds.
        publish_within_ms: Millis = Millis(6_000),
        /// Validity of an eject that cabinets are told, in seconds; not all honour it.
        eject_ttl_s: Seconds = Seconds(15),
        /// Checks asked for to settle an unknown eject.
        verify_checks: u8 = 3,
        /// Pause between those checks, in seconds.
        verify_gap_s: Seconds = Seconds(10),
        /// Two sightings of a bank must be this far apart to prove that it is still in, in
        /// seconds.
        sightings_apart_s: Seconds = Seconds(5),
        /// After this time an unknown eject is given up and the rider freed, in seconds.
        verify_bound_s: Seconds = Seconds(1_500),
        /// How long a slot is kept for a start before its rental is stored, in seconds.
        hold_s: Seconds = Seconds(10),
        /// Longest check of a station that has not reported since the node started, in
        /// milliseconds, out of the patience of a start.
        unconfirmed_check_ms: Millis = Millis(5_000),
        /// Checks that all cabinets together may be asked for, a second. When many come back at
        /// once they wait for their turn: open commands first, then returns, then the rest.
        checks_per_s: u32 = 500,
        /// Messages that may wait for one station; more are shed.
        mailbox_max: usize = 1_000,
        /// Fitted slots a cabinet may report; more are a fault of the frame.
        slots_max: u16 = 512,
    }
}

impl Stations {
    pub(super) fn check(&self, mut problems: Problems<'_>) {
        let ordered = self.suspect_s.0 > 0 && self.suspect_s < self.offline_s;
        problems.unless(ordered, "suspect_s", "must be between 1 and offline_s");
        let apart = self.sightings_apart_s.0 > 0 && self.verify_gap_s >= self.sightings_apart_s;
        problems.unless(
            apart,
            "verify_gap_s",
            "must be at least sightings_apart_s, and that at least 1",
        );
        problems.unless(
            self.verify_checks >= 2,
            "verify_checks",
            "must be at least 2, one sighting proves nothing",
        );
        let checks = self.verify_gap_s.duration() * u32::from(self.verify_checks);
        let first = self.eject_reply_s.duration() + checks;
        problems.unless(
            self.verify_bound_s.duration() > first,
            "verify_bound_s",
            "must leave time for eject_reply_s and all checks",
        );
        problems.unless(
            self.hold_s.duration() > self.publish_within_ms.duration(),
            "hold_s",
            "must be longer than publish_within_ms",
        );
        problems.unless(
            self.eject_gap_ms.0 >= 1_000,
            "eject_gap_ms",
            "must be at least 1000, the mechanics need it",
        );
        let paced = (1..=100_000).contains(&self.checks_per_s);
        problems.unless(paced, "checks_per_s", "must be between 1 and 100000");
        problems.unless(self.mailbox_max >= 10, "mailbox_max", "must be at least 10");
        problems.unless(self.slots_max > 0, "slots_max", "must be at least 1");
    }
}
