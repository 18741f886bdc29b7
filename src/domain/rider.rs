//! Who a rider is: the e-mail address or phone number a rider logs in with, the name a rider
//! goes by, and whether the account may be used.

use std::fmt;

use serde::{Deserialize, Deserializer, Serialize};

use crate::ids::RiderId;

#[cfg(test)]
mod tests;

/// What a rider logs in with, in the one form in which it is compared and stored.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(untagged)]
pub enum Identifier {
    /// Ten digits that start with 97 or 98.
    Phone(String),
    /// In lower case.
    Email(String),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NotAnIdentifier {
    #[error("Invalid phone number format")]
    Phone,
    #[error("Invalid email format")]
    Email,
}

const EMAIL_MAX: usize = 254;
const LOCAL_MAX: usize = 64;
const TYPED_MAX: usize = 320;

impl Identifier {
    /// Accepts phones with the country's code, with blanks and dashes, and in Devanagari
    /// digits.
    pub fn parse(text: &str) -> Result<Identifier, NotAnIdentifier> {
        let text = text.trim();
        if text.len() > TYPED_MAX {
            return Err(NotAnIdentifier::Email);
        }
        if text.contains('@') { email(text) } else { phone(text) }
    }

    pub fn as_str(&self) -> &str {
        match self {
            Identifier::Phone(text) | Identifier::Email(text) => text,
        }
    }

    pub fn phone(&self) -> Option<&str> {
        match self {
            Identifier::Phone(text) => Some(text),
            Identifier::Email(_) => None,
        }
    }

    pub fn email(&self) -> Option<&str> {
        match self {
            Identifier::Email(text) => Some(text),
            Identifier::Phone(_) => None,
        }
    }
}

impl fmt::Display for Identifier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl<'de> Deserialize<'de> for Identifier {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Identifier, D::Error> {
        let text = String::deserialize(deserializer)?;
        Identifier::parse(&text).map_err(serde::de::Error::custom)
    }
}

fn phone(text: &str) -> Result<Identifier, NotAnIdentifier> {
    let plain = text.chars().filter(|c| !matches!(c, ' ' | '-' | '(' | ')'));
    let plain: String = plain.map(western).collect();
    let international = plain.strip_prefix('+').or_else(|| plain.strip_prefix("00"));
    let digits = international.unwrap_or(&plain);
    let local = digits.strip_prefix("977").filter(|rest| rest.len() == 10).unwrap_or(digits);
    let mobile = local.starts_with("97") || local.starts_with("98");
    let fits = local.len() == 10 && local.bytes().all(|b| b.is_ascii_digit()) && mobile;
    if fits { Ok(Identifier::Phone(local.to_owned())) } else { Err(NotAnIdentifier::Phone) }
}

/// Devanagari digits as the ones of this file.
fn western(c: char) -> char {
    match c {
        '०'..='९' => {
            let value = u32::from(c) - u32::from('०');
            char::from_digit(value, 10).unwrap_or(c)
        }
        other => other,
    }
}

fn email(text: &str) -> Result<Identifier, NotAnIdentifier> {
    let text = text.to_lowercase();
    let (local, host) = text.rsplit_once('@').ok_or(NotAnIdentifier::Email)?;
    let local_fits = (1..=LOCAL_MAX).contains(&local.len())
        && local.bytes().all(|b| b.is_ascii_alphanumeric() || b"!#$%&'*+-/=?^_`{|}~.".contains(&b))
        && !local.starts_with('.')
        && !local.ends_with('.')
        && !local.contains("..");
    let label = |label: &str| {
        (1..=63).contains(&label.len())
            && label.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-')
            && !label.starts_with('-')
            && !label.ends_with('-')
    };
    let host_fits = host.contains('.') && host.split('.').all(label);
    let fits = text.len() <= EMAIL_MAX && local_fits && host_fits;
    if fits { Ok(Identifier::Email(text)) } else { Err(NotAnIdentifier::Email) }
}

/// The name a rider goes by: 3 to 150 characters, none of them a control character.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(transparent)]
pub struct Username(String);

#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NotAUsername {
    #[error("Username must be at least 3 characters")]
    TooShort,
    #[error("Username must be at most 150 characters")]
    TooLong,
    #[error("Username has a control character")]
    Unprintable,
}

impl Username {
    pub fn parse(text: &str) -> Result<Username, NotAUsername> {
        let text = text.trim();
        match text.chars().count() {
            0..=2 => Err(NotAUsername::TooShort),
            3..=150 if text.chars().any(char::is_control) => Err(NotAUsername::Unprintable),
            3..=150 => Ok(Username(text.to_owned())),
            _ => Err(NotAUsername::TooLong),
        }
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl<'de> Deserialize<'de> for Username {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Username, D::Error> {
        let text = String::deserialize(deserializer)?;
        Username::parse(&text).map_err(serde::de::Error::custom)
    }
}

/// Whether an account may be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(
    feature = "sqlx",
    derive(sqlx::Type),
    sqlx(type_name = "text", rename_all = "UPPERCASE")
)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "UPPERCASE")]
pub enum RiderStatus {
    Active,
    Banned,
    Inactive,
}

/// An account.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rider {
    pub id: RiderId,
    pub email: Option<String>,
    pub phone: Option<String>,
    pub username: Option<String>,
    pub status: RiderStatus,
    pub referral_code: Option<String>,
    /// Raised to make every token of this rider worthless.
    pub token_version: i32,
}

impl Rider {
    pub fn is_active(&self) -> bool {
        self.status == RiderStatus::Active
    }
}
