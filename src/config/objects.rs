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
        /// "folder", "s3" or "cloudinary".
        provider: ObjectsProvider = ObjectsProvider::Folder,
        /// Folder, for "folder". Empty: objects, in the data folder.
        folder: PathBuf = PathBuf::new(),
        /// Largest object, in bytes.
        size_max_bytes: usize = 10_485_760,
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
    pub(super) fn check(&self, mut problems: Problems<'_>) {
        let s3 = self.provider == ObjectsProvider::S3;
        let keyed = !self.s3_access_key.is_empty() && self.s3_secret_key.is_set();
        problems.unless(
            !s3 || keyed,
            "s3_secret_key",
            "s3 needs s3_access_key, and CHARGEGHAR__OBJECTS__S3_SECRET_KEY or \
             objects.s3_secret_key_file",
        );
        problems.unless(
            !s3 || !self.s3_bucket.is_empty(),
            "s3_bucket",
            "must be the name of the bucket",
        );
        let cloudinary = self.provider == ObjectsProvider::Cloudinary;
        let named = !self.cloudinary_cloud.is_empty() && self.cloudinary_secret.is_set();
        problems.unless(
            !cloudinary || named,
            "cloudinary_secret",
            "cloudinary needs cloudinary_cloud, cloudinary_key, and \
             CHARGEGHAR__OBJECTS__CLOUDINARY_SECRET or objects.cloudinary_secret_file",
        );
    }
}
