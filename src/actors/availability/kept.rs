//! Texts that were made of a view, kept as long as the view itself: many riders read one cabinet
//! between two of its changes.

use std::sync::OnceLock;

/// Empty in a new view, and in a copy, which is made to be changed.
#[derive(Debug, Default)]
pub struct Kept {
    row: OnceLock<Box<str>>,
    detail: OnceLock<Box<str>>,
}

impl Kept {
    /// Its row in a list, made at the first call.
    pub fn row<E>(&self, make: impl FnOnce() -> Result<String, E>) -> Result<&str, E> {
        kept(&self.row, make)
    }

    /// All of it, made at the first call.
    pub fn detail<E>(&self, make: impl FnOnce() -> Result<String, E>) -> Result<&str, E> {
        kept(&self.detail, make)
    }
}

fn kept<E>(text: &OnceLock<Box<str>>, make: impl FnOnce() -> Result<String, E>) -> Result<&str, E> {
    if let Some(text) = text.get() {
        return Ok(text);
    }
    let fresh = make()?.into_boxed_str();
    Ok(text.get_or_init(|| fresh))
}

impl Clone for Kept {
    fn clone(&self) -> Kept {
        Kept::default()
    }
}

/// Two views that say the same are equal, whoever has read them.
impl PartialEq for Kept {
    fn eq(&self, _: &Kept) -> bool {
        true
    }
}
