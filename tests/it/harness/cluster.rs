//! The Postgres that tests share: the one of `CHARGEGHAR_TEST_DATABASE_URL`, else a private one
//! that lives as long as the process. Also the load harness's tests start theirs by this file.

use std::path::PathBuf;
use std::process::Command;
use std::sync::OnceLock;
use std::time::Duration;

const URL: &str = "CHARGEGHAR_TEST_DATABASE_URL";

/// The address of its own first database.
pub fn url() -> &'static str {
    static CLUSTER: OnceLock<String> = OnceLock::new();
    CLUSTER.get_or_init(|| std::env::var(URL).unwrap_or_else(|_| private_cluster()))
}

/// A cluster of this process's own, ended by the death signal of its parent thread, which
/// lives as long as the process.
fn private_cluster() -> String {
    let folder = tempfile::Builder::new().prefix("chargeghar-it.").tempdir().unwrap().keep();
    let (ready, is_ready) = std::sync::mpsc::channel();
    let place = folder.clone();
    std::thread::spawn(move || {
        let mut server = Command::new("bash")
            .args(["-c", SERVER, "cluster", place.to_str().unwrap(), &programs()])
            .spawn()
            .unwrap();
        ready.send(()).unwrap();
        server.wait().unwrap();
    });
    is_ready.recv().unwrap();
    let socket = folder.join(".s.PGSQL.5432");
    for _ in 0..600 {
        let state = std::fs::read_to_string(folder.join("data/postmaster.pid")).unwrap_or_default();
        if socket.exists() && state.lines().nth(7).is_some_and(|line| line.trim() == "ready") {
            break;
        }
        std::thread::sleep(Duration::from_millis(50));
    }
    format!("postgres://postgres@localhost/postgres?host={}", folder.display())
}

/// Postgres refuses to run as root; what it wrote goes with it.
const SERVER: &str = r#"
    folder=$1 bin=$2 as=()
    if [ "$(id -u)" = 0 ]; then
        user=postgres
        id -u "$user" >/dev/null 2>&1 || user=nobody
        chown "$user" "$folder"
        as=(--reuid="$user" --regid="$(id -g "$user")" --clear-groups)
    fi
    exec setpriv --pdeathsig TERM bash -c '
        folder=$1 bin=$2; shift 2; cd "$folder"
        trap "kill -INT \$server; wait \$server; rm -rf \"$folder\"; exit" TERM
        setpriv "$@" "$bin/initdb" -D "$folder/data" -U postgres -A trust --no-locale \
            --encoding=UTF8 --no-sync >/dev/null || exit 1
        setpriv "$@" "$bin/postgres" -D "$folder/data" -k "$folder" -c listen_addresses= \
            -c max_connections=200 -c fsync=off -c full_page_writes=off \
            -c log_min_messages=fatal >/dev/null 2>&1 &
        server=$!
        wait $server
    ' cluster "$folder" "$bin" "${as[@]}" --pdeathsig INT
"#;

/// Folder of the newest Postgres of the machine.
fn programs() -> String {
    let mut folders: Vec<PathBuf> = std::fs::read_dir("/usr/lib/postgresql")
        .into_iter()
        .flatten()
        .filter_map(|entry| Some(entry.ok()?.path().join("bin")))
        .filter(|bin| bin.join("initdb").exists())
        .collect();
    folders.sort();
    let newest = folders.pop().unwrap_or_else(|| panic!("set {URL}, or install Postgres"));
    newest.display().to_string()
}
