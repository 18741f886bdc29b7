//! Riders find the cabinets around them.

use std::ops::Range;
use std::sync::Arc;

use domain::ids::StationId;
use domain::presence::Shown;
use uuid::Uuid;

use super::{Availability, Info, Kept, StationView, distance};
use crate::store::stations::Particulars;

#[test]
fn cabinets_within_the_radius_come_nearest_first() {
    let model = Availability::default();
    model.load([
        station(1, "Thamel", 27.7154, 85.3123),
        station(2, "Patan", 27.6727, 85.3250),
        station(3, "Pokhara", 28.2096, 83.9856),
    ]);

    let near = model.near(27.7172, 85.3240, 10_000.0);

    let names: Vec<_> = near.iter().map(|near| near.view.info.about.name.as_str()).collect();
    assert_eq!(names, ["Thamel", "Patan"]);
    assert_eq!(model.near(27.7172, 85.3240, 300_000.0).len(), 3);
}

#[test]
fn a_degree_of_latitude_is_about_one_hundred_and_eleven_kilometres() {
    let metres = distance(27.0, 85.0, 28.0, 85.0);

    assert!((111_000.0..111_400.0).contains(&metres), "{metres}");
}

#[test]
fn the_list_is_in_the_order_of_names_and_forgets_what_is_removed() {
    let model = Availability::default();
    model.load([station(1, "Zoo", 27.0, 85.0), station(2, "Airport", 27.0, 85.0)]);

    let names: Vec<_> = model.all().map(|view| view.info.about.name.clone()).collect();
    assert_eq!(names, ["Airport", "Zoo"]);

    model.remove(StationId(Uuid::from_u128(2)));
    assert!(model.by_serial(&"S2".into()).is_none());
    assert_eq!(model.len(), 1);
}

#[test]
fn a_part_of_the_list_leaves_out_what_is_under_maintenance() {
    let model = Availability::default();
    let [airport, mall, zoo] = ["Airport", "Mall", "Zoo"];
    model.load([
        station(1, zoo, 27.0, 85.0),
        station(2, mall, 27.0, 85.0),
        station(3, airport, 27.0, 85.0),
    ]);
    let listed = |places: Range<usize>| {
        let (total, views) = model.listed(|_| places);
        (total, views.iter().map(|view| view.info.about.name.clone()).collect::<Vec<_>>())
    };
    assert_eq!(listed(1..3), (3, vec![mall.into(), zoo.into()]));

    let shut = StationView { maintenance: true, ..(*station(2, mall, 27.0, 85.0)).clone() };
    model.publish(Arc::new(shut));
    assert_eq!(listed(0..2), (2, vec![airport.into(), zoo.into()]));

    model.publish(station(2, mall, 27.0, 85.0));
    assert_eq!(listed(0..2), (3, vec![airport.into(), mall.into()]));
}

fn station(id: u128, name: &str, latitude: f64, longitude: f64) -> Arc<StationView> {
    Arc::new(StationView {
        info: Arc::new(Info {
            id: StationId(Uuid::from_u128(id)),
            uuid: "860000000000017".into(),
            serial: format!("S{id}").as_str().into(),
            credential_generation: 1,
            about: Particulars::new(name, latitude, longitude),
        }),
        shown: Shown::Online,
        maintenance: false,
        stale: false,
        slots: vec![],
        free_slots: 0,
        banks: 0,
        version: 1,
        kept: Kept::default(),
    })
}
