//! The audit names the person, not what the person says.

use super::*;

const USERS: &str = "root:x:0:0:root:/root:/bin/bash\nanna:x:1000:1000:,,,:/home/anna:/bin/sh\n";

#[test]
fn an_id_has_the_name_that_the_machine_gives_it() {
    assert_eq!(name_in(USERS, 1000).as_deref(), Some("anna"));
    assert_eq!(name_in(USERS, 100), None);
    assert_eq!(name_in("::::\n\nx", 0), None);
}

#[test]
fn only_root_acts_on_behalf_of_somebody() {
    assert_eq!(Operator::of(0, Some("anna")).to_string(), "operator:anna");
    assert_ne!(Operator::of(4_000_000, Some("anna")).to_string(), "operator:anna");
    assert_eq!(Operator::of(4_000_000, None).to_string(), "operator:uid-4000000");
    assert_ne!(Operator::of(0, Some("an\nna")).to_string(), "operator:an\nna");
}
