//! How a receipt ends, by what became of its shares.

use std::sync::Arc;

use parking_lot::Mutex;

use super::*;

#[test]
fn one_share_confirmed_is_confirmed() {
    let (ack, told) = receipt();

    ack.confirm();

    assert_eq!(*told.lock(), [Outcome::Confirmed]);
}

#[test]
fn nothing_is_told_before_the_last_share_is_gone() {
    let (ack, told) = receipt();
    let second = ack.clone();
    let third = second.clone();

    ack.confirm();
    third.confirm();
    assert!(told.lock().is_empty());

    second.confirm();
    assert_eq!(*told.lock(), [Outcome::Confirmed]);
}

#[test]
fn one_dropped_share_loses_the_frame() {
    let (ack, told) = receipt();
    let second = ack.clone();

    drop(second);
    ack.confirm();

    assert_eq!(*told.lock(), [Outcome::Lost]);
}

#[test]
fn a_lost_share_outweighs_a_postponed_one() {
    let (ack, told) = receipt();
    let (second, third) = (ack.clone(), ack.clone());

    ack.postpone();
    drop(second);
    third.confirm();

    assert_eq!(*told.lock(), [Outcome::Lost]);
}

#[test]
fn a_postponed_share_outweighs_confirmed_ones() {
    let (ack, told) = receipt();
    let second = ack.clone();

    second.postpone();
    ack.confirm();

    assert_eq!(*told.lock(), [Outcome::Postponed]);
}

#[test]
fn a_panic_loses_the_frame() {
    let (ack, told) = receipt();

    let ended = std::thread::spawn(move || {
        let _held = ack;
        panic!("on purpose");
    });

    assert!(ended.join().is_err());
    assert_eq!(*told.lock(), [Outcome::Lost]);
}

fn receipt() -> (Ack, Arc<Mutex<Vec<Outcome>>>) {
    let told = Arc::new(Mutex::new(Vec::new()));
    let teller = Arc::clone(&told);
    (Ack::new(move |outcome| teller.lock().push(outcome)), told)
}
