//! Days of the ledger as files: written from a node or its database, checked without either.

use std::fs::{self, File};
use std::io::{self, BufRead, BufReader, BufWriter, Write};
use std::path::Path;
use std::process::ExitCode;

use anyhow::Context;
use chrono::NaiveDate;
use futures::StreamExt;
use indicatif::{ProgressBar, ProgressStyle};
use serde_json::json;

use crate::chain::{Broken, Checker, Verified};
use crate::cli::reach::{self, Reach};
use crate::cli::{Common, Format};

/// Longest line that is read: a transfer has a handful of entries.
const LINE_MAX: u64 = 64 * 1024;

pub fn export(day: NaiveDate, out: Option<&Path>, common: &Common) -> anyhow::Result<ExitCode> {
    let path = format!("/ledger/days/{day}");
    reach::with(common, async |reach| match out {
        None => copy(&mut io::stdout().lock(), &path, reach).await,
        Some(file) => write(file, &path, reach).await,
    })?;
    Ok(ExitCode::SUCCESS)
}

/// Written beside its place, and renamed when it is whole.
async fn write(file: &Path, path: &str, reach: &Reach) -> anyhow::Result<()> {
    let beside = file.with_extension("part");
    let part =
        File::create(&beside).with_context(|| format!("{} cannot be written", beside.display()))?;
    let mut part = BufWriter::new(part);
    match copy(&mut part, path, reach).await {
        Ok(()) => {
            part.get_ref().sync_all()?;
            Ok(fs::rename(&beside, file)?)
        }
        Err(error) => {
            let _ = fs::remove_file(&beside); // the error is what matters
            Err(error)
        }
    }
}

async fn copy(out: &mut impl Write, path: &str, reach: &Reach) -> anyhow::Result<()> {
    let mut chunks = reach.download(path).await?;
    while let Some(chunk) = chunks.next().await {
        out.write_all(&chunk.context("the day was not read to its end")?)?;
    }
    Ok(out.flush()?)
}

pub fn verify(file: &Path, format: Format) -> anyhow::Result<ExitCode> {
    let checked = if file == Path::new("-") {
        check(io::stdin().lock(), &ProgressBar::hidden())?
    } else {
        let open = File::open(file);
        let open = open.with_context(|| format!("{} cannot be read", file.display()))?;
        let style = ProgressStyle::with_template("verify [{wide_bar}] {bytes} of {total_bytes}")?;
        let bar = ProgressBar::new(open.metadata()?.len()).with_style(style);
        let checked = check(BufReader::new(open), &bar)?;
        bar.finish_and_clear();
        checked
    };
    match checked {
        Ok(Verified { days, transfers, hash }) => {
            let hash = hash.to_string();
            let document = json!({ "days": days, "transfers": transfers, "hash": hash });
            format.show(&document, || {
                format!("{transfers} transfers of {days} days are whole; the last hash is {hash}")
            })
        }
        Err(Broken { line, why }) => {
            let why = why.to_string();
            format.show(&json!({ "line": line, "broken": why }), || {
                format!("line {line} IS BROKEN: {why}")
            })?;
            Ok(ExitCode::FAILURE)
        }
    }
}

fn check(mut file: impl BufRead, bar: &ProgressBar) -> io::Result<Result<Verified, Broken>> {
    let mut checker = Checker::default();
    let mut line = Vec::new();
    loop {
        line.clear();
        let read = io::Read::take(&mut file, LINE_MAX).read_until(b'\n', &mut line)?;
        if read == 0 {
            return Ok(checker.finish());
        }
        bar.inc(read as u64);
        let text = line.strip_suffix(b"\n").unwrap_or(&line);
        // what is no text has no hash that fits
        if let Err(broken) = checker.line(&String::from_utf8_lossy(text)) {
            return Ok(Err(broken));
        }
    }
}
