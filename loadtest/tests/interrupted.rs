//! A run that a person ends early: what was measured so far is told and written, as after a whole
//! one. Somebody else's service is played by a listener that says the same to everybody.

#[cfg(test)]
mod interrupted {
    use std::io::{BufRead, BufReader, Read, Write};
    use std::net::{TcpListener, TcpStream};
    use std::path::Path;
    use std::process::{Child, Command, Stdio};

    use rustix::process::{Pid, Signal, kill_process};
    use serde_json::Value;

    const HARNESS: &str = env!("CARGO_BIN_EXE_chargeghar-loadtest");
    const LONG: &str = r#"
        about = "people look, for an hour"
        seconds = 3600

        [network]
        stations = 10
        banks = 4
        riders = 0

        [[arrivals]]
        journey = "browse"
        shape = "constant"
        per_s = 20
    "#;

    #[test]
    fn a_run_that_is_ended_early_tells_what_was_measured() {
        let folder = tempfile::tempdir().unwrap();
        let mut harness = harness(folder.path(), LONG, &[]);
        let mut shown = BufReader::new(harness.stderr.take().unwrap()).lines();

        // every five seconds, where nobody watches on a terminal
        let line = shown.next().unwrap().unwrap();
        assert!(line.starts_with("second 5 of 3600: "), "{line}");
        assert!(line.contains("answers/s") && line.contains("0 unsent"), "{line}");
        kill_process(Pid::from_child(&harness), Signal::INT).unwrap();
        let output = harness.wait_with_output().unwrap();

        assert!(output.status.success(), "{:?}", output.status);
        let told = String::from_utf8(output.stdout).unwrap();
        assert!(told.contains("ended before its time"), "{told}");
        let result: Value =
            serde_json::from_slice(&std::fs::read(folder.path().join("long/result.json")).unwrap())
                .unwrap();
        assert_eq!(result["cut"], true);
        let list = &result["steps"][0];
        assert_eq!(list["step"], "list");
        assert!(list["done"].as_u64().unwrap() > 50, "{list}");
        assert!(list["percentiles_ms"]["p50"].as_f64().unwrap() > 0.0, "{list}");
        assert!(folder.path().join("long/report.html").is_file());
    }

    #[test]
    fn what_is_to_be_broken_later_is_not_when_a_run_is_ended() {
        const LATER: &str = r#"
            [[fault]]
            at = "50m"
            what = "freeze-cabinets"
            share = 0.5
            for = "1m"
        "#;
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("long.toml");
        std::fs::write(&file, format!("{LONG}{LATER}")).unwrap();
        let service = Path::new(HARNESS).with_file_name("chargeghar");
        let mut harness = Command::new(HARNESS);
        harness.arg("--service").arg(service).arg("run").arg(&file).arg("--out").arg(folder.path());
        let mut harness = harness.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let mut shown = BufReader::new(harness.stderr.take().unwrap()).lines();

        let line = shown.by_ref().flatten().find(|line| line.starts_with("second ")).unwrap();
        assert!(line.contains("10 of 10 cabinets online; service "), "{line}");
        assert!(line.contains(" s: 50 % of cabinets frozen"), "{line}");
        kill_process(Pid::from_child(&harness), Signal::INT).unwrap();
        let output = harness.wait_with_output().unwrap();

        let told = String::from_utf8(output.stdout).unwrap();
        assert!(output.status.success(), "{told}");
        assert!(told.contains("rentals told and lost"), "the promises are asked: {told}");
        assert!(!told.contains("fault:"), "{told}");
    }

    #[test]
    fn a_quiet_run_says_nothing_on_the_way() {
        let folder = tempfile::tempdir().unwrap();
        let short = LONG.replace("seconds = 3600", "seconds = 1");
        let harness = harness(folder.path(), &short, &["--quiet"]);
        let output = harness.wait_with_output().unwrap();
        assert!(output.status.success());
        assert_eq!(String::from_utf8(output.stderr).unwrap(), "");
        assert!(String::from_utf8(output.stdout).unwrap().contains("list: 20 done"));
    }

    fn harness(folder: &Path, scenario: &str, more: &[&str]) -> Child {
        let file = folder.join("long.toml");
        std::fs::write(&file, scenario).unwrap();
        let mut harness = Command::new(HARNESS);
        harness.arg("run").arg(&file).arg("--target").arg(target()).arg("--out").arg(folder);
        harness.args(more).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        harness.spawn().unwrap()
    }

    /// A URL where everybody gets an empty document.
    fn target() -> String {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                std::thread::spawn(move || answer(stream));
            }
        });
        format!("http://{address}")
    }

    fn answer(mut stream: TcpStream) {
        let mut asked = [0; 4_096];
        while stream.read(&mut asked).is_ok_and(|count| count > 0) {
            if stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n{}").is_err() {
                break; // the run is over
            }
        }
    }
}
