//! Sends a cabinet's HTTP calls.

use std::time::Duration;

use reqwest::Client;
use reqwest::header::CONTENT_TYPE;

use crate::calls::{CallError, HttpAnswer, HttpCall, Method};

/// Makes one call. Any status is an answer.
pub async fn perform(
    client: Client,
    base_url: String,
    call: HttpCall,
    limit: Duration,
) -> Result<HttpAnswer, CallError> {
    let url = format!("{base_url}{}", call.path);
    let request = match call.method {
        Method::Get => client.get(url),
        Method::Post => client.post(url),
    };
    let mut request = request.query(&call.query).timeout(limit);
    if let Some(body) = call.body {
        request = request.header(CONTENT_TYPE, "text/plain").body(body);
    }
    let response = request.send().await.map_err(classify)?;
    let status = response.status().as_u16();
    let body = response.bytes().await.map_err(classify)?;
    Ok(HttpAnswer { status, body })
}

fn classify(error: reqwest::Error) -> CallError {
    if error.is_timeout() { CallError::Timeout } else { CallError::Unreachable }
}
