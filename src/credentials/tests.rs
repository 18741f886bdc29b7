//! Vectors were computed with another implementation of HMAC, numbers and base 62.

use super::*;

const COUNTING: [u8; 32] = [
    0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21, 22, 23, 24, 25,
    26, 27, 28, 29, 30, 31,
];

#[test]
fn passwords_are_those_of_the_vectors() {
    check(&COUNTING, "860602069165357", 1, "R330VAtN32Nxgb3gZyiv6TKUyLW8uT4e");
    check(&COUNTING, "860602069165357", 2, "86WKSAyK8aEBWllShxdLgPsUiKApsneH");
    check(&COUNTING, "441A847D6121", 1, "oYwIm4VASVJamjj0oNCNUTJqIgUYJMQn");
    check(&[0; 32], "860602069165357", 1, "NV41UpzfUB3bynvjtXuiRDyiUSpukbQP");
    check(b"key", "860000000000017", u32::MAX, "WNCd0Gh1rNfZF7pqzCw1wbqDtcUTzHR4");
}

#[test]
fn a_password_is_32_letters_and_digits() {
    let credentials = Credentials::new(&COUNTING);

    for generation in 0..500 {
        let password = credentials.password(&"860602069165357".into(), generation);

        assert_eq!(password.expose().len(), PASSWORD_LENGTH);
        assert!(password.expose().bytes().all(|b| b.is_ascii_alphanumeric()));
    }
}

#[test]
fn only_the_same_password_matches() {
    let password = Credentials::new(&COUNTING).password(&"860602069165357".into(), 1);

    assert!(password.matches("R330VAtN32Nxgb3gZyiv6TKUyLW8uT4e"));
    assert!(!password.matches("86WKSAyK8aEBWllShxdLgPsUiKApsneH"));
    assert!(!password.matches("R330VAtN32Nxgb3gZyiv6TKUyLW8uT4"));
    assert!(!password.matches(""));
}

#[test]
fn neither_key_nor_password_is_shown() {
    let credentials = Credentials::new(&COUNTING);

    let shown = format!("{credentials:?} {:?}", credentials.password(&"860".into(), 1));

    assert_eq!(shown, "Credentials ***");
}

fn check(key: &[u8], uuid: &str, generation: u32, wanted: &str) {
    let password = Credentials::new(key).password(&uuid.into(), generation);
    assert_eq!(password.expose(), wanted);
}
