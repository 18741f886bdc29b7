//! The session of the heartbeats: at most once, forgotten by the broker when it ends. A flood
//! of them stays in its own connection and its own queue.

use std::sync::Arc;

use devices::topic::{Channel, Topic};

use super::Shared;
use super::keeper::Keeper;
use super::wire::{Error, Message, Received, Session, Wire};
use crate::link::{Incoming, TopicKind};
use crate::metrics;

pub(super) struct Hearts {
    shared: Arc<Shared>,
    counted: ::metrics::Counter,
}

impl Hearts {
    pub fn new(shared: Arc<Shared>) -> Hearts {
        Hearts { shared, counted: metrics::FRAMES.handle(["heart"]) }
    }

    async fn serve(&self) -> Result<(), Error> {
        let settings = &self.shared.settings;
        let id = settings.hearts_id();
        let (mut wire, sender, _) = Wire::connect(&settings.address, &id, Session::Clean).await?;
        sender.subscribe_at_most_once(&[settings.topics.filter(Channel::Heart)])?;
        let _up = Up::new();
        let mut closing = self.shared.closing.subscribe();
        let receive = async {
            loop {
                match wire.next().await? {
                    Received::Message(message) => self.receive(message),
                    Received::Subscribed(false) => return Err(Error::no_rights()),
                    Received::Subscribed(true)
                    | Received::Written
                    | Received::Alive
                    | Received::Sent
                    | Received::SaidGoodbye => {}
                }
            }
        };
        tokio::select! {
            biased;
            _ = closing.wait_for(|closing| *closing) => Ok(()),
            end = receive => end,
        }
    }

    fn receive(&self, message: Message) {
        self.counted.increment(1);
        let at = self.shared.clock.now();
        if let Some(topic) = self.shared.accept(&message, Channel::Heart) {
            let Topic { device: uuid, .. } = topic;
            let (kind, payload) = (TopicKind::Heart, message.payload);
            let heart = Incoming { uuid, kind, payload, at, live: true, earliest: at, ack: None };
            self.shared.inbox.heart(heart);
        }
    }
}

impl Keeper for Hearts {
    const NAME: &'static str = "hearts";

    fn shared(&self) -> &Shared {
        &self.shared
    }

    async fn live(&self) -> Error {
        match self.serve().await {
            Ok(()) => Error::Lost("closed".into()),
            Err(error) => error,
        }
    }
}

/// The gauge, as long as the connection lives.
struct Up;

impl Up {
    fn new() -> Up {
        metrics::LINK_UP.set(1, [Hearts::NAME]);
        Up
    }
}

impl Drop for Up {
    fn drop(&mut self) {
        metrics::LINK_UP.set(0, [Hearts::NAME]);
    }
}
