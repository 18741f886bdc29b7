//! A file is believed as it was written, and in no other form.

use chrono::NaiveDate;
use proptest::prelude::*;
use uuid::Uuid;

use super::{Broken, Checker, Hash, Verified, Why, closing, line, opening};

#[test]
fn the_hash_of_a_known_day_is_what_anybody_computes_by_hand() {
    let lines = days(&[1]);
    // printf '%s' '{"open":{"day":"2026-11-01","previous":"000…"}}' | sha256sum
    assert_eq!(
        lines[0],
        r#"{"hash":"OPENED","open":{"day":"2026-11-01","previous":"ZEROS"}}"#
            .replace("OPENED", OPENED)
            .replace("ZEROS", &Hash::NONE.to_string())
    );
    assert_eq!(verify(&lines).unwrap().transfers, 1);
}

const OPENED: &str = "768baa3cfe5d7f6904a886f102a9283c131158dd83b6867f997bf62b50c0e40b";

#[test]
fn the_first_broken_line_is_named() {
    let mut lines = days(&[3, 2]);
    let whole = verify(&lines).unwrap();
    assert_eq!((whole.days, whole.transfers), (2, 5));
    lines[2] = lines[2].replace("-50.00", "-60.00").replace("50.00", "60.00");
    assert_eq!(verify(&lines), Err(Broken { line: 3, why: Why::Hash }));
    let cut = &days(&[3])[..4];
    assert_eq!(verify(cut), Err(Broken { line: 5, why: Why::Unfinished }));
    assert_eq!(verify(&[]), Err(Broken { line: 1, why: Why::NotOpen }));
}

#[test]
fn a_transfer_that_does_not_balance_is_seen_even_with_a_good_hash() {
    let day = day(1);
    let opening = opening(day, Hash::NONE);
    let first = Hash::first(&opening);
    let crooked = record(1, "49.00");
    let lines = [line(first, &opening), line(first.then(&crooked), &crooked)];
    assert_eq!(verify(&lines), Err(Broken { line: 2, why: Why::Unbalanced }));
}

/// What somebody does to a file.
#[derive(Clone, Debug)]
enum Harm {
    Byte(usize, usize, u8),
    Remove(usize),
    Swap(usize, usize),
    Again(usize, usize),
    /// A line with a hash that follows from the one before it.
    Forge(usize),
    RemoveDay,
}

fn harm() -> impl Strategy<Value = Harm> {
    prop_oneof![
        (any::<usize>(), any::<usize>(), any::<u8>()).prop_map(|(l, b, x)| Harm::Byte(l, b, x)),
        any::<usize>().prop_map(Harm::Remove),
        (any::<usize>(), any::<usize>()).prop_map(|(a, b)| Harm::Swap(a, b)),
        (any::<usize>(), any::<usize>()).prop_map(|(a, b)| Harm::Again(a, b)),
        any::<usize>().prop_map(Harm::Forge),
        Just(Harm::RemoveDay),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1_000))]

    #[test]
    fn whatever_is_changed_removed_moved_or_added_is_seen(
        transfers in prop::collection::vec(1usize..6, 3..4), harm in harm(),
    ) {
        let lines = days(&transfers);
        prop_assert!(verify(&lines).is_ok());
        let harmed = harmed(&lines, &harm);
        prop_assume!(harmed != lines);
        prop_assert!(verify(&harmed).is_err(), "{harm:?}");
    }
}

fn harmed(lines: &[String], harm: &Harm) -> Vec<String> {
    let mut lines = lines.to_vec();
    let count = lines.len();
    match *harm {
        Harm::Byte(line, at, byte) => {
            let mut bytes = lines[line % count].clone().into_bytes();
            let at = at % bytes.len();
            bytes[at] = byte & 0x7f;
            lines[line % count] = String::from_utf8(bytes).unwrap();
        }
        Harm::Remove(line) => drop(lines.remove(line % count)),
        Harm::Swap(one, other) => lines.swap(one % count, other % count),
        Harm::Again(line, at) => lines.insert(at % (count + 1), lines[line % count].clone()),
        Harm::Forge(at) => {
            let at = 1 + at % (count - 1);
            let before: [u8; 32] = hex::decode(&lines[at - 1][9..73]).unwrap().try_into().unwrap();
            let forged = record(999, "50.00");
            lines.insert(at, line(Hash(before).then(&forged), &forged));
        }
        Harm::RemoveDay => {
            let is = |line: &String, word: &str| line[74..].starts_with(&format!(",\"{word}\""));
            let opens: Vec<usize> = (0..count).filter(|at| is(&lines[*at], "open")).collect();
            lines.drain(opens[1]..opens[2]);
        }
    }
    // a byte may have become an end of a line
    lines.join("\n").split('\n').map(str::to_owned).collect()
}

fn verify(lines: &[String]) -> Result<Verified, Broken> {
    let mut checker = Checker::default();
    lines.iter().try_for_each(|line| checker.line(line))?;
    checker.finish()
}

/// Days one after the other, with so many transfers each.
fn days(transfers: &[usize]) -> Vec<String> {
    let (mut lines, mut hash, mut number) = (Vec::new(), Hash::NONE, 0);
    for (at, count) in transfers.iter().enumerate() {
        let day = day(u32::try_from(at).unwrap() + 1);
        let opening = opening(day, hash);
        hash = Hash::first(&opening);
        lines.push(line(hash, &opening));
        for _ in 0..*count {
            number += 1;
            let record = record(number, "50.00");
            hash = hash.then(&record);
            lines.push(line(hash, &record));
        }
        let closing = closing(day, i64::try_from(*count).unwrap());
        hash = hash.then(&closing);
        lines.push(line(hash, &closing));
    }
    lines
}

fn day(day: u32) -> NaiveDate {
    NaiveDate::from_ymd_opt(2026, 11, day).unwrap()
}

fn record(number: u128, taken: &str) -> String {
    let id = Uuid::from_u128(number);
    format!(
        r#"{{"transfer":{{"id":"{id}","kind":"hold","at":"2026-11-01T06:00:00.000000Z","rental":"{id}","lines":[["wallet:7","-{taken}"],["hold:7","50.00"]]}}}}"#
    )
}
