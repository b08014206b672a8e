//! Sealed values on their way out: opened, or shown as erased.

use decider::{Opened, Sealed, WorkspaceId};
use serde::Serialize;
use serde::de::DeserializeOwned;
use utoipa::ToSchema;
use uuid::Uuid;

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
    /// Without date and certificate.
    pub const PLAIN: Self = Self { erased: true, at: None, certificate: None };
}

impl<T> From<Opened<T>> for Shown<T> {
    fn from(opened: Opened<T>) -> Self {
        match opened {
            Opened::Open(value) => Self::Open(value),
            Opened::Forgotten => Self::Erased(Erased::PLAIN),
        }
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
    Ok(app.vault().open_sealed(ws, stream.into(), field, sealed).await?.into())
}
