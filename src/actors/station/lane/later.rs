//! Ejects of before a restart that wait until the open one has its end: a report may prove
//! something of one whose turn has not come. Nothing is driven from here.

use domain::eject::{Step, Timing};

use super::Lane;
use crate::actors::station::verify::Look;

/// What a report proves of the ejects that wait.
#[derive(Debug, PartialEq, Eq)]
pub enum Proof {
    /// The end of one, which is the open eject now.
    TookTurn(Step),
    /// Another report may prove more.
    WantsCheck,
    None,
}

impl Lane {
    /// While the open eject cannot be settled, one that waits changes places with it when the
    /// report proves its end. An eject whose answer may still come stays.
    pub fn prove_later(&mut self, look: Look<'_>, timing: &Timing) -> Proof {
        let waits = self.eject.as_ref().is_some_and(|eject| !eject.is_awaiting());
        if !waits || self.settlement.is_some() {
            return Proof::None;
        }
        let (mut proved, mut wants_check) = (None, false);
        for (place, eject) in self.later.iter_mut().enumerate() {
            match eject.report(look.at_bank_of(eject), timing) {
                step @ Step::Settled(_) if proved.is_none() => proved = Some((place, step)),
                Step::Check { .. } => wants_check = true,
                Step::Settled(_) | Step::Wait { .. } | Step::Unknown { .. } => {}
            }
        }
        if let Some((place, step)) = proved
            && let Some(eject) = self.later.remove(place)
        {
            if let Some(open) = self.eject.replace(eject) {
                self.later.push_front(open);
            }
            return Proof::TookTurn(step);
        }
        if wants_check { Proof::WantsCheck } else { Proof::None }
    }
}
