//! What no log may say: the keys of other companies, tokens, passwords of cabinets. Whatever a
//! node or a process of this test program logs is searched for what was planted here.

use std::io::Write;
use std::sync::Once;

use parking_lot::Mutex;

use crate::fakes;

/// Of riders and cabinets, as stories make them; the latest of so many.
static PLANTED: Mutex<Vec<String>> = Mutex::new(Vec::new());
const PLANTED_MAX: usize = 2_000;
/// Lines that said one.
static LEAKS: Mutex<Vec<String>> = Mutex::new(Vec::new());
/// Everything of ours, and of others what an operator sees too.
const FILTER: &str = "info,chargeghar=debug";

/// From here on, no line says this.
pub fn plant(secret: &str) {
    assert!(secret.len() >= 12, "too short to be told from other words: {secret}");
    let mut planted = PLANTED.lock();
    if planted.len() == PLANTED_MAX {
        planted.remove(0);
    }
    planted.push(secret.to_owned());
}

/// The secrets that a text says.
pub fn said_in(text: &str) -> Vec<String> {
    let planted = PLANTED.lock();
    let all = fakes::SECRETS.into_iter().chain(planted.iter().map(String::as_str));
    all.filter(|secret| text.contains(secret)).map(str::to_owned).collect()
}

/// Reads along with the log of every node in this program.
pub fn watch() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        let log = tracing_subscriber::fmt().with_env_filter(FILTER).with_writer(|| Reader);
        log.json().flatten_event(true).with_span_list(false).try_init().unwrap();
    });
}

/// No line of this program said a secret so far, whichever story it belonged to.
pub fn nothing_leaked() {
    let leaks = LEAKS.lock();
    assert!(leaks.is_empty(), "the log says secrets:\n{}", leaks.join("\n"));
}

struct Reader;

impl Write for Reader {
    fn write(&mut self, line: &[u8]) -> std::io::Result<usize> {
        let text = String::from_utf8_lossy(line);
        let said = said_in(&text);
        if !said.is_empty() {
            LEAKS.lock().push(format!("{said:?} in {text}"));
        }
        Ok(line.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}
