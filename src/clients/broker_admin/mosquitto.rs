//! Accounts at Mosquitto, by its dynamic security plugin: one client and one role for each
//! cabinet, one role for the service. Spoken to over its control topic, in a short conversation
//! for each request.
//!
//! The plugin keeps hashes only, so a fingerprint of the password stands in a client's
//! description. It writes its whole file after every command and serves nobody meanwhile (27 ms
//! with 2,000 cabinets): what is right already is left alone, and only the commands for one
//! cabinet travel together.

use std::collections::BTreeMap;
use std::time::Duration;

use async_trait::async_trait;
use devices::topic::Channel;
use domain::ids::DeviceUuid;
use sha2::{Digest, Sha256};
use tokio::sync::Mutex;

use super::{BrokerAdmin, Cabinets, Error, Progress, Synced};
use crate::clock::Clock;
use crate::credentials::Password;
use crate::entropy::Entropy;
use crate::link::mqtt::Settings;
use command::{Acl, Client, Command, NewClient, RoleOf};
use control::Control;

mod command;
mod control;
#[cfg(test)]
mod tests;

/// How often the service's own rights are looked at until they are right.
const TRIES: usize = 3;
const TRY_AGAIN_AFTER: Duration = Duration::from_millis(100);

pub struct Mosquitto {
    settings: Settings,
    clock: Clock,
    entropy: Entropy,
    /// One conversation at a time: they share a client id.
    turn: Mutex<()>,
    /// Every cabinet that is to be let in, also while the broker could not be told.
    known: parking_lot::Mutex<Cabinets>,
}

/// What the plugin has of ours.
struct Inventory {
    clients: BTreeMap<DeviceUuid, Client>,
    /// By their names; also those of others.
    roles: Roles,
}

/// What each role allows.
type Roles = BTreeMap<String, Vec<Acl>>;

impl Mosquitto {
    /// The same address, user name and password as the link's: that user must be an
    /// administrator of the plugin.
    pub fn new(settings: Settings, clock: Clock, entropy: Entropy) -> Mosquitto {
        let known = parking_lot::Mutex::default();
        Mosquitto { settings, clock, entropy, turn: Mutex::new(()), known }
    }

    /// From here on these are the cabinets to be let in, until more are put.
    pub fn expect(&self, cabinets: Cabinets) {
        *self.known.lock() = cabinets;
    }

    /// Tells the broker all that it should know and does not.
    pub async fn tell(&self, progress: Progress<'_>) -> Result<Synced, Error> {
        let _turn = self.turn.lock().await;
        // what is put from here on waits for its turn
        let cabinets = self.known.lock().clone();
        for cabinet in cabinets.keys() {
            uuid(cabinet.as_str())?;
        }
        let mut control = self.open().await?;
        let has = self.inventory(&mut control).await?;
        let (changes, synced) = self.changes(&cabinets, &has);
        for (made, commands) in changes.iter().enumerate() {
            progress(made, changes.len());
            control.run(commands).await?;
        }
        progress(changes.len(), changes.len());
        Ok(synced)
    }

    /// Gives the service's own user the rights that its link needs, if it has not got them.
    /// To be done before the link starts: the broker ends the sessions of a user whose rights
    /// change, this conversation among them.
    pub async fn prepare(&self) -> Result<(), Error> {
        let _turn = self.turn.lock().await;
        for _ in 1..TRIES {
            match self.prepare_once().await {
                Err(Error::Down(_)) => self.clock.sleep(TRY_AGAIN_AFTER).await,
                other => return other,
            }
        }
        self.prepare_once().await
    }

    async fn prepare_once(&self) -> Result<(), Error> {
        let mut control = self.open().await?;
        let username = self.settings.address.username.clone();
        let rolename = self.service_role();
        let wanted = self.service_acls();
        let mut commands = vec![Command::deny_by_default()];
        match control.role(&rolename).await? {
            None => {
                let (rolename, textname) = (rolename.clone(), self.service_text());
                commands.push(Command::CreateRole { rolename, textname, acls: wanted });
            }
            Some(known) if sorted(&known.acls) != sorted(&wanted) => {
                commands.push(Command::ModifyRole { rolename: rolename.clone(), acls: wanted });
            }
            Some(_) => {}
        }
        let has_role = control.client(&username).await?.is_some_and(|c| c.has_role(&rolename));
        if !has_role {
            commands.push(Command::AddClientRole { username, rolename, priority: 0 });
        }
        control.run(&commands).await
    }

    async fn open(&self) -> Result<Control, Error> {
        let (address, id) = (&self.settings.address, self.settings.admin_id());
        let nonce = format!("{}-", self.entropy.base62(8));
        Control::open(address, &id, nonce, self.clock.clone()).await
    }

    async fn inventory(&self, control: &mut Control) -> Result<Inventory, Error> {
        let textname = self.cabinet_text();
        let ours = control.clients().await?.into_iter().filter(|c| c.textname == textname);
        let clients = ours.filter_map(|client| Some((uuid(&client.username).ok()?, client)));
        let clients = clients.collect();
        let roles = control.roles().await?.into_iter().map(|role| (role.rolename, role.acls));
        Ok(Inventory { clients, roles: roles.collect() })
    }

    /// What is to be done for each cabinet that differs; empty lists are none.
    fn changes(&self, cabinets: &Cabinets, has: &Inventory) -> (Vec<Vec<Command>>, Synced) {
        let mut synced = Synced::default();
        let mut changes = Vec::new();
        for cabinet in has.clients.keys().filter(|cabinet| !cabinets.contains_key(cabinet)) {
            synced.removed += 1;
            changes.push(self.removal(cabinet));
        }
        for (cabinet, password) in cabinets {
            let client = has.clients.get(cabinet);
            let commands = self.corrections(cabinet, password, client, &has.roles);
            match client {
                _ if commands.is_empty() => synced.unchanged += 1,
                Some(_) => synced.changed += 1,
                None => synced.added += 1,
            }
            changes.push(commands);
        }
        changes.retain(|commands| !commands.is_empty());
        (changes, synced)
    }

    fn corrections(
        &self,
        cabinet: &DeviceUuid,
        password: &Password,
        client: Option<&Client>,
        roles: &Roles,
    ) -> Vec<Command> {
        let (username, rolename) = (cabinet.0.clone(), self.cabinet_role(cabinet));
        let acls = self.cabinet_acls(cabinet);
        let mut commands = Vec::new();
        match roles.get(&rolename) {
            None => {
                let (rolename, textname) = (rolename.clone(), self.cabinet_text());
                commands.push(Command::CreateRole { rolename, textname, acls });
            }
            Some(known) if sorted(known) != sorted(&acls) => {
                commands.push(Command::ModifyRole { rolename: rolename.clone(), acls });
            }
            Some(_) => {}
        }
        let Some(client) = client else {
            commands.push(self.new_client(cabinet, password));
            return commands;
        };
        let fingerprint = fingerprint(password);
        if client.textdescription != fingerprint {
            let (username, password) = (username.clone(), password.expose().to_owned());
            commands.push(Command::SetClientPassword { username, password });
            let (username, textdescription) = (cabinet.0.clone(), fingerprint);
            commands.push(Command::ModifyClient { username, textdescription });
        }
        if !client.has_role(&rolename) {
            commands.push(Command::AddClientRole { username, rolename, priority: 0 });
        }
        commands
    }

    fn new_client(&self, cabinet: &DeviceUuid, password: &Password) -> Command {
        Command::CreateClient(Box::new(NewClient {
            username: cabinet.0.clone(),
            password: password.expose().to_owned(),
            clientid: cabinet.0.clone(),
            textname: self.cabinet_text(),
            textdescription: fingerprint(password),
            roles: vec![RoleOf { rolename: self.cabinet_role(cabinet) }],
        }))
    }

    /// The client first: from then on nobody has the role.
    fn removal(&self, cabinet: &DeviceUuid) -> Vec<Command> {
        let (username, rolename) = (cabinet.0.clone(), self.cabinet_role(cabinet));
        vec![Command::DeleteClient { username }, Command::DeleteRole { rolename }]
    }

    /// Its own topics by their names. To its own heartbeats it listens: that is their echo.
    fn cabinet_acls(&self, cabinet: &DeviceUuid) -> Vec<Acl> {
        let topic = |channel| self.settings.topics.format(cabinet, channel);
        let mut acls =
            vec![Acl::publish(&topic(Channel::Update)), Acl::publish(&topic(Channel::Heart))];
        acls.extend(Acl::listen(&topic(Channel::Get)));
        acls.extend(Acl::listen(&topic(Channel::Heart)));
        acls
    }

    fn service_acls(&self) -> Vec<Acl> {
        let filter = |channel| self.settings.topics.filter(channel);
        let marker = self.settings.marker_topic();
        let mut acls = vec![Acl::publish(&filter(Channel::Get)), Acl::publish(&marker)];
        acls.extend(Acl::listen(&filter(Channel::Update)));
        acls.extend(Acl::listen(&filter(Channel::Heart)));
        acls.extend(Acl::listen(&marker));
        acls
    }

    fn cabinet_role(&self, cabinet: &DeviceUuid) -> String {
        format!("{}-cabinet-{cabinet}", self.settings.client_id)
    }

    /// By this text our cabinets are told from other clients of the broker.
    fn cabinet_text(&self) -> String {
        format!("{} cabinet", self.settings.client_id)
    }

    fn service_role(&self) -> String {
        format!("{}-service", self.settings.client_id)
    }

    fn service_text(&self) -> String {
        format!("{} service", self.settings.client_id)
    }
}

#[async_trait]
impl BrokerAdmin for Mosquitto {
    async fn put(&self, cabinet: &DeviceUuid, password: &Password) -> Result<(), Error> {
        let cabinet = uuid(cabinet.as_str())?;
        let _turn = self.turn.lock().await;
        self.known.lock().insert(cabinet.clone(), password.clone());
        let mut control = self.open().await?;
        let client = control.client(cabinet.as_str()).await?;
        // One that is not ours is not touched: to make it again is refused.
        let client = client.filter(|client| client.textname == self.cabinet_text());
        let rolename = self.cabinet_role(&cabinet);
        let role = control.role(&rolename).await?.map(|role| (rolename, role.acls));
        let roles = role.into_iter().collect();
        let commands = self.corrections(&cabinet, password, client.as_ref(), &roles);
        control.run(&commands).await
    }

    async fn remove(&self, cabinet: &DeviceUuid) -> Result<(), Error> {
        let _turn = self.turn.lock().await;
        self.known.lock().remove(cabinet);
        let mut control = self.open().await?;
        control.run(&self.removal(cabinet)).await
    }

    async fn sessions(&self) -> Result<Option<Vec<DeviceUuid>>, Error> {
        Ok(None)
    }

    async fn sync(&self, cabinets: &Cabinets, progress: Progress<'_>) -> Result<Synced, Error> {
        self.expect(cabinets.clone());
        self.tell(progress).await
    }
}

/// A name that fits into one level of a topic.
fn uuid(text: &str) -> Result<DeviceUuid, Error> {
    DeviceUuid::parse(text).map_err(|error| Error::Refused(error.to_string()))
}

/// Tells whether a password changed, and nothing about it: it has 190 bits.
fn fingerprint(password: &Password) -> String {
    let digest = Sha256::digest(["chargeghar cabinet ", password.expose()].concat());
    hex::encode(&digest[..8])
}

fn sorted(acls: &[Acl]) -> Vec<&Acl> {
    let mut acls: Vec<&Acl> = acls.iter().collect();
    acls.sort_unstable();
    acls
}
