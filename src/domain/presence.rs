//! Whether a cabinet can be reached, and whether it is shown as online. The two differ: the
//! first gates ejects and ends at once, the second is what riders see and is slow to change.

use chrono::{DateTime, TimeDelta, Utc};
use serde::{Deserialize, Serialize};

#[cfg(test)]
mod tests;

/// How long silence lasts before it means something (protocol page, section 10).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Timing {
    pub suspect_after: TimeDelta,
    pub offline_after: TimeDelta,
    /// After the broker said that the session ended.
    pub disconnect_grace: TimeDelta,
    /// After a start of our own broker: cabinets that were there may be on their way back.
    pub comeback: TimeDelta,
}

impl Default for Timing {
    fn default() -> Timing {
        Timing {
            suspect_after: TimeDelta::minutes(12),
            offline_after: TimeDelta::minutes(22),
            disconnect_grace: TimeDelta::seconds(90),
            comeback: TimeDelta::minutes(2),
        }
    }
}

/// What is known of a cabinet's connection.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Presence {
    /// When it was last heard, over any channel.
    pub heard_at: Option<DateTime<Utc>>,
    pub session: Session,
    /// How long our own link to the broker was down since the cabinet was last heard, until it
    /// came back: our outage is no evidence against a cabinet.
    pub excused: TimeDelta,
    /// Since when our own link is down. Meanwhile nobody can be heard, and no silence grows.
    pub deaf_since: Option<DateTime<Utc>>,
}

/// What the broker says of the cabinet's session.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Session {
    /// The broker gives no session events, or none was seen yet.
    #[default]
    Untold,
    Up,
    Down {
        since: DateTime<Utc>,
    },
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Shown {
    Online,
    /// Online, but a heartbeat is missing.
    Suspect,
    Offline,
}

impl Presence {
    pub fn heard(&mut self, at: DateTime<Utc>) {
        self.heard_at = Some(self.heard_at.map_or(at, |before| before.max(at)));
        self.excused = TimeDelta::zero();
    }

    pub fn link_lost(&mut self, at: DateTime<Utc>) {
        self.deaf_since.get_or_insert(at);
    }

    pub fn link_back(&mut self, at: DateTime<Utc>) {
        let Some(since) = self.deaf_since.take() else { return };
        // over another channel it may have been heard all the same
        let from = self.heard_at.map_or(since, |heard| heard.max(since));
        self.excused += (at - from).max(TimeDelta::zero());
    }

    /// May an eject be published?
    pub fn is_reachable(&self, now: DateTime<Utc>, timing: &Timing) -> bool {
        match self.session {
            Session::Up => true,
            Session::Down { .. } => false,
            Session::Untold => self.silence(now).is_some_and(|s| s < timing.suspect_after),
        }
    }

    pub fn shown(&self, now: DateTime<Utc>, timing: &Timing) -> Shown {
        if let Session::Down { since } = self.session
            && now - since >= timing.disconnect_grace
        {
            return Shown::Offline;
        }
        match (self.silence(now), self.session) {
            (Some(silence), _) if silence >= timing.offline_after => Shown::Offline,
            (Some(silence), _) if silence >= timing.suspect_after => Shown::Suspect,
            (Some(_), _) | (None, Session::Up) => Shown::Online,
            (None, Session::Untold | Session::Down { .. }) => Shown::Offline,
        }
    }

    /// Its session ended because our own broker began anew, at `began`: a cabinet that was there
    /// until then dials again by itself, in a while.
    pub fn may_come_back(&self, began: DateTime<Utc>, now: DateTime<Utc>, timing: &Timing) -> bool {
        let was_there = self.heard_at.is_some_and(|at| began - at < timing.suspect_after);
        was_there && now - began < timing.comeback
    }

    /// The next instant at which [`Presence::shown`] or [`Presence::is_reachable`] can change
    /// by itself.
    pub fn next_change(&self, now: DateTime<Utc>, timing: &Timing) -> Option<DateTime<Utc>> {
        let heard = self.heard_at.filter(|_| self.deaf_since.is_none());
        let heard = heard.map(|at| at + self.excused);
        let silences = [timing.suspect_after, timing.offline_after];
        let by_silence = heard.into_iter().flat_map(|at| silences.map(|after| at + after));
        let by_session = match self.session {
            Session::Down { since } => Some(since + timing.disconnect_grace),
            Session::Up | Session::Untold => None,
        };
        by_silence.chain(by_session).filter(|at| *at > now).min()
    }

    /// How long it has been silent, without our own outages.
    pub fn silence(&self, now: DateTime<Utc>) -> Option<TimeDelta> {
        let now = self.deaf_since.map_or(now, |since| since.min(now));
        self.unheard_for(now).map(|silence| (silence - self.excused).max(TimeDelta::zero()))
    }

    /// How long nothing was heard of it, whoever is to blame.
    pub fn unheard_for(&self, now: DateTime<Utc>) -> Option<TimeDelta> {
        self.heard_at.map(|at| (now - at).max(TimeDelta::zero()))
    }
}
