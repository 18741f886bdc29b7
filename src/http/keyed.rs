//! A request with a key, done once: it goes on when its client goes away, and its key is in use
//! until its answer is made. The one way of every route that takes an `Idempotency-Key`.

use serde::Serialize;

use super::App;
use super::error::{ApiError, Code};
use super::idempotency::{Begun, Deed, Key, known};
use crate::spawn::spawn;
use crate::store::fact::KeyWrite;
use crate::store::idempotency::KeyRecord;

/// What a request led to.
pub enum Outcome<T> {
    Done(T),
    /// It was done before, with the same key.
    Again(KeyRecord),
}

/// Runs the whole work of a request in a task of its own. All that must not be done twice belongs
/// in it: what is awaited outside ends with the client's connection, and so does a hold on the key.
pub async fn once<T, F>(
    app: &App,
    key: Key,
    deed: Deed,
    work: impl FnOnce(Option<KeyWrite>) -> F + Send + 'static,
) -> Result<Outcome<T>, ApiError>
where
    T: Send + 'static,
    F: Future<Output = Result<T, ApiError>> + Send + 'static,
{
    let turn = match app.keys.begin(&app.store, key.clone(), deed).await? {
        Begun::Again(record) => return Ok(Outcome::Again(record)),
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
        // another node was first with the key
        Err(error) if error.code() == Code::IdempotencyKeyReused => {
            let Some(key) = &key.0 else { return Err(error) };
            known(&app.store, key, deed).await?.map(Outcome::Again).ok_or(error)
        }
        Err(error) => Err(error),
    }
}

/// For routes that move money alone: their answer is stored, and given again word for word.
pub fn remembered(write: KeyWrite, resource: String, body: &impl Serialize) -> KeyWrite {
    let response = serde_json::to_value(body).ok();
    KeyWrite { resource: Some(resource), response, ..write }
}
