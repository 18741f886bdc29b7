//! Who an operator is: the user of this machine behind a command, as the kernel says. A
//! command can not name itself, except that root may say for whom it acts.

use std::fs;

use rustix::process::{RawUid, geteuid};

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
}

impl std::fmt::Display for Operator {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
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
