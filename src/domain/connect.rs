//! Who calls `connect`: anybody can who guesses a cabinet's uuid, and the answer holds the
//! cabinet's password. While the cabinet seems to be there, it is asked over its own session: one
//! that answers there has not started anew, so somebody else calls. One that started anew does
//! not answer, whatever the broker still believes, and is let in after one wait. The same goes
//! for one whose session ended with our own broker and that may be on its way back: it is there
//! if it comes.

use chrono::{DateTime, TimeDelta, Utc};

#[cfg(test)]
mod tests;

/// How long a cabinet may take to answer (protocol page, section 10).
pub const ANSWER: TimeDelta = TimeDelta::seconds(10);
/// How long an answer holds: no caller has a cabinet asked more often than that.
pub const HOLDS: TimeDelta = TimeDelta::seconds(10);

/// What a call gets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    Admit,
    /// The cabinet is on its own session at this moment.
    Refuse,
    /// The cabinet is to be asked; the call waits.
    Ask,
    /// It is asked already; the call waits.
    Wait,
}

/// What is known of a cabinet that seems to be there, or to be coming back, while somebody calls
/// in its name.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Doubt {
    #[default]
    None,
    Asked {
        at: DateTime<Utc>,
    },
    Answered {
        at: DateTime<Utc>,
    },
    /// It was asked and said nothing so far.
    Silent,
}

impl Doubt {
    /// Somebody calls; `there` is whether the cabinet seems to be on its session, or on its way
    /// back to it.
    pub fn called(&mut self, there: bool, now: DateTime<Utc>) -> Verdict {
        match *self {
            _ if !there => Verdict::Admit,
            Doubt::Silent => Verdict::Admit,
            Doubt::Asked { .. } => Verdict::Wait,
            Doubt::Answered { at } if now - at < HOLDS => Verdict::Refuse,
            Doubt::None | Doubt::Answered { .. } => {
                *self = Doubt::Asked { at: now };
                Verdict::Ask
            }
        }
    }

    /// The cabinet said something over its own session, and not before `earliest`. Answers
    /// whether those who wait are refused.
    pub fn heard(&mut self, earliest: DateTime<Utc>, now: DateTime<Utc>) -> bool {
        match *self {
            Doubt::Asked { at } if earliest >= at => *self = Doubt::Answered { at: now },
            Doubt::Silent => *self = Doubt::None,
            Doubt::None | Doubt::Asked { .. } | Doubt::Answered { .. } => {}
        }
        *self == Doubt::Answered { at: now }
    }

    /// The cabinet came back while somebody waits: it is asked from now on.
    pub fn came_back(&mut self, now: DateTime<Utc>) {
        if let Doubt::Asked { at } = self {
            *at = now;
        }
    }

    /// When those who wait need not wait longer.
    pub fn due(&self) -> Option<DateTime<Utc>> {
        match self {
            Doubt::Asked { at } => Some(*at + ANSWER),
            Doubt::None | Doubt::Answered { .. } | Doubt::Silent => None,
        }
    }

    /// It did not answer in time, or its session is over: who waits is let in.
    pub fn is_over(&mut self, there: bool, now: DateTime<Utc>) -> bool {
        let over = self.due().is_some_and(|due| !there || due <= now);
        if over {
            *self = Doubt::Silent;
        }
        over
    }
}
