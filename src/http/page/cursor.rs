//! The place of a row in a list that is ordered newest first. What comes after it is the same
//! rows whatever is added before it; clients give it back as they got it and read nothing in it.

use base64::Engine;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use uuid::Uuid;

/// Which list a place is of. A cursor of one list means nothing in another.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum List {
    Rentals,
    Transactions,
}

impl List {
    fn mark(self) -> u8 {
        match self {
            List::Rentals => b'r',
            List::Transactions => b't',
        }
    }
}

/// Rows are ordered by number, and by id where two have the same.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cursor {
    pub list: List,
    pub number: i64,
    pub id: Uuid,
}

impl Cursor {
    pub fn read(list: List, text: &str) -> Option<Cursor> {
        let bytes = BASE64_URL_SAFE_NO_PAD.decode(text).ok()?;
        let (mark, rest) = bytes.split_first()?;
        let (number, id) = rest.split_first_chunk::<8>()?;
        let id = Uuid::from_slice(id).ok()?;
        let cursor = Cursor { list, number: i64::from_be_bytes(*number), id };
        (*mark == list.mark()).then_some(cursor)
    }
}

impl std::fmt::Display for Cursor {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let (number, id) = (self.number.to_be_bytes(), self.id.as_bytes());
        let bytes = [&[self.list.mark()], &number[..], id].concat();
        f.write_str(&BASE64_URL_SAFE_NO_PAD.encode(bytes))
    }
}
