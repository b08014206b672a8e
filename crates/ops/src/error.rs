//! What can break here, and the few answers that are not a result. No message carries personal data.

use vault::VaultError;

/// A failure of operational state, or a refusal to go on.
#[derive(Debug, thiserror::Error)]
pub enum OpsError {
    /// The database did not answer as expected.
    #[error("operational state could not be read or written")]
    Database(#[from] sqlx::Error),
    /// Sealing or opening failed.
    #[error("operational state could not be sealed or opened")]
    Vault(#[from] VaultError),
    /// Too many failed attempts to sign in with this account or from this address.
    #[error("too many attempts to sign in; the next is possible in {retry_after_s} s")]
    TooMany {
        /// When to try again.
        retry_after_s: u64,
        /// Whether it is the account that waits, and not only where the attempt came from.
        account: bool,
    },
    /// Too many are signing in at this moment.
    #[error("too many are signing in at this moment")]
    Busy,
    /// Another user of the workspace signs in with this address.
    #[error("another user signs in with this address")]
    LoginTaken,
    /// A password exceeds [`crate::PASSWORD_BYTES_MAX`].
    #[error("the password is too long")]
    PasswordTooLong,
    /// A password could not be hashed, or a stored hash is not one.
    #[error("a password could not be hashed or compared")]
    PasswordHash,
    /// The content of a draft exceeds [`crate::DRAFT_BYTES_MAX`].
    #[error("the draft is too large")]
    DraftTooLarge,
    /// A stored record is not what it should be. (The cause could quote its content.)
    #[error("a stored record is malformed")]
    Malformed,
    /// A background computation was cancelled because the service stops.
    #[error("the service is stopping")]
    Stopping,
}

impl OpsError {
    /// Whether another attempt may succeed without anybody doing anything.
    #[must_use]
    pub fn is_unavailable(&self) -> bool {
        match self {
            Self::Database(source) => vault::is_unavailable(source),
            Self::Vault(source) => source.is_unavailable(),
            Self::Busy | Self::Stopping => true,
            Self::TooMany { .. }
            | Self::LoginTaken
            | Self::PasswordTooLong
            | Self::PasswordHash
            | Self::DraftTooLarge
            | Self::Malformed => false,
        }
    }
}
