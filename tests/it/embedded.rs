//! The embedded Postgres with the real program: made, stopped, killed, found again.

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use chargeghar::clock::Clock;
use chargeghar::config::{Config, Endpoint};
use chargeghar::embedded::DataFolder;
use chargeghar::embedded::postgres::{Options, Postgres, Stopped, probe};
use chargeghar::entropy::Entropy;
use rustix::process::{Pid, Signal, kill_process};
use sqlx::{Connection, PgConnection};

const PROGRAM: &str = env!("CARGO_BIN_EXE_chargeghar");
const PATIENCE: Duration = Duration::from_secs(20);
/// Tells the copy of this test program which folder to hold open.
const HOLD: &str = "HOLD_POSTGRES_IN";

#[tokio::test]
async fn a_database_keeps_its_rows_over_a_restart() {
    let data = tempfile::tempdir().unwrap();
    let first = Postgres::start(options(data.path())).await.unwrap();
    let password = first.url().clone();
    write_row(first.url()).await;
    let stopped = first.stop(PATIENCE).await;

    let again = Postgres::start(options(data.path())).await.unwrap();

    assert_eq!(stopped, Stopped::Orderly);
    assert_eq!(rows(again.url()).await, 1);
    assert_eq!(*again.url(), password);
    assert!(again.version().split('.').next().unwrap().parse::<u32>().unwrap() >= 15);
    assert_eq!(again.stop(PATIENCE).await, Stopped::Orderly);
}

#[tokio::test]
async fn nobody_enters_without_the_password() {
    let data = tempfile::tempdir().unwrap();
    let postgres = Postgres::start(options(data.path())).await.unwrap();
    let url = postgres.url().expose();
    let (_, after) = url.split_once('@').unwrap();

    let wrong = Endpoint::new(format!("postgres://chargeghar:wrong@{after}"));
    let refused = PgConnection::connect(wrong.expose()).await.unwrap_err();

    assert!(refused.to_string().contains("password authentication failed"), "{refused}");
    postgres.stop(PATIENCE).await;
}

#[tokio::test]
async fn a_child_that_is_killed_is_started_again_and_recovers() {
    let data = tempfile::tempdir().unwrap();
    let durable = Options { durable: true, ..options(data.path()) };
    let postgres = Postgres::start(durable).await.unwrap();
    write_row(postgres.url()).await;
    let first = postgres.pid().unwrap();

    kill_process(pid(first), Signal::KILL).unwrap();

    let clock = Clock::system();
    let recovered = async {
        loop {
            match try_rows(postgres.url()).await {
                Ok(rows) => break rows,
                Err(_) => tokio::task::yield_now().await,
            }
        }
    };
    assert_eq!(clock.within(PATIENCE, recovered).await, Some(1));
    assert_ne!(postgres.pid(), Some(first));
    postgres.stop(PATIENCE).await;
}

#[tokio::test]
async fn killing_the_node_stops_its_database_and_the_next_start_succeeds() {
    if let Some(folder) = std::env::var_os(HOLD) {
        return hold(Path::new(&folder)).await;
    }
    let data = tempfile::tempdir().unwrap();
    let (mut node, database) = start_holder(data.path());

    node.kill().unwrap();
    node.wait().unwrap();
    let again = Postgres::start(options(data.path())).await.unwrap();

    assert_eq!(rows(again.url()).await, 1);
    assert_ne!(again.pid(), Some(database));
    assert!(has_ended(database), "the old database still runs");
    again.stop(PATIENCE).await;
}

#[tokio::test]
async fn a_path_too_long_for_a_socket_takes_a_port() {
    let data = tempfile::tempdir().unwrap();
    let deep = data.path().join("a-folder-with-a-long-name".repeat(4)).join("and another");

    let postgres = Postgres::start(options(&deep)).await.unwrap();

    assert!(postgres.url().expose().contains("@127.0.0.1:"), "{}", postgres.url());
    write_row(postgres.url()).await;
    assert_eq!(postgres.stop(PATIENCE).await, Stopped::Orderly);
}

#[tokio::test]
async fn a_path_with_odd_letters_works() {
    let data = tempfile::tempdir().unwrap();

    let postgres = Postgres::start(options(&data.path().join("a b%c"))).await.unwrap();

    assert!(probe(postgres.url(), "", PATIENCE).await.is_ok());
    postgres.stop(PATIENCE).await;
}

#[tokio::test]
async fn a_database_that_cannot_start_says_why() {
    let data = tempfile::tempdir().unwrap();
    let made = Postgres::start(options(data.path())).await.unwrap();
    made.stop(PATIENCE).await;
    let settings = data.path().join("postgres/cluster/postgresql.conf");
    std::fs::write(settings, "no_such_setting = on\n").unwrap();

    let refused = Postgres::start(options(data.path())).await.unwrap_err().to_string();

    assert!(refused.contains("no_such_setting"), "{refused}");
}

#[tokio::test]
async fn a_server_that_is_not_there_is_an_answer_not_a_wait() {
    let nowhere = Endpoint::new("postgres://me@127.0.0.1:1/none");

    let answer = probe(&nowhere, "", PATIENCE).await;

    assert!(answer.unwrap_err().contains("refused"));
}

/// What the copy does: starts the database, says so, and waits to be killed.
async fn hold(folder: &Path) {
    let postgres = Postgres::start(options(folder)).await.unwrap();
    write_row(postgres.url()).await;
    println!("\nholding {}", postgres.pid().unwrap());
    std::future::pending::<()>().await;
}

fn start_holder(folder: &Path) -> (Child, u32) {
    let test = "embedded::killing_the_node_stops_its_database_and_the_next_start_succeeds";
    let mut copy = Command::new(std::env::current_exe().unwrap());
    copy.args(["--exact", test, "--nocapture"]).env(HOLD, folder).stdout(Stdio::piped());
    let mut copy = copy.spawn().unwrap();
    let lines = BufReader::new(copy.stdout.take().unwrap()).lines();
    let said = lines
        .map_while(Result::ok)
        .find_map(|line| line.strip_prefix("holding ").map(|number| number.parse().unwrap()));
    (copy, said.expect("the copy holds a database"))
}

fn options(data: &Path) -> Options {
    let config = Config { data_dir: data.to_owned(), ..Config::load(None).unwrap() };
    let folder = DataFolder::open(&config).unwrap();
    let options = Options::of(&config, &folder, &Entropy::system()).unwrap();
    Options { launcher: PROGRAM.into(), durable: false, ..options }
}

async fn write_row(url: &Endpoint) {
    let mut connection = PgConnection::connect(url.expose()).await.unwrap();
    sqlx::query("create table kept (id int)").execute(&mut connection).await.unwrap();
    sqlx::query("insert into kept values (1)").execute(&mut connection).await.unwrap();
}

async fn rows(url: &Endpoint) -> i64 {
    try_rows(url).await.unwrap()
}

async fn try_rows(url: &Endpoint) -> Result<i64, sqlx::Error> {
    let mut connection = PgConnection::connect(url.expose()).await?;
    sqlx::query_scalar("select count(*) from kept").fetch_one(&mut connection).await
}

/// Gone, or a zombie that its new parent has not reaped.
fn has_ended(pid: u32) -> bool {
    let words = std::fs::read(format!("/proc/{pid}/cmdline"));
    words.is_ok_and(|words| words.is_empty()) || !Path::new(&format!("/proc/{pid}")).exists()
}

fn pid(number: u32) -> Pid {
    Pid::from_raw(i32::try_from(number).unwrap()).unwrap()
}
