//! Scenario files: those of the tree, and every kind of fault in one.

use super::cabinets::Kind;
use super::*;
use crate::load::trouble::{deaf, marks};

const GOOD: &str = include_str!("../../../scenarios/smoke.toml");

/// The smoke scenario with one text replaced by another.
fn but(what: &str, with: &str) -> Wrong {
    assert!(GOOD.contains(what), "{what}");
    parse(&GOOD.replace(what, with)).unwrap_err()
}

/// With one file beside it.
fn parse(text: &str) -> Result<Scenario, Wrong> {
    Scenario::parse(text, &|name| match name {
        "evening.txt" => Ok("# seconds\n0.5\n29\n\n3.25\n".to_owned()),
        "night.txt" => Ok("1\n31\n".to_owned()),
        _ => Err(format!("{name}: no such file")),
    })
}

#[test]
fn the_scenarios_of_the_tree_are_understood() {
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("scenarios");
    for file in std::fs::read_dir(folder).unwrap() {
        let path = file.unwrap().path();
        let scenario = parse(&std::fs::read_to_string(&path).unwrap());
        assert!(scenario.is_ok(), "{}: {scenario:?}", path.display());
    }
}

#[test]
fn smoke_is_what_it_says() {
    let scenario = parse(GOOD).unwrap();
    assert_eq!((scenario.seconds, scenario.arrivals.len(), scenario.gates.len()), (30, 2, 5));
    assert_eq!(scenario.arrivals[1].journey, Journey::Rent { keep_s: 2..7, followed: 0.5 });
    assert!(scenario.rents());
}

#[test]
fn a_fault_is_told_with_its_line_and_reason() {
    let wrong = but("seconds = 30", "seconds = 0");
    assert_eq!(wrong.to_string(), "line 5: seconds must be 1 to 21600");
    let wrong = but("seed = 1", "patience_s = 91");
    assert_eq!(wrong.to_string(), "line 6: patience_s must be 1 to 90");
    let wrong = but("banks = 4", "banks = 9");
    assert_eq!(wrong.to_string(), "line 10: a station has 8 slots");
    let wrong = but("p50(start) > 500ms", "p50(begin) > 500ms");
    assert_eq!(wrong.line, 33);
    assert!(wrong.reason.contains("begin"), "{wrong}");
}

#[test]
fn an_unknown_key_or_word_is_refused_where_it_stands() {
    let wrong = but("riders = 200", "riders = 200\nbikes = 3");
    assert_eq!(wrong.line, 12);
    assert!(wrong.reason.contains("bikes"), "{wrong}");
    assert!(but("\"poisson\"", "\"tsunami\"").reason.contains("tsunami"));
}

#[test]
fn a_shape_has_its_own_keys_only() {
    assert!(but("per_s = 20", "from_per_s = 20").reason.contains("per_s, alone"));
    let spike = "shape = \"spike\"\nper_s = 1\npeak_per_s = 9\npeak_at_s = 25\npeak_for_s = 6";
    let wrong = but("shape = \"poisson\"\nper_s = 20", spike);
    assert_eq!(wrong.reason, "the peak does not lie within the scenario");
    assert!(but("per_s = 20", "per_s = -1.0").reason.contains("rates"));
}

#[test]
fn a_spike_is_three_stretches() {
    let spike = "shape = \"spike\"\nper_s = 1\npeak_per_s = 9\npeak_at_s = 10\npeak_for_s = 5";
    let scenario = parse(&GOOD.replace("shape = \"poisson\"\nper_s = 20", spike)).unwrap();
    let Arrival::By(stretches, _) = &scenario.arrivals[0].times else { panic!("a spike") };
    let lengths = stretches.iter().map(|s| s.seconds.to_string());
    assert_eq!(lengths.collect::<Vec<_>>(), ["10", "5", "15"]);
}

#[test]
fn renting_needs_what_it_takes() {
    assert!(but("riders = 200", "riders = 0").reason.contains("riders"));
    assert!(but("stations = 60", "stations = 1").reason.contains("two stations"));
    assert!(but("keep_s = [2, 6]", "keep_s = [6, 2]").reason.contains("shortest"));
}

#[test]
fn whoever_follows_a_rental_is_a_share_of_those_who_rent() {
    let wrong = but("follow_share = 0.5", "follow_share = 0.0");
    assert_eq!(wrong.to_string(), "line 23: follow_share is above 0 and at most 1");
    assert!(but("follow = \"sse\"", "follow = \"poll\"").reason.contains("belongs to follow"));
    assert!(but("follow = \"sse\"", "follow = \"mail\"").reason.contains("mail"));
    let wrong = but("per_s = 20", "per_s = 20\nfollow = \"sse\"");
    assert_eq!(wrong.reason, "follow belongs to rent");
    let all = parse(&GOOD.replace("follow_share = 0.5", "")).unwrap();
    assert_eq!(all.arrivals[1].journey, Journey::Rent { keep_s: 2..7, followed: 1.0 });
}

/// Scenarios that nobody means, made from one of the tree: read, or refused at one of its lines.
#[test]
fn fuzz_scenario() {
    type Change = (Vec<(u16, u8)>, Option<u16>, Vec<u8>);
    bolero::check!().with_iterations(2_000).with_type::<Change>().for_each(
        |(edits, cut, tail): &Change| {
            let mut text = GOOD.as_bytes().to_vec();
            for (at, byte) in edits {
                let length = text.len();
                text[usize::from(*at) % length] = *byte;
            }
            if let Some(cut) = cut {
                text.truncate(usize::from(*cut) % (text.len() + 1));
            }
            text.extend(tail);
            let text = String::from_utf8_lossy(&text);
            if let Err(wrong) = parse(&text) {
                let lines = text.split('\n').count();
                assert!((1..=lines).contains(&wrong.line), "{wrong:?} of {lines} lines");
            }
        },
    );
}

#[test]
fn a_trace_brings_riders_when_its_lines_say() {
    let trace = |file| GOOD.replace("shape = \"poisson\"\nper_s = 20", file);
    let scenario = parse(&trace("shape = \"trace\"\nfile = \"evening.txt\"")).unwrap();
    let instants = scenario.arrivals[0].times.instants(1);
    let seconds: Vec<f64> = instants.iter().map(std::time::Duration::as_secs_f64).collect();
    assert_eq!(seconds, [0.5, 3.25, 29.0]);
    let wrong = |file| parse(&trace(file)).unwrap_err().to_string();
    let late = wrong("shape = \"trace\"\nfile = \"night.txt\"");
    assert_eq!(late, "line 17: night.txt, line 2: 31 is no second of the scenario");
    assert!(wrong("shape = \"trace\"\nfile = \"day.txt\"").contains("no such file"));
    assert!(wrong("shape = \"trace\"\nper_s = 1").contains("file, alone"));
    assert!(wrong("shape = \"poisson\"\nper_s = 1\nfile = \"x\"").contains("to a trace"));
}

#[test]
fn more_than_fits_into_memory_is_refused_where_it_stands() {
    let long = GOOD.replace("seconds = 30", "seconds = 21600");
    let wrong = parse(&long.replace("per_s = 20", "per_s = 100000")).unwrap_err();
    assert_eq!(wrong.to_string(), "line 17: 2160000000 arrivals so far: at most 5000000");
    let wrong = parse(&long.replace("per_s = 2\n", "per_s = 30\n")).unwrap_err();
    assert_eq!(wrong.to_string(), "line 23: 648000 rentals so far: at most 500000");
}

#[test]
fn cabinets_break_and_are_mended_as_it_says() {
    let with = |text: &str| parse(&GOOD.replace("[[fail]]", &format!("{text}\n[[fail]]")));
    let silent = "[[cabinets]]\ncount = 2\nsilent = true\nfrom_s = 5\nto_s = 20\n";
    let lossy = "[[cabinets]]\nlose_permille = 50\n";
    let scenario = parse(&GOOD.replacen("[[fail]]", &format!("{lossy}{silent}[[fail]]"), 1));
    let flaws = scenario.unwrap().flaws;
    assert_eq!((flaws[0].count, flaws[0].kind), (60, Kind::Losing { permille: 50 }));
    assert_eq!(deaf(&flaws), ["990000000000001", "990000000000002"]);
    let marks: Vec<String> =
        marks(&flaws).into_iter().map(|m| format!("{} {}", m.second, m.what)).collect();
    let wanted = [
        "0 60 cabinets losing 50 ‰ of answers",
        "5 2 cabinets silent",
        "20 2 cabinets silent: over",
    ];
    assert_eq!(marks, wanted);
    let reason = |text: &str| with(text).unwrap_err().reason;
    assert!(reason("[[cabinets]]\ncount = 61\nsilent = true").contains("60 stations"));
    assert!(reason("[[cabinets]]\ncount = 1").contains("alone"));
    assert!(reason("[[cabinets]]\nsilent = true\nfrozen = true").contains("alone"));
    assert!(reason("[[cabinets]]\nsilent = true\nfrom_s = 30").contains("within"));
    assert!(reason("[[cabinets]]\nlose_permille = 1001").contains("1000"));
    assert!(reason("[[cabinets]]\nsmelly = true").contains("smelly"));
}

#[test]
fn a_fault_script_is_in_order_and_each_kind_has_its_own_keys() {
    let with = |faults: &str| parse(&GOOD.replacen("[[fail]]", &format!("{faults}\n[[fail]]"), 1));
    let fault = |rest: &str| with(&format!("[[fault]]\n{rest}\n"));
    let scenario = with(
        "[[fault]]\nat = \"20s\"\nwhat = \"pause\"\nfor = \"8s\"\n\
         [[fault]]\nat = \"500ms\"\nwhat = \"broker-restart\"\nkeep = false\n\
         [[fault]]\nat = \"2s\"\nwhat = \"storm\"\nshare = 0.5\nwithin = \"3s\"\n",
    );
    let scenario = scenario.unwrap();
    let told = scenario.faults.iter().map(|timed| format!("{:?} {}", timed.at, timed.fault));
    let wanted = [
        "500ms broker replaced by an empty one",
        "2s 50 % of cabinets back within 3s",
        "20s pause for 8s",
    ];
    assert_eq!(told.collect::<Vec<_>>(), wanted);
    assert!(scenario.is_faulty && !parse(GOOD).unwrap().is_faulty);
    let storm = fault("at = \"1s\"\nwhat = \"storm\"\nwithin = \"1s\"\nshare = 1.0").unwrap();
    assert!(!storm.is_faulty, "the service and its parts are left alone");
    let reason = |rest: &str| fault(rest).unwrap_err().reason;
    assert!(reason("at = \"1s\"\nwhat = \"pause\"").contains("at and for, alone"));
    assert!(reason("at = \"1s\"\nwhat = \"kill\"\nfor = \"1s\"").contains("has at, alone"));
    assert!(reason("at = \"1s\"\nwhat = \"kill\"\nkeep = true").contains("has at, alone"));
    assert!(reason("at = \"soon\"\nwhat = \"kill\"").contains("such as 500ms"));
    assert!(reason("at = \"29s\"\nwhat = \"cut-broker\"\nfor = \"1s\"").contains("within"));
    assert!(
        reason("at = \"1s\"\nwhat = \"storm\"\nwithin = \"1s\"\nshare = 1.5").contains("at most 1")
    );
    assert!(reason("at = \"1s\"\nwhat = \"flood\"").contains("flood"));
    let wrong = fault("at = \"31s\"\nwhat = \"kill\"").unwrap_err();
    assert_eq!(wrong.line, 32);
}

#[test]
fn a_scenario_can_be_run_with_fewer_stations() {
    let mut scenario = parse(GOOD).unwrap();
    scenario.of_stations(20).unwrap();
    assert_eq!(*scenario.network.stations.get_ref(), 20);
    assert!(scenario.of_stations(0).is_err() && scenario.of_stations(20_001).is_err());
}
