//! A full mailbox refuses and does not block.

use std::time::Duration;

use ractor::{Actor, ActorProcessingErr, ActorRef, RpcReplyPort};

use super::{Depth, Mailbox, Refused};

struct Slow;

enum Msg {
    Block(tokio::sync::oneshot::Receiver<()>),
    Ask(RpcReplyPort<u8>),
}

impl Actor for Slow {
    type Msg = Msg;
    type State = Depth;
    type Arguments = Depth;

    async fn pre_start(&self, _: ActorRef<Msg>, depth: Depth) -> Result<Depth, ActorProcessingErr> {
        Ok(depth)
    }

    async fn handle(
        &self,
        _: ActorRef<Msg>,
        message: Msg,
        depth: &mut Depth,
    ) -> Result<(), ActorProcessingErr> {
        depth.taken();
        match message {
            Msg::Block(until) => drop(until.await),
            Msg::Ask(reply) => drop(reply.send(7)),
        }
        Ok(())
    }
}

#[tokio::test]
async fn a_full_mailbox_refuses_others_until_it_has_room_again() {
    let depth = Depth::default();
    let (actor, _) = Actor::spawn(None, Slow, depth.clone()).await.unwrap();
    let mailbox = Mailbox::new(actor, depth, 2, "slow");
    let (release, until) = tokio::sync::oneshot::channel();

    mailbox.cast(Msg::Block(until)).unwrap();
    while mailbox.depth.count() > 0 {
        tokio::task::yield_now().await;
    }
    let (one, two) = (tokio::sync::oneshot::channel().0, tokio::sync::oneshot::channel().0);
    mailbox.cast(Msg::Ask(one.into())).unwrap();
    mailbox.cast(Msg::Ask(two.into())).unwrap();
    let third = mailbox.cast(Msg::Ask(tokio::sync::oneshot::channel().0.into()));
    let (own, answer) = tokio::sync::oneshot::channel();
    mailbox.insist(Msg::Ask(own.into()));
    release.send(()).unwrap();

    assert_eq!(third, Err(Refused::Full));
    assert_eq!(answer.await, Ok(7), "an actor's own business is taken all the same");
    while mailbox.depth.count() > 0 {
        tokio::task::yield_now().await;
    }
    assert_eq!(mailbox.call(Msg::Ask, Duration::from_secs(5)).await, Some(7));
}
