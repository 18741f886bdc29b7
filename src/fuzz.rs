//! Words changed at random, for the tests that give them to whoever reads words of strangers.

/// Inputs of one target when nobody says how long: some seconds for all of them.
pub const INPUTS: usize = 2_000;

/// How a known word is changed: which one, bytes at places, where it is cut, and what is put
/// behind it.
pub type Change = (u8, Vec<(u16, u8)>, Option<u16>, Vec<u8>);

pub fn changed(words: &[Vec<u8>], (which, edits, cut, tail): &Change) -> Vec<u8> {
    let mut word = words[usize::from(*which) % words.len()].clone();
    for (at, byte) in edits {
        let length = word.len().max(1);
        if let Some(place) = word.get_mut(usize::from(*at) % length) {
            *place = *byte;
        }
    }
    if let Some(cut) = cut {
        word.truncate(usize::from(*cut) % (word.len() + 1));
    }
    word.extend(tail);
    word
}
