//! What a rider reads, and what the words of a server mean.

use super::*;

#[test]
fn a_mail_has_one_date_one_number_and_the_code() {
    let from: Mailbox = "ChargeGhar <no-reply@chargeghar.example>".parse().unwrap();
    let at = DateTime::from_timestamp(1_760_000_000, 0).unwrap();
    let code = LoginCode::new("123456".to_owned());

    let mail = message(&from, "a.b@example.com", &code, at, Uuid::nil()).unwrap();

    let text = String::from_utf8(mail.formatted()).unwrap();
    assert!(text.contains("Message-ID: <00000000-0000-0000-0000-000000000000@chargeghar.example>"));
    assert!(text.contains("Date: Thu, 09 Oct 2025 08:53:20 +0000"), "{text}");
    assert!(text.contains("To: a.b@example.com") && text.contains("123456 is your"), "{text}");
    assert_eq!(mail.envelope().to().len(), 1);
}

#[test]
fn the_enhanced_code_tells_the_riders_mailbox_from_our_account() {
    for (code, reason, about) in [
        ("550", "5.1.1 no such user", true),
        ("552", "5.2.2 mailbox full", true),
        ("550", "5.7.1 relaying denied", false),
        ("553", "5.1.8 bad sender", false),
        ("550", "no such user", true),
        ("535", "authentication failed", false),
        ("554", "transaction failed", false),
    ] {
        assert_eq!(is_about_the_address(code, reason), about, "{code} {reason}");
    }
}

#[test]
fn a_sender_that_is_no_address_is_not_taken() {
    let settings = config::Email {
        from: "ChargeGhar no-reply@".to_owned(),
        smtp_host: "localhost".to_owned(),
        ..config::Email::default()
    };

    let refused = Smtp::new(&settings, Clock::manual(), Entropy::seeded(1)).err().unwrap();

    assert!(refused.to_string().contains("email.from"), "{refused}");
}
