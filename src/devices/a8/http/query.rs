//! The query of a cabinet's call: decoded, bounded, and signed values at hand.

use crate::a8::sign::{Signature, verify};

#[cfg(test)]
mod tests;

/// Longer than any cabinet has reason to send, in bytes before decoding.
const QUERY_MAX: usize = 4096;
const PARAMS_MAX: usize = 64;

/// Decoded parameters. Of a name given twice, the first counts.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Query(Vec<(String, String)>);

#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum QueryError {
    #[error("query is longer than {QUERY_MAX} bytes or has more than {PARAMS_MAX} parameters")]
    TooLong,
    #[error("query is not percent-encoded text")]
    NotText,
}

impl Query {
    /// Reads what stands behind the question mark.
    pub fn parse(text: &str) -> Result<Query, QueryError> {
        if text.len() > QUERY_MAX || text.split('&').count() > PARAMS_MAX {
            return Err(QueryError::TooLong);
        }
        let pairs = text.split('&').filter(|pair| !pair.is_empty()).map(|pair| {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            Ok((decode(name)?, decode(value)?))
        });
        pairs.collect::<Result<_, _>>().map(Query)
    }

    pub fn get(&self, name: &str) -> Option<&str> {
        self.0.iter().find(|(found, _)| found == name).map(|(_, value)| value.as_str())
    }

    /// A missing value is an empty one, as it is for the signature.
    pub fn text(&self, name: &str) -> &str {
        self.get(name).unwrap_or_default()
    }

    pub fn filled(&self, name: &str) -> Option<&str> {
        self.get(name).filter(|value| !value.is_empty())
    }

    /// Compares `sign` with the values of these parameters.
    pub fn verify(&self, names: &[&str]) -> Signature {
        let params: Vec<(&str, &str)> = names.iter().map(|name| (*name, self.text(name))).collect();
        verify(&params, self.get("sign"))
    }
}

/// `%41` and `+`, as browsers write them.
fn decode(text: &str) -> Result<String, QueryError> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let [first, tail @ ..] = rest {
        rest = tail;
        match first {
            b'+' => bytes.push(b' '),
            b'%' => {
                let (code, after) = tail.split_at_checked(2).ok_or(QueryError::NotText)?;
                bytes.extend(hex::decode(code).map_err(|_| QueryError::NotText)?);
                rest = after;
            }
            other => bytes.push(*other),
        }
    }
    String::from_utf8(bytes).map_err(|_| QueryError::NotText)
}
