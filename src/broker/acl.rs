//! Which topics a role may publish and subscribe to: exact names for cabinets, the four patterns
//! of the service. Pure; everything it does not know is denied, `$SYS` included.

use crate::accounts::Role;

#[cfg(test)]
mod tests;

/// First levels of every topic of a cabinet. The leading slash is real: the first level is empty.
const CABINETS: &str = "/powerbank/";

/// Where the service may say things to itself.
const MARKERS: &str = "/chargeghar/marker/";

/// The topic a session of the service publishes to in order to hear itself: what arrives before
/// the echo was sent before it.
pub fn marker_topic(client_id: &str) -> String {
    format!("{MARKERS}{client_id}")
}

pub(crate) fn may_publish(role: Role, client_id: &str, topic: &str) -> bool {
    match role {
        Role::Cabinet => {
            matches!(own(client_id, topic), Some("/user/update" | "/user/heart"))
        }
        Role::Service => is_command_topic(topic) || (is_marker(client_id, topic) && is_name(topic)),
    }
}

pub(crate) fn may_subscribe(role: Role, client_id: &str, filter: &str) -> bool {
    match role {
        Role::Cabinet => matches!(own(client_id, filter), Some("/user/get" | "/user/heart")),
        Role::Service => {
            matches!(filter, "/powerbank/+/user/update" | "/powerbank/+/user/heart")
                || is_marker(client_id, filter)
        }
    }
}

/// True for `/powerbank/{one level}/user/get`.
pub(crate) fn is_command_topic(topic: &str) -> bool {
    topic
        .strip_prefix(CABINETS)
        .and_then(|rest| rest.strip_suffix("/user/get"))
        .is_some_and(|uuid| !uuid.is_empty() && !uuid.contains('/') && is_name(uuid))
}

/// What follows the cabinet's own id in its own topic.
fn own<'t>(client_id: &str, topic: &'t str) -> Option<&'t str> {
    topic.strip_prefix(CABINETS)?.strip_prefix(client_id)
}

fn is_marker(client_id: &str, topic: &str) -> bool {
    topic
        .strip_prefix(MARKERS)
        .and_then(|rest| rest.strip_prefix(client_id))
        .is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

fn is_name(topic: &str) -> bool {
    !topic.contains(['+', '#'])
}
