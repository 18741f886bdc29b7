//! Codes have the promised alphabet and length, and a seed repeats itself.

use std::collections::BTreeSet;

use super::*;

#[test]
fn a_seed_gives_the_same_sequence_and_another_seed_another() {
    let draw = |seed| {
        let entropy = Entropy::seeded(seed);
        (entropy.uuid(), entropy.digits(6), entropy.base62(32), entropy.rental_code())
    };

    assert_eq!(draw(1), draw(1));
    assert_ne!(draw(1), draw(2));
}

#[test]
fn clones_share_one_sequence() {
    let entropy = Entropy::seeded(1);

    assert_ne!(entropy.clone().uuid(), entropy.uuid());
}

#[test]
fn codes_keep_to_their_alphabet_and_length() {
    let entropy = Entropy::system();

    for _ in 0..200 {
        let (otp, key, code) = (entropy.digits(6), entropy.base62(32), entropy.rental_code());
        assert!(otp.len() == 6 && otp.bytes().all(|byte| byte.is_ascii_digit()));
        assert!(key.len() == 32 && key.bytes().all(|byte| byte.is_ascii_alphanumeric()));
        assert!(code.len() == 8 && code.bytes().all(|byte| RENTAL_CODE.contains(&byte)));
    }
}

#[test]
fn every_character_of_an_alphabet_occurs() {
    let seen: BTreeSet<char> = Entropy::seeded(7).base62(20_000).chars().collect();

    assert_eq!(seen.len(), 62);
}

#[test]
fn timed_ids_sort_by_the_microsecond() {
    let entropy = Entropy::seeded(3);
    let start = DateTime::from_timestamp(1_800_000_000, 0).unwrap();
    let ids: Vec<Uuid> = (0..3_000)
        .map(|micros| entropy.uuid_at(start + chrono::TimeDelta::microseconds(micros)))
        .collect();

    assert!(ids.is_sorted());
    assert!(ids.iter().all(|id| id.get_version_num() == 7));
    assert_eq!(entropy.uuid().get_version_num(), 4);
}

#[test]
fn a_backoff_stays_between_nothing_and_its_cap() {
    let entropy = Entropy::seeded(5);
    let (base, cap) = (Duration::from_millis(100), Duration::from_secs(30));

    for attempt in 0..200 {
        let ceiling = base.saturating_mul(1 << attempt.min(20)).min(cap);
        assert!(entropy.backoff(attempt, base, cap) <= ceiling);
    }
    let longest = (0..500).map(|_| entropy.backoff(50, base, cap)).max().unwrap();
    assert!(longest > cap / 2);
}

#[test]
fn an_empty_range_gives_its_start_and_nothing_is_below_zero() {
    let entropy = Entropy::system();
    let second = Duration::from_secs(1);

    assert_eq!(entropy.jitter(second..=Duration::ZERO), second);
    assert_eq!(entropy.jitter(second..=second), second);
    assert_eq!(entropy.below(0), 0);
}
