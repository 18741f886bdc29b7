//! Decoding of queries.

use proptest::prelude::*;

use super::*;

#[test]
fn a_value_is_decoded_and_an_empty_one_is_there_but_not_filled() {
    let query = Query::parse("signal=CSQ%3A31&ssid=a+b%26c&empty=&bare&=x").unwrap();
    assert_eq!(query.get("signal"), Some("CSQ:31"));
    assert_eq!(query.get("ssid"), Some("a b&c"));
    assert_eq!((query.get("empty"), query.filled("empty")), (Some(""), None));
    assert_eq!((query.get("bare"), query.get("none")), (Some(""), None));
    assert_eq!(query.text("none"), "");
}

#[test]
fn of_a_name_given_twice_the_first_counts() {
    assert_eq!(Query::parse("uuid=1&uuid=2").unwrap().get("uuid"), Some("1"));
}

#[test]
fn broken_encodings_are_refused() {
    for text in ["a=%", "a=%4", "a=%zz", "a=%ff"] {
        assert_eq!(Query::parse(text), Err(QueryError::NotText), "{text}");
    }
}

#[test]
fn a_query_has_a_bound() {
    assert_eq!(Query::parse(&"x".repeat(4097)), Err(QueryError::TooLong));
    assert_eq!(Query::parse(&"&".repeat(64)), Err(QueryError::TooLong));
}

proptest! {
    #[test]
    fn any_text_is_read_or_refused(text in any::<String>()) {
        let _ = Query::parse(&text);
    }
}
