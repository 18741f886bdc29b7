//! The harness itself: a service that is wrong on purpose is caught by the promise that it breaks,
//! and by no other; one that is sound is not.
//!
//! Needs the service with its fail points beside the harness: `./run test -p chargeghar-loadtest`
//! builds it.

#[cfg(test)]
mod broken {
    use std::os::unix::fs::PermissionsExt;
    use std::path::{Path, PathBuf};
    use std::process::{Command, Output};

    use serde_json::Value;

    const HARNESS: &str = env!("CARGO_BIN_EXE_chargeghar-loadtest");
    const SHORT: &str = r#"
        about = "some rent, and return"
        seconds = 8
        patience_s = 15

        [network]
        stations = 10
        banks = 4
        riders = 20

        [[arrivals]]
        journey = "rent"
        shape = "constant"
        per_s = 1
        keep_s = [1, 2]

        [[fail]]
        when = "done(start) < 1"
    "#;

    #[test]
    fn a_sound_service_breaks_no_promise() {
        let run = Run::of(None);
        assert_eq!(run.broken(), [""; 0]);
        assert!(run.output.status.success(), "{}", run.said());
    }

    #[test]
    fn a_price_that_is_captured_twice_is_caught() {
        let run = Run::of(Some("double_capture"));
        let wanted =
            ["P2 rentals whose price was captured twice", "P4 `ledger verify`: double_capture"];
        assert_eq!(run.broken(), wanted, "{}", run.said());
        assert_eq!(run.output.status.code(), Some(1));
    }

    #[test]
    fn a_return_that_is_confirmed_and_forgotten_is_caught() {
        let run = Run::of(Some("lost_return"));
        let astray = "P3 banks that are not where the books have them, or in two places";
        let wanted = ["P1 returns that closed nothing", astray];
        assert_eq!(run.broken(), wanted, "{}", run.said());
        assert_eq!(run.output.status.code(), Some(1));
    }

    /// A run of the harness that is over.
    struct Run {
        output: Output,
        result: Value,
    }

    impl Run {
        /// Against a service with this wrong.
        fn of(wrong: Option<&str>) -> Run {
            let folder = tempfile::tempdir().unwrap();
            let scenario = folder.path().join("short.toml");
            std::fs::write(&scenario, SHORT).unwrap();
            let mut harness = Command::new(HARNESS);
            harness.arg("--service").arg(service(folder.path(), wrong));
            harness.arg("run").arg(&scenario).arg("--out").arg(folder.path());
            let output = harness.output().unwrap();
            let result = std::fs::read(folder.path().join("short/result.json"));
            let result = result.map(|json| serde_json::from_slice(&json).unwrap());
            Run { result: result.unwrap_or_default(), output }
        }

        /// What speaks against the service.
        fn broken(&self) -> Vec<String> {
            let promises = self.result["promises"].as_array();
            let promises = promises.unwrap_or_else(|| panic!("no result: {}", self.said()));
            let broken = promises.iter().filter(|found| found["broken"] != 0);
            let told = |found: &Value| {
                let text = |key: &str| found[key].as_str().unwrap_or_default().to_owned();
                format!("{} {}", text("promise"), text("what"))
            };
            let mut broken: Vec<String> = broken.map(told).collect();
            broken.sort_unstable();
            broken
        }

        fn said(&self) -> String {
            let Output { stdout, stderr, .. } = &self.output;
            [stdout, stderr].map(|bytes| String::from_utf8_lossy(bytes)).join("\n")
        }
    }

    /// A program that is the service, with a wrong in its environment: the harness takes every
    /// setting away that it has not made itself.
    fn service(folder: &Path, wrong: Option<&str>) -> PathBuf {
        let service = Path::new(HARNESS).with_file_name("chargeghar");
        assert!(service.is_file(), "no {}: ./run test builds it", service.display());
        let wrong = wrong.map(|wrong| format!("export CHARGEGHAR_FAILPOINT={wrong}\n"));
        let program = folder.join("service");
        let exec = format!("exec '{}' \"$@\"\n", service.display());
        std::fs::write(&program, format!("#!/bin/sh\n{}{exec}", wrong.unwrap_or_default()))
            .unwrap();
        std::fs::set_permissions(&program, PermissionsExt::from_mode(0o755)).unwrap();
        program
    }
}
