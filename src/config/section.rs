//! How a section of the configuration is written down: every key with its type, default and
//! comment in one place, from which the struct, its defaults and `config.toml` are made.

/// One key of a section.
#[derive(Clone, Copy, Debug)]
pub struct Field {
    pub key: &'static str,
    /// Its type, as written in the section.
    pub kind: &'static str,
    /// The lines of its comment.
    pub comment: &'static [&'static str],
}

impl Field {
    /// Secrets come from the environment or from a file of their own, never from `config.toml`.
    pub fn is_secret(&self) -> bool {
        self.kind == "Secret"
    }
}

/// A part of the configuration with a name of its own in `config.toml`.
pub trait Section {
    const ABOUT: &'static [&'static str];
    const FIELDS: &'static [Field];
}

/// What is wrong with the values of one section, in sentences that say what to do.
#[derive(Debug)]
pub struct Problems<'a> {
    section: &'static str,
    found: &'a mut Vec<String>,
}

impl<'a> Problems<'a> {
    pub fn of(section: &'static str, found: &'a mut Vec<String>) -> Problems<'a> {
        Problems { section, found }
    }

    /// Notes a problem with `key` unless `holds`.
    pub fn unless(&mut self, holds: bool, key: &str, advice: &str) {
        if !holds {
            let dot = if self.section.is_empty() { "" } else { "." };
            self.found.push(format!("{}{dot}{key}: {advice}", self.section));
        }
    }
}

macro_rules! section {
    (
        $(#[doc = $about:literal])*
        $name:ident {
            $($(#[doc = $comment:literal])* $key:ident: $kind:ty = $default:expr,)*
        }
    ) => {
        $(#[doc = $about])*
        #[derive(Clone, Debug, PartialEq, serde::Serialize, serde::Deserialize)]
        #[serde(deny_unknown_fields, default)]
        pub struct $name {
            $($(#[doc = $comment])* pub $key: $kind,)*
        }

        impl Default for $name {
            fn default() -> $name {
                $name { $($key: $default,)* }
            }
        }

        impl $crate::config::section::Section for $name {
            const ABOUT: &'static [&'static str] = &[$($about),*];
            const FIELDS: &'static [$crate::config::section::Field] = &[$(
                $crate::config::section::Field {
                    key: stringify!($key),
                    kind: stringify!($kind),
                    comment: &[$($comment),*],
                },
            )*];
        }
    };
}

pub(super) use section;
