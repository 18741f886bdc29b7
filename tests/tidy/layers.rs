//! Who may import whom, by the imports of each file and the dependencies of each package.

use crate::tree::{File, blank};

/// A library, and the only modules that may name it.
const LIBRARIES: &[(&str, &[&str])] = &[
    ("axum", &["src/http", "src/admin", "src/node"]),
    ("lettre", &["src/clients"]),
    ("ractor", &["src/actors", "src/node"]),
    ("redis", &["src/ephemera"]),
    ("reqwest", &["src/clients", "src/cli"]),
    ("rumqttc", &["src/link"]),
    ("sqlx", &["src/store", "src/embedded"]),
];

/// A layer, and the layers of ours that it may not know. `node` wires all of them.
const ARROWS: &[(&str, &[&str])] = &[
    ("store", &["actors", "admin", "cli", "clients", "http", "link", "node"]),
    ("clients", &["actors", "admin", "cli", "http", "node", "store"]),
    ("link", &["actors", "admin", "cli", "clients", "http", "node", "store"]),
    ("ephemera", &["actors", "admin", "cli", "clients", "http", "link", "node", "store"]),
    ("config", &["actors", "admin", "cli", "clients", "http", "link", "node", "store"]),
    ("embedded", &["actors", "admin", "cli", "clients", "http", "link", "node"]),
    ("actors", &["admin", "cli", "http", "node"]),
    ("http", &["admin", "cli", "clients", "node"]),
    ("admin", &["cli"]),
    ("node", &["cli"]),
];

/// A package, and the only dependencies it may have. This is what keeps the rules pure.
const MAY_DEPEND: &[(&str, &[&str])] = &[
    (
        "src/domain",
        &["chrono", "rust_decimal", "serde", "serde_json", "sqlx", "thiserror", "utoipa", "uuid"],
    ),
    (
        "src/devices",
        &["base64", "bytes", "chrono", "domain", "hex", "md-5", "serde", "serde_json", "thiserror"],
    ),
];

/// A package, and what of ours it may not depend on.
const NOT_OURS: &[(&str, &[&str])] = &[
    ("src/domain", &["devices", "broker", "cabinet", "chargeghar"]),
    ("src/devices", &["broker", "cabinet", "chargeghar"]),
    ("src/broker", &["domain", "devices", "cabinet", "chargeghar"]),
    ("loadtest", &["broker", "chargeghar"]),
    ("loadtest/cabinet", &["broker", "chargeghar"]),
];

/// Words of the service's code, and the only module that may say them.
const HOMES: &[(&str, &[&str])] = &[
    ("src/clock", &["Utc::now", "Local::now", "Instant::now", "SystemTime::now"]),
    ("src/spawn", &["tokio::spawn", "task::spawn", "JoinSet"]),
    ("src/entropy", &["rand::rng", "rand::random", "OsRng", "Uuid::new_v4", "Uuid::now_v7"]),
    ("src/metrics", &["counter!(", "gauge!(", "histogram!("]),
    ("src/http/error", &["StatusCode::"]),
];

pub fn arrows(files: &[File]) -> Vec<String> {
    let mut complaints = Vec::new();
    for file in service(files) {
        let layer = ARROWS.iter().find(|(layer, _)| file.is_under(&format!("src/{layer}")));
        let above = layer.map_or(&[][..], |(_, above)| above);
        for (line, path) in imports(&file.text) {
            let (first, second) = path.split_once("::").unwrap_or((&path, ""));
            let homes = LIBRARIES.iter().find(|(library, _)| first == *library);
            let astray =
                homes.is_some_and(|(_, homes)| !homes.iter().any(|home| file.is_under(home)));
            if astray || (first == "crate" && above.contains(&second)) {
                complaints.push(format!("{}:{line}: imports `{path}`", file.path));
            }
        }
    }
    complaints
}

pub fn homes(files: &[File]) -> Vec<String> {
    let mut complaints = Vec::new();
    for file in service(files) {
        for (number, line) in file.code() {
            for (home, words) in HOMES.iter().filter(|(home, _)| !file.is_under(home)) {
                if let Some(word) = words.iter().find(|word| line.contains(**word)) {
                    complaints.push(format!("{}:{number}: `{word}` belongs to {home}", file.path));
                }
            }
        }
    }
    complaints
}

pub fn manifests(files: &[File]) -> Vec<String> {
    let mut complaints = Vec::new();
    for file in files {
        let Some(folder) = file.path.strip_suffix("/Cargo.toml") else { continue };
        let listed = |table: &[(&str, &'static [&'static str])]| {
            table.iter().find(|(package, _)| *package == folder).map(|(_, names)| *names)
        };
        for (name, line) in dependencies(&file.text) {
            let unknown = listed(MAY_DEPEND).is_some_and(|names| !names.contains(&name));
            let upward = listed(NOT_OURS).is_some_and(|names| names.contains(&name));
            let for_rows = folder == "src/domain" && (name == "sqlx" || name == "utoipa");
            let impure = for_rows && !line.contains("optional = true");
            let clocked = ["\"clock\"", "\"v4\"", "\"v7\""].iter().any(|word| line.contains(word));
            if unknown || upward || impure || (folder == "src/domain" && clocked) {
                complaints.push(format!("{}: may not depend so: {line}", file.path));
            }
        }
    }
    complaints
}

/// The service's own production files: not the packages that live inside `src`.
fn service(files: &[File]) -> impl Iterator<Item = &File> {
    let packages = ["src/domain", "src/devices", "src/broker"];
    files.iter().filter(move |file| {
        file.is_rust()
            && file.path.starts_with("src/")
            && !file.is_test()
            && !packages.iter().any(|package| file.is_under(package))
    })
}

/// Names and lines of `[dependencies]` and `[build-dependencies]`.
fn dependencies(manifest: &str) -> Vec<(&str, &str)> {
    let mut within = false;
    let mut found = Vec::new();
    for line in manifest.lines() {
        if line.starts_with('[') {
            within = line == "[dependencies]" || line == "[build-dependencies]";
        } else if within && let Some((name, _)) = line.split_once(['.', '=', ' ']) {
            found.push((name.trim(), line));
        }
    }
    found
}

/// The first two segments of every path in the code, groups after `crate::` opened.
fn imports(text: &str) -> Vec<(usize, String)> {
    let code = blank(text);
    let mut found = Vec::new();
    let mut at = 0;
    while let Some(start) = code[at..].find(is_name).map(|offset| at + offset) {
        let first = word(&code[start..]);
        let after = start + first.len();
        at = after;
        let Some(rest) = code[after..].strip_prefix("::") else { continue };
        if code[..start].ends_with("::") && !code[..start].ends_with(" ::") {
            continue;
        }
        let line = code[..start].lines().count();
        if first == "crate" && rest.starts_with('{') {
            found.extend(group(rest).into_iter().map(|name| (line, format!("crate::{name}"))));
        } else {
            found.push((line, format!("{first}::{}", word(rest))));
        }
    }
    found
}

/// The leading names of a `{a::b, c}` group.
fn group(text: &str) -> Vec<&str> {
    let mut depth = 0;
    let mut names = Vec::new();
    for (at, c) in text.char_indices() {
        match c {
            '{' => depth += 1,
            '}' => depth -= 1,
            _ => {}
        }
        if depth == 1 && (c == '{' || c == ',') {
            names.push(word(text[at + 1..].trim_start()));
        }
        if depth == 0 {
            break;
        }
    }
    names
}

fn word(text: &str) -> &str {
    &text[..text.find(|c| !is_name(c)).unwrap_or(text.len())]
}

fn is_name(c: char) -> bool {
    c.is_alphanumeric() || c == '_'
}

#[cfg(test)]
mod tests {
    use super::{arrows, homes, manifests};
    use crate::{bad, silent, speaks};

    #[test]
    fn a_wrong_import_is_seen() {
        speaks(arrows(&bad("src/http/rentals.rs", "use ractor::Actor;")), "ractor::Actor");
        speaks(
            arrows(&bad("src/store/mod.rs", "use crate::{\n  clock,\n  http::{App, error},\n};")),
            "crate::http",
        );
        speaks(arrows(&bad("src/actors/link.rs", "fn a() { axum::serve() }")), "axum::serve");
        speaks(arrows(&bad("src/clients/sms.rs", "use crate::node::Node;")), "crate::node");
        speaks(arrows(&bad("src/cli/doctor.rs", "#[derive(sqlx::FromRow)]")), "sqlx::FromRow");
        silent(arrows(&bad(
            "src/http/mod.rs",
            "// use ractor::Actor\nuse crate::store::{a, http};",
        )));
    }

    #[test]
    fn a_word_away_from_home_is_seen() {
        speaks(homes(&bad("src/actors/station.rs", "let now = Utc::now();")), "src/clock");
        speaks(homes(&bad("src/node.rs", "tokio::spawn(f)")), "src/spawn");
        speaks(homes(&bad("src/node.rs", "rand::rng()")), "src/entropy");
        speaks(homes(&bad("src/node.rs", "metrics::counter!(name)")), "src/metrics");
        speaks(homes(&bad("src/http/rentals.rs", "StatusCode::OK")), "src/http/error");
        silent(homes(&bad("src/clock.rs", "Utc::now(); // tokio::spawn")));
    }

    #[test]
    fn an_impure_manifest_is_seen() {
        let domain =
            |line: &str| bad("src/domain/Cargo.toml", &format!("[dependencies]\n{line}\n"));
        speaks(manifests(&domain("tokio.workspace = true")), "tokio");
        speaks(manifests(&domain("sqlx.workspace = true")), "sqlx");
        speaks(manifests(&domain("uuid = { version = \"1\", features = [\"v7\"] }")), "uuid");
        speaks(
            manifests(&bad("loadtest/Cargo.toml", "[dependencies]\nchargeghar = \"1\"")),
            "chargeghar",
        );
        silent(manifests(&domain("serde.workspace = true\n[dev-dependencies]\ntokio = \"1\"")));
    }
}
