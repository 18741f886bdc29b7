//! A folder for the data of one run, gone with it.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::Context;

pub struct Scratch(PathBuf);

impl Scratch {
    /// Short, because a socket's path may not be long.
    pub fn new() -> anyhow::Result<Scratch> {
        let path = std::env::temp_dir().join(format!("chargeghar-load-{}", std::process::id()));
        fs::create_dir_all(&path).with_context(|| format!("no folder {}", path.display()))?;
        Ok(Scratch(path))
    }

    /// A data folder in it.
    pub fn folder(&self, name: &str) -> anyhow::Result<PathBuf> {
        let path = self.0.join(name);
        fs::create_dir_all(&path)?;
        Ok(path)
    }

    pub fn path(&self) -> &Path {
        &self.0
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0); // what is left is in the folder for such things
    }
}
