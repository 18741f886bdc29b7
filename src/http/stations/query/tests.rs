//! Bounds of distances.

use super::{Around, NearbyQuery};

#[test]
fn a_radius_is_five_kilometres_unless_given_and_twenty_at_most() {
    for (radius, metres) in [("", 5_000.0), ("0.1", 100.0), ("7.5", 7_500.0), ("50", 20_000.0)] {
        let Around { metres: read, .. } = nearby(radius).read().unwrap();
        assert!((read - metres).abs() < 0.001, "{radius}: {read}");
    }
    for radius in ["0", "0.05", "51", "-1", "x", "NaN", "inf"] {
        assert!(nearby(radius).read().is_err(), "{radius}");
    }
}

fn nearby(radius: &str) -> NearbyQuery {
    let text = |text: &str| Some(text.to_owned());
    NearbyQuery { lat: text("27.7"), lng: text("85.3"), radius: text(radius) }
}
