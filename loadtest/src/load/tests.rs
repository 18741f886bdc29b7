//! Who may be loaded, and with how much.

use super::permitted;
use crate::machine::enough;

#[test]
fn only_this_machine_is_loaded_without_a_word() {
    assert!(permitted("127.0.0.1:80", None).is_ok());
    assert!(permitted("localhost:80", None).is_ok());
    let refused = permitted("192.0.2.7:80", None).unwrap_err().to_string();
    assert!(refused.contains("--i-own-this-target 192.0.2.7"), "{refused}");
    assert!(permitted("192.0.2.7:80", Some("192.0.2.8")).is_err());
    assert!(permitted("192.0.2.7:80", Some("192.0.2.7")).is_ok());
    assert!(permitted("nowhere", None).is_err());
}

#[test]
fn a_target_may_be_written_as_a_url() {
    let plain = permitted("127.0.0.1:8080", None).unwrap();
    assert_eq!(permitted("http://127.0.0.1:8080", None).unwrap(), plain);
    assert_eq!(permitted("http://127.0.0.1:8080/", None).unwrap(), plain);
    let refused = permitted("https://127.0.0.1:8080/api", None).unwrap_err().to_string();
    assert!(refused.contains("http://HOST:PORT"), "{refused}");
}

#[test]
fn a_run_that_needs_more_files_than_it_may_have_is_refused_with_the_number() {
    assert!(enough(9_000, 9_000).is_ok());
    let refused = enough(9_001, 9_000).unwrap_err().to_string();
    assert!(refused.contains("9001") && refused.contains("ulimit -n"), "{refused}");
}
