//! What can break in the vault. No message carries key material or content.

use std::io;
use std::path::PathBuf;

use uuid::Uuid;

/// The key file cannot be used. The messages are for the operator who starts the service.
#[derive(Debug, thiserror::Error)]
pub enum KeyFileError {
    /// Reading or writing failed.
    #[error("cannot read or write the key file {path}")]
    Io {
        /// Where it should be.
        path: PathBuf,
        /// Why not.
        #[source]
        source: io::Error,
    },
    /// Others than the owner may read it.
    #[error(
        "the key file {path} can be read by others (mode {mode:03o}); allow only its owner: chmod 600"
    )]
    Permissions {
        /// Where it is.
        path: PathBuf,
        /// Its permission bits.
        mode: u32,
    },
    /// It is not a key file, or of a newer kind.
    #[error("{path} is not a key file this version can read")]
    Malformed {
        /// Where it is.
        path: PathBuf,
    },
    /// The database was sealed with a key file, and none is there.
    #[error("the key file {path} is missing, but this database is sealed with one; restore it")]
    Missing {
        /// Where it should be.
        path: PathBuf,
    },
    /// The database was sealed with another key file.
    #[error(
        "the key file {path} does not belong to this database; restore the one it was made with"
    )]
    Wrong {
        /// Where it is.
        path: PathBuf,
    },
}

/// A failure of the vault.
#[derive(Debug, thiserror::Error)]
pub enum VaultError {
    /// The key file cannot be used.
    #[error(transparent)]
    KeyFile(#[from] KeyFileError),
    /// The database did not answer as expected.
    #[error("the key ring could not be read or written")]
    Database(#[from] sqlx::Error),
    /// A stored key cannot be unwrapped with the key file.
    #[error("key {key_id} cannot be unwrapped with the key file")]
    Unwrap {
        /// The key.
        key_id: Uuid,
    },
    /// A ciphertext was changed, or stands where it does not belong.
    #[error("sealed content fails its authentication: changed, or moved from another place")]
    Tampered,
    /// The clear content is not what its type says. (The cause would quote the content.)
    #[error("sealed content does not fit its type")]
    Content,
    /// Sealing failed: the content exceeds what the cipher takes.
    #[error("content could not be sealed")]
    Seal,
    /// An object exceeds [`crate::OBJECT_BYTES_MAX`].
    #[error("an object of {bytes} bytes is too large")]
    TooLarge {
        /// Its size.
        bytes: u64,
    },
    /// An object that should be there is not.
    #[error("object {hash} is missing from the object store")]
    ObjectMissing {
        /// The hash of its ciphertext.
        hash: String,
    },
    /// The object store did not answer as expected.
    #[error("the object store could not be read or written")]
    ObjectStore(#[from] object_store::Error),
    /// Keys were destroyed again and again while they were read; another attempt will succeed.
    #[error("keys changed while they were read")]
    Contended,
    /// A background computation was cancelled because the service stops.
    #[error("the service is stopping")]
    Stopping,
}

impl VaultError {
    /// Whether another attempt may succeed without anybody doing anything: the database or the store is away.
    #[must_use]
    pub fn is_unavailable(&self) -> bool {
        match self {
            Self::Database(source) => is_unavailable(source),
            Self::ObjectStore(object_store::Error::Generic { .. })
            | Self::Contended
            | Self::Stopping => true,
            Self::KeyFile(_)
            | Self::Unwrap { .. }
            | Self::Tampered
            | Self::Content
            | Self::Seal
            | Self::TooLarge { .. }
            | Self::ObjectMissing { .. }
            | Self::ObjectStore(_) => false,
        }
    }
}

/// Whether a database error is transient: the connection broke, the pool is exhausted or closed, the server starts or stops.
#[must_use]
pub fn is_unavailable(error: &sqlx::Error) -> bool {
    match error {
        sqlx::Error::Io(_)
        | sqlx::Error::Tls(_)
        | sqlx::Error::PoolTimedOut
        | sqlx::Error::PoolClosed
        | sqlx::Error::WorkerCrashed => true,
        sqlx::Error::Database(database) => database.code().is_some_and(|code| {
            ["08", "57P0", "53", "25P03"].iter().any(|class| code.starts_with(class))
        }),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_broken_connection_is_transient_and_a_missing_row_is_not() {
        assert!(is_unavailable(&sqlx::Error::PoolTimedOut));
        assert!(is_unavailable(&sqlx::Error::Io(io::Error::from(io::ErrorKind::BrokenPipe))));
        assert!(!is_unavailable(&sqlx::Error::RowNotFound));
        assert!(VaultError::Database(sqlx::Error::PoolClosed).is_unavailable());
        assert!(!VaultError::Tampered.is_unavailable());
    }
}
