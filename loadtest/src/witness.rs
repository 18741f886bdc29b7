//! What cabinets saw of their banks: which were asked for, which fell out, which came back, and
//! when. It is what the service's books are held against; it never asks the service.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use cabinet::{Event, Observer, Seen};

/// Cabinets by uuid that hold a bank, by its serial.
pub type Places = BTreeMap<String, Vec<String>>;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sight {
    /// A command to let it out has come.
    Asked,
    /// It lies in the opening.
    Out,
    /// It was put into a slot.
    Back,
}

/// Something that happened to one bank.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Moment {
    pub unix_ms: i64,
    /// The uuid of the cabinet.
    pub cabinet: String,
    pub sight: Sight,
}

/// A cheap handle; clones write the same notes.
#[derive(Clone, Default)]
pub struct Witness(Arc<Mutex<BTreeMap<String, Vec<Moment>>>>);

impl Witness {
    /// To be called by cabinets with all that happens to them.
    pub fn observer(&self) -> Observer {
        let notes = self.clone();
        Arc::new(move |uuid, Seen { unix_ms, event, .. }| {
            if let Some((sn, sight)) = about_a_bank(event) {
                notes.note(&sn, *unix_ms, uuid.as_str(), sight);
            }
        })
    }

    pub fn note(&self, sn: &str, unix_ms: i64, cabinet: &str, sight: Sight) {
        let moment = Moment { unix_ms, cabinet: cabinet.to_owned(), sight };
        let mut notes = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        notes.entry(sn.to_owned()).or_default().push(moment);
    }

    /// All that was seen of each bank, in order.
    pub fn told(&self) -> BTreeMap<String, Vec<Moment>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

fn about_a_bank(event: &Event) -> Option<(String, Sight)> {
    if let Event::Command { name, raw } = event {
        let command = if name == "popup_sn" { serde_json::from_str(raw).ok() } else { None };
        let command: serde_json::Value = command?;
        return Some((command["data"].as_str()?.to_owned(), Sight::Asked));
    }
    if let Event::Ejected { sn, .. } = event {
        return Some((sn.to_string(), Sight::Out));
    }
    let Event::Inserted { sn, .. } = event else { return None };
    Some((sn.to_string(), Sight::Back))
}
