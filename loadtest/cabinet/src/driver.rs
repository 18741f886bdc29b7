//! The task of one cabinet: carries the machine's actions out and tells it what came back.
//! Decides nothing.

use std::collections::VecDeque;
use std::future::{Future, pending};
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use reqwest::Client;
use rumqttc::Publish;
use tokio::time::sleep_until;

use crate::calls::{CallError, CallKind, HttpAnswer, HttpCall};
use crate::http;
use crate::machine::{Action, Dial, Downfall, HangUp};
use crate::mqtt::{self, Habits, Opened, Session};
use crate::shared::Shared;

type Pending<T> = Pin<Box<dyn Future<Output = T> + Send>>;

/// Runs a cabinet until it is told to stop.
pub(crate) async fn run(shared: Arc<Shared>, client: Client) {
    let mut calls = Calls::new(&shared, client);
    let mut link = Link::new(&shared);
    loop {
        let (actions, due) = shared.turn();
        for action in actions {
            match action {
                Action::Call(call) => calls.queue.push_back(call),
                Action::DropCalls => calls.drop_all(),
                Action::Dial(dial) => link.dial(*dial),
                Action::HangUp(how) => link.hang_up(how),
                Action::Publish { topic, payload } => link.publish(&topic, payload),
            }
        }
        if shared.is_stopping() {
            link.close();
            return shared.end();
        }
        tokio::select! {
            biased;
            () = shared.wake.notified() => {}
            (call, result) = calls.next() => shared.with(|m, now| m.answered(now, call, result)),
            news = link.next() => tell(&shared, news),
            () = wait(&shared, due) => {}
        }
    }
}

async fn wait(shared: &Shared, due: Option<Duration>) {
    match due {
        Some(due) => sleep_until(shared.instant(due)).await,
        None => pending().await,
    }
}

fn tell(shared: &Shared, news: News) {
    shared.with(|machine, now| match news {
        News::Up { session_present, refused } => machine.session_up(now, session_present, refused),
        News::Down(why) => machine.session_down(now, why),
        News::Message(message) => machine.message(now, &message.topic, &message.payload),
    });
}

/// One call at a time, as over one modem.
struct Calls {
    client: Client,
    base_url: String,
    limit: Duration,
    queue: VecDeque<HttpCall>,
    running: Option<(CallKind, Pending<Result<HttpAnswer, CallError>>)>,
}

impl Calls {
    fn new(shared: &Shared, client: Client) -> Calls {
        let (base_url, limit) =
            shared.look(|m| (m.spec().base_url.clone(), m.spec().timing.http_timeout));
        Calls { client, base_url, limit, queue: VecDeque::new(), running: None }
    }

    fn drop_all(&mut self) {
        self.queue.clear();
        self.running = None;
    }

    /// The next answer; never when no call is to be made. May be dropped at any time.
    async fn next(&mut self) -> (CallKind, Result<HttpAnswer, CallError>) {
        if self.running.is_none()
            && let Some(call) = self.queue.pop_front()
        {
            let kind = call.kind;
            let (client, base_url) = (self.client.clone(), self.base_url.clone());
            let answer = http::perform(client, base_url, call, self.limit);
            self.running = Some((kind, Box::pin(answer)));
        }
        let Some((kind, answer)) = &mut self.running else { return pending().await };
        let done = (*kind, answer.await);
        self.running = None;
        done
    }
}

/// The connection to the broker.
struct Link {
    habits: Habits,
    state: State,
    /// Connections the cabinet no longer serves and the broker does not know to be dead.
    half_open: Vec<Session>,
}

enum State {
    Down,
    Dialling(Pending<Result<Opened, Downfall>>),
    Up(Box<Session>),
    /// Failed while writing.
    Broken(Downfall),
}

enum News {
    Up { session_present: bool, refused: Vec<String> },
    Down(Downfall),
    Message(Publish),
}

impl Link {
    fn new(shared: &Shared) -> Link {
        let habits = shared.look(|machine| Habits {
            source_addr: machine.spec().source_addr,
            keep_alive: machine.spec().timing.keep_alive,
            timeout: machine.spec().timing.mqtt_timeout,
            clean_session: machine.spec().clean_session,
            qos: machine.spec().qos,
        });
        Link { habits, state: State::Down, half_open: Vec::new() }
    }

    fn dial(&mut self, dial: Dial) {
        self.state = State::Dialling(Box::pin(mqtt::open(dial, self.habits.clone())));
    }

    fn hang_up(&mut self, how: HangUp) {
        let state = std::mem::replace(&mut self.state, State::Down);
        match (state, how) {
            (State::Up(session), HangUp::HalfOpen) => self.half_open.push(*session),
            (State::Up(_) | State::Down | State::Dialling(_) | State::Broken(_), _) => {}
        }
    }

    fn publish(&mut self, topic: &str, payload: bytes::Bytes) {
        if let State::Up(session) = &mut self.state
            && let Err(why) = session.publish(topic, payload)
        {
            self.state = State::Broken(why);
        }
    }

    /// Says good-bye.
    fn close(self) {
        if let State::Up(session) = self.state {
            session.close();
        }
    }

    /// What the broker did next. May be dropped at any time.
    async fn next(&mut self) -> News {
        let news = match &mut self.state {
            State::Down => pending().await,
            State::Dialling(opening) => match opening.await {
                Ok(opened) => {
                    self.half_open.clear();
                    self.state = State::Up(Box::new(opened.session));
                    let (session_present, refused) = (opened.session_present, opened.refused);
                    return News::Up { session_present, refused };
                }
                Err(why) => News::Down(why),
            },
            State::Up(session) => match session.next().await {
                Ok(message) => return News::Message(message),
                Err(why) => News::Down(why),
            },
            State::Broken(why) => News::Down(why.clone()),
        };
        self.state = State::Down;
        news
    }
}
