//! The builders write the frames printed in the documents.

use super::*;

#[test]
fn frames_of_the_documents_are_rebuilt() {
    check(&eject_reply(1, 40_818_048, 0x01, 0x02), "a8000c3101026ed580010252");
    check(&eject_by_slot_reply(0x10, 1, 0x01, 0x02), "a8000921100101021a");
    let full = ReturnForm::Full { bank_version: 0xCA, level: 0x5F };
    check(&returned(0x10, 1, 4, 93_198_088, 1, full), "a8000f40100104058e170801ca5f18");
    check(&returned(0x10, 1, 4, 93_198_088, 1, ReturnForm::Bare), "a8000d40100104058e17080143");
    check(&heartbeat(0x10, Signal::Csq(27), 0), "a800117a104353513a32373b42503a30fc");
    check(&heartbeat(0x10, Signal::NoNetwork, 3), "a800117a104353513a39393b42503a33f0");
    check(&heartbeat(0x01, Signal::Rssi(-65), 0), "a800137a01525353493a2d36353b42503a3080");
}

fn check(frame: &[u8], expected: &str) {
    assert_eq!(hex::encode(frame), expected);
}
