//! What may name a cabinet.

use super::{DeviceUuid, Serial};

#[test]
fn an_imei_and_a_mac_name_a_cabinet_and_nothing_else_does() {
    assert!(DeviceUuid::parse("860000000000017").is_ok());
    assert!(DeviceUuid::parse("441A847D6121").is_ok());
    for wrong in ["", "86000000000001", "8600000000000170", "441A847D612G", "+", "86000000000001/"]
    {
        assert!(DeviceUuid::parse(wrong).is_err(), "{wrong}");
    }
}

#[test]
fn words_of_the_path_are_no_serials() {
    assert!(Serial::parse("CG-KTM-001").is_ok());
    for wrong in ["", "live", "Nearby", "favorites", "a/b", "a b", "é"] {
        assert!(Serial::parse(wrong).is_err(), "{wrong}");
    }
}
