//! Sparrow SMS, version 2: a form in, JSON out, the reason of a refusal in `response` whatever
//! the status. It takes no key by which it would know a message again, tells nothing about
//! delivery, and answers only addresses of ours that it was told of.

use std::time::Duration;

use async_trait::async_trait;
use domain::rider::Identifier;
use serde::Deserialize;
use serde_json::Number;

use super::{Error, LoginCode, Messenger, said};
use crate::clients::web::{self, Heard, Web};
use crate::config::{self, Secret};

#[cfg(test)]
mod tests;

/// `response_code` of what it has taken.
const TAKEN: i64 = 200;

#[derive(Debug)]
pub struct Sparrow {
    web: Web,
    /// With a slash at the end.
    base_url: String,
    from: String,
    token: Secret,
    patience: Duration,
}

/// As much of any answer as is needed.
#[derive(Deserialize)]
struct Answer {
    response_code: i64,
    #[serde(default)]
    response: String,
    credits_available: Option<Number>,
}

impl Sparrow {
    pub fn new(settings: &config::Sms, web: Web) -> Sparrow {
        Sparrow {
            web,
            base_url: format!("{}/", settings.sparrow_url.trim_end_matches('/')),
            from: settings.sparrow_from.clone(),
            token: settings.sparrow_token.clone(),
            patience: settings.request_timeout_s.duration(),
        }
    }

    /// How many messages are paid for. Asks with our token, and sends nothing.
    pub async fn credit(&self) -> Result<Number, Error> {
        let url = format!("{}credit/", self.base_url);
        let request = self.web.get(&url).query(&[("token", self.token.expose())]);
        let heard = self.web.send(request.timeout(self.patience)).await?;
        let answer = read(&heard, &[self.token.expose()])?;
        answer.credits_available.ok_or_else(|| Error::Unsure("it names no credit".to_owned()))
    }
}

#[async_trait]
impl Messenger for Sparrow {
    fn name(&self) -> &'static str {
        "sparrow"
    }

    async fn send_code(&self, to: &Identifier, code: &LoginCode) -> Result<(), Error> {
        let to = to.phone().ok_or(Error::NotServed)?;
        let text = code.text();
        let (token, from) = (self.token.expose(), self.from.as_str());
        let form = [("token", token), ("from", from), ("to", to), ("text", text.as_str())];
        let request = self.web.post(&format!("{}sms/", self.base_url)).form(&form);
        let heard = self.web.send(request.timeout(self.patience)).await?;
        read(&heard, &[token, code.expose(), to]).map(drop)
    }
}

impl From<web::Error> for Error {
    fn from(error: web::Error) -> Error {
        match error {
            web::Error::Unreached(text) => Error::Down(text),
            web::Error::Silent(text) => Error::Unsure(text),
        }
    }
}

/// A good answer; the status says nothing where it speaks for itself.
fn read(heard: &Heard, secrets: &[&str]) -> Result<Answer, Error> {
    let Ok(answer) = serde_json::from_slice::<Answer>(&heard.body) else {
        return Err(strange(heard.status));
    };
    if answer.response_code == TAKEN {
        return Ok(answer);
    }
    let text = format!("{} {}", answer.response_code, said(&answer.response, secrets));
    Err(match answer.response_code {
        // no valid receiver: asked again, it says the same
        1007 | 1011 => Error::Declined(text),
        // a field, our address, token, account, sender or credit: a person has to act
        _ => Error::Refused(text),
    })
}

/// Not its own words: a proxy's page, an overload.
fn strange(status: u16) -> Error {
    let text = format!("status {status} with a body that says nothing");
    match status {
        429 | 503 => Error::Down(text),
        401 | 403 | 404 | 405 => Error::Refused(text),
        _ => Error::Unsure(text),
    }
}
