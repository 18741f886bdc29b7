//! The link to the cabinets over real brokers: each story runs on the embedded one and on
//! Mosquitto, with a cable between that can be cut.

/// Each story once per broker.
macro_rules! on_both_brokers {
    ($($story:ident)*) => {
        mod embedded {
            use crate::link::rig::Rig;
            $(
                #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
                async fn $story() {
                    super::$story(Rig::embedded().await).await;
                }
            )*
        }

        mod mosquitto {
            use crate::link::rig::Rig;
            $(
                #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
                async fn $story() {
                    if let Some(rig) = Rig::mosquitto().await {
                        super::$story(rig).await;
                    }
                }
            )*
        }
    };
}

mod access;
mod accounts;
mod acks;
mod backlog;
mod cabinet;
mod commands;
mod load;
mod rig;
mod tls;
