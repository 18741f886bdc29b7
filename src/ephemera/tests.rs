//! One suite for both stores: the same promises, in memory and in Redis.

use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;

use futures::future::join_all;

use super::*;
use crate::clock::Clock;

const MINUTE: Duration = Duration::from_mins(1);
const HOUR: Duration = Duration::from_hours(1);

/// A store and a way to let time pass in it.
struct Bench {
    store: Arc<dyn Ephemera>,
    time: Time,
}

enum Time {
    Clock(Clock),
    Server(Server),
}

macro_rules! suite {
    ($($name:ident)*) => {
        mod in_memory {
            $(#[tokio::test]
            async fn $name() {
                super::$name(super::memory()).await;
            })*
        }

        mod in_redis {
            $(#[tokio::test]
            async fn $name() {
                let Some(bench) = super::redis() else { return };
                super::$name(bench).await;
            })*
        }
    };
}

suite! {
    a_value_lives_as_long_as_it_was_told
    a_later_value_takes_the_place_and_the_life
    of_many_who_set_if_absent_one_succeeds
    of_many_who_take_one_gets_it
    a_counter_starts_again_after_its_window
    counting_at_once_counts_all
    a_limit_lets_a_burst_pass_and_then_the_rate
    a_refused_attempt_costs_nothing
    a_limit_at_once_lets_exactly_its_count_pass
    limits_of_different_keys_are_apart
    any_text_is_a_key_and_a_value
    a_store_that_is_there_answers
}

async fn a_value_lives_as_long_as_it_was_told(bench: Bench) {
    let store = &bench.store;
    store.set("otp", "123456", MINUTE).await.unwrap();

    assert_eq!(store.get("otp").await.unwrap().as_deref(), Some("123456"));
    bench.pass(Duration::from_secs(50)).await;
    assert_eq!(store.get("otp").await.unwrap().as_deref(), Some("123456"));
    bench.pass(Duration::from_secs(10)).await;
    assert_eq!(store.get("otp").await.unwrap(), None);
    assert_eq!(store.get("never").await.unwrap(), None);
}

async fn a_later_value_takes_the_place_and_the_life(bench: Bench) {
    let store = &bench.store;
    store.set("key", "old", MINUTE).await.unwrap();
    store.set("key", "new", HOUR).await.unwrap();

    bench.pass(MINUTE * 2).await;

    assert_eq!(store.get("key").await.unwrap().as_deref(), Some("new"));
}

async fn of_many_who_set_if_absent_one_succeeds(bench: Bench) {
    let store = &bench.store;

    let tries = join_all((0..20).map(|_| store.set_if_absent("lock", "1", MINUTE))).await;
    let winners = tries.into_iter().filter(|won| *won.as_ref().unwrap()).count();

    assert_eq!(winners, 1);
    bench.pass(MINUTE).await;
    assert!(store.set_if_absent("lock", "2", MINUTE).await.unwrap());
}

async fn of_many_who_take_one_gets_it(bench: Bench) {
    let store = &bench.store;
    store.set("code", "secret", MINUTE).await.unwrap();

    let tries = join_all((0..20).map(|_| store.take("code"))).await;
    let taken: Vec<String> = tries.into_iter().filter_map(Result::unwrap).collect();

    assert_eq!(taken, ["secret"]);
    assert_eq!(store.get("code").await.unwrap(), None);
}

async fn a_counter_starts_again_after_its_window(bench: Bench) {
    let store = &bench.store;

    assert_eq!(store.count("tries", MINUTE).await.unwrap().count, 1);
    bench.pass(Duration::from_secs(40)).await;
    let second = store.count("tries", MINUTE).await.unwrap();
    assert_eq!(second.count, 2);
    assert!(second.resets_in > Duration::from_secs(10), "{second:?}");
    assert!(second.resets_in <= Duration::from_secs(20), "{second:?}");
    bench.pass(Duration::from_secs(20)).await;
    assert_eq!(store.count("tries", MINUTE).await.unwrap().count, 1);
}

async fn counting_at_once_counts_all(bench: Bench) {
    let store = &bench.store;

    let counts = join_all((0..50).map(|_| store.count("tries", MINUTE))).await;
    let mut counts: Vec<u64> = counts.into_iter().map(|count| count.unwrap().count).collect();
    counts.sort_unstable();

    assert_eq!(counts, (1..=50).collect::<Vec<u64>>());
}

async fn a_limit_lets_a_burst_pass_and_then_the_rate(bench: Bench) {
    let ten_per_minute = Limit { count: 10, per: MINUTE };
    let store = &bench.store;

    for left in (0..10).rev() {
        let verdict = store.limit("starts", ten_per_minute).await.unwrap();
        assert!(verdict.is_allowed && verdict.retry_after.is_zero());
        assert_eq!(verdict.remaining, left);
    }
    let refused = store.limit("starts", ten_per_minute).await.unwrap();
    assert!(!refused.is_allowed && refused.remaining == 0, "{refused:?}");
    assert!(refused.retry_after > Duration::from_secs(4), "{refused:?}");
    assert!(refused.retry_after <= Duration::from_secs(6), "{refused:?}");
    assert!(refused.reset_after <= MINUTE, "{refused:?}");

    bench.pass(Duration::from_secs(6)).await;
    assert!(store.limit("starts", ten_per_minute).await.unwrap().is_allowed);
    assert!(!store.limit("starts", ten_per_minute).await.unwrap().is_allowed);
    bench.pass(MINUTE).await;
    assert_eq!(store.limit("starts", ten_per_minute).await.unwrap().remaining, 9);
}

async fn a_refused_attempt_costs_nothing(bench: Bench) {
    let one_per_minute = Limit { count: 1, per: MINUTE };
    let store = &bench.store;
    assert!(store.limit("otp", one_per_minute).await.unwrap().is_allowed);

    for _ in 0..100 {
        assert!(!store.limit("otp", one_per_minute).await.unwrap().is_allowed);
    }

    bench.pass(MINUTE).await;
    assert!(store.limit("otp", one_per_minute).await.unwrap().is_allowed);
}

async fn a_limit_at_once_lets_exactly_its_count_pass(bench: Bench) {
    let store = &bench.store;

    let limit = Limit { count: 10, per: HOUR };
    let tries = join_all((0..50).map(|_| store.limit("burst", limit))).await;

    assert_eq!(
        tries.into_iter().filter(|verdict| verdict.as_ref().unwrap().is_allowed).count(),
        10
    );
}

async fn limits_of_different_keys_are_apart(bench: Bench) {
    let limit = Limit { count: 1, per: MINUTE };
    let store = &bench.store;

    assert!(store.limit("rider:1", limit).await.unwrap().is_allowed);
    assert!(store.limit("rider:2", limit).await.unwrap().is_allowed);
}

async fn any_text_is_a_key_and_a_value(bench: Bench) {
    let store = &bench.store;
    for text in ["", "a b", "नेपाल", "{x}\r\n*1", "\0"] {
        store.set(text, text, HOUR).await.unwrap();
        assert_eq!(store.get(text).await.unwrap().as_deref(), Some(text));
    }
    store.set("gone at once", "x", Duration::ZERO).await.unwrap();
    bench.pass(Duration::from_millis(1)).await;
    assert_eq!(store.get("gone at once").await.unwrap(), None);
    store.set("for ever", "x", Duration::MAX).await.unwrap();
    assert_eq!(store.get("for ever").await.unwrap().as_deref(), Some("x"));
}

async fn a_store_that_is_there_answers(bench: Bench) {
    bench.store.ping().await.unwrap();
    assert_eq!(bench.store.usage().failures, 0);
}

#[tokio::test]
async fn memory_is_bounded_and_drops_what_ends_first() {
    let store = Memory::new(Clock::manual(), 100);
    store.set("kept", "x", HOUR).await.unwrap();

    for number in 0..500 {
        store.set(&format!("flood:{number}"), "x", MINUTE).await.unwrap();
    }

    assert_eq!(store.usage(), Usage { keys: 100, evicted: 401, failures: 0 });
    assert_eq!(store.get("kept").await.unwrap().as_deref(), Some("x"));
}

#[tokio::test]
async fn memory_forgets_what_has_ended() {
    let clock = Clock::manual();
    let store = Memory::new(clock.clone(), 1_000);
    for number in 0..500 {
        store.count(&format!("key:{number}"), MINUTE).await.unwrap();
    }

    clock.advance(MINUTE);

    assert_eq!(store.usage(), Usage::default());
}

#[tokio::test]
async fn a_redis_that_is_gone_is_an_error_in_time_and_is_found_again() {
    let Some(mut server) = Server::start() else { return };
    let store = server.store();
    store.set("key", "x", HOUR).await.unwrap();

    server.stop();
    let asked = Clock::system().within(Duration::from_secs(5), store.get("key")).await;
    assert!(asked.expect("an answer in time").is_err());
    assert!(store.usage().failures >= 1);

    server.start_again();
    let found_again = async { while store.ping().await.is_err() {} };
    assert!(Clock::system().within(Duration::from_secs(20), found_again).await.is_some());
    assert!(store.version().await.unwrap().split('.').count() >= 2);
}

#[test]
fn a_password_is_taken_where_the_url_has_none() {
    let password = |url: &str, given: &str| {
        let server = super::redis::with_password(url, given).unwrap();
        server.redis_settings().password().map(ToOwned::to_owned)
    };

    assert_eq!(password("redis://cache", "given").as_deref(), Some("given"));
    assert_eq!(password("redis://:own@cache", "given").as_deref(), Some("own"));
    assert_eq!(password("redis://cache", ""), None);
}

impl Bench {
    async fn pass(&self, time: Duration) {
        match &self.time {
            Time::Clock(clock) => clock.advance(time),
            Time::Server(server) => server.pass(time).await,
        }
    }
}

fn memory() -> Bench {
    let clock = Clock::manual();
    Bench { store: Arc::new(Memory::new(clock.clone(), 10_000)), time: Time::Clock(clock) }
}

fn redis() -> Option<Bench> {
    let server = Server::start()?;
    Some(Bench { store: Arc::new(server.store()), time: Time::Server(server) })
}

/// A Redis of its own, on a socket in a folder of its own.
struct Server {
    folder: tempfile::TempDir,
    child: Child,
}

impl Server {
    /// Nothing where `redis-server` is not installed.
    fn start() -> Option<Server> {
        let folder = tempfile::tempdir().unwrap();
        let child = Server::child(&folder)?;
        Some(Server { folder, child })
    }

    fn child(folder: &tempfile::TempDir) -> Option<Child> {
        let program = std::env::var_os("CHARGEGHAR_TEST_REDIS");
        let mut command = Command::new(program.unwrap_or_else(|| "redis-server".into()));
        command.args(["--port", "0", "--unixsocket"]).arg(folder.path().join("s"));
        command.args(["--save", "", "--dir"]).arg(folder.path());
        let mut child = command.stdout(Stdio::piped()).spawn().ok()?;
        let mut said = BufReader::new(child.stdout.take().unwrap()).lines().map_while(Result::ok);
        let is_ready = |line: String| line.contains("eady to accept connections");
        assert!(said.any(is_ready), "redis-server does not start");
        Some(child)
    }

    fn store(&self) -> Redis {
        Redis::new(&self.url(), "", "test:", Duration::from_secs(2)).unwrap()
    }

    fn url(&self) -> String {
        format!("redis+unix://{}", self.folder.path().join("s").display())
    }

    /// Takes `time` from the life of every key.
    async fn pass(&self, time: Duration) {
        const PASS: &str = "
            for _, key in ipairs(redis.call('KEYS', '*')) do
                local left = redis.call('PTTL', key) - tonumber(ARGV[1])
                if left > 0 then redis.call('PEXPIRE', key, left) else redis.call('DEL', key) end
            end";
        let client = ::redis::Client::open(self.url()).unwrap();
        let mut connection = client.get_multiplexed_async_connection().await.unwrap();
        let millis = u64::try_from(time.as_millis()).unwrap();
        let script = ::redis::Script::new(PASS);
        let () = script.arg(millis).invoke_async(&mut connection).await.unwrap();
    }

    fn stop(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    fn start_again(&mut self) {
        let _ = std::fs::remove_file(self.folder.path().join("s"));
        self.child = Server::child(&self.folder).unwrap();
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
