//! A fault script: what happens to a cabinet at which moment, written in TOML. Parses and
//! checks; the machine plays it.

use domain::ids::{SlotKey, Sn};
use serde::Deserialize;

use crate::bank::Bank;
use crate::faults::{Fault, Rule, Switches};

#[cfg(test)]
mod tests;

/// Steps, each with its moment.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Script {
    pub steps: Vec<Step>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Step {
    pub when: When,
    pub act: Act,
}

/// Real milliseconds, whatever the cabinet's speed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum When {
    /// After the script was started.
    At { ms: u64 },
    /// After the `nth` command of this name came in since the script was started (1 is the
    /// first).
    On { command: String, nth: u32, after_ms: u64 },
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Act {
    Rule(Rule),
    /// Replaces all switches.
    Switches(Switches),
    /// Drops all rules and switches.
    Clear,
    Cut(Cut),
    Restore,
    Power(bool),
    Reboot,
    Insert {
        bank: Bank,
        slot: Option<SlotKey>,
    },
    Take {
        sn: Sn,
    },
    /// What the row of a slot says instead of the truth; `None` is the truth again.
    Slot {
        key: SlotKey,
        state: Option<u8>,
        sensor: Option<u8>,
    },
    /// Reports over HTTP at once.
    Upload,
}

/// Which of its two ways to the server is cut.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Cut {
    Mqtt,
    Http,
    Both,
}

/// What is wrong with a script.
#[derive(Debug, thiserror::Error)]
pub enum ScriptError {
    #[error("{0}")]
    Toml(#[from] toml::de::Error),
    #[error("step {step}: {reason}")]
    Step { step: usize, reason: &'static str },
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Document {
    #[serde(default)]
    step: Vec<RawStep>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawStep {
    at_ms: Option<u64>,
    on: Option<String>,
    nth: Option<u32>,
    after_ms: Option<u64>,
    fault: Option<Fault>,
    next: Option<u32>,
    skip: Option<u32>,
    permille: Option<u16>,
    switches: Option<Switches>,
    cut: Option<Cut>,
    power: Option<bool>,
    insert: Option<RawInsert>,
    take: Option<Sn>,
    slot: Option<RawSlot>,
    #[serde(rename = "do")]
    order: Option<Order>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawInsert {
    sn: Sn,
    level: Option<u8>,
    #[serde(default)]
    io: u8,
    slot: Option<u16>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawSlot {
    #[serde(default)]
    io: u8,
    slot: u16,
    state: Option<u8>,
    sensor: Option<u8>,
}

#[derive(Clone, Copy, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Order {
    Clear,
    Restore,
    Reboot,
    Upload,
}

impl Script {
    /// Reads a TOML document of `[[step]]` tables. Errors name the line or the step.
    pub fn parse(text: &str) -> Result<Script, ScriptError> {
        let document: Document = toml::from_str(text)?;
        let steps = document.step.into_iter().enumerate().map(|(n, raw)| {
            raw.check().map_err(|reason| ScriptError::Step { step: n + 1, reason })
        });
        Ok(Script { steps: steps.collect::<Result<_, _>>()? })
    }
}

impl RawStep {
    fn check(self) -> Result<Step, &'static str> {
        let when = self.when()?;
        let counted = self.next.is_some() || self.skip.is_some() || self.permille.is_some();
        if counted && self.fault.is_none() {
            return Err("next, skip and permille belong to a fault");
        }
        if self.permille.is_some_and(|p| p > 1000) {
            return Err("permille is at most 1000");
        }
        let rule = self.fault.map(|fault| Rule {
            fault,
            next: self.next,
            skip: self.skip.unwrap_or(0),
            permille: self.permille.unwrap_or(1000),
        });
        let acts = [
            rule.map(Act::Rule),
            self.switches.map(Act::Switches),
            self.cut.map(Act::Cut),
            self.power.map(Act::Power),
            self.insert.map(RawInsert::act),
            self.take.map(|sn| Act::Take { sn }),
            self.slot.map(RawSlot::act),
            self.order.map(Order::act),
        ];
        let mut acts = acts.into_iter().flatten();
        match (acts.next(), acts.next()) {
            (Some(act), None) => Ok(Step { when, act }),
            (None, _) => Err("a step needs one thing to do"),
            (Some(_), Some(_)) => Err("a step does one thing only"),
        }
    }

    fn when(&self) -> Result<When, &'static str> {
        match (self.at_ms, &self.on) {
            (Some(ms), None) if self.nth.is_none() && self.after_ms.is_none() => {
                Ok(When::At { ms })
            }
            (Some(_), None) => Err("nth and after_ms belong to on"),
            (None, Some(command)) => Ok(When::On {
                command: command.clone(),
                nth: self.nth.unwrap_or(1).max(1),
                after_ms: self.after_ms.unwrap_or(0),
            }),
            (None, None) | (Some(_), Some(_)) => Err("a step needs either at_ms or on"),
        }
    }
}

impl RawInsert {
    fn act(self) -> Act {
        let bank = Bank::new(self.sn);
        let level = self.level.unwrap_or(bank.level);
        let slot = self.slot.map(|slot| SlotKey::new(self.io, slot));
        Act::Insert { bank: bank.at_level(level), slot }
    }
}

impl RawSlot {
    fn act(self) -> Act {
        let key = SlotKey::new(self.io, self.slot);
        Act::Slot { key, state: self.state, sensor: self.sensor }
    }
}

impl Order {
    fn act(self) -> Act {
        match self {
            Order::Clear => Act::Clear,
            Order::Restore => Act::Restore,
            Order::Reboot => Act::Reboot,
            Order::Upload => Act::Upload,
        }
    }
}
