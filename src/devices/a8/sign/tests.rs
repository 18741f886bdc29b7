//! Signing and comparing.

use super::*;

#[test]
fn parameters_are_sorted_whatever_their_order() {
    let ordered = [("hole", "3"), ("rentboxSN", "1"), ("singleSN", "2")];
    let shuffled = [("singleSN", "2"), ("hole", "3"), ("rentboxSN", "1")];
    assert_eq!(signed_text(&shuffled), "hole=3|rentboxSN=1|singleSN=2");
    assert_eq!(sign(&ordered), sign(&shuffled));
}

#[test]
fn a_missing_sign_is_not_a_wrong_one() {
    let params = [("rentboxSN", "860602069165357")];
    let good = "005dca9b80163313e88f249763ac96e9";
    assert_eq!(verify(&params, Some(good)), Signature::Good);
    assert_eq!(verify(&params, Some(&good.to_uppercase())), Signature::Good);
    assert_eq!(verify(&params, Some("005d")), Signature::Wrong);
    assert_eq!(verify(&params, Some("")), Signature::Absent);
    assert_eq!(verify(&params, None), Signature::Absent);
}
