//! What is read out of the service's metrics.

use super::*;

#[test]
fn depths_are_sums_over_their_labels() {
    let figures = Figures::parse(
        "chargeghar_store_writer_backlog_count 3\n\
         chargeghar_actor_backlog_messages{actor=\"station\"} 4\n\
         chargeghar_actor_backlog_messages{actor=\"rental\"} 5\n\
         chargeghar_http_requests_open_count 2\n",
    );
    let wanted = Queues { facts: 3, messages: 9, acks: 0, requests: 2 };
    assert_eq!(Queues::of(&figures), wanted);
}
