//! `[objects]`: where pictures and documents are kept.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use super::section::{Problems, section};
use super::values::Secret;

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ObjectsProvider {
    /// A folder of this machine.
    Folder,
    /// Anything that speaks S3.
    S3,
    /// Cloudinary.
    Cloudinary,
}

section! {
    /// Pictures and documents.
    Objects {
        /// "folder". "s3" and "cloudinary" are refused: this version keeps no objects.
        provider: ObjectsProvider = ObjectsProvider::Folder,
        /// Folder, for "folder". Empty: objects, in the data folder.
        folder: PathBuf = PathBuf::new(),
        /// Address of the S3 service. Empty: the one of AWS for the region.
        s3_endpoint: String = String::new(),
        /// Region of the bucket.
        s3_region: String = String::new(),
        /// Name of the bucket.
        s3_bucket: String = String::new(),
        /// Access key id.
        s3_access_key: String = String::new(),
        /// Secret access key.
        s3_secret_key: Secret = Secret::default(),
        /// File that holds the secret access key.
        s3_secret_key_file: PathBuf = PathBuf::new(),
        /// Name of the Cloudinary cloud.
        cloudinary_cloud: String = String::new(),
        /// API key of Cloudinary.
        cloudinary_key: String = String::new(),
        /// API secret of Cloudinary.
        cloudinary_secret: Secret = Secret::default(),
        /// File that holds the API secret of Cloudinary.
        cloudinary_secret_file: PathBuf = PathBuf::new(),
    }
}

impl Objects {
    /// Nothing of the service keeps pictures or documents yet; what would not be used is refused.
    pub(super) fn check(&self, mut problems: Problems<'_>) {
        problems.unless(
            self.provider == ObjectsProvider::Folder,
            "provider",
            "\"s3\" and \"cloudinary\" cannot be used in this version: write \"folder\"",
        );
    }
}
