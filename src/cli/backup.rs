//! `chargeghar backup` and `chargeghar restore`: the whole database as one file.
//!
//! A backup is written beside its place and renamed when it is whole. The keys of a node are
//! not in it: they are in the folder `keys` of the data folder.

use std::fs::{self, File, OpenOptions};
use std::io::{BufReader, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context, bail};
use clap::Args;
use futures::StreamExt;
use indicatif::{HumanBytes, ProgressBar, ProgressStyle};
use serde_json::json;
use tokio::sync::mpsc;

use super::reach::{self, Alone, Reach};
use super::{Common, Format};
use crate::admin::archive::{self, Manifest};
use crate::admin::operator::Operator;
use crate::spawn;

/// Pieces that may wait for the database.
const PIECES_MAX: usize = 8;

#[derive(Args)]
pub struct BackupArguments {
    /// Where to write it
    file: PathBuf,
    /// The telemetry of cabinets and the bytes they sent as well
    #[arg(long)]
    with_frames: bool,
    #[command(flatten)]
    format: Format,
}

#[derive(Args)]
#[command(after_help = "The database must be empty and no node may run on it. Keys are not in a \
    backup: bring the folder keys of the old data folder along, else every login ends and every \
    cabinet has to connect anew.")]
pub struct RestoreArguments {
    /// A file that backup wrote
    file: PathBuf,
    #[command(flatten)]
    format: Format,
}

pub fn backup(arguments: BackupArguments, common: &Common) -> anyhow::Result<ExitCode> {
    let manifest = reach::with(common, async |reach| write(&arguments, reach).await)?;
    arguments.format.show(&manifest, || {
        let (rows, file) = (manifest.rows(), arguments.file.display());
        format!("{rows} rows of {} tables are in {file}", manifest.tables.len())
    })
}

async fn write(arguments: &BackupArguments, reach: &Reach) -> anyhow::Result<Manifest> {
    let beside = arguments.file.with_extension("part");
    let mut open = OpenOptions::new();
    let opened = open.write(true).create(true).truncate(true).mode(0o600).open(&beside);
    let mut file = opened.with_context(|| format!("{} cannot be written", beside.display()))?;
    let path = format!("/backup?frames={}", arguments.with_frames);
    let copied = copy(&mut file, &path, reach).await;
    let whole = copied.and_then(|()| {
        file.sync_all()?;
        Ok(archive::verify(BufReader::new(File::open(&beside)?), |_| ())?)
    });
    match whole {
        Ok(manifest) => {
            fs::rename(&beside, &arguments.file)?;
            Ok(manifest)
        }
        Err(error) => {
            let _ = fs::remove_file(&beside); // the error is what matters
            Err(error.context("the backup is not whole and was removed"))
        }
    }
}

async fn copy(file: &mut File, path: &str, reach: &Reach) -> anyhow::Result<()> {
    let style = ProgressStyle::with_template("{spinner} {bytes} written, {bytes_per_sec}")?;
    let bar = ProgressBar::new_spinner().with_style(style);
    let mut chunks = reach.download(path).await?;
    while let Some(chunk) = chunks.next().await {
        let chunk = chunk?;
        file.write_all(&chunk)?;
        bar.inc(chunk.len() as u64);
    }
    bar.finish_and_clear();
    Ok(())
}

pub fn restore(arguments: RestoreArguments, common: &Common) -> anyhow::Result<ExitCode> {
    let manifest = verified(&arguments.file)?;
    reach::with(common, async |reach| match reach {
        Reach::Node { .. } => bail!(
            "a node runs on this data folder; stop it first, or name another CHARGEGHAR__DATA_DIR"
        ),
        Reach::Alone(alone) => fill(&arguments.file, &manifest, alone).await,
    })?;
    arguments.format.show(&manifest, || {
        format!("{} rows are restored; keys are not part of a backup", manifest.rows())
    })
}

fn verified(path: &Path) -> anyhow::Result<Manifest> {
    let file = File::open(path).with_context(|| format!("{} cannot be read", path.display()))?;
    let bar = bar(file.metadata()?.len(), "verify")?;
    let manifest = archive::verify(BufReader::new(file), |at| bar.set_position(at))
        .with_context(|| format!("{} is not used", path.display()))?;
    bar.finish_and_clear();
    Ok(manifest)
}

async fn fill(path: &Path, manifest: &Manifest, alone: &Alone) -> anyhow::Result<u64> {
    let file = File::open(path)?;
    let bar = bar(file.metadata()?.len(), "restore")?;
    let (send, receive) = mpsc::channel(PIECES_MAX);
    let details = json!({ "made_at": manifest.made_at, "rows": manifest.rows() });
    let entry = Operator::of_process().did("restore", "database", details);
    let (manifest, reader) = (manifest.clone(), BufReader::new(file));
    let told = spawn::blocking(move || {
        archive::unpack(reader, &manifest, |piece, at| {
            bar.set_position(at);
            send.blocking_send(piece).is_ok()
        })
    });
    let restored = alone.store.restore(receive, entry).await;
    told.await??;
    match restored {
        Ok(rows) => Ok(rows),
        Err(error) => bail!("nothing was restored: {error}"),
    }
}

fn bar(bytes: u64, what: &'static str) -> anyhow::Result<ProgressBar> {
    let style = ProgressStyle::with_template("{msg} [{wide_bar}] {bytes} of {total_bytes}")?;
    tracing::debug!(size = %HumanBytes(bytes), "{what}");
    Ok(ProgressBar::new(bytes).with_style(style).with_message(what))
}
