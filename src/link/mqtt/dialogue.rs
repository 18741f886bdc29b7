//! A short conversation with the broker itself: questions to one topic, answers on another.
//! Ends with its first error, and with its owner.

use std::time::Duration;

use bytes::Bytes;
use tokio::sync::{mpsc, oneshot};
use tokio::task::JoinHandle;

use super::wire::{Address, Error, Received, Sender, Session, Wire};
use crate::clock::Clock;
use crate::spawn::spawn;

/// Answers that wait to be read.
const ANSWERS_MAX: usize = 64;

/// How long the broker may take to let us listen.
const OPEN_MAX: Duration = Duration::from_secs(10);

/// An open conversation.
pub struct Dialogue {
    sender: Sender,
    questions: String,
    answers: mpsc::Receiver<Bytes>,
    task: JoinHandle<Error>,
}

/// Why there is no conversation, or no more of it.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct Silence(String);

impl Dialogue {
    /// Connects and listens to `answers`.
    pub async fn open(
        address: &Address,
        client_id: &str,
        questions: &str,
        answers: &str,
        clock: &Clock,
    ) -> Result<Dialogue, Silence> {
        let (wire, sender, _) = Wire::connect(address, client_id, Session::Clean).await?;
        sender.subscribe_at_least_once(&[answers.to_owned()]).map_err(Error::from)?;
        let (tell, told) = mpsc::channel(ANSWERS_MAX);
        let (ready, is_ready) = oneshot::channel();
        let task = spawn("link.dialogue", listen(wire, sender.clone(), tell, ready));
        let questions = questions.to_owned();
        let dialogue = Dialogue { sender, questions, answers: told, task };
        match clock.within(OPEN_MAX, is_ready).await {
            Some(Ok(())) => Ok(dialogue),
            Some(Err(_)) => Err(dialogue.ended().await),
            None => Err(Silence("no answer to the subscription".into())),
        }
    }

    /// Asks; the answer comes by `answer`, perhaps after those to earlier questions.
    pub fn ask(&self, question: Bytes) -> Result<(), Silence> {
        let asked = self.sender.publish_at_least_once(&self.questions, question);
        Ok(asked.map_err(Error::from)?)
    }

    /// The next answer.
    pub async fn answer(&mut self) -> Result<Bytes, Silence> {
        match self.answers.recv().await {
            Some(answer) => Ok(answer),
            None => Err(self.ended_by_itself().await),
        }
    }

    async fn ended(mut self) -> Silence {
        self.ended_by_itself().await
    }

    async fn ended_by_itself(&mut self) -> Silence {
        match (&mut self.task).await {
            Ok(error) => error.into(),
            Err(error) => Silence(error.to_string()),
        }
    }
}

impl Drop for Dialogue {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn listen(
    mut wire: Wire,
    sender: Sender,
    answers: mpsc::Sender<Bytes>,
    ready: oneshot::Sender<()>,
) -> Error {
    let mut ready = Some(ready);
    loop {
        match wire.next().await {
            Ok(Received::Message(message)) => {
                if message.packet_id != 0
                    && let Err(choked) = sender.acknowledge(message.packet_id)
                {
                    return choked.into();
                }
                if answers.try_send(message.payload).is_err() {
                    return Error::Lost("answers are not read".into());
                }
            }
            Ok(Received::Subscribed(true)) => {
                ready.take().map(|ready| ready.send(()));
            }
            Ok(Received::Subscribed(false)) => return Error::no_rights(),
            Ok(Received::Written | Received::Alive | Received::Sent | Received::SaidGoodbye) => {}
            Err(error) => return error,
        }
    }
}

impl From<Error> for Silence {
    fn from(error: Error) -> Silence {
        Silence(error.to_string())
    }
}
