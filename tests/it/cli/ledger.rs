//! `chargeghar ledger`: proved from the rows, written as a file, and proved from the file.

use std::path::Path;
use std::process::{Command, Output};
use std::time::Duration;

use chargeghar::chain::{Hash, closing, line, opening};
use chargeghar::store::seal::Sealed;
use serde_json::Value;

use super::{PROGRAM, run, stderr, stdout};
use crate::store::world::World;

const DAY: Duration = Duration::from_hours(24);

#[tokio::test(flavor = "multi_thread")]
async fn a_day_is_written_by_the_database_and_checked_without_it() {
    let world = World::at_noon().await;
    world.rider(100).await;
    let deadline = chargeghar::clock::Clock::system();
    let until = deadline.running() + Duration::from_secs(20);
    while world.store.seal(world.now()).await.unwrap().transfers == 0 {
        assert!(deadline.running() < until, "not sealed in time");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    world.clock.advance(DAY);
    let Sealed { closed, .. } = world.store.seal(world.now()).await.unwrap();
    let day = closed.unwrap().to_string();
    world.store.close(Duration::from_secs(5)).await;
    let folder = tempfile::tempdir().unwrap();
    let on = |arguments: &[&str]| against(&world, folder.path(), arguments);

    let file = folder.path().join("day.jsonl");
    let written = on(&["ledger", "export", "--day", &day, "--out", file.to_str().unwrap()]);
    let nothing = on(&["ledger", "export", "--day", "2020-01-01"]);
    let checked = run(&["ledger", "verify", "--json", "--file", file.to_str().unwrap()], "");

    assert!(written.status.success(), "{}", stderr(&written));
    assert!(stderr(&nothing).contains("nothing was entered on 2020-01-01"));
    assert!(checked.status.success(), "{}", stderr(&checked));
    let found: Value = serde_json::from_str(stdout(&checked)).unwrap();
    assert_eq!((&found["days"], &found["transfers"]), (&1.into(), &1.into()));
    let kept = "select encode(closed, 'hex') from ledger_days";
    assert_eq!(found["hash"], world.database.text(kept).await);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_whole_look_fails_with_what_does_not_add_up() {
    let world = World::with_payments().await;
    let rider = world.rider(100).await;
    world.store.close(Duration::from_secs(5)).await;
    let folder = tempfile::tempdir().unwrap();
    let on = |arguments: &[&str]| against(&world, folder.path(), arguments);

    let sound = on(&["ledger", "verify", "--json"]);
    let spoil = format!("update ledger_balances set balance = 90 where rider_id = {rider}");
    world.database.run(&spoil).await;
    world.database.is_crooked();
    let crooked = on(&["ledger", "verify"]);

    assert!(sound.status.success(), "{}", stderr(&sound));
    let found: Value = serde_json::from_str(stdout(&sound)).unwrap();
    assert_eq!(found["report"]["transfers"], 1);
    assert!(found["transfers_per_second"].is_number());
    assert_eq!(crooked.status.code(), Some(1));
    let said = stdout(&crooked);
    assert!(said.contains("IT DOES NOT ADD UP") && said.contains("10.00"), "{said}");
    assert!(said.contains(&format!("wallet:{rider}")), "{said}");
}

#[test]
fn the_first_broken_line_of_a_file_is_named_without_a_database() {
    let day = "2026-11-22".parse().unwrap();
    let first = opening(day, Hash::NONE);
    let last = closing(day, 0);
    let hash = Hash::first(&first);
    let good = format!("{}\n{}\n", line(hash, &first), line(hash.then(&last), &last));
    let forged = good.replace("\"transfers\":0", "\"transfers\":1");

    let whole = run(&["ledger", "verify", "--file", "-"], &good);
    let broken = run(&["ledger", "verify", "--file", "-"], &forged);

    assert!(whole.status.success(), "{}", stderr(&whole));
    assert!(stdout(&whole).contains("0 transfers of 1 days are whole"));
    assert_eq!(broken.status.code(), Some(1));
    assert!(stdout(&broken).contains("line 2 IS BROKEN"), "{}", stdout(&broken));
}

/// A command where no node runs.
fn against(world: &World, folder: &Path, arguments: &[&str]) -> Output {
    Command::new(PROGRAM)
        .args(arguments)
        .current_dir(folder)
        .env_clear()
        .env("HOME", folder)
        .env("CHARGEGHAR__DATA_DIR", folder.join("data"))
        .env("CHARGEGHAR__DATABASE__URL", world.database.url())
        .output()
        .unwrap()
}
