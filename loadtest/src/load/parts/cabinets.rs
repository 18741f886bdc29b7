//! Faults of many cabinets at once.

use std::time::Duration;

use cabinet::{Cabinet, Cut};
use rand::Rng;
use rand::rngs::StdRng;
use tokio::time::{Instant, sleep, sleep_until};

use crate::fleet::Cabinets;

/// Longest way of cabinets back to their broker.
const ONLINE_MAX: Duration = Duration::from_mins(1);
const LOOK: Duration = Duration::from_millis(50);

/// Their connections stay open and say nothing for a while.
pub async fn freeze(cabinets: &Cabinets, share: f64, lasts: Duration) {
    let frozen = first(cabinets, share);
    for cabinet in frozen {
        cabinet.faults(|faults| faults.switches.half_open = true);
        cabinet.cut(Cut::Both);
    }
    sleep(lasts).await;
    for cabinet in frozen {
        cabinet.faults(|faults| faults.switches.half_open = false);
        cabinet.restore();
    }
}

/// They lose all connections at once; each is back at an instant of its own.
pub async fn storm(cabinets: &Cabinets, share: f64, within: Duration, mut chance: StdRng) {
    let away = first(cabinets, share);
    for cabinet in away {
        cabinet.cut(Cut::Both);
    }
    let begin = Instant::now();
    let mut back: Vec<(Duration, &Cabinet)> =
        away.iter().map(|cabinet| (within.mul_f64(chance.random()), cabinet)).collect();
    back.sort_by_key(|(after, _)| *after);
    for (after, cabinet) in back {
        sleep_until(begin + after).await;
        cabinet.restore();
    }
}

/// How long it takes until all of them are; None when it takes too long.
pub async fn online(cabinets: &Cabinets) -> Option<Duration> {
    let begin = Instant::now();
    while !cabinets.all().iter().all(Cabinet::is_online) {
        if begin.elapsed() > ONLINE_MAX {
            return None;
        }
        sleep(LOOK).await;
    }
    Some(begin.elapsed())
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    clippy::cast_precision_loss,
    reason = "a share of some thousands"
)]
fn first(cabinets: &Cabinets, share: f64) -> &[Cabinet] {
    let all = cabinets.all();
    let count = (all.len() as f64 * share).ceil() as usize;
    &all[..count.min(all.len())]
}
