//! What operators write for others to read.

use super::answer::{Code, Refusal};

/// Least length of an explanation: a word is none.
const EXPLANATION_MIN: usize = 5;

/// A text that another person can understand later.
pub(super) fn explanation(text: &str) -> Result<String, Refusal> {
    let text = text.trim();
    if text.chars().count() < EXPLANATION_MIN {
        let advice = "say in a few words what you found out; others read it later";
        return Err(Refusal::new(Code::Invalid, advice));
    }
    Ok(text.to_owned())
}
