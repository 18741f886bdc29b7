//! The `sign` of a cabinet's HTTP calls (docs/PROTOCOL.md 8.1): an MD5 of public values without
//! a key. It is a checksum and proves nothing; count mismatches, trust none of the matches.

use md5::{Digest, Md5};

#[cfg(test)]
mod tests;

/// How the `sign` of a call compares with its parameters.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Signature {
    Good,
    Wrong,
    /// The call carries none.
    Absent,
}

/// Lower-case hex over the decoded values.
pub fn sign(params: &[(&str, &str)]) -> String {
    hex::encode(Md5::digest(signed_text(params)))
}

/// What is hashed: `key=value`, sorted, joined by bars.
pub fn signed_text(params: &[(&str, &str)]) -> String {
    let mut pairs: Vec<String> =
        params.iter().map(|(name, value)| format!("{name}={value}")).collect();
    pairs.sort_unstable();
    pairs.join("|")
}

/// Compares without regard to letter case.
pub fn verify(params: &[(&str, &str)], given: Option<&str>) -> Signature {
    match given {
        None | Some("") => Signature::Absent,
        Some(given) if given.eq_ignore_ascii_case(&sign(params)) => Signature::Good,
        Some(_) => Signature::Wrong,
    }
}
