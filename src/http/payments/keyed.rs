//! Routes that move money alone: the same key is one deed, and its answer is given again word
//! for word.

use serde::Serialize;
use serde_json::Value;

use crate::http::App;
use crate::http::error::ApiError;
use crate::http::idempotency::{Begun, Deed, Key, known};
use crate::spawn::spawn;
use crate::store::fact::KeyWrite;

/// What a request led to.
pub enum Outcome<T> {
    Done(T),
    /// The answer of the first request with its key.
    Again(Value),
}

/// Runs a deed in a task of its own: it goes on when the client goes away, and keeps the key's
/// place until it is done. `is_used` tells that another node was first with the key.
pub async fn once<T, E, F>(
    app: &App,
    key: Key,
    deed: Deed,
    work: impl FnOnce(Option<KeyWrite>) -> F + Send + 'static,
    is_used: fn(&E) -> bool,
) -> Result<Outcome<T>, ApiError>
where
    T: Send + 'static,
    E: Into<ApiError> + Send + 'static,
    F: Future<Output = Result<T, E>> + Send + 'static,
{
    let turn = match app.keys.begin(&app.store, key.clone(), deed).await? {
        Begun::Again(record) => return Ok(Outcome::Again(record.response.unwrap_or_default())),
        Begun::New(turn) => turn,
    };
    let running = spawn(deed.route, async move {
        let answer = work(turn.write.clone()).await;
        drop(turn);
        answer
    });
    let answer = running.await;
    match answer.map_err(|error| ApiError::away("a request broke off", &error))? {
        Ok(done) => Ok(Outcome::Done(done)),
        Err(error) if is_used(&error) => {
            let Some(key) = &key.0 else { return Err(error.into()) };
            match known(&app.store, key, deed).await? {
                Some(record) => Ok(Outcome::Again(record.response.unwrap_or_default())),
                None => Err(error.into()),
            }
        }
        Err(error) => Err(error.into()),
    }
}

/// Status and body are stored with the deed.
pub fn remembered(write: KeyWrite, resource: String, body: &impl Serialize) -> KeyWrite {
    let response = serde_json::to_value(body).ok();
    KeyWrite { resource: Some(resource), response, ..write }
}
