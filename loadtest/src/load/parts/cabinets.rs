//! Faults of many cabinets at once.

use std::net::SocketAddr;
use std::time::Duration;

use cabinet::{Cabinet, Cut};
use rand::Rng;
use rand::rngs::StdRng;
use tokio::time::{Instant, sleep, sleep_until};

use crate::fleet::Cabinets;
use crate::service::figures;

/// Longest way of cabinets back to their broker.
const ONLINE_MAX: Duration = Duration::from_mins(1);
const LOOK: Duration = Duration::from_millis(50);
/// Longest wait for the service to be done with those that came back.
const RECONCILED_MAX: Duration = Duration::from_mins(1);
/// Looks in a row at which nobody waits: an event may be on its way.
const CALM: u32 = 3;

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

/// Waits until the service has a report of each that came back, as far as its broker tells of
/// them; says how long that took after the last was let back.
pub async fn reconciled(cabinets: &Cabinets, http: SocketAddr) -> String {
    let begin = Instant::now();
    let mut calm = 0;
    while begin.elapsed() < RECONCILED_MAX {
        let all_online = cabinets.all().iter().all(Cabinet::is_online);
        let left = figures(http).await.map(|figures| {
            let sum = |name| figures.sum(name, "");
            sum("chargeghar_station_storm_left_count")
                + sum("chargeghar_station_checks_waiting_count")
        });
        calm = if all_online && left.is_ok_and(|left| left < 0.5) { calm + 1 } else { 0 };
        if calm >= CALM {
            let after = begin.elapsed().as_secs_f64();
            return format!("reconciled {after:.1} s after the last was let back");
        }
        sleep(LOOK * 4).await;
    }
    let online = cabinets.all().iter().filter(|cabinet| cabinet.is_online()).count();
    format!("not reconciled within {RECONCILED_MAX:?}, {online} online")
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
