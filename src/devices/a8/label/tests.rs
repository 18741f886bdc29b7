//! Labels as they are printed.

use super::*;

#[test]
fn every_printed_form_of_a_module_label_is_read() {
    for (text, uuid) in [
        ("860000000000058;MPY1234;9470123456789012", "860000000000058"),
        ("M322M-AB 860000000000033", "860000000000033"),
        ("https://example.test/scan.html?uuid=860000000000041", "860000000000041"),
        ("*;MPN0042;441A847D6121;;;x", "441A847D6121"),
        ("https://example.test/scan.html?uuid=441A847D6121", "441A847D6121"),
        (" 860000000000058\n", "860000000000058"),
        ("441A847D6121", "441A847D6121"),
    ] {
        assert_eq!(module(text), Some(DeviceUuid::from(uuid)), "{text}");
    }
}

#[test]
fn other_texts_name_no_module() {
    for text in ["", ";", "8600000000000581", "1234567890123", "https://example.test/", "é;é"] {
        assert_eq!(module(text), None, "{text}");
    }
}

#[test]
fn a_cabinet_number_is_what_stands_last() {
    for (text, serial) in [
        ("https://example.test/scan.html?sn=DTA00123", "DTA00123"),
        ("https://example.test/s/DTA00123", "DTA00123"),
        ("DTA00123", "DTA00123"),
        (" DTA00123 ", "DTA00123"),
    ] {
        assert_eq!(cabinet(text), Some(Serial::from(serial)), "{text}");
    }
    for text in ["", "https://example.test/", "a b", "https://example.test/x?sn=live"] {
        assert_eq!(cabinet(text), None, "{text}");
    }
}
