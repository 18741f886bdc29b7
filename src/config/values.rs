//! Types of values: durations that carry their unit, secrets and addresses that do not show
//! their passwords.

use std::fmt;
use std::time::Duration;

use chrono::TimeDelta;
use serde::{Deserialize, Serialize, Serializer};

const MASK: &str = "***";

macro_rules! units {
    ($($(#[doc = $doc:literal])* $name:ident $inner:ident $millis:literal;)*) => {$(
        $(#[doc = $doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $name(pub $inner);

        impl $name {
            pub const fn duration(self) -> Duration {
                Duration::from_millis(self.0 as u64 * $millis)
            }

            /// The same, for sums with times.
            pub const fn delta(self) -> TimeDelta {
                TimeDelta::milliseconds(self.0 as i64 * $millis)
            }
        }
    )*};
}

units! {
    /// Keys that end in `_ms`.
    Millis u32 1;
    /// Keys that end in `_s`.
    Seconds u32 1_000;
    /// Keys that end in `_days`.
    Days u16 86_400_000;
}

/// A value that is never shown: `***` in logs and in printed configurations.
#[derive(Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(transparent)]
pub struct Secret(String);

impl Secret {
    pub fn new(value: impl Into<String>) -> Secret {
        Secret(value.into())
    }

    /// The value itself. Never to be logged.
    pub fn expose(&self) -> &str {
        &self.0
    }

    pub fn is_set(&self) -> bool {
        !self.0.is_empty()
    }

    fn shown(&self) -> &'static str {
        if self.is_set() { MASK } else { "" }
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(MASK)
    }
}

impl Serialize for Secret {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.shown())
    }
}

/// The URL of a server, shown without its password.
#[derive(Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(transparent)]
pub struct Endpoint(String);

impl Endpoint {
    pub fn new(url: impl Into<String>) -> Endpoint {
        Endpoint(url.into())
    }

    /// The URL with its password. Never to be logged.
    pub fn expose(&self) -> &str {
        &self.0
    }

    /// The URL with this password, unless it names one itself.
    pub fn with_password(&self, password: &Secret) -> String {
        let Some((scheme, rest)) = self.0.split_once("://") else { return self.0.clone() };
        let Some((user, host)) = rest.split_once('@') else { return self.0.clone() };
        if user.contains(':') || !password.is_set() {
            return self.0.clone();
        }
        let encode = |byte: u8| match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'_' | b'.' | b'~' => {
                char::from(byte).to_string()
            }
            _ => format!("%{byte:02X}"),
        };
        let password: String = password.expose().bytes().map(encode).collect();
        format!("{scheme}://{user}:{password}@{host}")
    }

    /// Whether a server is named at all; if not, the embedded default is used.
    pub fn is_set(&self) -> bool {
        !self.0.is_empty()
    }

    /// Whether the URL begins with one of these schemes, given without `://`.
    pub fn has_scheme(&self, schemes: &[&str]) -> bool {
        self.0.split_once("://").is_some_and(|(scheme, _)| schemes.contains(&scheme))
    }
}

impl fmt::Display for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match password(&self.0) {
            Some(range) => write!(f, "{}{MASK}{}", &self.0[..range.start], &self.0[range.end..]),
            None => f.write_str(&self.0),
        }
    }
}

impl fmt::Debug for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "\"{self}\"")
    }
}

impl Serialize for Endpoint {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

/// Where the password of `scheme://user:password@host` is, if `url` has one.
pub(super) fn password(url: &str) -> Option<std::ops::Range<usize>> {
    let authority = url.find("://")? + 3;
    let end = url[authority..].find(['/', '?', '#']).map_or(url.len(), |at| authority + at);
    let at = authority + url[authority..end].rfind('@')?;
    let colon = authority + url[authority..at].find(':')?;
    (colon + 1 < at).then_some(colon + 1..at)
}
