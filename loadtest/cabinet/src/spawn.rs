//! The only place that starts tasks: one per cabinet.

use std::future::Future;

pub(crate) fn spawn(task: impl Future<Output = ()> + Send + 'static) {
    drop(tokio::spawn(task));
}
