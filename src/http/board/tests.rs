//! A small network in memory, for tests of what is read from it.

use std::sync::Arc;

use chrono::NaiveTime;
use domain::ids::{SlotKey, Sn, StationId};
use domain::presence::Shown;
use domain::slot::Standing;
use uuid::Uuid;

use super::Board;
use crate::actors::availability::{Availability, Info, Kept, SlotView, StationView};
use crate::actors::feed::Feed;
use crate::clock::Clock;
use crate::config::Config;
use crate::entropy::Entropy;
use crate::http::live::Streams;
use crate::store::stations::Particulars;

/// The run of the service.
pub const EPOCH: i64 = 7;

impl Board {
    /// What station actors do: first the model, then the news of it.
    pub fn publish(&self, view: StationView) {
        let view = Arc::new(view);
        self.availability.publish(Arc::clone(&view));
        self.feed.publish(view);
    }
}

/// Three cabinets that are shown, and one under maintenance.
pub fn board() -> Board {
    board_with(&Config::default(), Clock::manual())
}

pub fn board_with(config: &Config, clock: Clock) -> Board {
    let availability = Availability::default();
    let bouddha = station(4, "Bouddha", (27.7215, 85.362));
    availability.load(
        [thamel(), patan(), pokhara(), StationView { maintenance: true, ..bouddha }].map(Arc::new),
    );
    let streams = Streams::new(config, clock, Entropy::seeded(1));
    Board { availability, feed: Feed::new(EPOCH), streams }
}

/// Two banks, one of them low, a free slot, and one that is broken; two serial ports.
pub fn thamel() -> StationView {
    let view = station(1, "Thamel Chowk", (27.7154, 85.3123));
    let about = Particulars {
        landmark: Some("Near Kathmandu Guest House".to_owned()),
        description: Some("Beside the stairs".to_owned()),
        opening_time: NaiveTime::from_hms_opt(8, 0, 0),
        closing_time: NaiveTime::from_hms_opt(20, 30, 0),
        ..view.info.about.clone()
    };
    let info = Info { about, ..(*view.info).clone() };
    let slots = vec![
        slot((0, 1), Standing::Occupied, Some(("7001", 95)), true),
        slot((0, 2), Standing::Occupied, Some(("7002", 12)), false),
        slot((1, 1), Standing::Empty, None, false),
        slot((1, 2), Standing::Faulted, None, false),
    ];
    StationView { info: Arc::new(info), slots, free_slots: 1, banks: 1, ..view }
}

pub fn patan() -> StationView {
    let view = station(2, "Patan Dhoka", (27.6727, 85.325));
    StationView { shown: Shown::Offline, stale: true, ..view }
}

pub fn pokhara() -> StationView {
    station(3, "Lakeside", (28.2096, 83.9856))
}

pub fn station(number: u128, name: &str, (latitude, longitude): (f64, f64)) -> StationView {
    let info = Info {
        id: StationId(Uuid::from_u128(number)),
        uuid: "860000000000017".into(),
        serial: format!("CG-{number}").as_str().into(),
        credential_generation: 1,
        about: Particulars {
            address: format!("Street {number}"),
            ..Particulars::new(name, latitude, longitude)
        },
    };
    StationView {
        info: Arc::new(info),
        shown: Shown::Online,
        maintenance: false,
        stale: false,
        slots: vec![],
        free_slots: 0,
        banks: 0,
        version: 1,
        kept: Kept::default(),
    }
}

fn slot(
    (io, number): (u8, u16),
    standing: Standing,
    bank: Option<(&str, u8)>,
    rentable: bool,
) -> SlotView {
    let (sn, level) = bank.map(|(sn, level)| (Sn::from(sn), level)).unzip();
    SlotView { key: SlotKey::new(io, number), standing, level, sn, rentable }
}
