//! Credentials and budgets.

use std::time::Duration;

use super::*;

#[test]
fn only_the_right_user_name_and_password_authenticate() {
    let accounts = Accounts::new(60, 1);
    accounts.put("866", cabinet("866", "secret")).unwrap();

    assert!(accounts.authenticate("866", b"866", b"secret"));
    assert!(!accounts.authenticate("866", b"866", b"secre"));
    assert!(!accounts.authenticate("866", b"866", b"secret\0"));
    assert!(!accounts.authenticate("866", b"867", b"secret"));
    assert!(!accounts.authenticate("866", b"", b""));
    assert!(!accounts.authenticate("867", b"866", b"secret"));
    assert!(!accounts.authenticate("unknown", b"?", b"?"));
    assert!(!accounts.authenticate("866", b"866", &[b's'; CREDENTIAL_MAX + 1]));
}

#[test]
fn a_removed_account_neither_authenticates_nor_publishes() {
    let accounts = Accounts::new(60, 1);
    accounts.put("866", cabinet("866", "secret")).unwrap();

    accounts.remove("866");

    assert!(!accounts.authenticate("866", b"866", b"secret"));
    assert!(!accounts.spend("866", now()));
    assert_eq!(accounts.role("866"), None);
}

#[test]
fn an_account_that_could_pass_for_another_is_refused() {
    let accounts = Accounts::new(60, 1);
    let service = Account { role: Role::Service, ..cabinet("link", "secret") };

    assert!(accounts.put("chargeghar-link", cabinet("chargeghar-link", "secret")).is_err());
    assert!(accounts.put("866", cabinet("867", "secret")).is_err());
    assert!(accounts.put("866/user", cabinet("866/user", "secret")).is_err());
    assert!(accounts.put("+", cabinet("+", "secret")).is_err());
    assert!(accounts.put("", cabinet("", "secret")).is_err());
    assert!(accounts.put("866", cabinet("866", "")).is_err());
    assert!(accounts.put("link", service.clone()).is_err());
    assert!(accounts.put("chargeghar-link", service).is_ok());
}

#[test]
fn a_budget_allows_its_burst_and_then_its_rate() {
    let accounts = Accounts::new(60, 3);
    accounts.put("866", cabinet("866", "secret")).unwrap();
    let start = now();
    let spend = |after_s| accounts.spend("866", start + Duration::from_secs(after_s));

    assert_eq!([spend(0), spend(0), spend(0), spend(0)], [true, true, true, false]);
    assert_eq!([spend(1), spend(1)], [true, false]);
    assert_eq!([spend(60), spend(60), spend(60), spend(60)], [true, true, true, false]);
}

#[test]
fn the_service_has_no_budget() {
    let accounts = Accounts::new(1, 1);
    let account = Account { role: Role::Service, ..cabinet("link", "secret") };
    accounts.put("chargeghar-link", account).unwrap();
    let now = now();

    assert!((0..1_000).all(|_| accounts.spend("chargeghar-link", now)));
}

#[test]
fn a_password_is_never_printed() {
    assert!(!format!("{:?}", cabinet("866", "secret")).contains("secret"));
}

fn cabinet(username: &str, password: &str) -> Account {
    Account { username: username.into(), password: password.into(), role: Role::Cabinet }
}

#[expect(clippy::disallowed_methods, reason = "any instant will do")]
fn now() -> Instant {
    Instant::now()
}
