//! What the server needs before it knows what a request is about: settings, time, tokens, bounds.

use std::ops::Deref;
use std::sync::Arc;

use super::guard::Lanes;
use super::limits::Limits;
use super::token::Tokens;
use crate::clock::Clock;
use crate::config::Config;
use crate::entropy::Entropy;
use crate::metrics::Recorder;
use crate::readiness::Readiness;

/// Clones share it.
#[derive(Clone)]
pub struct Front(Arc<Inner>);

pub struct Inner {
    pub config: Arc<Config>,
    pub clock: Clock,
    pub entropy: Entropy,
    pub recorder: Recorder,
    pub readiness: Readiness,
    pub tokens: Tokens,
    pub lanes: Lanes,
    pub limits: Limits,
}

impl Front {
    pub fn new(
        config: Arc<Config>,
        clock: Clock,
        entropy: Entropy,
        recorder: Recorder,
        readiness: Readiness,
        tokens: Tokens,
    ) -> Front {
        let lanes = Lanes::new(config.http.requests_max);
        let limits = Limits::new(&config.limits, &clock);
        let inner = Inner { config, clock, entropy, recorder, readiness, tokens, lanes, limits };
        Front(Arc::new(inner))
    }
}

impl Deref for Front {
    type Target = Inner;

    fn deref(&self) -> &Inner {
        &self.0
    }
}
