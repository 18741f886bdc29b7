//! What the process says about itself: log lines and announcements.
//!
//! `serve` logs JSON lines on stdout, or text for people; every other command logs to stderr,
//! because its stdout is data. Announcements are lines that scripts wait for; they do not
//! depend on the log filter.

use std::collections::BTreeMap;
use std::io::Write;
use std::sync::{Arc, OnceLock};

use chrono::{DateTime, TimeDelta, Utc};
use parking_lot::Mutex;
use serde::Serialize;
use tokio::sync::mpsc::{self, error::TrySendError};
use tracing_subscriber::EnvFilter;
use tracing_subscriber::fmt::writer::BoxMakeWriter;

use crate::clock::Clock;
use crate::metrics;

#[cfg(test)]
mod tests;

/// Where log lines go and what they look like.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Output {
    /// JSON lines on stdout: `serve`.
    Json,
    /// Text on stdout: `serve --pretty`.
    Pretty,
    /// Text on stderr: every other command.
    Stderr,
}

static OUTPUT: OnceLock<Output> = OnceLock::new();

#[derive(Debug, thiserror::Error)]
#[error("log filter {filter:?} is not valid: {cause}; write for example info,chargeghar=debug")]
pub struct BadFilter {
    filter: String,
    cause: tracing_subscriber::filter::ParseError,
}

/// Installs the log of the process. The first call wins; later ones check their filter only.
pub fn init(output: Output, filter: &str) -> Result<(), BadFilter> {
    let bad = |cause| BadFilter { filter: filter.to_owned(), cause };
    let wanted = EnvFilter::builder().parse(filter).map_err(bad)?;
    let _ = OUTPUT.set(output);
    let writer = match output {
        Output::Json | Output::Pretty => BoxMakeWriter::new(std::io::stdout),
        Output::Stderr => BoxMakeWriter::new(std::io::stderr),
    };
    let log = tracing_subscriber::fmt().with_env_filter(wanted).with_writer(writer);
    let installed = match output {
        Output::Json => log.json().flatten_event(true).with_span_list(false).try_init(),
        Output::Pretty | Output::Stderr => log.with_target(false).compact().try_init(),
    };
    if installed.is_err() {
        tracing::debug!("a log is installed already");
    }
    Ok(())
}

#[derive(Serialize)]
struct Announcement<'a, T> {
    event: &'a str,
    #[serde(flatten)]
    fields: T,
}

/// Announcements that may wait for somebody who listens in this process.
const HEARD_MAX: usize = 256;

static LISTENER: Mutex<Option<mpsc::Sender<String>>> = Mutex::new(None);

/// Hears every announcement of this process until the answer is dropped, instead of whoever
/// listened before.
pub fn listen() -> mpsc::Receiver<String> {
    let (send, receive) = mpsc::channel(HEARD_MAX);
    *LISTENER.lock() = Some(send);
    receive
}

/// Writes one JSON line that begins with `{"event":…`. `fields` is a map or a struct.
pub fn announce(event: &str, fields: impl Serialize) {
    let line = announcement(event, fields);
    if is_heard(&line) {
        return;
    }
    let written = match OUTPUT.get() {
        Some(Output::Json | Output::Pretty) => writeln!(std::io::stdout().lock(), "{line}"),
        Some(Output::Stderr) | None => writeln!(std::io::stderr().lock(), "{line}"),
    };
    if let Err(error) = written {
        tracing::warn!(%error, event, "announcement could not be written");
    }
}

/// Whether somebody in this process listens. A listener that is slow misses some; one that has
/// gone is forgotten, so that what comes after it is written.
fn is_heard(line: &str) -> bool {
    let mut listener = LISTENER.lock();
    let Some(send) = &*listener else { return false };
    let gone = matches!(send.try_send(line.to_owned()), Err(TrySendError::Closed(_)));
    if gone {
        *listener = None;
    }
    !gone
}

fn announcement(event: &str, fields: impl Serialize) -> String {
    serde_json::to_string(&Announcement { event, fields }).unwrap_or_else(|error| {
        format!("{{\"event\":{event:?},\"error\":{:?}}}", error.to_string())
    })
}

/// Lets one warning of each kind through per minute. Clones share the memory.
#[derive(Clone, Debug)]
pub struct LogLimit {
    clock: Clock,
    kinds: Arc<Mutex<BTreeMap<&'static str, Heard>>>,
}

#[derive(Debug)]
struct Heard {
    until: DateTime<Utc>,
    held: u64,
}

impl LogLimit {
    pub fn new(clock: Clock) -> LogLimit {
        LogLimit { clock, kinds: Arc::default() }
    }

    /// Whether a warning of this kind may be logged at this time, and then how many were held back since
    /// the last one. Usage: `if let Some(held) = warnings.pass("bad_checksum") { warn!(held, ..) }`.
    pub fn pass(&self, kind: &'static str) -> Option<u64> {
        let now = self.clock.now();
        let mut kinds = self.kinds.lock();
        let heard = kinds.entry(kind).or_insert(Heard { until: now, held: 0 });
        if now < heard.until {
            heard.held += 1;
            metrics::WARNINGS_HELD.inc([kind]);
            return None;
        }
        heard.until = now + TimeDelta::minutes(1);
        Some(std::mem::take(&mut heard.held))
    }
}
