//! A code is seen by its rider only.

use domain::rider::Identifier;

use super::{Console, Error, LoginCode, Messenger, Messengers, Nobody};

#[test]
fn a_code_does_not_show_itself() {
    assert_eq!(format!("{:?}", LoginCode::new("123456".to_owned())), "***");
}

#[tokio::test]
async fn each_kind_of_address_has_its_carrier() {
    let carriers = Messengers { email: std::sync::Arc::new(Nobody), ..Messengers::console() };
    let code = LoginCode::new("123456".to_owned());
    let send = async |to: &str| {
        let to = Identifier::parse(to).unwrap();
        carriers.of(&to).send_code(&to, &code).await
    };

    assert_eq!(send("9812345678").await, Ok(()));
    assert_eq!(send("a@example.com").await, Err(Error::NotServed));
    let to = Identifier::parse("9812345678").unwrap();
    assert_eq!(Console.send_code(&to, &code).await, Ok(()));
}

#[test]
fn a_code_fits_one_message_in_the_letters_of_every_phone() {
    let text = LoginCode::new("123456".to_owned()).text();

    let plain = |c: char| c.is_ascii_alphanumeric() || " .,".contains(c);
    assert!(text.starts_with("123456 ") && text.len() <= 160 && text.chars().all(plain), "{text}");
}
