//! Cabinets of a fleet by their numbers, from 1: what each calls itself, what is printed on it,
//! which banks are in it at first. Two programs that name the same numbers mean the same ones.

/// The largest number: beyond it serials of banks would not fit their field on the wire.
pub const NUMBER_MAX: u32 = 4_000_000;

/// The uuid before the first: IMEIs of no real maker.
const UUIDS: u64 = 990_000_000_000_000;
/// The serial before all of them; each cabinet has a thousand.
const BANKS: u32 = 90_000_000;
const BANKS_EACH: u32 = 1_000;

/// What a cabinet calls itself.
pub fn uuid(number: u32) -> String {
    (UUIDS + u64::from(number)).to_string()
}

/// What is printed on a cabinet.
pub fn serial(number: u32) -> String {
    format!("SIM-{number:05}")
}

/// The serials of a cabinet's banks.
pub fn banks(number: u32, count: u16) -> impl Iterator<Item = u32> {
    let before = BANKS + number.min(NUMBER_MAX) * BANKS_EACH;
    (before + 1..).take(usize::from(count))
}
