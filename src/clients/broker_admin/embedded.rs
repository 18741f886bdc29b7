//! Accounts at the broker in this process. They live in its memory, so each start puts all of
//! them there again.

use std::sync::Arc;

use async_trait::async_trait;
use broker::{Account, Broker, Role};
use domain::ids::DeviceUuid;
use parking_lot::Mutex;

use super::{BrokerAdmin, Cabinets, Error, Progress, Synced};
use crate::config::Secret;
use crate::credentials::Password;
use crate::link::mqtt::Settings;

/// How many changes pass between two words of progress.
const PROGRESS_EVERY: usize = 1_000;

pub struct Embedded {
    broker: Arc<Broker>,
    /// The passwords that were put, to see what differs.
    known: Mutex<Cabinets>,
}

impl Embedded {
    pub fn new(broker: Arc<Broker>) -> Embedded {
        Embedded { broker, known: Mutex::default() }
    }

    /// Lets the sessions of the service in, by the settings their link will use.
    pub fn put_service(&self, link: &Settings) -> Result<(), Error> {
        let login = &link.address;
        for client_id in [link.updates_id(), link.hearts_id()] {
            let account = account(&login.username, &login.password, Role::Service);
            self.broker.put(&client_id, account).map_err(refused)?;
        }
        Ok(())
    }

    fn put_one(&self, cabinet: &DeviceUuid, password: &Password) -> Result<(), Error> {
        let account = account(cabinet.as_str(), &Secret::new(password.expose()), Role::Cabinet);
        self.broker.put(cabinet.as_str(), account).map_err(refused)?;
        self.known.lock().insert(cabinet.clone(), password.clone());
        Ok(())
    }
}

#[async_trait]
impl BrokerAdmin for Embedded {
    async fn put(&self, cabinet: &DeviceUuid, password: &Password) -> Result<(), Error> {
        self.put_one(cabinet, password)
    }

    async fn remove(&self, cabinet: &DeviceUuid) -> Result<(), Error> {
        self.known.lock().remove(cabinet);
        self.broker.remove(cabinet.as_str()).await;
        Ok(())
    }

    async fn sessions(&self) -> Result<Option<Vec<DeviceUuid>>, Error> {
        let sessions = self.broker.sessions();
        let cabinets = sessions.iter().filter_map(|client| DeviceUuid::parse(client).ok());
        Ok(Some(cabinets.collect()))
    }

    async fn sync(&self, cabinets: &Cabinets, progress: Progress<'_>) -> Result<Synced, Error> {
        let known = self.known.lock().clone();
        let mut synced = Synced::default();
        for cabinet in known.keys().filter(|cabinet| !cabinets.contains_key(cabinet)) {
            self.remove(cabinet).await?;
            synced.removed += 1;
        }
        for (made, (cabinet, password)) in cabinets.iter().enumerate() {
            match known.get(cabinet) {
                Some(same) if same == password => {
                    synced.unchanged += 1;
                    continue;
                }
                Some(_) => synced.changed += 1,
                None => synced.added += 1,
            }
            self.put_one(cabinet, password)?;
            if made % PROGRESS_EVERY == 0 {
                progress(made, cabinets.len());
            }
        }
        progress(cabinets.len(), cabinets.len());
        Ok(synced)
    }
}

fn account(username: &str, password: &Secret, role: Role) -> Account {
    Account { username: username.into(), password: password.expose().into(), role }
}

fn refused(error: broker::Error) -> Error {
    Error::Refused(error.to_string())
}
