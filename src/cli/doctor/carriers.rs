//! Who carries messages to riders: what is configured, whether it takes our name and password,
//! and what to do. Nothing is sent.

use crate::clients::messenger::Error;
use crate::clients::messenger::smtp::Smtp;
use crate::clients::messenger::sparrow::Sparrow;
use crate::clients::web::Web;
use crate::clock::Clock;
use crate::config::{Config, EmailProvider, PushProvider, SmsProvider};
use crate::entropy::Entropy;

use super::report::{Finding, word};

const PRINTED: &str = "login codes are printed, not sent";

pub(super) async fn sms(config: &Config) -> Finding {
    let settings = &config.sms;
    let shown = word(&settings.provider);
    match settings.provider {
        SmsProvider::Console => Finding::ok("sms", shown, PRINTED),
        SmsProvider::Off if config.email.provider == EmailProvider::Off => nobody("sms", shown),
        SmsProvider::Off => Finding::ok("sms", shown, "phones cannot log in"),
        SmsProvider::Sparrow => {
            let shown = format!("{shown} {}", settings.sparrow_url);
            match Web::new() {
                Ok(web) => sparrow(&Sparrow::new(settings, web), shown).await,
                Err(error) => Finding::fail("sms", shown, error.to_string(), "look at this build"),
            }
        }
    }
}

async fn sparrow(sparrow: &Sparrow, shown: String) -> Finding {
    match sparrow.credit().await {
        Ok(credit) if credit.as_f64().is_some_and(|credit| credit < 1.0) => {
            Finding::fail("sms", shown, "it answers; nothing is paid for", "buy credit at Sparrow")
        }
        Ok(credit) => Finding::ok("sms", shown, format!("it answers; credit {credit}")),
        Err(error) => {
            let advice = if matches!(error, Error::Refused(_)) {
                "have Sparrow allow this machine's address, and check \
                 CHARGEGHAR__SMS__SPARROW_TOKEN and the account"
            } else {
                "let this machine reach it, or correct CHARGEGHAR__SMS__SPARROW_URL"
            };
            Finding::fail("sms", shown, error.to_string(), advice)
        }
    }
}

pub(super) async fn email(config: &Config) -> Finding {
    let settings = &config.email;
    let shown = word(&settings.provider);
    match settings.provider {
        EmailProvider::Console => Finding::ok("e-mail", shown, PRINTED),
        EmailProvider::Off if config.sms.provider == SmsProvider::Off => nobody("e-mail", shown),
        EmailProvider::Off => Finding::ok("e-mail", shown, "e-mail addresses cannot log in"),
        EmailProvider::Smtp => {
            let shown = format!("{shown} {}:{}", settings.smtp_host, settings.smtp_port);
            match Smtp::new(settings, Clock::system(), Entropy::system()) {
                Ok(smtp) => greeted(&smtp, shown).await,
                Err(error) => {
                    Finding::fail("e-mail", shown, error.to_string(), "correct this value")
                }
            }
        }
    }
}

async fn greeted(smtp: &Smtp, shown: String) -> Finding {
    match smtp.greet().await {
        Ok(()) => Finding::ok("e-mail", shown, "it answers, and lets us in"),
        Err(error) => {
            let advice = if matches!(error, Error::Refused(_)) {
                "check CHARGEGHAR__EMAIL__SMTP_USERNAME, its password, and \
                 CHARGEGHAR__EMAIL__SMTP_TLS"
            } else {
                "let this machine reach it, or correct CHARGEGHAR__EMAIL__SMTP_HOST and \
                 CHARGEGHAR__EMAIL__SMTP_PORT"
            };
            Finding::fail("e-mail", shown, error.to_string(), advice)
        }
    }
}

pub(super) fn push(config: &Config) -> Finding {
    let shown = word(&config.push.provider);
    match config.push.provider {
        PushProvider::Console => Finding::ok("push", shown, "logged only: no phone is told"),
        PushProvider::Off => Finding::ok("push", shown, "no phone is told"),
        PushProvider::Fcm => {
            let advice = "set CHARGEGHAR__PUSH__PROVIDER to \"console\" or \"off\"";
            Finding::fail("push", shown, "this version has no client for it", advice)
        }
    }
}

fn nobody(edge: &'static str, shown: String) -> Finding {
    Finding::warn(edge, shown, "nobody can log in", "configure [sms] or [email]")
}
