//! Pages of views as lists: their place in the order becomes a cursor that only we can make.

use decider::Version;
use projections::Cursor;
use uuid::Uuid;

use crate::app::App;
use crate::caller::Caller;
use crate::error::{ApiError, Kind};
use crate::list::Listed;

/// Where a page begins.
pub fn start(
    app: &App,
    caller: &Caller,
    list: &str,
    cursor: Option<&str>,
) -> Result<Option<Cursor>, ApiError> {
    let text: Option<String> = app.read_cursor(caller, list, cursor)?;
    let detail = "this cursor is none of this list";
    let invalid = |_| ApiError::new(Kind::Malformed, "invalid_cursor", detail);
    text.map(|text| text.parse().map_err(invalid)).transpose()
}

/// A page with its items shown.
pub fn listed<T>(
    app: &App,
    caller: &Caller,
    list: &str,
    next: Option<Cursor>,
    items: Vec<T>,
) -> Listed<T> {
    let next_cursor = next.map(|next| app.cursor(caller, list, &next.to_string()));
    Listed { items, next_cursor }
}

impl App {
    /// How many events a stream has.
    pub(crate) async fn version_of(
        &self,
        caller: &Caller,
        id: impl Into<Uuid>,
    ) -> Result<Version, ApiError> {
        let versions = self.reader().versions(caller.ws, &[id.into()]).await?;
        Ok(versions.first().copied().unwrap_or_default())
    }
}
