//! Who carries messages to riders, by the settings. A provider without a client is no choice:
//! the node does not start with it.

use std::sync::Arc;

use crate::clients::messenger::smtp::Smtp;
use crate::clients::messenger::sparrow::Sparrow;
use crate::clients::messenger::{Console, Messenger, Messengers, Nobody};
use crate::clients::push::{self, Push};
use crate::clients::web::Web;
use crate::clock::Clock;
use crate::config::{Config, EmailProvider, PushProvider, SmsProvider};
use crate::entropy::Entropy;

use super::StartError;

pub fn messengers(
    config: &Config,
    web: &Web,
    clock: &Clock,
    entropy: &Entropy,
) -> Result<Messengers, StartError> {
    let sms: Arc<dyn Messenger> = match config.sms.provider {
        SmsProvider::Console => Arc::new(Console),
        SmsProvider::Sparrow => Arc::new(Sparrow::new(&config.sms, web.clone())),
        SmsProvider::Off => Arc::new(Nobody),
    };
    let email: Arc<dyn Messenger> = match config.email.provider {
        EmailProvider::Console => Arc::new(Console),
        EmailProvider::Smtp => {
            let smtp = Smtp::new(&config.email, clock.clone(), entropy.clone());
            Arc::new(smtp.map_err(|error| StartError::Carrier(error.to_string()))?)
        }
        EmailProvider::Off => Arc::new(Nobody),
    };
    Ok(Messengers { sms, email })
}

pub fn push(config: &Config) -> Result<Arc<dyn Push>, StartError> {
    match config.push.provider {
        PushProvider::Console => Ok(Arc::new(push::Console)),
        PushProvider::Off => Ok(Arc::new(push::Nobody)),
        PushProvider::Fcm => {
            let text = "push.provider: \"fcm\" cannot be used in this version";
            Err(StartError::Carrier(text.to_owned()))
        }
    }
}
