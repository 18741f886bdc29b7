//! The envelope: checksum, order of checks, serials.

use domain::ids::Sn;

use super::*;

#[test]
fn the_checksum_makes_all_bytes_add_up_to_zero() {
    let body = hex::decode("a8000f40100104058e170801ca5f").unwrap();
    assert_eq!(checksum(&body), 0x18);
    assert_eq!(checksum(&hex::decode("a800092110010102").unwrap()), 0x1A);
    assert_eq!(checksum(&[]), 0);
}

#[test]
fn checks_run_in_their_order() {
    check(&[0; 4], "too_short");
    check(&[0; 5], "bad_head");
    check(&[0xA8, 0xFF, 0xFF, 0x31, 0x00], "truncated");
    check(&[0xA8, 0x00, 0x04, 0x31, 0x00], "trailing_bytes");
    check(&[0xA8, 0x00, 0x05, 0xAB, 0x00], "bad_checksum");
}

#[test]
fn serials_are_big_endian_and_unsigned() {
    assert_eq!(serial([0x00, 0x00, 0x0B, 0xCF]), Some(Sn::from("3023")));
    assert_eq!(serial([0x00, 0x9B, 0xD2, 0x10]), Some(Sn::from("10211856")));
    assert_eq!(serial([0xEE, 0x6B, 0x28, 0x01]), Some(Sn::from("4000000001")));
    assert_eq!(serial([0; 4]), None);
    assert_eq!(serial([0xFF; 4]), None);
}

#[test]
fn only_decimal_serials_have_a_number() {
    assert_eq!(bank_number(&Sn::from("40818048")), Some(40_818_048));
    for bad in ["", "0", "4294967295", "4294967296", "-1", "+1", "02 6E", "0x10", "BB12"] {
        assert_eq!(bank_number(&Sn::from(bad)), None, "{bad}");
    }
}

fn check(bytes: &[u8], code: &str) {
    let error = open(bytes).and_then(Frame::verified).unwrap_err();
    assert_eq!(error.code(), code, "{bytes:02x?}");
}
