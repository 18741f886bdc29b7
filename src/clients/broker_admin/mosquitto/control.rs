//! A conversation with the plugin: commands go out in messages, each answer is found again by
//! the number it carries (everybody who listens hears all answers).

use std::time::Duration;

use bytes::Bytes;
use serde::{Deserialize, Serialize};

use super::command::{Answer, Client, Command, Role};
use crate::clients::broker_admin::Error;
use crate::clock::Clock;
use crate::link::mqtt::{Address, Dialogue};

const QUESTIONS: &str = "$CONTROL/dynamic-security/v1";
const ANSWERS: &str = "$CONTROL/dynamic-security/v1/response";

/// How long the plugin may take over one message. It writes its file for every command.
const ANSWER_MAX: Duration = Duration::from_secs(30);

/// Entries of a list in one answer.
const PAGE: i32 = 500;
/// The same for roles, each with half a kilobyte of rights.
const ROLES: i32 = 200;

pub(super) struct Control {
    dialogue: Dialogue,
    clock: Clock,
    /// What the numbers of this conversation begin with.
    nonce: String,
    asked: u64,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Question<'c> {
    #[serde(flatten)]
    command: &'c Command,
    correlation_data: String,
}

#[derive(Serialize)]
struct Questions<'c> {
    commands: Vec<Question<'c>>,
}

#[derive(Deserialize)]
struct Answers {
    responses: Vec<Answer>,
}

impl Control {
    pub async fn open(
        address: &Address,
        client_id: &str,
        nonce: String,
        clock: Clock,
    ) -> Result<Control, Error> {
        let opened = Dialogue::open(address, client_id, QUESTIONS, ANSWERS, &clock).await;
        let dialogue = opened.map_err(down)?;
        Ok(Control { dialogue, clock, nonce, asked: 0 })
    }

    /// Carries out commands in one message. What was carried out before is no error.
    pub async fn run(&mut self, commands: &[Command]) -> Result<(), Error> {
        for (command, answer) in commands.iter().zip(self.ask(commands).await?) {
            if let Some(error) = answer.error.filter(|error| !command.is_done(error)) {
                return Err(Error::Refused(error));
            }
        }
        Ok(())
    }

    pub async fn role(&mut self, rolename: &str) -> Result<Option<Role>, Error> {
        let question = Command::GetRole { rolename: rolename.into() };
        Ok(self.look_up(question, "Role not found").await?.and_then(|answer| answer.data.role))
    }

    pub async fn client(&mut self, username: &str) -> Result<Option<Client>, Error> {
        let question = Command::GetClient { username: username.into() };
        let answer = self.look_up(question, "Client not found").await?;
        Ok(answer.and_then(|answer| answer.data.client))
    }

    pub async fn clients(&mut self) -> Result<Vec<Client>, Error> {
        let mut clients = Vec::new();
        loop {
            let offset = i32::try_from(clients.len()).unwrap_or(i32::MAX);
            let page = Command::ListClients { verbose: true, count: PAGE, offset };
            let data = self.one(page).await?.data;
            let (got, total) = (data.clients.len(), data.total_count);
            clients.extend(data.clients);
            if got == 0 || clients.len() >= total {
                return Ok(clients);
            }
        }
    }

    /// With what each allows.
    pub async fn roles(&mut self) -> Result<Vec<Role>, Error> {
        let mut roles = Vec::new();
        loop {
            let offset = i32::try_from(roles.len()).unwrap_or(i32::MAX);
            let page = Command::ListRoles { verbose: true, count: ROLES, offset };
            let data = self.one(page).await?.data;
            let (got, total) = (data.roles.len(), data.total_count);
            roles.extend(data.roles);
            if got == 0 || roles.len() >= total {
                return Ok(roles);
            }
        }
    }

    async fn look_up(&mut self, question: Command, absent: &str) -> Result<Option<Answer>, Error> {
        match self.one(question).await {
            Err(Error::Refused(error)) if error == absent => Ok(None),
            found => found.map(Some),
        }
    }

    async fn one(&mut self, question: Command) -> Result<Answer, Error> {
        let answers = self.ask(&[question]).await?;
        let answer = answers.into_iter().next().ok_or_else(|| down("no answer"))?;
        match answer.error {
            Some(error) => Err(Error::Refused(error)),
            None => Ok(answer),
        }
    }

    /// The answers in the order of the commands.
    async fn ask(&mut self, commands: &[Command]) -> Result<Vec<Answer>, Error> {
        let first = self.asked;
        let questions = commands.iter().map(|command| {
            self.asked += 1;
            Question { command, correlation_data: format!("{}{}", self.nonce, self.asked) }
        });
        let message = serde_json::to_vec(&Questions { commands: questions.collect() });
        let message = message.map_err(|error| Error::Refused(error.to_string()))?;
        self.dialogue.ask(Bytes::from(message)).map_err(down)?;
        let clock = self.clock.clone();
        let answered = clock.within(ANSWER_MAX, self.gather(first, commands.len())).await;
        answered.ok_or_else(|| down("no answer in time"))?
    }

    async fn gather(&mut self, first: u64, count: usize) -> Result<Vec<Answer>, Error> {
        let expected = (first + 1..).take(count);
        let mut expected = expected.map(|number| format!("{}{number}", self.nonce)).peekable();
        let mut gathered = Vec::with_capacity(count);
        while expected.peek().is_some() {
            let message = self.dialogue.answer().await.map_err(down)?;
            let Ok(answers) = serde_json::from_slice::<Answers>(&message) else { continue };
            for answer in answers.responses {
                if expected.next_if(|number| *number == answer.correlation_data).is_some() {
                    gathered.push(answer);
                }
            }
        }
        Ok(gathered)
    }
}

fn down(reason: impl ToString) -> Error {
    Error::Down(reason.to_string())
}
