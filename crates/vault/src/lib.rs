//! Keys, sealing and opening of personal content, sealed objects. A key is one row: destroy the row and everything sealed
//! with it reads as forgotten, in the log, in every view and in the object store at once.

mod about;
mod assign;
mod cache;
mod copy;
mod destroy;
mod error;
mod key_file;
mod key_ring;
mod master;
mod objects;
mod pool;
mod seal;
mod signing;
mod vault;

pub use about::KeyAbout;
pub use cache::BoundedCache;
pub use copy::{KeyRow, KeysTaken};
pub use error::{KeyFileError, VaultError, is_unavailable};
pub use key_file::mark as key_file_mark;
pub use key_ring::{Assigned, KEY_AGE_MAX, SealingKey, SealingKeys, Tombstone};
pub use objects::{OBJECT_BYTES_MAX, ObjectRef, SealedObjects};
pub use signing::{ParsePublicKeyError, PublicKey, Signature, Signer};
pub use vault::Vault;

/// The tables of this crate as (version, name, SQL), in order.
pub const MIGRATIONS: &[(i64, &str, &str)] = &[
    (1001, "vault", include_str!("../schema/0001_vault.sql")),
    (1002, "tombstones of keys", include_str!("../schema/0002_tombstone.sql")),
    // After the role of the application, which may call it.
    (9402, "rewrite of keys", include_str!("../schema/0003_rewrite.sql")),
];
