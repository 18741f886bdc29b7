//! Named instants at which a test can end the process, as a crash would, or let a task panic, or
//! hold up whoever comes there, or be wrong on purpose for a test of those who watch from outside.
//! Nothing at all without the feature `failpoints`, which no release build can have.

#[cfg(all(feature = "failpoints", not(debug_assertions)))]
compile_error!("fail points are for tests: a release build has none");

/// Ends the process here, without any farewell, if `CHARGEGHAR_FAILPOINT` names this instant.
#[cfg(feature = "failpoints")]
pub fn hit(name: &str) {
    if std::env::var("CHARGEGHAR_FAILPOINT").is_ok_and(|wanted| wanted == name) {
        std::process::abort();
    }
}

#[cfg(not(feature = "failpoints"))]
pub fn hit(_: &str) {}

/// Panics here if `CHARGEGHAR_FAILPOINT` names this instant.
#[cfg(feature = "failpoints")]
pub fn fall(name: &str) {
    let wanted = std::env::var("CHARGEGHAR_FAILPOINT").is_ok_and(|wanted| wanted == name);
    assert!(!wanted, "a test asked for it: {name}");
}

#[cfg(not(feature = "failpoints"))]
pub fn fall(_: &str) {}

/// Panics here if `CHARGEGHAR_FAILPOINT` names this instant and one of these, as `name:subject`.
#[cfg(feature = "failpoints")]
pub fn fall_over<'a>(name: &str, mut subjects: impl Iterator<Item = &'a str>) {
    let Ok(wanted) = std::env::var("CHARGEGHAR_FAILPOINT") else { return };
    let wanted = wanted.strip_prefix(name).and_then(|rest| rest.strip_prefix(':'));
    let found = wanted.is_some_and(|wanted| subjects.any(|subject| subject == wanted));
    assert!(!found, "a test asked for it: {name}");
}

#[cfg(not(feature = "failpoints"))]
pub fn fall_over<'a>(_: &str, _: impl Iterator<Item = &'a str>) {}

/// Waits here for as long as the folder `CHARGEGHAR_FAILPOINT_HOLDS` has a file of this name.
#[cfg(feature = "failpoints")]
pub async fn hold(name: &str) {
    let Some(folder) = std::env::var_os("CHARGEGHAR_FAILPOINT_HOLDS") else { return };
    let file = std::path::Path::new(&folder).join(name);
    while file.exists() {
        crate::clock::Clock::system().sleep(std::time::Duration::from_millis(5)).await;
    }
}

#[cfg(not(feature = "failpoints"))]
pub fn hold(_: &str) -> std::future::Ready<()> {
    std::future::ready(())
}

/// Whether `CHARGEGHAR_FAILPOINT` asks for a wrong of this name.
#[cfg(feature = "failpoints")]
pub fn is_wrong(name: &str) -> bool {
    std::env::var("CHARGEGHAR_FAILPOINT").is_ok_and(|wanted| wanted == name)
}

#[cfg(not(feature = "failpoints"))]
pub const fn is_wrong(_: &str) -> bool {
    false
}
