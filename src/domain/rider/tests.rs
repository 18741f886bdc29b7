//! One rider, however the rider writes it down.

use super::{Identifier, NotAnIdentifier, Username};

#[test]
fn every_way_to_write_a_phone_is_the_same_phone() {
    let short = Identifier::Phone("9812345678".to_owned());
    for written in [
        "9812345678",
        "9779812345678",
        "+9779812345678",
        "009779812345678",
        " 98123-45678 ",
        "+977 981 2345678",
        "९८१२३४५६७८",
    ] {
        assert_eq!(Identifier::parse(written), Ok(short.clone()), "{written}");
    }
}

#[test]
fn what_is_no_mobile_phone_of_this_country_is_refused() {
    for wrong in ["", "981234567", "98123456789", "9612345678", "+14155550123", "98a2345678"] {
        assert_eq!(Identifier::parse(wrong), Err(NotAnIdentifier::Phone), "{wrong}");
    }
}

#[test]
fn an_address_is_compared_in_lower_case() {
    let written = Identifier::parse(" Sita.Rai+1@Example.COM ");

    assert_eq!(written, Ok(Identifier::Email("sita.rai+1@example.com".to_owned())));
}

#[test]
fn what_is_no_address_is_refused() {
    let long = format!("{}@example.com", "a".repeat(65));
    for wrong in
        ["@example.com", "a@b", "a@b..com", "a b@example.com", "a@-b.com", "a@@b.com", &long]
    {
        assert_eq!(Identifier::parse(wrong), Err(NotAnIdentifier::Email), "{wrong}");
    }
}

#[test]
fn a_name_has_three_to_a_hundred_and_fifty_characters() {
    assert_eq!(
        Username::parse("  सीता ").map(|name| name.as_str().to_owned()),
        Ok("सीता".to_owned())
    );
    assert!(Username::parse("ab ").is_err());
    assert!(Username::parse("a\u{7}bc").is_err());
    assert!(Username::parse(&"x".repeat(151)).is_err());
}
