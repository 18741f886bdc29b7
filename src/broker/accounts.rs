//! Who may connect: one account per client id, checked in constant time, and the publish budget
//! that belongs to it. Never stores anything; never knows a topic.

use std::collections::HashMap;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use parking_lot::{Mutex, RwLock};
use subtle::ConstantTimeEq;
use tokio::time::Instant;

use crate::Error;

#[cfg(test)]
mod tests;

/// Client ids of the service's own sessions begin with this; no cabinet's may.
pub const SERVICE_PREFIX: &str = "chargeghar-";

/// Longest client id, user name and password accepted, in bytes each.
pub const CREDENTIAL_MAX: usize = 64;

/// What an account is allowed to do. The topics are in `acl`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// A cabinet: its own topics only, never a session that outlives its connection.
    Cabinet,
    /// A session of the service: every cabinet's topics, sessions kept over its reconnects.
    Service,
}

/// Credentials of one client id.
#[derive(Clone, PartialEq, Eq)]
pub struct Account {
    /// Equal to the client id for a cabinet.
    pub username: String,
    pub password: String,
    pub role: Role,
}

impl fmt::Debug for Account {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Account")
            .field("username", &self.username)
            .field("password", &"***")
            .field("role", &self.role)
            .finish()
    }
}

/// The accounts of one broker, and what each has published lately.
pub(crate) struct Accounts {
    by_client_id: RwLock<HashMap<String, Arc<Client>>>,
    /// Time that one publish of a cabinet costs.
    cost: Duration,
    /// Time that may be spent at once.
    burst: Duration,
}

pub(crate) struct Client {
    account: Account,
    /// When everything published so far will have been paid for.
    paid_until: Mutex<Option<Instant>>,
}

impl Accounts {
    /// `rate_per_minute` and `burst` count publishes of one cabinet; zero is taken as one.
    pub fn new(rate_per_minute: u32, burst: u32) -> Accounts {
        let cost = Duration::from_mins(1) / rate_per_minute.max(1);
        Accounts { by_client_id: RwLock::default(), cost, burst: cost * (burst.max(1) - 1) }
    }

    pub fn put(&self, client_id: &str, account: Account) -> Result<(), Error> {
        check(client_id, &account)?;
        let client = Client { account, paid_until: Mutex::new(None) };
        self.by_client_id.write().insert(client_id.to_owned(), Arc::new(client));
        Ok(())
    }

    pub fn remove(&self, client_id: &str) {
        self.by_client_id.write().remove(client_id);
    }

    pub fn role(&self, client_id: &str) -> Option<Role> {
        self.get(client_id).map(|client| client.account.role)
    }

    pub fn is_service(&self, client_id: &str) -> bool {
        self.role(client_id) == Some(Role::Service)
    }

    /// Takes the same time for a wrong password and for a client id that does not exist.
    pub fn authenticate(&self, client_id: &str, username: &[u8], password: &[u8]) -> bool {
        let client = self.get(client_id);
        let (want_name, want_word) = client.as_ref().map_or(("?", "?"), |client| {
            (client.account.username.as_str(), client.account.password.as_str())
        });
        let matches = same(want_name.as_bytes(), username) & same(want_word.as_bytes(), password);
        client.is_some() & matches
    }

    /// Takes one publish from the client's budget; `false` when it is spent. The service has none.
    pub fn spend(&self, client_id: &str, now: Instant) -> bool {
        let Some(client) = self.get(client_id) else { return false };
        if client.account.role == Role::Service {
            return true;
        }
        let mut paid_until = client.paid_until.lock();
        let from = paid_until.map_or(now, |until| until.max(now));
        let is_affordable = from - now <= self.burst;
        if is_affordable {
            *paid_until = Some(from + self.cost);
        }
        is_affordable
    }

    fn get(&self, client_id: &str) -> Option<Arc<Client>> {
        self.by_client_id.read().get(client_id).cloned()
    }
}

/// An account that could never be used, or could be used as another's, is refused at the door.
fn check(client_id: &str, account: &Account) -> Result<(), Error> {
    let sizes = [client_id, &account.username, &account.password].map(str::len);
    if sizes.iter().any(|&size| size == 0 || size > CREDENTIAL_MAX) {
        return Err(Error::Account("client id, user name and password have 1 to 64 bytes"));
    }
    if !client_id.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_') {
        return Err(Error::Account("a client id has only letters, digits, '-' and '_'"));
    }
    match account.role {
        Role::Cabinet if client_id.starts_with(SERVICE_PREFIX) => {
            Err(Error::Account("the client id of a cabinet does not begin with 'chargeghar-'"))
        }
        Role::Cabinet if client_id != account.username => {
            Err(Error::Account("the user name of a cabinet is its client id"))
        }
        Role::Service if !client_id.starts_with(SERVICE_PREFIX) => {
            Err(Error::Account("the client id of the service begins with 'chargeghar-'"))
        }
        Role::Cabinet | Role::Service => Ok(()),
    }
}

/// Compares without telling where the difference is. Pads, so that only the fact of a length
/// above the maximum can be told from the time.
fn same(want: &[u8], given: &[u8]) -> bool {
    let mut left = [0; CREDENTIAL_MAX];
    let mut right = [0; CREDENTIAL_MAX];
    if want.len() > CREDENTIAL_MAX || given.len() > CREDENTIAL_MAX {
        return false;
    }
    left[..want.len()].copy_from_slice(want);
    right[..given.len()].copy_from_slice(given);
    bool::from(left.ct_eq(&right)) & (want.len() == given.len())
}
