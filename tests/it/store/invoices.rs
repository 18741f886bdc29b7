//! Documents: numbers without a gap, rows that nobody changes, and prints that are counted.

use chargeghar::store::Settings;
use chargeghar::store::fact::{CommitError, Conflict, Fact};
use chrono::{DateTime, Utc};
use domain::ids::{InvoiceId, RiderId};
use domain::invoice::{Draft, Seller};
use domain::money::Money;
use domain::rental::{Ended, Event, Rental};
use domain::returns::Source;
use domain::tariff::LateCharge;
use domain::tender::Spent;
use sqlx::AssertSqlSafe;

use chargeghar::entropy::Entropy;

use super::world::World;

#[tokio::test(flavor = "multi_thread")]
async fn fifty_rentals_that_close_at_once_get_numbers_without_a_gap() {
    let mut world = World::at_noon().await;
    world.reopen(|settings| Settings { writers: 4, batch_max: 7, ..settings }).await;
    let mut closing = Vec::new();
    for number in 0..50 {
        let (_, fact) = ended(&world, number).await;
        closing.push(fact);
    }
    // some of them cannot be written, alone or in a batch with others
    for fact in closing.iter().step_by(5).cloned().collect::<Vec<_>>() {
        let mut stale = fact;
        stale.rental.as_mut().unwrap().before = Some(77);
        closing.push(stale);
    }

    let store = &world.store;
    let commits = closing.into_iter().map(|fact| store.commit(fact));
    let done = futures::future::join_all(commits).await;

    assert_eq!(done.iter().filter(|done| done.is_ok()).count(), 50);
    let serials = "select string_agg(serial::text, ' ' order by serial) from invoices";
    let wanted: Vec<String> = (1..=50).map(|serial| serial.to_string()).collect();
    assert_eq!(world.database.text(serials).await, wanted.join(" "));
    let first = "select min(number) || ' ' || min(issued_on) from invoices";
    assert_eq!(world.database.text(first).await, "CG-KTM-83/84-000001 2083.08.06");
    assert_eq!(world.database.number("select last from invoice_counters").await, 50);
}

#[tokio::test]
async fn a_fact_that_is_refused_by_the_database_takes_no_number() {
    let world = World::at_noon().await;
    let (rental, fact) = ended(&world, 1).await;
    let document = fact.document.clone();
    world.store.commit(fact).await.unwrap();
    // a second invoice for the same rental
    let again = Fact { document, ..world.fact() };
    let refused = world.store.commit(again).await;
    let (_, next) = ended(&world, 2).await;
    world.store.commit(next).await.unwrap();

    assert_eq!(refused, Err(CommitError::Conflict(Conflict::Duplicate)));
    let numbers = "select string_agg(serial::text, ' ' order by serial) from invoices";
    assert_eq!(world.database.text(numbers).await, "1 2");
    let mine = world.store.documents(rental.rider, rental.id).await.unwrap();
    assert_eq!((mine.len(), mine[0].number.as_str()), (1, "CG-KTM-83/84-000001"));
    let strangers = world.store.documents(RiderId(0), rental.id).await.unwrap();
    assert_eq!(strangers.len(), 0);
}

#[tokio::test]
async fn the_first_invoice_of_a_fiscal_year_is_number_one_again() {
    let world = World::at_noon().await;
    for (number, at) in
        [(1, "2026-07-16T18:14:59Z"), (2, "2026-07-16T18:15:00Z"), (3, "2026-07-17T09:00:00Z")]
    {
        let (_, fact) = ended(&world, number).await;
        world.store.commit(Fact { at: at.parse().unwrap(), ..fact }).await.unwrap();
    }
    let numbers = "select string_agg(number, ' ' order by issued_at) from invoices";
    let wanted = "CG-KTM-82/83-000001 CG-KTM-83/84-000001 CG-KTM-83/84-000002";
    assert_eq!(world.database.text(numbers).await, wanted);
}

#[tokio::test]
async fn a_credit_note_corrects_an_invoice_in_a_series_of_its_own() {
    let world = World::at_noon().await;
    let (rental, fact) = ended(&world, 1).await;
    let draft = *fact.document.clone().unwrap();
    world.store.commit(fact).await.unwrap();
    let (amount, vat) = (Money::rupees(20), Money::parse("2.30").unwrap());
    let note = draft.credit(InvoiceId(Entropy::system().uuid()), "faulty bank", amount, vat);
    let refund = domain::ledger::Movement::Refund {
        rider: rental.rider,
        rental: rental.id,
        amount,
        vat,
        to: domain::ledger::RefundTo::Wallet,
    };
    let fact = Fact { document: Some(Box::new(note)), movements: vec![refund], ..world.fact() };
    // nobody has asked for it
    world.database.expect_findings("refund");
    world.store.commit(fact).await.unwrap();

    let both = world.store.documents(rental.rider, rental.id).await.unwrap();

    assert_eq!(both[1].number, "CG-KTM-CN-83/84-000001");
    assert_eq!((both[1].corrects, both[1].amount), (Some(both[0].id), amount));
    assert_eq!(both[1].taxable.to_string(), "17.70");
}

#[tokio::test]
async fn an_issued_document_is_never_changed_and_only_its_first_print_is_the_original() {
    let world = World::at_noon().await;
    let (rental, fact) = ended(&world, 1).await;
    world.store.commit(fact).await.unwrap();
    let invoice = world.store.documents(rental.rider, rental.id).await.unwrap().remove(0);
    assert_eq!(world.store.note_print(invoice.id, "rider:1".into()).await, Ok(1));
    assert_eq!(world.store.note_print(invoice.id, "rider:1".into()).await, Ok(2));

    for sql in [
        "update invoices set amount = 1, taxable = 1, vat = 0",
        "delete from invoices",
        "truncate invoices cascade",
        "update invoice_prints set print = 9",
        "delete from invoice_prints",
    ] {
        let mut connection = world.database.connect().await;
        let done = sqlx::raw_sql(AssertSqlSafe(sql.to_owned())).execute(&mut connection).await;
        assert!(done.unwrap_err().to_string().contains("append-only"), "{sql}");
    }
    assert_eq!(world.store.documents(rental.rider, rental.id).await.unwrap()[0].prints, 2);
}

/// A rental whose bank is out, and the fact that closes it with a document.
async fn ended(world: &World, number: u16) -> (Rental, Fact) {
    let rider = world.rider(50).await;
    let rental = world.rental(rider, &format!("b{number}"), number + 1);
    world.store.commit(world.start(&rental)).await.unwrap();
    let (active, ejected) = world.eject(&rental, 1);
    world.store.commit(ejected).await.unwrap();
    let event = returned(world, &active);
    let (_, mut fact) = world.next(&active, 2, event.clone());
    let id = InvoiceId(Entropy::system().uuid());
    let seller = Seller { branch: "CG-KTM".into(), ..Seller::default() };
    fact.document = Draft::closing(id, &active, &event, 13.into(), &seller).map(Box::new);
    (active, fact)
}

fn returned(world: &World, rental: &Rental) -> Event {
    let at: DateTime<Utc> = world.now();
    let ended = Ended {
        at,
        learnt_at: at,
        station: world.station,
        key: Some(rental.key),
        source: Source::Event,
        level: Some(50),
        late: LateCharge::default(),
    };
    Event::Returned { ended, vat: Money::ZERO, collected: Money::ZERO, spent: Spent::default() }
}
