//! Scripts, played.

use domain::ids::Sn;

use super::super::*;
use super::harness::{Bench, spec};
use crate::script::Script;

fn bench(script: &str) -> Bench {
    let mut bench = Bench::online(spec());
    let script = Script::parse(script).expect("a valid script");
    bench.tell(|machine, now| machine.script(now, script));
    bench
}

#[test]
fn steps_happen_at_their_time_with_or_without_power() {
    let mut bench = bench(
        r#"
        [[step]]
        at_ms = 1000
        power = false
        [[step]]
        at_ms = 2000
        insert = { sn = "2001", slot = 4, level = 12 }
        [[step]]
        at_ms = 3000
        power = true
        "#,
    );

    bench.pass_secs(2);
    assert_eq!(bench.machine.phase(), Phase::Off);
    bench.pass_secs(40);

    assert_eq!(bench.machine.phase(), Phase::Online);
    assert_eq!(bench.uplinks().first().map(devices::Uplink::kind), Some("inspected"));
}

#[test]
fn steps_happen_on_the_nth_command() {
    let mut bench = bench(
        r#"
        [[step]]
        on = "popup_sn"
        nth = 2
        after_ms = 200
        cut = "both"
        "#,
    );

    bench.eject("1001");
    bench.pass_secs(5);
    assert_eq!(bench.machine.phase(), Phase::Online);
    bench.eject("1002");
    bench.pass_secs(5);

    assert_ne!(bench.machine.phase(), Phase::Online);
    assert_eq!(bench.machine.counts().ejects, 2);
    assert_eq!(bench.reply().sn, Some(Sn::from("1001")));
}

#[test]
fn a_step_on_a_command_comes_before_the_command() {
    let mut bench = bench(
        r#"
        [[step]]
        on = "popup_sn"
        next = 1
        fault = { kind = "jam", code = 0 }
        "#,
    );

    bench.eject("1001");
    bench.pass_secs(5);

    assert_eq!(bench.machine.counts().ejects, 0);
}

#[test]
fn a_new_script_replaces_the_old_one() {
    let mut bench = bench("[[step]]\nat_ms = 1000\npower = false");

    bench.tell(|machine, now| machine.script(now, Script::default()));
    bench.pass_secs(5);

    assert_eq!(bench.machine.phase(), Phase::Online);
}
