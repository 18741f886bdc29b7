//! Named instants at which a test can end the process, as a crash would. Nothing at all
//! without the feature `failpoints`.

/// Ends the process here, without any farewell, if `CHARGEGHAR_FAILPOINT` names this instant.
#[cfg(feature = "failpoints")]
pub fn hit(name: &str) {
    if std::env::var("CHARGEGHAR_FAILPOINT").is_ok_and(|wanted| wanted == name) {
        std::process::abort();
    }
}

#[cfg(not(feature = "failpoints"))]
pub fn hit(_: &str) {}
