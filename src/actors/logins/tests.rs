//! A refresh token proves itself, and says nothing that could be guessed.

use hmac::{Hmac, Mac};
use uuid::Uuid;

use super::refresh::{RefreshKey, TokenName};

const SALT: &[u8] = &[3; 16];

#[test]
fn a_token_is_known_by_its_login_its_number_and_its_proof() {
    let name = TokenName { login: Uuid::from_u128(7), number: 5 };
    let token = key(1).token(SALT, name);

    assert_eq!(TokenName::parse(token.expose()), Some(name));
    assert!(key(1).is_ours(token.expose(), SALT, name));
    assert_eq!(key(1).token(SALT, name), token, "the same again");
    assert_ne!(key(1).token(SALT, TokenName { number: 6, ..name }), token);
}

#[test]
fn a_made_up_token_is_not_ours() {
    let name = TokenName { login: Uuid::from_u128(7), number: 5 };
    let theirs = key(2).token(SALT, name);

    assert!(!key(1).is_ours(theirs.expose(), SALT, name));
    assert!(!key(1).is_ours(key(1).token(&[4; 16], name).expose(), SALT, name));
    for text in ["", "cgr_", "cgr_AAAA", "AAAA", &"cgr_A".repeat(10_000)] {
        assert_eq!(TokenName::parse(text), None, "{text}");
    }
}

#[test]
fn a_token_does_not_show_itself() {
    let token = key(1).token(SALT, TokenName { login: Uuid::nil(), number: 0 });

    assert_eq!(format!("{token:?}"), "***");
}

fn key(seed: u8) -> RefreshKey {
    RefreshKey(Hmac::new_from_slice(&[seed; 32]).unwrap())
}
