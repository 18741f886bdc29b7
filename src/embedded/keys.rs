//! The keys of a node: made at the first start, kept in the data folder, readable by its user
//! only. Keys from the configuration take their place.

use std::fs::{self, OpenOptions};
use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use ed25519_dalek::SigningKey;
use ed25519_dalek::pkcs8::spki::der::pem::LineEnding;
use ed25519_dalek::pkcs8::{DecodePrivateKey, EncodePrivateKey};

use super::{DataFolder, Error, make_private};
use crate::config::{Auth, Secret};
use crate::entropy::Entropy;

#[cfg(test)]
mod tests;

/// What only this network knows.
#[derive(Clone)]
pub struct Keys {
    /// Signs access tokens (Ed25519).
    pub signing: SigningKey,
    /// Cabinets' passwords are derived from it (HMAC-SHA-256).
    pub server: [u8; 32],
}

impl Keys {
    /// The keys of `folder`; made there if they are not. `auth` may name others.
    pub fn load(folder: &DataFolder, auth: &Auth, entropy: &Entropy) -> Result<Keys, Error> {
        let keys = folder.keys();
        make_private(&keys).map_err(|error| bad(&keys, &error.to_string()))?;

        let make_pem = || pem(&SigningKey::from_bytes(&entropy.bytes()));
        let make_hex = || Secret::new(hex::encode(entropy.bytes::<32>()));
        let signing = given(&auth.signing_key, &keys.join("signing.pem"), make_pem)?;
        let server = given(&auth.server_key, &keys.join("server.key"), make_hex)?;

        let signing = SigningKey::from_pkcs8_pem(signing.expose())
            .map_err(|_| bad(&keys.join("signing.pem"), "it is no Ed25519 key in PKCS#8 PEM"))?;
        let mut bytes = [0; 32];
        hex::decode_to_slice(server.expose(), &mut bytes)
            .map_err(|_| bad(&keys.join("server.key"), "it is not 64 hex digits"))?;
        Ok(Keys { signing, server: bytes })
    }
}

fn pem(key: &SigningKey) -> Secret {
    let text = key.to_pkcs8_pem(LineEnding::LF).expect("an Ed25519 key has a PEM form");
    Secret::new(text.as_str())
}

/// The configured secret, else the one in the file, else a new one that is put there.
fn given(configured: &Secret, path: &Path, make: impl Fn() -> Secret) -> Result<Secret, Error> {
    if configured.is_set() {
        return Ok(configured.clone());
    }
    if let Some(kept) = read(path)? {
        return Ok(kept);
    }
    let new = make();
    write(path, &new)?;
    Ok(new)
}

fn read(path: &Path) -> Result<Option<Secret>, Error> {
    match fs::read_to_string(path) {
        Ok(text) => Ok(Some(Secret::new(text.trim_end()))),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(bad(path, &error.to_string())),
    }
}

/// Writes beside the place and renames: a crash leaves no half key.
fn write(path: &Path, secret: &Secret) -> Result<(), Error> {
    let beside = path.with_extension("new");
    let written = || -> std::io::Result<()> {
        let mut open = OpenOptions::new();
        let mut file = open.write(true).create(true).truncate(true).mode(0o600).open(&beside)?;
        file.write_all(secret.expose().trim_end().as_bytes())?;
        file.write_all(b"\n")?;
        file.sync_all()?;
        fs::rename(&beside, path)
    };
    written().map_err(|error| bad(path, &error.to_string()))
}

fn bad(path: &Path, cause: &str) -> Error {
    Error::Key { path: path.to_owned(), cause: cause.to_owned() }
}
