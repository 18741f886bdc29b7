//! The way out of a cabinet: every frame and call passes the rules here, then goes out or is
//! lost. Nothing is kept for later: a cabinet never replays.

use bytes::Bytes;

use super::{Action, Due, Machine, Phase};
use crate::calls::HttpCall;
use crate::clock::Now;
use crate::events::{Event, LostWhy};
use crate::faults::FrameKind;

/// Something a cabinet is about to send.
#[derive(Clone, Debug)]
pub(super) struct Uplink {
    pub kind: FrameKind,
    pub way: Way,
}

#[derive(Clone, Debug)]
pub(super) enum Way {
    /// On its topic for answers and events.
    Update(Bytes),
    /// On its heartbeat topic.
    Heart(Bytes),
    Topic(String, Bytes),
    Call(HttpCall),
}

impl Uplink {
    pub fn update(kind: FrameKind, frame: Vec<u8>) -> Uplink {
        Uplink { kind, way: Way::Update(Bytes::from(frame)) }
    }

    /// Rewrites the frame, if it has one.
    fn spoil(&mut self, how: impl FnOnce(&mut Vec<u8>)) {
        let bytes = match &mut self.way {
            Way::Update(bytes) | Way::Heart(bytes) | Way::Topic(_, bytes) => Some(bytes),
            Way::Call(call) => call.body.as_mut(),
        };
        if let Some(bytes) = bytes {
            let mut changed = bytes.to_vec();
            how(&mut changed);
            *bytes = Bytes::from(changed);
        }
    }
}

impl Machine {
    /// Sends any bytes on any topic, past the rules. Lost when there is no session.
    pub fn send_raw(&mut self, now: Now, topic: String, payload: Bytes) {
        self.transmit(now, Uplink { kind: FrameKind::Raw, way: Way::Topic(topic, payload) });
    }

    /// Sends the last frame of a kind once more, byte by byte the same. False when there was
    /// none.
    pub fn replay(&mut self, now: Now, kind: FrameKind) -> bool {
        let Some(last) = self.last_sent.get(&kind).cloned() else { return false };
        self.transmit(now, last);
        true
    }

    /// Lets the rules strike, then sends what is left.
    pub(super) fn emit(&mut self, now: Now, mut uplink: Uplink) {
        let fate = self.faults.fate(&mut self.chance, uplink.kind);
        if fate.lost {
            return self.lost(now, uplink.kind, LostWhy::Fault);
        }
        if fate.corrupt {
            uplink.spoil(wrong_checksum);
        }
        if fate.short_by > 0 {
            uplink.spoil(|frame| frame.truncate(frame.len().saturating_sub(fate.short_by)));
        }
        if fate.replay {
            self.replay(now, uplink.kind);
        }
        if let Some(again) = fate.again {
            self.after(now, fate.delay + again, Due::Transmit(uplink.clone()));
        }
        if let Some(at_most) = fate.held {
            self.flush_held(now);
            self.held = Some(uplink);
            self.after(now, at_most, Due::FlushHeld);
        } else if fate.delay.is_zero() {
            self.transmit(now, uplink);
        } else {
            self.after(now, fate.delay, Due::Transmit(uplink));
        }
    }

    /// Sends, unless there is no way; then the frame is lost for good.
    pub(super) fn transmit(&mut self, now: Now, uplink: Uplink) {
        let kind = uplink.kind;
        let open = match uplink.way {
            Way::Call(_) => self.is_running() && !self.cuts.http,
            Way::Update(_) | Way::Heart(_) | Way::Topic(..) => self.phase == Phase::Online,
        };
        if !open {
            return self.lost(now, kind, LostWhy::NoLink);
        }
        let held = self.held.take();
        if !matches!(kind, FrameKind::Heartbeat | FrameKind::Raw) {
            self.last_sent.insert(kind, uplink.clone());
        }
        let (to, bytes, action) = match uplink.way {
            Way::Update(payload) => publish(self.topic("update"), payload),
            Way::Heart(payload) => publish(self.topic("heart"), payload),
            Way::Topic(topic, payload) => publish(topic, payload),
            Way::Call(call) => {
                let bytes = call.body.clone().unwrap_or_default();
                (call.path.to_owned(), bytes, Action::Call(call))
            }
        };
        self.note(now, Event::Sent { kind, to, bytes });
        self.actions.push_back(action);
        if let Some(held) = held {
            self.transmit(now, held);
        }
    }

    pub(super) fn flush_held(&mut self, now: Now) {
        if let Some(held) = self.held.take() {
            self.transmit(now, held);
        }
    }

    fn lost(&mut self, now: Now, kind: FrameKind, why: LostWhy) {
        self.note(now, Event::Lost { kind, why });
    }
}

fn publish(topic: String, payload: Bytes) -> (String, Bytes, Action) {
    (topic.clone(), payload.clone(), Action::Publish { topic, payload })
}

#[expect(clippy::ptr_arg, reason = "one of the ways to spoil a frame, others change its length")]
fn wrong_checksum(frame: &mut Vec<u8>) {
    if let Some(last) = frame.last_mut() {
        *last = last.wrapping_add(1);
    }
}
