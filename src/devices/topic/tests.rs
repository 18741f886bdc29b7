//! Topics: what they look like, and what is refused.

use domain::ids::DeviceUuid;
use proptest::prelude::*;

use super::*;

const IMEI: &str = "860000000000017";

#[test]
fn every_channel_reads_back() {
    let topics = Topics::new("powerbank").unwrap();
    for channel in [Channel::Get, Channel::Update, Channel::Heart] {
        let device = DeviceUuid::from(IMEI);
        let topic = topics.format(&device, channel);
        assert_eq!(topics.parse(&topic), Ok(Topic { device, channel }));
    }
}

#[test]
fn the_leading_slash_is_part_of_the_topic() {
    let topics = Topics::new("powerbank").unwrap();
    let device = DeviceUuid::from(IMEI);
    assert_eq!(topics.format(&device, Channel::Get), "/powerbank/860000000000017/user/get");
    assert_eq!(topics.filter(Channel::Update), "/powerbank/+/user/update");
    check("powerbank/860000000000017/user/update", TopicError::NoLeadingSlash);
}

#[test]
fn the_device_is_the_level_after_the_product_and_never_the_product() {
    let topics = Topics::new("powerbank").unwrap();
    let topic = topics.parse("/powerbank/441A847D6121/user/heart").unwrap();
    assert_eq!(topic.device, DeviceUuid::from("441A847D6121"));
}

#[test]
fn strange_topics_have_a_name_each() {
    check("", TopicError::NoLeadingSlash);
    check("/", TopicError::OtherProduct);
    check("/other/860000000000017/user/update", TopicError::OtherProduct);
    check("//powerbank/860000000000017/user/update", TopicError::OtherProduct);
    check("/powerbank", TopicError::OtherShape);
    check("/powerbank/860000000000017/update", TopicError::OtherShape);
    check("/powerbank/860000000000017/user/update/", TopicError::OtherShape);
    check("/powerbank/860000000000017/user/update/x", TopicError::OtherShape);
    check("/powerbank//user/update", TopicError::NotADevice);
    check("/powerbank/+/user/update", TopicError::NotADevice);
    check("/powerbank/86000000000001/user/update", TopicError::NotADevice);
    check("/powerbank/860000000000017/user/upload", TopicError::NotAChannel);
    check("/powerbank/860000000000017/user/Update", TopicError::NotAChannel);
}

#[test]
fn a_product_key_fits_one_level() {
    for bad in ["", "a/b", "+", "#", "a,b", "a b", &"x".repeat(33)] {
        assert_eq!(Topics::new(bad), Err(NotAProductKey), "{bad}");
    }
    let other = Topics::new("pb-2").unwrap();
    assert_eq!(other.product(), "pb-2");
    assert!(other.parse("/pb-2/860000000000017/user/get").is_ok());
}

proptest! {
    #[test]
    fn any_text_is_refused_or_formats_back(text in "/?(powerbank|x)?/?[0-9+#]{0,16}/?(user)?/?[a-z]{0,6}") {
        let topics = Topics::new("powerbank").unwrap();
        if let Ok(topic) = topics.parse(&text) {
            prop_assert_eq!(topics.format(&topic.device, topic.channel), text);
        }
    }
}

fn check(topic: &str, expected: TopicError) {
    let topics = Topics::new("powerbank").unwrap();
    assert_eq!(topics.parse(topic), Err(expected), "{topic}: {}", expected.code());
}
