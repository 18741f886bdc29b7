//! `[[cabinets]]` of a scenario: which of them are not as they should be, how, and from when to
//! when. Checks; breaks nothing.

use cabinet::{Fault, FrameKind, Rule};
use serde::Deserialize;

use super::Span;

/// Longest delay of an answer.
const ANSWER_MS_MAX: u64 = 600_000;

/// What is wrong with the first so many cabinets.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Flaw {
    pub count: u32,
    pub kind: Kind,
    pub span: Span,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Hears commands; neither carries them out nor answers.
    Silent,
    /// Its connections stay open and say nothing.
    Frozen,
    /// Gives banks out so much later.
    Slow { by_ms: u64 },
    /// So many of a thousand answers to ejects get lost.
    Losing { permille: u16 },
}

#[derive(Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawCabinets {
    count: Option<u32>,
    #[serde(default)]
    silent: bool,
    #[serde(default)]
    frozen: bool,
    answer_ms: Option<u64>,
    lose_permille: Option<u16>,
    from_s: Option<u32>,
    to_s: Option<u32>,
}

impl RawCabinets {
    pub(super) fn check(&self, stations: u32, seconds: u32) -> Result<Flaw, String> {
        let count = self.count.unwrap_or(stations);
        if !(1..=stations).contains(&count) {
            return Err(format!("count is from 1 to the {stations} stations"));
        }
        let kinds = [
            self.silent.then_some(Kind::Silent),
            self.frozen.then_some(Kind::Frozen),
            self.answer_ms.map(|by_ms| Kind::Slow { by_ms }),
            self.lose_permille.map(|permille| Kind::Losing { permille }),
        ];
        let mut kinds = kinds.into_iter().flatten();
        let (Some(kind), None) = (kinds.next(), kinds.next()) else {
            return Err("one of silent, frozen, answer_ms, lose_permille, alone".to_owned());
        };
        if self.answer_ms.is_some_and(|ms| ms > ANSWER_MS_MAX) {
            return Err(format!("answer_ms is at most {ANSWER_MS_MAX}"));
        }
        if self.lose_permille.is_some_and(|permille| permille > 1000) {
            return Err("lose_permille is at most 1000".to_owned());
        }
        let span = Span { from_s: self.from_s.unwrap_or(0), to_s: self.to_s };
        if span.from_s >= seconds || span.to_s.is_some_and(|to| to <= span.from_s || to > seconds) {
            return Err("from_s and to_s lie within the scenario, in this order".to_owned());
        }
        Ok(Flaw { count, kind, span })
    }
}

impl Kind {
    /// What the simulated cabinet is told; `None` when it is its ways to the server that fail.
    pub fn rule(self) -> Option<Rule> {
        let frame = FrameKind::EjectReply;
        match self {
            Kind::Silent => Some(Rule::always(Fault::Ignore { command: None })),
            Kind::Frozen => None,
            Kind::Slow { by_ms } => Some(Rule::always(Fault::SlowEject { by_ms })),
            Kind::Losing { permille } => {
                Some(Rule::always(Fault::Lose { frame }).by_chance(permille))
            }
        }
    }

    /// Whether what it was asked for may stay unknown.
    pub fn is_deaf(self) -> bool {
        matches!(self, Kind::Silent | Kind::Frozen)
    }

    pub fn says(self) -> String {
        match self {
            Kind::Silent => "silent".to_owned(),
            Kind::Frozen => "frozen".to_owned(),
            Kind::Slow { by_ms } => format!("{by_ms} ms slower"),
            Kind::Losing { permille } => format!("losing {permille} ‰ of answers"),
        }
    }
}
