//! What was backed up is what is restored, whole or not at all.

use std::time::Duration;

use chargeghar::clock::Clock;
use chargeghar::store::backup::{Extent, Piece};
use chargeghar::store::fact::AuditEntry;
use chargeghar::store::{Error, Store};
use tokio::sync::mpsc;

use super::world::World;
use crate::harness::database::Database;

#[tokio::test]
async fn a_restored_network_is_the_one_that_was_backed_up() {
    let world = used().await;
    let pieces = dump(&world.store, Extent::WithFrames).await;
    let (database, copy) = empty().await;

    let rows = restore(&copy, pieces.clone()).await.unwrap();

    assert!(rows > 20, "{rows} rows");
    // who restored it is the one row that the backup has not
    let told = copy.audit(None, 1).await.unwrap().remove(0);
    assert_eq!((&*told.actor, &*told.action, &*told.target), ("anna", "restore", "database"));
    database.run("delete from audit where action = 'restore'").await;
    assert_eq!(dump(&copy, Extent::WithFrames).await, pieces);
    assert!(copy.books().await.unwrap().is_sound());
    // numbers that the database gives go on where they were
    database
        .run("insert into riders (phone, created_at, updated_at) values ('1', now(), now())")
        .await;
}

#[tokio::test]
async fn frames_are_left_out_unless_they_are_wanted() {
    let world = used().await;

    let with = names(&dump(&world.store, Extent::WithFrames).await);
    let without = names(&dump(&world.store, Extent::Facts).await);

    let left_out: Vec<&String> = with.iter().filter(|name| !without.contains(name)).collect();
    assert_eq!(left_out, ["raw_frames", "slot_telemetry", "station_telemetry"]);
    assert!(!with.iter().any(|name| name == "node" || name.starts_with('_')), "{with:?}");
}

#[tokio::test]
async fn a_backup_without_its_end_changes_nothing() {
    let world = used().await;
    let pieces = dump(&world.store, Extent::Facts).await;
    let (database, copy) = empty().await;
    let before = dump(&copy, Extent::Facts).await;
    let in_rows = pieces.iter().position(|piece| matches!(piece, Piece::Rows(_))).unwrap();

    for end in [0, in_rows + 1, pieces.len() - 1] {
        let refused = restore(&copy, pieces[..end].to_vec()).await;

        assert!(matches!(refused, Err(Error::Corrupt(_))), "{refused:?}");
        assert_eq!(dump(&copy, Extent::Facts).await, before, "cut at {end}");
    }
    drop(database);
}

#[tokio::test]
async fn rows_that_are_missing_are_seen() {
    let world = used().await;
    let mut pieces = dump(&world.store, Extent::Facts).await;
    let rows = pieces.iter_mut().find_map(|piece| match piece {
        Piece::End { rows } if *rows > 0 => Some(rows),
        Piece::End { .. } | Piece::Table { .. } | Piece::Rows(_) | Piece::Done { .. } => None,
    });
    *rows.unwrap() += 1;
    let (_database, copy) = empty().await;

    let refused = restore(&copy, pieces).await;

    assert!(matches!(refused, Err(Error::Corrupt(_))), "{refused:?}");
}

#[tokio::test]
async fn a_network_in_use_is_not_overwritten() {
    let world = used().await;
    let pieces = dump(&world.store, Extent::Facts).await;

    let refused = restore(&world.store, pieces.clone()).await;

    assert_eq!(refused, Err(Error::NotEmpty("stations".into())));
    assert_eq!(dump(&world.store, Extent::Facts).await, pieces);
}

/// A network with a bit of everything.
async fn used() -> World {
    let world = World::with_payments().await;
    let rider = world.rider(200).await;
    world.store.commit(world.adopt("40818048", 1)).await.unwrap();
    let rental = world.rental(rider, "40818048", 1);
    world.store.commit(world.start(&rental)).await.unwrap();
    let (_, ejected) = world.eject(&rental, 1);
    world.store.commit(ejected).await.unwrap();
    let odd = r"update stations set landmark = E'a\tb\\c\nd\\N'";
    world.database.run(odd).await;
    world
}

async fn empty() -> (Database, Store) {
    let database = Database::fresh().await;
    let store = database.open(&Clock::manual()).await;
    store.acquire("copy", Duration::ZERO).await.unwrap();
    (database, store)
}

/// All pieces; the rows of a table in one.
async fn dump(store: &Store, extent: Extent) -> Vec<Piece> {
    let mut received = store.dump(extent);
    let mut pieces: Vec<Piece> = Vec::new();
    while let Some(piece) = received.recv().await {
        match (pieces.last_mut(), piece.unwrap()) {
            (Some(Piece::Rows(before)), Piece::Rows(more)) => {
                *before = [&before[..], &more[..]].concat().into();
            }
            (_, piece) => pieces.push(piece),
        }
    }
    assert!(matches!(pieces.last(), Some(Piece::Done { .. })));
    pieces
}

async fn restore(store: &Store, pieces: Vec<Piece>) -> Result<u64, Error> {
    let (send, receive) = mpsc::channel(1);
    let (restored, ()) = tokio::join!(store.restore(receive, by_anna()), async move {
        for piece in pieces {
            if send.send(piece).await.is_err() {
                break;
            }
        }
    });
    restored
}

pub fn by_anna() -> AuditEntry {
    AuditEntry {
        actor: "anna".to_owned(),
        action: "restore",
        target: "database".to_owned(),
        details: serde_json::json!({}),
    }
}

fn names(pieces: &[Piece]) -> Vec<String> {
    let mut names: Vec<String> = Vec::new();
    for piece in pieces {
        if let Piece::Table { name, .. } = piece {
            names.push(name.clone());
        }
    }
    names.sort();
    names
}
