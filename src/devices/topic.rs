//! MQTT topics: which cabinet speaks or is spoken to, and about what.
//!
//! The uuid in the topic is the identity (the broker's access list guards it); a payload never
//! is. Parsing is strict: whatever is not exactly one of ours is an error with a name.

use domain::ids::DeviceUuid;

#[cfg(test)]
mod tests;

/// The topics of one product: `/{product}/{uuid}/user/{get,update,heart}`. The leading slash is
/// real, the first level is empty.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Topics {
    product: String,
}

/// What a topic is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Channel {
    /// Commands to the cabinet.
    Get,
    /// Answers and events from the cabinet.
    Update,
    /// Heartbeats; the cabinet listens to its own, that is the echo it needs.
    Heart,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Topic {
    pub device: DeviceUuid,
    pub channel: Channel,
}

/// Why a topic is none of ours. `code` is stable.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TopicError {
    #[error("topic does not start with a slash")]
    NoLeadingSlash,
    #[error("topic belongs to another product")]
    OtherProduct,
    #[error("topic does not have the five levels of a cabinet's")]
    OtherShape,
    #[error("topic names no cabinet")]
    NotADevice,
    #[error("topic names no channel")]
    NotAChannel,
}

/// A product key that would not fit into one topic level and one field of a connect answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a product key is 1 to 32 letters, digits, dashes or underscores")]
pub struct NotAProductKey;

impl Topics {
    pub fn new(product: &str) -> Result<Topics, NotAProductKey> {
        let fits = (1..=32).contains(&product.len());
        let plain = product.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_');
        if fits && plain { Ok(Topics { product: product.to_owned() }) } else { Err(NotAProductKey) }
    }

    pub fn product(&self) -> &str {
        &self.product
    }

    pub fn format(&self, device: &DeviceUuid, channel: Channel) -> String {
        format!("/{}/{device}/user/{}", self.product, channel.as_str())
    }

    /// One channel of every cabinet.
    pub fn filter(&self, channel: Channel) -> String {
        format!("/{}/+/user/{}", self.product, channel.as_str())
    }

    pub fn parse(&self, topic: &str) -> Result<Topic, TopicError> {
        let levels = topic.strip_prefix('/').ok_or(TopicError::NoLeadingSlash)?;
        let mut levels = levels.split('/');
        if levels.next() != Some(self.product.as_str()) {
            return Err(TopicError::OtherProduct);
        }
        let (Some(device), Some("user"), Some(channel), None) =
            (levels.next(), levels.next(), levels.next(), levels.next())
        else {
            return Err(TopicError::OtherShape);
        };
        let device = DeviceUuid::parse(device).map_err(|_| TopicError::NotADevice)?;
        let channel = Channel::parse(channel).ok_or(TopicError::NotAChannel)?;
        Ok(Topic { device, channel })
    }
}

impl Channel {
    pub fn as_str(self) -> &'static str {
        match self {
            Channel::Get => "get",
            Channel::Update => "update",
            Channel::Heart => "heart",
        }
    }

    fn parse(text: &str) -> Option<Channel> {
        [Channel::Get, Channel::Update, Channel::Heart].into_iter().find(|c| c.as_str() == text)
    }
}

impl TopicError {
    pub fn code(self) -> &'static str {
        match self {
            TopicError::NoLeadingSlash => "no_leading_slash",
            TopicError::OtherProduct => "other_product",
            TopicError::OtherShape => "other_shape",
            TopicError::NotADevice => "not_a_device",
            TopicError::NotAChannel => "not_a_channel",
        }
    }
}
