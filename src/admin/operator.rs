//! Who an operator is: the user of this machine behind a command, as the kernel says. A
//! command cannot name itself, except that root may say for whom it acts.

use std::fmt::{self, Display};
use std::fs;

use axum::extract::{ConnectInfo, FromRequestParts};
use axum::http::request::Parts;
use rustix::process::{RawUid, geteuid};
use serde_json::Value;

use super::answer::{Code, Refusal};
use super::socket::Peer;
use crate::store::fact::AuditEntry;

#[cfg(test)]
mod tests;

/// Header in which a command of root names the user that called it.
pub const ON_BEHALF: &str = "x-on-behalf-of";
/// Where the names of users are.
const USERS: &str = "/etc/passwd";

/// The person behind a command; displays as `operator:anna`, which is what the audit keeps.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Operator {
    name: String,
}

impl Operator {
    /// The user with this id; `on_behalf` counts for root only.
    pub fn of(uid: RawUid, on_behalf: Option<&str>) -> Operator {
        let named = on_behalf.filter(|name| uid == 0 && is_name(name));
        let name = match named {
            Some(name) => name.to_owned(),
            None => name_of(uid).unwrap_or_else(|| format!("uid-{uid}")),
        };
        Operator { name }
    }

    /// Who runs this process.
    pub fn of_process() -> Operator {
        Operator::of(geteuid().as_raw(), called_by().as_deref())
    }

    /// What the audit keeps of a deed of this person.
    pub fn did(&self, action: &'static str, target: impl Display, details: Value) -> AuditEntry {
        AuditEntry { actor: self.to_string(), action, target: target.to_string(), details }
    }
}

impl<S: Sync> FromRequestParts<S> for Operator {
    type Rejection = Refusal;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Operator, Refusal> {
        let peer = parts.extensions.get::<ConnectInfo<Peer>>().and_then(|info| info.0.uid);
        let uid = peer.ok_or_else(|| Refusal::new(Code::Forbidden, "the caller is not known"))?;
        let on_behalf = parts.headers.get(ON_BEHALF);
        Ok(Operator::of(uid, on_behalf.and_then(|name| name.to_str().ok())))
    }
}

impl Display for Operator {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "operator:{}", self.name)
    }
}

/// Who became root to run this command.
pub fn called_by() -> Option<String> {
    std::env::var("SUDO_USER").ok().filter(|name| is_name(name) && name != "root")
}

fn is_name(text: &str) -> bool {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"._-".contains(&byte);
    (1..=64).contains(&text.len()) && text.bytes().all(plain)
}

fn name_of(uid: RawUid) -> Option<String> {
    name_in(&fs::read_to_string(USERS).ok()?, uid)
}

/// The name that a list of users gives to an id.
fn name_in(users: &str, uid: RawUid) -> Option<String> {
    let uid = uid.to_string();
    let mut lines = users.lines().map(|line| line.split(':'));
    lines.find_map(|mut fields| {
        let name = fields.next().filter(|name| is_name(name))?;
        (fields.nth(1) == Some(uid.as_str())).then(|| name.to_owned())
    })
}
