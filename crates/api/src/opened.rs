//! Sealed values on their way out: opened, or shown as erased.

use decider::{Opened, Sealed, WorkspaceId};
use serde::Serialize;
use serde::de::DeserializeOwned;
use utoipa::ToSchema;
use uuid::Uuid;
use vault::{Tombstone, Vault};

use crate::app::App;
use crate::caller::Caller;
use crate::error::ApiError;

/// A value that personal content may hide: itself, or the note that its key was destroyed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[serde(untagged)]
pub enum Shown<T> {
    /// The value.
    Open(T),
    /// It was erased.
    Erased(Erased),
}

/// Stands where a value was whose key was destroyed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct Erased {
    /// Always true.
    pub erased: bool,
    /// When, if that is known.
    #[schema(format = DateTime)]
    pub at: Option<String>,
    /// The certificate of the erasure, if there is one.
    pub certificate: Option<Uuid>,
}

impl Erased {
    /// Of a value whose key this erasure destroyed; of one whose key went otherwise, without date and certificate.
    #[must_use]
    pub fn by(tombstone: Option<Tombstone>) -> Self {
        Self {
            erased: true,
            at: tombstone.map(|tombstone| tombstone.at.to_string()),
            certificate: tombstone.map(|tombstone| tombstone.erasure),
        }
    }

    /// Of a sealed value whose key was asked for and does not exist.
    pub(crate) fn of<T>(vault: &Vault, ws: WorkspaceId, sealed: &Sealed<T>) -> Self {
        let key = sealed.cipher().map(|cipher| cipher.key);
        Self::by(key.and_then(|key| vault.tombstone_cached(ws, key)))
    }
}

/// Opens a value that came from an event of `stream`. For a page of values load their keys first with one
/// `app.vault().load_keys`.
pub async fn open<T: DeserializeOwned + Clone>(
    app: &App,
    caller: &Caller,
    stream: impl Into<Uuid>,
    field: &str,
    sealed: &Sealed<T>,
) -> Result<Shown<T>, ApiError> {
    open_in(app, caller.ws, stream, field, sealed).await
}

/// The same where nobody has signed in yet.
pub(crate) async fn open_in<T: DeserializeOwned + Clone>(
    app: &App,
    ws: WorkspaceId,
    stream: impl Into<Uuid>,
    field: &str,
    sealed: &Sealed<T>,
) -> Result<Shown<T>, ApiError> {
    Ok(match app.vault().open_sealed(ws, stream.into(), field, sealed).await? {
        Opened::Open(value) => Shown::Open(value),
        Opened::Forgotten => Shown::Erased(Erased::of(app.vault(), ws, sealed)),
    })
}
