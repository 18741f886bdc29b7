//! Messages to riders' phones. The console says what would be sent, and to whom. No phone is
//! registered so far, so nothing else could be.

use async_trait::async_trait;
use domain::effect::Effect;

/// Says a message, or why it should be tried again.
#[async_trait]
pub trait Push: Send + Sync {
    async fn push(&self, effect: &Effect) -> Result<(), String>;
}

/// For development: a line in the log.
pub struct Console;

#[async_trait]
impl Push for Console {
    async fn push(&self, effect: &Effect) -> Result<(), String> {
        let Effect::NotifyRider { rider, template } = effect;
        tracing::info!(rider.id = %rider, template = template.name(), "a rider would be told");
        Ok(())
    }
}

/// Tells nobody anything.
pub struct Nobody;

#[async_trait]
impl Push for Nobody {
    async fn push(&self, _: &Effect) -> Result<(), String> {
        Ok(())
    }
}
