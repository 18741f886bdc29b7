//! A token is good for one rider, one session, and fifteen minutes.

use std::time::Duration;

use base64::Engine;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use chrono::TimeDelta;
use domain::ids::RiderId;
use ed25519_dalek::SigningKey;
use serde_json::json;
use uuid::Uuid;

use super::{BadToken, Tokens, thumbprint};
use crate::clock::Clock;

const SESSION: Uuid = Uuid::from_u128(5);

#[test]
fn a_token_speaks_for_its_rider_until_it_is_too_old() {
    let (tokens, clock) = tokens(1);
    let token = tokens.mint(RiderId(7), SESSION, 3).unwrap();

    let caller = tokens.verify(&token).unwrap();
    assert_eq!((caller.rider, caller.session, caller.version), (RiderId(7), SESSION, 3));
    assert_eq!(tokens.verify(&token), Ok(caller), "from memory");

    clock.advance(Duration::from_secs(901));
    assert_eq!(tokens.verify(&token), Err(BadToken::Expired));
}

#[test]
fn an_ended_session_ends_its_tokens_at_once() {
    let (tokens, _) = tokens(1);
    let token = tokens.mint(RiderId(7), SESSION, 0).unwrap();
    tokens.verify(&token).unwrap();

    tokens.end(SESSION);

    assert_eq!(tokens.verify(&token), Err(BadToken::Ended));
}

#[test]
fn another_key_another_algorithm_and_another_text_are_refused() {
    let (ours, _) = tokens(1);
    let (theirs, _) = tokens(2);
    let token = ours.mint(RiderId(7), SESSION, 0).unwrap();
    let [_, claims, signature] = token.split('.').collect::<Vec<_>>().try_into().unwrap();
    let unsigned =
        BASE64_URL_SAFE_NO_PAD.encode(json!({ "alg": "none", "typ": "at+jwt" }).to_string());
    let shared =
        BASE64_URL_SAFE_NO_PAD.encode(json!({ "alg": "HS256", "typ": "at+jwt" }).to_string());

    for wrong in [
        theirs.mint(RiderId(7), SESSION, 0).unwrap(),
        format!("{unsigned}.{claims}."),
        format!("{shared}.{claims}.{signature}"),
        token.replace(claims, &claims.to_lowercase()),
        "a".repeat(100_000),
        String::new(),
    ] {
        assert_eq!(ours.verify(&wrong), Err(BadToken::Invalid), "{wrong}");
    }
}

#[test]
fn a_key_is_named_by_its_thumbprint() {
    // the key of RFC 8037
    let x = "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo";

    assert_eq!(thumbprint(x), "kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k");
}

#[test]
fn the_memory_of_tokens_is_bounded() {
    let mut known = super::Known::default();
    let (tokens, _) = tokens(1);
    let caller = tokens.verify(&tokens.mint(RiderId(7), SESSION, 0).unwrap()).unwrap();
    for number in 0..3 * super::CACHE_MAX as u64 {
        let mut hash = [0; 32];
        hash[..8].copy_from_slice(&number.to_be_bytes());
        known.put(hash, caller);
    }

    assert!(known.young.len() + known.old.len() <= 2 * super::CACHE_MAX);
}

fn tokens(seed: u8) -> (Tokens, Clock) {
    let clock = Clock::manual();
    let key = SigningKey::from_bytes(&[seed; 32]);
    let ttl = TimeDelta::minutes(15);
    (Tokens::new(&key, "https://chargeghar.test", ttl, clock.clone()).unwrap(), clock)
}
