//! The session of the updates: at least once, kept by the broker, acknowledged in the order of
//! arrival after whatever they caused is committed. Commands leave here.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use chrono::{DateTime, Utc};
use devices::topic::Channel;
use parking_lot::Mutex;
use tokio::sync::Notify;

use super::Shared;
use super::keeper::Keeper;
use super::outlet::Outlet;
use super::wire::{Error, Message, Received, Sender, Session, Wire};
use crate::link::line::{Bounds, Frame, Line};
use crate::link::watermark::{Moment, Watermark};
use crate::metrics;

/// Bytes of updates that are held until they are acknowledged. A broker sends no more than
/// 65,535 of them ahead, most send a few hundred.
const HELD_BYTES_MAX: usize = 64 * 1024 * 1024;

/// How long the broker may take to answer a subscription.
const SUBSCRIBE_MAX: Duration = Duration::from_secs(10);

/// How often we ask ourselves how far we have heard everything.
const MARKER_EVERY: Duration = Duration::from_secs(2);

/// How long a marker may be on its way before another is sent.
const MARKER_PATIENCE: Duration = Duration::from_secs(10);

/// How long our goodbye may take to be written.
const GOODBYE_MAX: Duration = Duration::from_secs(1);

pub(super) struct Updates {
    shared: Arc<Shared>,
    pub outlet: Outlet,
    line: Arc<Line>,
    watermark: Mutex<Watermark>,
    marker_topic: String,
    /// As `Clock::running` counts: the life of a connection is real time.
    heard_at: Mutex<Duration>,
    subscribed: Notify,
    /// The broker must forget us, because it holds something that cannot be read.
    needs_clean_session: Mutex<bool>,
    counted: ::metrics::Counter,
}

impl Updates {
    pub fn new(shared: Arc<Shared>) -> Updates {
        let Shared { settings, clock, entropy, inbox, .. } = &*shared;
        let bounds = Bounds { out_max: settings.unacked_max, bytes_max: HELD_BYTES_MAX };
        let inbox = inbox.clone();
        let first_marker = u64::from_be_bytes(entropy.bytes());
        Updates {
            outlet: Outlet::new(settings.topics.clone(), clock.clone()),
            line: Line::new(inbox, bounds, clock.clone(), entropy.clone()),
            watermark: Mutex::new(Watermark::new(settings.complete_until, first_marker)),
            marker_topic: settings.marker_topic(),
            heard_at: Mutex::new(clock.running()),
            subscribed: Notify::new(),
            needs_clean_session: Mutex::new(false),
            counted: metrics::FRAMES.handle(["update"]),
            shared,
        }
    }

    pub fn complete_until(&self) -> DateTime<Utc> {
        self.watermark.lock().complete_until()
    }

    async fn serve(&self) -> Result<(), Error> {
        let settings = &self.shared.settings;
        let id = settings.updates_id();
        if *self.needs_clean_session.lock() {
            drop(Wire::connect(&settings.address, &id, Session::Clean).await?);
            *self.needs_clean_session.lock() = false;
        }
        let (mut wire, sender, session) =
            Wire::connect(&settings.address, &id, Session::Kept).await?;
        let _connected = self.connected(&sender, session);
        sender.subscribe_at_least_once(&[
            settings.topics.filter(Channel::Update),
            self.marker_topic.clone(),
        ])?;
        let mut closing = self.shared.closing.subscribe();
        // The receiver last: it may have something to do at all times.
        let end = tokio::select! {
            biased;
            _ = closing.wait_for(|closing| *closing) => None,
            () = self.line.blocked() => Some(Error::Lost("what is held here is all settled".into())),
            error = self.watch(&sender) => Some(error),
            () = self.line.repeat() => None,
            error = self.receive_all(&mut wire, &sender) => Some(error),
        };
        if let Some(error) = end {
            return Err(error);
        }
        self.goodbye(&mut wire, &sender).await;
        Ok(())
    }

    /// From the CONNACK on the broker may repeat what it held for us.
    fn connected(&self, sender: &Sender, session: Session) -> Connected<'_> {
        let now = Moment::of(&self.shared.clock);
        *self.heard_at.lock() = now.running;
        match session {
            Session::Kept => self.watermark.lock().resumed(),
            Session::Clean => self.watermark.lock().begun(now),
        }
        let acknowledging = sender.clone();
        self.line.begin(Box::new(move |packet_id| {
            let _ = acknowledging.acknowledge(packet_id); // else the broker sends it again
        }));
        Connected(self)
    }

    /// From the answer to the subscription on commands may leave: their answers would arrive.
    fn up(&self, sender: &Sender) {
        self.outlet.open(sender.clone());
        self.shared.inbox.up();
        metrics::LINK_UP.set(1, [Updates::NAME]);
        self.subscribed.notify_one();
        tracing::info!(broker = ?self.shared.settings.address, "the link to the broker is up");
    }

    async fn receive_all(&self, wire: &mut Wire, sender: &Sender) -> Error {
        loop {
            match wire.next().await {
                Ok(Received::Message(message)) => self.receive(message),
                Ok(Received::Subscribed(true)) => self.up(sender),
                Ok(Received::Subscribed(false)) => return Error::no_rights(),
                Ok(Received::Written) => {
                    self.outlet.written();
                    continue;
                }
                Ok(Received::Alive) => {}
                Ok(Received::Sent | Received::SaidGoodbye) => continue,
                Err(error) => return error,
            }
            *self.heard_at.lock() = self.shared.clock.running();
        }
    }

    fn receive(&self, message: Message) {
        let packet_id = message.packet_id;
        if message.topic == self.marker_topic {
            if let Ok(number) = message.payload.as_ref().try_into().map(u64::from_be_bytes) {
                self.watermark.lock().heard(number);
            }
            return self.line.settled(packet_id);
        }
        self.counted.increment(1);
        let Some(topic) = self.shared.accept(&message, Channel::Update) else {
            return self.line.settled(packet_id);
        };
        let now = Moment::of(&self.shared.clock);
        let sent = self.watermark.lock().judge(now);
        metrics::BACKLOG_FRAMES.add(u64::from(!sent.live), []);
        let (uuid, payload, at) = (topic.device, message.payload, now.at);
        let frame = Frame { uuid, payload, at, sent };
        self.line.enter(packet_id, frame);
    }

    /// Sends markers, and ends when the broker is silent.
    async fn watch(&self, sender: &Sender) -> Error {
        let clock = &self.shared.clock;
        if clock.within(SUBSCRIBE_MAX, self.subscribed.notified()).await.is_none() {
            return Error::Lost("no answer to the subscription".into());
        }
        loop {
            let now = Moment::of(clock);
            let silent_for = now.running.saturating_sub(*self.heard_at.lock());
            if silent_for > self.shared.settings.silence_max {
                return Error::Lost("nothing arrives any more".into());
            }
            let marker = {
                let mut watermark = self.watermark.lock();
                watermark.goes_on(now);
                watermark.next_marker(now, MARKER_PATIENCE)
            };
            if let Some(number) = marker {
                let payload = Bytes::copy_from_slice(&number.to_be_bytes());
                let sent = sender.publish_at_least_once(&self.marker_topic, payload);
                if let Err(choked) = sent {
                    return choked.into();
                }
            }
            clock.sleep(MARKER_EVERY).await;
        }
    }

    /// The broker is told, so that it does not wait for a sign of life.
    async fn goodbye(&self, wire: &mut Wire, sender: &Sender) {
        let said =
            async { while !matches!(wire.next().await, Ok(Received::SaidGoodbye) | Err(_)) {} };
        if sender.disconnect().is_ok() {
            self.shared.clock.within(GOODBYE_MAX, said).await;
        }
    }
}

impl Keeper for Updates {
    const NAME: &'static str = "updates";

    fn shared(&self) -> &Shared {
        &self.shared
    }

    async fn live(&self) -> Error {
        match self.serve().await {
            Ok(()) => Error::Lost("closed".into()),
            Err(error) => {
                if matches!(error, Error::Unreadable(_)) {
                    metrics::FRAMES_REFUSED.inc(["unreadable"]);
                    *self.needs_clean_session.lock() = true;
                }
                error
            }
        }
    }
}

/// A connection; when it is gone nothing can be acknowledged or published over it.
struct Connected<'u>(&'u Updates);

impl Drop for Connected<'_> {
    fn drop(&mut self) {
        self.0.outlet.shut();
        let unsettled = self.0.line.end();
        self.0.watermark.lock().ended(unsettled);
        self.0.shared.inbox.down();
        metrics::LINK_UP.set(0, [Updates::NAME]);
    }
}
