//! The broker asks here: may this client in, may it say this, may it hear that. Also hears of
//! every session and of every lost message. Decides nothing itself: accounts and `acl` do.

use std::sync::Arc;
use std::sync::atomic::AtomicU64;

use async_trait::async_trait;
use rmqtt::codec::v5::SubscribeAckReason;
use rmqtt::context::ServerContext;
use rmqtt::hook::{Handler, HookResult, Parameter, ReturnType, Type};
use rmqtt::inflight::{MomentStatus, OutInflightMessage};
use rmqtt::session::Session;
use rmqtt::types::{
    AuthResult, ConnectInfo, From, FromType, Publish, PublishAclResult, QoS, Reason, Subscribe,
    SubscribeReturn, Unsubscribe,
};
use rmqtt::utils::timestamp_millis;
use tokio::time::Instant;
use tracing::debug;

use crate::accounts::Role;
use crate::counters::{Tally, count};
use crate::{Core, acl};

/// Where a forbidden last will goes: rmqtt lets a hook change a will but not stop it, and does not
/// ask the access rules. Nobody may subscribe to this.
const NOWHERE: &str = "$denied";

const EVENTS: [Type; 13] = [
    Type::ClientConnect,
    Type::ClientAuthenticate,
    Type::ClientConnected,
    Type::ClientDisconnected,
    Type::ClientSubscribeCheckAcl,
    Type::SessionSubscribed,
    Type::SessionUnsubscribed,
    Type::MessagePublish,
    Type::MessagePublishCheckAcl,
    Type::MessageDelivered,
    Type::MessageExpiryCheck,
    Type::MessageDropped,
    Type::MessageNonsubscribed,
];

pub(crate) async fn register(context: &ServerContext, core: &Arc<Core>) {
    let register = context.extends.hook_mgr().register();
    for event in EVENTS {
        register.add(event, Box::new(Hooks(core.clone()))).await;
    }
    register.start().await;
}

struct Hooks(Arc<Core>);

#[async_trait]
impl Handler for Hooks {
    #[expect(clippy::wildcard_enum_match_arm, reason = "only the registered events arrive")]
    async fn hook(&self, event: &Parameter, so_far: Option<HookResult>) -> ReturnType {
        let answer = match event {
            Parameter::ClientConnect(_) => self.tally(|tally| &tally.attempted_connect),
            Parameter::ClientAuthenticate(connect) => Some(self.authenticate(connect)),
            Parameter::ClientConnected(session) => self.connected(session),
            Parameter::ClientDisconnected(session, reason) => self.disconnected(session, reason),
            Parameter::ClientSubscribeCheckAcl(session, ask) => Some(self.subscribe(session, ask)),
            Parameter::SessionSubscribed(session, done) => self.subscribed(session, done),
            Parameter::SessionUnsubscribed(session, done) => self.unsubscribed(session, done),
            Parameter::MessagePublish(_, from, publish) => self.last_will(from, publish),
            Parameter::MessagePublishCheckAcl(session, publish) => {
                Some(self.publish(&session.id.client_id, publish))
            }
            Parameter::MessageDelivered(session, from, publish) => {
                remember(session, from, publish).await
            }
            Parameter::MessageExpiryCheck(session, _, publish) => self.expire(session, publish),
            Parameter::MessageDropped(_, _, _, reason) => self.dropped(reason),
            Parameter::MessageNonsubscribed(_) => self.tally(|tally| &tally.unrouted),
            _ => None,
        };
        (true, answer.or(so_far))
    }
}

impl Hooks {
    fn authenticate(&self, connect: &ConnectInfo) -> HookResult {
        let core = &self.0;
        let client_id = connect.client_id();
        let username = connect.username().map_or(&b""[..], |name| name.as_bytes());
        let password = connect.password().map_or(&b""[..], |word| word.as_ref());
        let is_known = core.accounts.authenticate(client_id, username, password);
        if is_known && !core.is_closing() {
            return HookResult::AuthResult(AuthResult::Allow(false, None));
        }
        count(&core.tally.refused_connect);
        debug!(client.id = %client_id, peer = ?connect.ipaddress(), "connection refused");
        HookResult::AuthResult(AuthResult::BadUsernameOrPassword)
    }

    fn connected(&self, session: &Session) -> Option<HookResult> {
        count(&self.0.tally.accepted_connect);
        if self.0.presence.connected(&session.id) {
            count(&self.0.tally.taken_over);
        }
        None
    }

    /// One that is replaced keeps its place until `connected` of the next takes it: that may come
    /// before or after. Should it never come, the sweep finds the place empty.
    fn disconnected(&self, session: &Session, reason: &Reason) -> Option<HookResult> {
        if !is_replaced(reason) {
            self.0.presence.disconnected(&session.id);
        }
        None
    }

    /// A cabinet is granted quality of service 0 only: with 1, one that does not acknowledge would
    /// fill its window and get its commands late, when they do harm.
    fn subscribe(&self, session: &Session, ask: &Subscribe) -> HookResult {
        let client_id = &session.id.client_id;
        let role = self.0.accounts.role(client_id);
        let answer = match role {
            Some(role) if acl::may_subscribe(role, client_id, &ask.topic_filter) => match role {
                Role::Cabinet => SubscribeReturn::new_success(QoS::AtMostOnce, None),
                Role::Service => SubscribeReturn::new_success(ask.opts.qos(), None),
            },
            Some(_) | None => {
                count(&self.0.tally.denied_subscribe);
                debug!(client.id = %client_id, filter = %ask.topic_filter, "subscription denied");
                SubscribeReturn::new_failure(SubscribeAckReason::NotAuthorized)
            }
        };
        HookResult::SubscribeAclResult(answer)
    }

    fn subscribed(&self, session: &Session, done: &Subscribe) -> Option<HookResult> {
        if acl::is_command_topic(&done.topic_filter) {
            self.0.presence.listens(&session.id);
        }
        None
    }

    fn unsubscribed(&self, session: &Session, done: &Unsubscribe) -> Option<HookResult> {
        if acl::is_command_topic(&done.topic_filter) {
            self.0.presence.turned_away(&session.id);
        }
        None
    }

    /// A denied publish never ends the connection.
    fn publish(&self, client_id: &str, publish: &Publish) -> HookResult {
        HookResult::PublishAclResult(if self.may_publish(client_id, publish) {
            PublishAclResult::allow()
        } else {
            PublishAclResult::rejected(false, None)
        })
    }

    fn may_publish(&self, client_id: &str, publish: &Publish) -> bool {
        let core = &self.0;
        let is_allowed = core.accounts.role(client_id).is_some_and(|role| {
            let is_plain = !publish.retain
                && (role == Role::Service || !matches!(publish.qos, QoS::ExactlyOnce));
            is_plain && acl::may_publish(role, client_id, &publish.topic)
        });
        if !is_allowed {
            count(&core.tally.denied_publish);
            debug!(client.id = %client_id, topic = %publish.topic, "publish denied");
            return false;
        }
        let is_affordable = core.accounts.spend(client_id, now());
        if !is_affordable {
            count(&core.tally.rate_limited);
        }
        is_affordable
    }

    fn last_will(&self, from: &From, publish: &Publish) -> Option<HookResult> {
        let is_will = matches!(from.typ(), FromType::LastWill);
        if !is_will || self.may_publish(&from.id.client_id, publish) {
            return None;
        }
        let mut nothing = publish.clone();
        nothing.topic = NOWHERE.into();
        Some(HookResult::Publish(nothing))
    }

    /// A command that could not be sent at once must not be sent late.
    fn expire(&self, session: &Session, publish: &Publish) -> Option<HookResult> {
        let age_max = i64::try_from(self.0.settings.command_lifetime.as_millis()).ok()?;
        let age = timestamp_millis() - publish.create_time?;
        let is_late = age > age_max && !self.0.accounts.is_service(&session.id.client_id);
        is_late.then_some(HookResult::MessageExpiry)
    }

    #[expect(clippy::wildcard_enum_match_arm, reason = "the rest is one: the receiver is gone")]
    fn dropped(&self, reason: &Reason) -> Option<HookResult> {
        match reason {
            Reason::PublishResult(_) => {} // counted where it was denied
            Reason::MessageQueueFull => count(&self.0.tally.dropped_queue_full),
            Reason::MessageExpiration => count(&self.0.tally.dropped_expired),
            _ => count(&self.0.tally.dropped_gone),
        }
        None
    }

    fn tally(&self, which: fn(&Tally) -> &AtomicU64) -> Option<HookResult> {
        count(which(&self.0.tally));
        None
    }
}

fn is_replaced(reason: &Reason) -> bool {
    if let Reason::Reasons(reasons) = reason {
        return reasons.iter().any(is_replaced);
    }
    reason.is_kicked(false)
}

#[expect(clippy::disallowed_methods, reason = "only paces the budgets of clients")]
fn now() -> Instant {
    Instant::now()
}

/// rmqtt notes a message as in flight only after it was written, so one whose write fails would be
/// lost; noted before, it is sent again. The second note replaces the first.
async fn remember(session: &Session, from: &From, publish: &Publish) -> Option<HookResult> {
    if !matches!(publish.qos, QoS::AtMostOnce) {
        let note = OutInflightMessage::new(MomentStatus::UnAck, from.clone(), publish.clone());
        session.out_inflight().write().await.push_back(note);
    }
    None
}
