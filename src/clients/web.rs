//! The one client for requests to other companies over HTTP: TLS by rustls with the public roots
//! compiled in, bounds in time and size, no redirects, no proxy of the environment. It sends a
//! request once and says what the silence after it means.

use std::sync::Arc;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use reqwest::redirect::Policy;
use reqwest::{Client, RequestBuilder, Response};
use rustls::{ClientConfig, RootCertStore};

#[cfg(test)]
mod tests;

const USER_AGENT: &str = concat!("chargeghar/", env!("CARGO_PKG_VERSION"));
const CONNECT: Duration = Duration::from_secs(3);
/// The last bound; callers have narrower ones.
const REQUEST: Duration = Duration::from_mins(1);
const IDLE: Duration = Duration::from_secs(30);
/// Largest body that is read.
pub const BODY_MAX: usize = 1 << 20;

/// Clones share its connections.
#[derive(Clone, Debug)]
pub struct Web {
    client: Client,
}

/// An answer, whatever its status.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Heard {
    pub status: u16,
    pub body: Bytes,
    /// The `Retry-After` header in seconds, if it is a number.
    pub retry_after: Option<u64>,
}

impl Heard {
    pub fn is_ok(&self) -> bool {
        (200..300).contains(&self.status)
    }
}

/// Why there is no answer.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// The request did not leave.
    #[error("not reached: {0}")]
    Unreached(String),
    /// It left, and may have been carried out.
    #[error("no whole answer: {0}")]
    Silent(String),
}

/// The client could not be made.
#[derive(Debug, thiserror::Error)]
#[error("the client for other companies could not be made: {0}")]
pub struct NotMade(String);

impl Web {
    pub fn new() -> Result<Web, NotMade> {
        let tls = tls().map_err(|error| NotMade(error.to_string()))?;
        let client = Client::builder()
            .user_agent(USER_AGENT)
            .tls_backend_preconfigured(tls)
            .connect_timeout(CONNECT)
            .timeout(REQUEST)
            .pool_idle_timeout(IDLE)
            .redirect(Policy::none())
            .retry(reqwest::retry::never())
            .no_proxy()
            .build()
            .map_err(|error| NotMade(error.to_string()))?;
        Ok(Web { client })
    }

    pub fn get(&self, url: &str) -> RequestBuilder {
        self.client.get(url)
    }

    pub fn post(&self, url: &str) -> RequestBuilder {
        self.client.post(url)
    }

    /// Sends a request once.
    pub async fn send(&self, request: RequestBuilder) -> Result<Heard, Error> {
        let response = request.send().await.map_err(broken)?;
        let status = response.status().as_u16();
        let header = response.headers().get(reqwest::header::RETRY_AFTER);
        let retry_after = header.and_then(|value| value.to_str().ok()?.parse().ok());
        let body = read(response).await?;
        Ok(Heard { status, body, retry_after })
    }
}

async fn read(mut response: Response) -> Result<Bytes, Error> {
    let mut body = BytesMut::new();
    while let Some(part) = response.chunk().await.map_err(broken)? {
        if body.len() + part.len() > BODY_MAX {
            return Err(Error::Silent("the answer is too large".to_owned()));
        }
        body.extend_from_slice(&part);
    }
    Ok(body.freeze())
}

/// Addresses may carry what nobody should read in a log.
fn broken(error: reqwest::Error) -> Error {
    let left = !(error.is_connect() || error.is_builder());
    let text = causes(&error.without_url());
    if left { Error::Silent(text) } else { Error::Unreached(text) }
}

fn causes(error: &dyn std::error::Error) -> String {
    let causes = std::iter::successors(Some(error), |error| error.source());
    causes.map(ToString::to_string).collect::<Vec<_>>().join(": ")
}

fn tls() -> Result<ClientConfig, rustls::Error> {
    let mut roots = RootCertStore::empty();
    roots.extend(webpki_roots::TLS_SERVER_ROOTS.iter().cloned());
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()?
        .with_root_certificates(roots);
    Ok(config.with_no_client_auth())
}
