//! Lists that must agree with what they list: migrations, dashboards, settings, documents.

use crate::tree::File;

pub fn migrations(files: &[File]) -> Vec<String> {
    let mut names: Vec<&str> =
        files.iter().filter_map(|file| file.path.strip_prefix("migrations/")).collect();
    names.sort_unstable();
    let mut complaints = Vec::new();
    for (at, name) in names.iter().enumerate() {
        let (number, intent) = name.split_once('_').unwrap_or((name, ""));
        let has_intent = intent.strip_suffix(".sql").is_some_and(|intent| {
            !intent.is_empty()
                && intent.chars().all(|c| c.is_ascii_lowercase() || c == '_' || c.is_ascii_digit())
        });
        if !has_intent || number != format!("{:04}", at + 1) {
            complaints.push(format!("migrations/{name}: wanted {:04}_intent.sql", at + 1));
            break;
        }
    }
    complaints
}

/// Every `chargeghar_..` word of a dashboard or alert is a metric of the catalogue, and of a
/// constant that other code uses: a metric that nobody sets shows nothing.
pub fn dashboards(files: &[File]) -> Vec<String> {
    let catalogue: String = files
        .iter()
        .filter(|file| file.is_under("src/metrics") && !file.is_test())
        .map(|file| file.text.as_str())
        .collect();
    let known = |name: &str| catalogue.contains(&format!("\"{name}\""));
    let mut complaints = Vec::new();
    for file in files.iter().filter(|file| file.path.starts_with("dashboards/")) {
        for name in words(&file.text, "chargeghar_") {
            let series = ["_bucket", "_count", "_sum"];
            let base = series.iter().find_map(|suffix| name.strip_suffix(suffix));
            let Some(name) = [Some(name), base].into_iter().flatten().find(|name| known(name))
            else {
                complaints.push(format!("{}: no metric `{name}`", file.path));
                continue;
            };
            let before = catalogue.split(&format!("\"{name}\"")).next().unwrap_or("");
            let constant = format!("{}.", before.split_whitespace().last().unwrap_or(""));
            let sets = |other: &&File| other.is_under("src") && !other.is_under("src/metrics");
            let mut others = files.iter().filter(sets).filter(|other| !other.is_test());
            if !others.any(|other| other.text.contains(&constant)) {
                complaints.push(format!("{}: nobody sets `{name}`", file.path));
            }
        }
    }
    complaints
}

/// Every metric of the catalogue is set by code that is no test.
pub fn unset_metrics(files: &[File]) -> Vec<String> {
    let setters: Vec<&File> = files
        .iter()
        .filter(|file| file.is_under("src") && !file.is_under("src/metrics") && !file.is_test())
        .collect();
    let is_set = |constant: &str| {
        let used = format!("{constant}.");
        setters.iter().any(|file| file.text.contains(&used))
    };
    let mut complaints = Vec::new();
    for file in files.iter().filter(|file| file.path == "src/metrics/catalogue.rs") {
        for line in file.text.lines().map(str::trim) {
            let mut words = line.split_whitespace();
            let kind = words.next().filter(|kind| ["Counter", "Gauge", "Histogram"].contains(kind));
            if let (Some(_), Some(constant), Some(name)) = (kind, words.next(), words.next())
                && name.starts_with('"')
                && !is_set(constant)
            {
                complaints.push(format!("{}: nobody sets {name}", file.path));
            }
        }
    }
    complaints
}

/// Every key of `config.toml` has a comment above it or beside it.
pub fn settings(files: &[File]) -> Vec<String> {
    let mut complaints = Vec::new();
    for file in files.iter().filter(|file| file.path == "config.toml") {
        let mut above = "";
        for line in file.text.lines() {
            let key = line.split_once('=').filter(|_| !line.starts_with(['#', ' ', '[']));
            if let Some((key, value)) = key
                && !above.starts_with('#')
                && !value.contains('#')
            {
                complaints.push(format!("config.toml: `{}` has no comment", key.trim()));
            }
            above = line;
        }
    }
    complaints
}

/// Settings that the configuration itself makes something of: the rest reads a method.
const READ_WITHIN: [&str; 4] = ["environment", "unknown", "domain", "points_per_npr"];
/// Settings of carriers that have no client: a node refuses to start with them.
const REFUSED: [&str; 3] = ["fcm_", "s3_", "cloudinary_"];

/// Every key of `config.toml` is read by more than the check of its own value.
pub fn unread_settings(files: &[File]) -> Vec<String> {
    let readers: Vec<&File> = files
        .iter()
        .filter(|file| file.is_under("src") && !file.is_under("src/config") && !file.is_test())
        .collect();
    let is_read = |key: &str| {
        let word = format!(".{key}");
        readers.iter().any(|file| {
            file.text.match_indices(&word).any(|(at, _)| {
                let next = file.text[at + word.len()..].chars().next();
                !next.is_some_and(|c| c.is_alphanumeric() || c == '_')
            })
        })
    };
    let lines = files.iter().filter(|file| file.path == "config.toml").flat_map(|f| f.text.lines());
    lines
        .filter(|line| !line.starts_with(['#', ' ', '[']))
        .filter_map(|line| line.split_once('='))
        .map(|(key, _)| key.trim())
        .filter(|key| !REFUSED.iter().any(|carrier| key.starts_with(carrier)))
        // a secret's file is read with the secret
        .filter(|key| !key.strip_suffix("_file").is_some_and(is_read))
        .filter(|key| !READ_WITHIN.contains(key) && !is_read(key))
        .map(|key| format!("config.toml: nobody reads `{key}`"))
        .collect()
}

/// Every `./run COMMAND` of a document is a command of the script.
pub fn commands(files: &[File]) -> Vec<String> {
    let script = files.iter().find(|file| file.path == "run").map_or("", |file| &file.text);
    let known: Vec<&str> = script
        .lines()
        .skip_while(|line| !line.starts_with("case \"$command\""))
        .filter_map(|line| line.split_once(") "))
        .flat_map(|(names, _)| names.split('|').map(str::trim))
        .collect();
    let mut complaints = Vec::new();
    for file in documents(files) {
        for (at, _) in file.text.match_indices("./run ") {
            let command = first_word(&file.text[at + 6..]);
            if !command.is_empty() && !known.contains(&command) {
                complaints.push(format!("{}: no command `./run {command}`", file.path));
            }
        }
    }
    complaints
}

/// Every relative link of a document leads to a file.
pub fn links(files: &[File]) -> Vec<String> {
    let mut complaints = Vec::new();
    for file in documents(files) {
        let folder = file.path.rsplit_once('/').map_or("", |(folder, _)| folder);
        for (at, _) in file.text.match_indices("](") {
            let target = file.text[at + 2..].split([')', '#']).next().unwrap_or("");
            if target.is_empty() || target.contains("://") {
                continue;
            }
            let path = joined(folder, target);
            if !files.iter().any(|other| other.path == path || other.is_under(&path)) {
                complaints.push(format!("{}: no file `{target}`", file.path));
            }
        }
    }
    complaints
}

/// Every test named in the table of promises is a function of the tree.
pub fn promised_tests(files: &[File]) -> Vec<String> {
    let mut complaints = Vec::new();
    for file in files.iter().filter(|file| file.path == "docs/PROMISES.md") {
        for line in file.text.lines().filter(|line| line.starts_with("| ")) {
            let cell = line.rsplit('|').nth(1).unwrap_or("");
            for name in cell.split('`').skip(1).step_by(2) {
                let function = format!("fn {}(", name.rsplit("::").next().unwrap_or(name));
                if !files.iter().any(|other| other.is_rust() && other.text.contains(&function)) {
                    complaints.push(format!("{}: no test `{name}`", file.path));
                }
            }
        }
    }
    complaints
}

fn documents(files: &[File]) -> impl Iterator<Item = &File> {
    files.iter().filter(|file| {
        std::path::Path::new(&file.path).extension().is_some_and(|extension| extension == "md")
    })
}

fn joined(folder: &str, target: &str) -> String {
    let mut parts: Vec<&str> = folder.split('/').filter(|part| !part.is_empty()).collect();
    for part in target.split('/') {
        match part {
            "" | "." => {}
            ".." => drop(parts.pop()),
            part => parts.push(part),
        }
    }
    parts.join("/")
}

fn words<'a>(text: &'a str, prefix: &'a str) -> impl Iterator<Item = &'a str> {
    text.match_indices(prefix).map(|(at, _)| first_word(&text[at..]))
}

fn first_word(text: &str) -> &str {
    let end = |c: char| !c.is_ascii_alphanumeric() && c != '_';
    &text[..text.find(end).unwrap_or(text.len())]
}

#[cfg(test)]
mod tests {
    use super::{
        commands, dashboards, links, migrations, promised_tests, settings, unread_settings,
        unset_metrics,
    };
    use crate::tree::File;
    use crate::{bad, silent, speaks};

    fn two(first: (&str, &str), second: (&str, &str)) -> Vec<File> {
        [bad(first.0, first.1), bad(second.0, second.1)].into_iter().flatten().collect()
    }

    #[test]
    fn a_wrong_migration_number_is_seen() {
        let pair = |second| two(("migrations/0001_riders.sql", ""), (second, ""));
        speaks(migrations(&pair("migrations/0001_banks.sql")), "wanted 0002");
        speaks(migrations(&pair("migrations/0003_banks.sql")), "wanted 0002");
        speaks(migrations(&pair("migrations/0002.sql")), "wanted 0002");
        silent(migrations(&pair("migrations/0002_banks.sql")));
    }

    #[test]
    fn an_unknown_metric_is_seen() {
        let entry = ("src/metrics.rs", "Histogram FRAMES \"chargeghar_frames_seconds\"");
        let set = || bad("src/link.rs", "metrics::FRAMES.observe(took, []);");
        let shown = |name| -> Vec<File> {
            two(entry, ("dashboards/a.json", name)).into_iter().chain(set()).collect()
        };
        speaks(dashboards(&shown("rate(chargeghar_frame_total[5m])")), "chargeghar_frame_total");
        silent(dashboards(&shown("chargeghar_frames_seconds_bucket{le=\"1\"}")));
        let name = "chargeghar_frames_seconds_sum";
        speaks(dashboards(&two(entry, ("dashboards/a.json", name))), "nobody sets");
    }

    #[test]
    fn a_metric_that_nobody_sets_is_seen() {
        let entry = "    Counter FRAMES \"chargeghar_link_frames_total\" []\n        \"Frames.\";";
        let used = |code| two(("src/metrics/catalogue.rs", entry), ("src/link.rs", code));
        speaks(unset_metrics(&used("metrics::FRAMES_REFUSED.inc([]);")), "link_frames_total");
        silent(unset_metrics(&used("metrics::FRAMES.inc([]);")));
    }

    #[test]
    fn a_setting_without_a_comment_is_seen() {
        speaks(settings(&bad("config.toml", "# TCP port.\nport = 1\nhost = \"a\"\n")), "host");
        silent(settings(&bad(
            "config.toml",
            "[http]\n# TCP port.\nport = 1\nhost = \"a\" # where\n",
        )));
    }

    #[test]
    fn a_setting_that_nobody_reads_is_seen() {
        let read =
            |code| two(("config.toml", "# TCP port.\nport = 1\n"), ("src/http/door.rs", code));
        speaks(unread_settings(&read("config.ports")), "port");
        silent(unread_settings(&read("bind(config.port)")));
    }

    #[test]
    fn an_unknown_command_or_link_is_seen() {
        let readme =
            |text| two(("run", "case \"$command\" in\n  test) a ;;\n"), ("README.md", text));
        speaks(commands(&readme("`./run tests`")), "tests");
        silent(commands(&readme("`./run test` and ./run")));
        speaks(links(&readme("[a](docs/API.md)")), "docs/API.md");
        silent(links(&readme("[a](./run) [b](#c)")));
    }

    #[test]
    fn a_promise_without_its_test_is_seen() {
        let table = "| P1 | never lost | commit | `a_rental_survives` |\n";
        speaks(promised_tests(&bad("docs/PROMISES.md", table)), "a_rental_survives");
        silent(promised_tests(&two(
            ("docs/PROMISES.md", table),
            ("tests/it/a.rs", "fn a_rental_survives() {"),
        )));
    }
}
