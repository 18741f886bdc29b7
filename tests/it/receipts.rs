//! A rider's receipt over HTTP, from a rental that really ended.

use cabinet::{Fleet, Layout, Spec, Timing};
use chargeghar::entropy::Entropy;

use crate::harness::database::Database;
use crate::harness::process::{Place, Rider, SOON};

const CABINET: &str = "860000000000017";
const SERIAL: &str = "CG-1";
const BANK: &str = "40818048";
/// A rental of a second is one.
const YOUNG: [(&str, &str); 3] = [
    ("CHARGEGHAR__RENTALS__RETURN_YOUNG_S", "1"),
    ("CHARGEGHAR__RENTALS__SAME_STATION_S", "1"),
    ("CHARGEGHAR__INVOICES__BRANCH", "PKR"),
];

#[tokio::test(flavor = "multi_thread")]
async fn a_rental_that_ended_has_a_receipt_that_is_printed_once_and_then_copied() {
    let database = Database::fresh().await;
    enrol(&database).await;
    let place = Place::on(&database);
    let mut process = place.ready(&YOUNG).await;
    let fleet = Fleet::new();
    let cabinet = fleet.start(
        Spec::new(CABINET, place.base_url())
            .layout(Layout::marker(&[4, 4]))
            .with_banks([BANK])
            .timing(Timing::quick()),
    );
    cabinet.wait_reported(SOON).await.unwrap();
    let rider = Rider::with_money(&mut process, &place.base_url(), 100).await;
    rider.until_banks(SERIAL, 1).await;
    rider.rent(SERIAL).await.unwrap();
    let rental = rider.active().await;
    let id = rental["id"].as_str().unwrap();
    let bank = cabinet.take(&BANK.into()).unwrap();
    let (early, refused) = rider.fetch(&format!("rentals/{id}/receipt")).await;
    let old = format!(
        "select clock_timestamp() - started_at > interval '3 seconds' from rentals
        where id = '{id}'"
    );
    database.until(&old, "true", SOON).await;

    cabinet.insert(bank, None).unwrap();
    let ended = format!("select status from rentals where id = '{id}'");
    database.until(&ended, "COMPLETED", SOON).await;
    let receipt = rider.receipt(id).await;
    let first = rider.fetch(&format!("rentals/{id}/receipt.pdf")).await;
    let second = rider.fetch(&format!("rentals/{id}/receipt.pdf")).await;

    assert_eq!(early, 400, "{}", String::from_utf8_lossy(&refused));
    let invoice = &receipt["invoice"];
    assert!(invoice["number"].as_str().unwrap().starts_with("CG-PKR-"), "{receipt}");
    assert!(invoice["number"].as_str().unwrap().ends_with("-000001"), "{receipt}");
    assert_eq!((&invoice["amount"], &invoice["vat"]), (&"50.00".into(), &"5.75".into()));
    assert_eq!(invoice["taxable"], "44.25");
    assert_eq!(receipt["rental"]["price_steps"][0]["amount"], "50.00");
    assert_eq!((first.0, second.0), (200, 200));
    assert!(first.1.starts_with(b"%PDF-") && second.1.starts_with(b"%PDF-"));
    assert!(first.1.len() < second.1.len(), "the second one says that it is a copy");
    assert_eq!(rider.receipt(id).await["invoice"]["prints"], 2);
    drop(process);
}

async fn enrol(database: &Database) {
    let id = Entropy::system().uuid();
    let station = format!(
        "insert into stations (id, device_uuid, serial, name, latitude, longitude, version,
            created_at, updated_at)
         values ('{id}', '{CABINET}', '{SERIAL}', 'Lakeside', 28.2, 83.9, 1, now(), now())"
    );
    database.run(&station).await;
    let slots = format!(
        "insert into slots (station_id, io, slot, version)
         select '{id}', 0, slot, 1 from generate_series(1, 8) slot"
    );
    database.run(&slots).await;
}
