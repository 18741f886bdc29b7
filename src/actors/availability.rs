//! What riders see of the network: a read model in memory, published to by station actors.
//! Reads never wait for a write, and never touch the database.

use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::Arc;

use dashmap::DashMap;
use domain::ids::{Serial, SlotKey, Sn, StationId};
use domain::presence::Shown;
use domain::slot::Standing;
use parking_lot::RwLock;

mod kept;

#[cfg(test)]
mod tests;

pub use kept::Kept;

/// What does not change while a cabinet runs.
pub use crate::store::load::StationInfo as Info;

/// One cabinet as riders see it.
#[derive(Clone, Debug, PartialEq)]
pub struct StationView {
    pub info: Arc<Info>,
    pub shown: Shown,
    pub maintenance: bool,
    /// No report since the service started: these are the counts of before.
    pub stale: bool,
    pub slots: Vec<SlotView>,
    /// Slots that are free for a return.
    pub free_slots: u16,
    /// Banks that can be rented.
    pub banks: u16,
    /// Grows by one with each change.
    pub version: u64,
    pub kept: Kept,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SlotView {
    pub key: SlotKey,
    pub standing: Standing,
    /// Percent.
    pub level: Option<u8>,
    pub sn: Option<Sn>,
    pub rentable: bool,
}

impl StationView {
    /// The status word of the existing app.
    pub fn app_status(&self) -> &'static str {
        match self.shown {
            _ if self.maintenance => "MAINTENANCE",
            Shown::Online | Shown::Suspect => "ONLINE",
            Shown::Offline => "OFFLINE",
        }
    }
}

/// What `app_status` answers.
const STATUSES: [&str; 3] = ["ONLINE", "OFFLINE", "MAINTENANCE"];

/// A cabinet and how far away it is.
#[derive(Clone, Debug)]
pub struct Near {
    pub view: Arc<StationView>,
    pub metres: f64,
}

/// Clones share one model.
#[derive(Clone, Debug, Default)]
pub struct Availability {
    inner: Arc<Inner>,
}

#[derive(Debug, Default)]
struct Inner {
    views: DashMap<StationId, Arc<StationView>>,
    by_serial: DashMap<Serial, StationId>,
    /// In the order of their names; made anew when a cabinet comes or goes, or is taken out of
    /// service or put back.
    index: RwLock<Arc<Index>>,
}

#[derive(Debug, Default)]
struct Index {
    order: Vec<StationId>,
    /// Those that are not under maintenance, in the same order.
    listed: Vec<StationId>,
    /// What can be searched for, in lower case, in the same order.
    words: Vec<String>,
    cells: BTreeMap<(i32, i32), Vec<Spot>>,
}

#[derive(Clone, Copy, Debug)]
struct Spot {
    id: StationId,
    latitude: f64,
    longitude: f64,
}

/// Side of a cell of the index, in degrees: about 5 km.
const CELL: f64 = 0.05;
/// Degrees are not worth the same on both sides of a circle; the difference is far below this.
const WIDER: f64 = 1.01;
/// Mean radius of the earth, in metres.
const EARTH: f64 = 6_371_000.0;

impl Availability {
    /// Takes what a station actor says.
    pub fn publish(&self, view: Arc<StationView>) {
        let id = view.info.id;
        let serial = view.info.serial.clone();
        let before = self.inner.views.insert(id, Arc::clone(&view));
        let Some(before) = before.filter(|before| before.info == view.info) else {
            self.inner.by_serial.retain(|_, known| *known != id);
            self.inner.by_serial.insert(serial, id);
            return self.index();
        };
        if before.maintenance != view.maintenance {
            self.index();
        }
    }

    /// Takes many at once, at start-up.
    pub fn load(&self, views: impl IntoIterator<Item = Arc<StationView>>) {
        for view in views {
            self.inner.by_serial.insert(view.info.serial.clone(), view.info.id);
            self.inner.views.insert(view.info.id, view);
        }
        self.index();
    }

    pub fn remove(&self, id: StationId) {
        self.inner.views.remove(&id);
        self.inner.by_serial.retain(|_, known| *known != id);
        self.index();
    }

    pub fn get(&self, id: StationId) -> Option<Arc<StationView>> {
        self.inner.views.get(&id).map(|view| Arc::clone(&view))
    }

    pub fn by_serial(&self, serial: &Serial) -> Option<Arc<StationView>> {
        let id = *self.inner.by_serial.get(serial)?;
        self.get(id)
    }

    /// How many there are of each status that the app shows.
    pub fn count(&self) -> BTreeMap<&'static str, u64> {
        let mut counts: BTreeMap<_, _> = STATUSES.map(|status| (status, 0)).into();
        for view in self.all() {
            *counts.entry(view.app_status()).or_default() += 1;
        }
        counts
    }

    /// Every cabinet, by name.
    pub fn all(&self) -> impl Iterator<Item = Arc<StationView>> + '_ {
        let index = Arc::clone(&self.inner.index.read());
        (0..index.order.len()).filter_map(move |at| self.get(index.order[at]))
    }

    /// How many cabinets riders may see, and those of them at `places`, by name.
    pub fn listed(
        &self,
        places: impl FnOnce(usize) -> Range<usize>,
    ) -> (usize, Vec<Arc<StationView>>) {
        let index = Arc::clone(&self.inner.index.read());
        let total = index.listed.len();
        let part = index.listed.get(places(total)).unwrap_or_default();
        (total, part.iter().filter_map(|id| self.get(*id)).collect())
    }

    /// Cabinets that have `text`, given in lower case, in their name, address, landmark or
    /// serial; by name.
    pub fn search(&self, text: &str) -> Vec<Arc<StationView>> {
        let index = Arc::clone(&self.inner.index.read());
        let known = index.order.iter().zip(&index.words);
        let found = known.filter(|(_, words)| words.contains(text));
        found.filter_map(|(id, _)| self.get(*id)).collect()
    }

    pub fn len(&self) -> usize {
        self.inner.index.read().order.len()
    }

    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Cabinets within `metres` of a place, nearest first.
    #[expect(clippy::float_arithmetic, reason = "places, not money")]
    pub fn near(&self, latitude: f64, longitude: f64, metres: f64) -> Vec<Near> {
        let index = Arc::clone(&self.inner.index.read());
        let reach = degrees(latitude, metres);
        let (low, high) = (cell(latitude - reach.0, 0.0).0, cell(latitude + reach.0, 0.0).0);
        let (west, east) = (cell(0.0, longitude - reach.1).1, cell(0.0, longitude + reach.1).1);
        let rows = (low..=high).flat_map(|row| index.cells.range((row, west)..=(row, east)));
        // most of a cell is too far north or east, which is seen without a sine
        let spots = rows.flat_map(|(_, spots)| spots).filter(|spot| {
            (spot.latitude - latitude).abs() <= reach.0 * WIDER
                && (spot.longitude - longitude).abs() <= reach.1 * WIDER
        });
        let mut near: Vec<Near> = spots
            .map(|spot| (spot.id, distance(latitude, longitude, spot.latitude, spot.longitude)))
            .filter(|(_, far)| *far <= metres)
            .filter_map(|(id, metres)| Some(Near { view: self.get(id)?, metres }))
            .collect();
        near.sort_by(|a, b| a.metres.total_cmp(&b.metres));
        near
    }

    fn index(&self) {
        // held from before the look at the views, so that no older look is written over a newer
        let mut index = self.inner.index.write();
        let views = self.inner.views.iter();
        let mut named: Vec<_> =
            views.map(|view| (Arc::clone(&view.info), view.maintenance)).collect();
        named.sort_by(|(a, _), (b, _)| (&a.about.name, a.id).cmp(&(&b.about.name, b.id)));
        let mut cells: BTreeMap<(i32, i32), Vec<Spot>> = BTreeMap::new();
        for (info, _) in &named {
            let (latitude, longitude) = (info.about.latitude, info.about.longitude);
            let spot = Spot { id: info.id, latitude, longitude };
            cells.entry(cell(latitude, longitude)).or_default().push(spot);
        }
        let order = named.iter().map(|(info, _)| info.id).collect();
        let listed = named.iter().filter(|(_, maintenance)| !maintenance);
        let listed = listed.map(|(info, _)| info.id).collect();
        let words = named.iter().map(|(info, _)| words(info)).collect();
        *index = Arc::new(Index { order, listed, words, cells });
    }
}

/// With a character between them that no search has, so that nothing is found across two.
fn words(info: &Info) -> String {
    let landmark = info.about.landmark.as_deref().unwrap_or_default();
    [&info.about.name, &info.about.address, landmark, info.serial.as_str()]
        .join("\0")
        .to_lowercase()
}

#[expect(clippy::cast_possible_truncation, reason = "at most 7,200 cells each way")]
#[expect(clippy::float_arithmetic, reason = "places, not money")]
fn cell(latitude: f64, longitude: f64) -> (i32, i32) {
    ((latitude / CELL).floor() as i32, (longitude / CELL).floor() as i32)
}

/// How many degrees of latitude and longitude `metres` are at most, near a latitude.
#[expect(clippy::float_arithmetic, reason = "places, not money")]
fn degrees(latitude: f64, metres: f64) -> (f64, f64) {
    let north = (metres / EARTH).to_degrees();
    let shrink = latitude.to_radians().cos().max(0.01);
    (north, (north / shrink).min(180.0))
}

/// Great-circle distance in metres (haversine).
#[expect(clippy::float_arithmetic, reason = "places, not money")]
pub fn distance(from_lat: f64, from_lng: f64, to_lat: f64, to_lng: f64) -> f64 {
    let (d_lat, d_lng) = ((to_lat - from_lat).to_radians(), (to_lng - from_lng).to_radians());
    let across = from_lat.to_radians().cos() * to_lat.to_radians().cos();
    let half = (d_lat / 2.0).sin().powi(2) + across * (d_lng / 2.0).sin().powi(2);
    2.0 * EARTH * half.sqrt().min(1.0).asin()
}
