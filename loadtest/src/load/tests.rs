//! Who may be loaded.

use super::permitted;

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
