//! The look at the ledger: each thing that can be wrong is seen, by a whole look and by one at
//! what is new, and is one incident.

use std::time::Duration;

use chargeghar::clock::Clock;
use chargeghar::store::verify::{Finding, Kind, Mark, Report, Scope};
use chargeghar::store::{Error, Settings};
use domain::ledger::{Movement, Pays};
use domain::money::Money;
use domain::points::Points;
use sqlx::PgConnection;
use tokio::time::timeout;

use super::world::World;
use crate::harness::proxy::Proxy;

mod answered;

const SOON: Duration = Duration::from_secs(20);

#[tokio::test]
async fn a_life_of_rentals_has_no_findings_whole_or_in_parts() {
    let world = paid().await;
    let (_, mark) = look(&world, &Scope::Whole).await;
    let rider = world.rider(200).await;
    for slot in 1..4 {
        let rental = world.rental(rider, &slot.to_string(), slot);
        world.store.commit(world.start(&rental)).await.unwrap();
        let (active, ejected) = world.eject(&rental, 1);
        world.store.commit(ejected).await.unwrap();
        let (at, key) = (world.now(), Some(rental.key));
        let event = domain::rental::Event::ReturnedAtOnce {
            at,
            station: world.station,
            key,
            vat: Money::parse("5.75").unwrap(),
        };
        world.store.commit(world.next(&active, 2, event).1).await.unwrap();
    }

    let (since, later) = look(&world, &Scope::Since(mark)).await;
    let (whole, _) = look(&world, &Scope::Whole).await;
    let (nothing, _) = look(&world, &Scope::Since(later)).await;

    assert_eq!((since.counts.len(), since.transfers), (0, 10));
    assert_eq!((whole.counts.len(), whole.transfers), (0, 10));
    assert!(nothing.transfers <= 10, "{nothing:?}");
}

/// What is done to the rows behind the service's back, and as what it is found.
const WRONGS: [(Kind, &str); 11] = [
    (Kind::Unbalanced, "update ledger_entries set amount = amount - 1 where account = 'revenue'"),
    (
        Kind::Astray,
        "update ledger_balances set balance = balance + 3 where account like 'wallet:%'",
    ),
    (Kind::RentalHold, "update rentals set held = held + 5"),
    (Kind::RentalDues, "update rentals set owed = owed + 5"),
    (Kind::StrayHold, "update ledger_balances set balance = 7 where account like 'hold:%'"),
    (
        Kind::DoubleCapture,
        "insert into ledger_transfers (id, kind, rental_id, at)
            select gen_random_uuid(), 'capture', id, now() from rentals",
    ),
    (
        Kind::Reversal,
        "insert into ledger_transfers (id, kind, reverses, at)
            select gen_random_uuid(), 'reversal', id, now() from ledger_transfers limit 1",
    ),
    (Kind::Refund, "update ledger_transfers set kind = 'top_up_back' where kind = 'capture'"),
    (
        Kind::Withdrawing,
        "update ledger_balances set account = replace(account, 'wallet', 'withdrawing')
            where account like 'wallet:%' and balance > 0",
    ),
    (
        Kind::Clearing,
        "insert into payment_intents (id, rider_id, gateway, purpose, amount, status,
                gateway_ref, gateway_txn_id, redirect, created_at, expires_at, completed_at)
            select gen_random_uuid(), id, 'sandbox', 'WALLET_TOPUP', 9, 'COMPLETED', 'r', 'r', '{}',
                now(), now(), now() from riders limit 1",
    ),
    (
        Kind::Unanswered,
        "update payment_intents set gateway = 'khalti';
            update ledger_entries set account = 'clearing:khalti' where account like 'clearing:%';
            insert into gateway_events (id, gateway, intent_id, source, status, body, hash, at)
            select gen_random_uuid(), w.gateway, i.id, w.source, w.status, '{}', sha256('x'), now()
            from payment_intents i, (values
                ('khalti', 'start', 200), ('khalti', 'check', 502), ('khalti', 'refund', 200),
                ('esewa', 'check', 200)
            ) w (gateway, source, status)",
    ),
];

#[tokio::test]
async fn each_way_of_being_wrong_is_seen_whole_and_among_what_is_new() {
    for (kind, spoil) in WRONGS {
        let world = paid().await;
        let rider = world.rider(100).await;
        let rental = world.rental(rider, "1", 1);
        world.store.commit(world.start(&rental)).await.unwrap();
        world.store.commit(world.eject(&rental, 1).1).await.unwrap();
        let (sound, _) = look(&world, &Scope::Whole).await;
        assert!(sound.is_sound(), "{sound:?}");
        world
            .database
            .run(&format!(
                "alter table ledger_entries disable trigger all;
                alter table ledger_transfers disable trigger all;
                {spoil}"
            ))
            .await;
        world.database.is_crooked();

        for scope in [Scope::Whole, Scope::Since(Mark::default())] {
            let (report, _) = look(&world, &scope).await;
            assert!(report.counts.contains_key(&kind), "{kind} {scope:?}: {report:?}");
        }
    }
}

#[tokio::test]
async fn a_touched_chain_is_seen() {
    for spoil in [
        "update ledger_chain set hash = sha256('x') where position = 2",
        "update ledger_transfers set kind = 'hold_' where kind = 'hold'",
        "update ledger_entries set line = line + 10 where account like 'hold:%'",
        "delete from ledger_chain where position = 2",
        "update ledger_days set opened = sha256('x')",
    ] {
        let world = paid().await;
        let rider = world.rider(100).await;
        let rental = world.rental(rider, "1", 1);
        world.store.commit(world.start(&rental)).await.unwrap();
        world.store.commit(world.eject(&rental, 1).1).await.unwrap();
        sealed(&world, 3).await;
        assert!(look(&world, &Scope::Whole).await.0.is_sound());
        let triggers = ["chain", "transfers", "entries", "days"];
        for table in triggers {
            let sql = format!("alter table ledger_{table} disable trigger all");
            world.database.run(&sql).await;
        }
        world.database.run(spoil).await;
        world.database.is_crooked();

        let (report, _) = look(&world, &Scope::Whole).await;

        assert!(report.counts.contains_key(&Kind::Chain), "{spoil}: {report:?}");
    }
}

#[tokio::test]
async fn a_place_that_is_gone_at_the_end_of_a_day_is_seen_whole_and_among_what_is_new() {
    let world = World::with_payments().await;
    let rider = world.rider(100).await;
    world.rider(100).await;
    sealed(&world, 2).await;
    world.clock.advance(Duration::from_hours(25));
    let rental = world.rental(rider, "1", 1);
    world.store.commit(world.start(&rental)).await.unwrap();
    sealed(&world, 3).await;
    let (report, _) = look(&world, &Scope::Since(Mark::default())).await;
    assert!(report.is_sound(), "{report:?}");
    world
        .database
        .run(
            "alter table ledger_chain disable trigger all;
            delete from ledger_chain where position = 2",
        )
        .await;
    world.database.is_crooked();

    for scope in [Scope::Whole, Scope::Since(Mark::default())] {
        let (report, _) = look(&world, &scope).await;
        let gap = |finding: &&Finding| finding.kind == Kind::Chain && finding.subject == "3";
        let gap = report.findings.iter().find(gap);
        let gap = gap.unwrap_or_else(|| panic!("{scope:?}: {report:?}"));
        assert_eq!((&*gap.expected, &*gap.found), ("position 2", "nothing"));
    }
}

#[tokio::test]
async fn a_row_that_cannot_be_read_is_a_finding_and_the_others_are_still_looked_at() {
    let world = paid().await;
    let rider = world.rider(100).await;
    let rental = world.rental(rider, "1", 1);
    world.store.commit(world.start(&rental)).await.unwrap();
    world.store.commit(world.eject(&rental, 1).1).await.unwrap();
    sealed(&world, 3).await;
    world.database.is_crooked();
    world
        .database
        .run(
            "alter table ledger_entries disable trigger all;
            alter table ledger_transfers disable trigger all;
            update ledger_entries set amount = 'NaN' where account = 'revenue';
            update ledger_transfers set at = 'infinity' where kind = 'hold';
            update rentals set due_at = 'infinity', paid = 'NaN';
            insert into ledger_transfers (id, kind, at)
            select gen_random_uuid(), 'capture', now() from generate_series(1, 2);
            update ledger_balances set balance = balance + 3 where account like 'wallet:%'",
        )
        .await;
    let id = "select id from ledger_transfers where kind = 'hold'";
    let timeless = world.database.text(id).await;
    let id = "select transfer_id from ledger_entries where account = 'revenue'";
    let uncounted = world.database.text(id).await;

    for scope in [Scope::Whole, Scope::Since(Mark::default())] {
        let (report, _) = look(&world, &scope).await;
        let unread = report.findings.iter().filter(|finding| finding.kind == Kind::Unreadable);
        let mut unread: Vec<&str> = unread.map(|finding| &*finding.subject).collect();
        unread.sort_unstable();
        let mut wanted = vec![&*timeless, &*uncounted];
        // captures of no rental are new of none
        wanted.extend((scope == Scope::Whole).then_some("no price is captured twice"));
        wanted.sort_unstable();
        assert_eq!(unread, wanted, "{scope:?}: {report:?}");
        assert_eq!(report.counts.get(&Kind::Astray), Some(&1), "{scope:?}: {report:?}");
        assert_eq!(report.counts.contains_key(&Kind::RentalReplay), scope == Scope::Whole);
    }
}

#[tokio::test]
async fn a_look_at_what_is_new_has_the_limits_of_a_statement_and_a_whole_one_has_none() {
    let mut world = paid().await;
    let limit = Duration::from_millis(300);
    world.reopen(|settings| Settings { statement_timeout: limit, ..settings }).await;
    world.rider(100).await;
    let (mut other, blocked) = blocked(&world).await;

    let since = world.store.verify(&Scope::Since(Mark::default()), |_| ()).await;
    let whole = async {
        let (report, _) = look(&world, &Scope::Whole).await;
        report
    };
    let release = async {
        let long = format!("{blocked} and now() - query_start > interval '1 second'");
        world.database.until(&long, "1", SOON).await;
        sqlx::raw_sql("rollback").execute(&mut other).await.unwrap();
    };
    let (report, ()) = tokio::join!(whole, release);

    assert!(matches!(since, Err(Error::Unavailable(_))), "{since:?}");
    assert!(report.is_sound(), "{report:?}");
}

#[tokio::test]
async fn a_look_whose_connection_dies_without_a_word_fails() {
    let mut world = paid().await;
    world.rider(100).await;
    let proxy = Proxy::before(&world.database).await;
    let limit = Duration::from_millis(500);
    let url = proxy.url().to_owned();
    world
        .reopen(|settings| Settings {
            url,
            statement_timeout: limit,
            connect_timeout: limit,
            ..settings
        })
        .await;
    let (mut other, blocked) = blocked(&world).await;

    let new = Scope::Since(Mark::default());
    let look = timeout(SOON, world.store.verify(&new, |_| ()));
    let silence = async {
        world.database.until(&blocked, "1", SOON).await;
        proxy.fall_silent();
        sqlx::raw_sql("rollback").execute(&mut other).await.unwrap();
    };
    let (looked, ()) = tokio::join!(look, silence);
    proxy.restore();
    let later = world.store.verify(&Scope::Whole, |_| ()).await;

    let wanted = Error::Unavailable("it says nothing".to_owned());
    assert_eq!(looked.expect("given up").unwrap_err(), wanted);
    assert!(later.unwrap().0.is_sound());
}

#[tokio::test]
async fn a_bank_or_a_rental_that_its_events_do_not_lead_to_is_seen() {
    for (kind, spoil) in [
        (
            Kind::Custody,
            "update banks set custody = 'missing', rental_id = null, station_id = null, io = null, slot = null",
        ),
        (Kind::Custody, "update banks set condition = 'DAMAGED'"),
        (Kind::Custody, "update banks set version = version + 1"),
        (Kind::Custody, "delete from bank_events where version = 1"),
        (Kind::Custody, "delete from bank_events"),
        (Kind::Custody, "delete from banks"),
        (Kind::RentalReplay, "update rentals set status = 'OVERDUE'"),
        (Kind::RentalReplay, "update rentals set payment_status = 'FAILED'"),
        (Kind::RentalReplay, "update rentals set paid = paid + 1"),
        (Kind::RentalReplay, "update rentals set version = version + 1"),
        (Kind::RentalReplay, "update rentals set due_at = due_at + interval '1 second'"),
        (Kind::RentalReplay, "update rentals set state = jsonb_set(state, '{paid}', '\"1.00\"')"),
        (Kind::RentalReplay, "update rentals set state = '{}'"),
        (Kind::RentalReplay, "delete from rental_events where version = 1"),
        (Kind::RentalReplay, "delete from rental_events"),
        (Kind::RentalReplay, "update rental_events set event = '{}' where version = 2"),
        (Kind::RentalReplay, "update rental_events set rental_id = gen_random_uuid()"),
    ] {
        let world = paid().await;
        let rider = world.rider(100).await;
        world.store.commit(world.adopt("1", 1)).await.unwrap();
        let rental = world.rental(rider, "1", 1);
        world.store.commit(world.start(&rental)).await.unwrap();
        world.store.commit(world.eject(&rental, 1).1).await.unwrap();
        assert!(look(&world, &Scope::Whole).await.0.is_sound());
        world.database.run(spoil).await;
        world.database.is_crooked();

        let (report, _) = look(&world, &Scope::Whole).await;

        assert_eq!(report.counts.keys().collect::<Vec<_>>(), [&kind], "{spoil}: {report:?}");
    }
}

#[tokio::test]
async fn a_finding_is_one_incident_until_it_is_resolved() {
    let world = paid().await;
    let rider = world.rider(100).await;
    let sql = format!("update ledger_balances set balance = 60.5 where rider_id = {rider}");
    world.database.run(&sql).await;
    world.database.is_crooked();
    let (report, _) = look(&world, &Scope::Whole).await;

    let opened = world.store.open_findings(&report).await.unwrap();
    let again = world.store.open_findings(&report).await.unwrap();
    world.database.run("update incidents set state = 'resolved'").await;
    let after = world.store.open_findings(&report).await.unwrap();

    assert_eq!(report.imbalance.to_string(), "39.50");
    assert_eq!((opened, again, after), (1, 0, 1));
    let finding = "select evidence ->> 'finding' from incidents limit 1";
    assert_eq!(world.database.text(finding).await, format!("astray wallet:{rider}"));
}

#[tokio::test]
async fn a_rental_paid_with_points_and_money_holds_what_its_price_is() {
    let world = paid().await;
    let rider = world.rider(30).await;
    let rental = world.rental(rider, "1", 1);
    let mut start = world.start(&rental);
    let (points, amount, id) = (Points(200), Money::rupees(20), rental.id);
    start.movements = vec![
        Movement::PointsEarned { rider, points },
        Movement::PointsPay { rider, rental: id, points, amount, pays: Pays::Price },
        Movement::Hold { rider, rental: id, amount: Money::rupees(30) },
    ];
    world.store.commit(start).await.unwrap();

    let (report, _) = look(&world, &Scope::Whole).await;

    assert!(report.is_sound(), "{report:?}");
}

async fn paid() -> World {
    World::with_payments().await
}

/// A connection that holds up only the walk, and how many wait for it.
async fn blocked(world: &World) -> (PgConnection, String) {
    let mut other = world.database.connect().await;
    let lock = "begin; lock table ledger_days in access exclusive mode";
    sqlx::raw_sql(lock).execute(&mut other).await.unwrap();
    let waits = "select count(*) from pg_stat_activity
        where datname = current_database() and wait_event_type = 'Lock' and query like 'copy%'";
    (other, waits.to_owned())
}

/// Other tests on this cluster have transactions too, and the oldest of all holds the sealer up.
async fn sealed(world: &World, wanted: i64) {
    let clock = Clock::system();
    let deadline = clock.running() + Duration::from_secs(20);
    while world.database.number("select count(*) from ledger_chain").await < wanted {
        assert!(clock.running() < deadline, "not sealed in time");
        world.store.seal(world.now()).await.unwrap();
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

async fn look(world: &World, scope: &Scope) -> (Report, Mark) {
    world.store.verify(scope, |_| ()).await.unwrap()
}
