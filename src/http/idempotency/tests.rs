//! What may be a key.

use super::parse;

#[test]
fn a_key_may_stand_in_quotes_and_is_the_same_without() {
    assert_eq!(parse("\"8e03978e-40d5\"").as_deref(), Some("8e03978e-40d5"));
    assert_eq!(parse(" 8e03978e-40d5 ").as_deref(), Some("8e03978e-40d5"));
    for wrong in ["", "\"\"", "a b", "\u{7f}", &"a".repeat(256)] {
        assert_eq!(parse(wrong), None, "{wrong}");
    }
}
