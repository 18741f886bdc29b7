//! `[[fault]]` of a scenario: what is done on purpose and when, each kind with keys of its own.
//! Checks; does nothing.

use std::time::Duration;

use serde::Deserialize;

use crate::load::fault::Fault;

/// A fault and its instant, from the begin of the run.
#[derive(Clone, Debug, PartialEq)]
pub struct Timed {
    pub at: Duration,
    pub fault: Fault,
}

#[derive(Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawFault {
    at: String,
    what: What,
    #[serde(rename = "for")]
    lasts: Option<String>,
    within: Option<String>,
    share: Option<f64>,
    keep: Option<bool>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum What {
    Kill,
    Restart,
    Pause,
    SecondInstance,
    CutDatabase,
    ResetDatabase,
    DatabaseCrash,
    DiskFull,
    CutBroker,
    BrokerRestart,
    FreezeCabinets,
    Storm,
}

impl RawFault {
    pub(super) fn check(&self, seconds: u32) -> Result<Timed, String> {
        let at = span("at", &self.at)?;
        let lasts = self.lasts.as_deref().map(|text| span("for", text)).transpose()?;
        let within = self.within.as_deref().map(|text| span("within", text)).transpose()?;
        if self.share.is_some_and(|share| !(share > 0.0 && share <= 1.0)) {
            return Err("share is more than 0 and at most 1".to_owned());
        }
        let end = at.saturating_add(lasts.or(within).unwrap_or_default());
        if end >= Duration::from_secs(seconds.into()) {
            return Err("it does not end within the scenario".to_owned());
        }
        Ok(Timed { at, fault: self.fault(lasts, within)? })
    }

    /// The keys that its kind has, and no others.
    fn fault(&self, lasts: Option<Duration>, within: Option<Duration>) -> Result<Fault, String> {
        let fault = match (self.what, lasts, within, self.share, self.keep) {
            (What::Kill, None, None, None, None) => Fault::Kill,
            (What::Restart, None, None, None, None) => Fault::Restart,
            (What::ResetDatabase, None, None, None, None) => Fault::ResetDatabase,
            (What::DatabaseCrash, None, None, None, None) => Fault::DatabaseCrash,
            (What::Pause, Some(lasts), None, None, None) => Fault::Pause(lasts),
            (What::SecondInstance, Some(lasts), None, None, None) => Fault::SecondInstance(lasts),
            (What::CutDatabase, Some(lasts), None, None, None) => Fault::CutDatabase(lasts),
            (What::DiskFull, Some(lasts), None, None, None) => Fault::DiskFull(lasts),
            (What::CutBroker, Some(lasts), None, None, None) => Fault::CutBroker(lasts),
            (What::BrokerRestart, None, None, None, keep) => {
                Fault::BrokerRestart { keep: keep.unwrap_or(true) }
            }
            (What::FreezeCabinets, Some(lasts), None, Some(share), None) => {
                Fault::Freeze { share, lasts }
            }
            (What::Storm, None, Some(within), Some(share), None) => Fault::Storm { share, within },
            (what, ..) => return Err(format!("{}, alone", what.keys())),
        };
        Ok(fault)
    }
}

impl What {
    /// What it has beside `at`.
    fn keys(self) -> &'static str {
        match self {
            What::Kill | What::Restart | What::ResetDatabase | What::DatabaseCrash => {
                "this fault has at"
            }
            What::Pause
            | What::SecondInstance
            | What::CutDatabase
            | What::DiskFull
            | What::CutBroker => "this fault has at and for",
            What::BrokerRestart => "a restart of the broker has at and keep",
            What::FreezeCabinets => "frozen cabinets have at, for and share",
            What::Storm => "a storm has at, share and within",
        }
    }
}

/// `500ms`, `8s`, `2m`.
fn span(key: &str, text: &str) -> Result<Duration, String> {
    let digits = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    let number = text[..digits].parse::<u32>().ok().map(u64::from);
    let span = number.and_then(|number| match &text[digits..] {
        "ms" => Some(Duration::from_millis(number)),
        "s" => Some(Duration::from_secs(number)),
        "m" => Some(Duration::from_secs(number * 60)),
        _ => None,
    });
    span.ok_or_else(|| format!("{key} is a time such as 500ms, 8s or 2m, not {text:?}"))
}
