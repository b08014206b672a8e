//! From a moment that was asked for to a place in the log, and back to what an answer says about it.

use decider::{LogPosition, StoredEvent, Timestamp, Version};
use projections::effect::{Effect, happened_at, is_said};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use uuid::Uuid;

use super::moment::Moment;
use crate::app::App;
use crate::caller::Caller;
use crate::error::{ApiError, Kind};

/// The parameter that names the place.
pub const AS_OF: &str = "as_of";

/// An earlier place, as the fold asks for it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum At {
    /// What had been recorded up to a position.
    Position(LogPosition),
    /// What had happened by an instant.
    Instant(Timestamp),
}

/// Which place an answer shows.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct AsOfShown {
    /// The instant that was asked for, else when the newest event that is included was recorded.
    #[schema(format = DateTime)]
    pub instant: String,
    /// The position that was asked for, else that of the newest event that is included.
    pub position: String,
    /// The version of the newest event that is included; null for a list.
    pub version: Option<Version>,
}

/// An answer, and the place it shows when it was asked for one.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct Travelled<T> {
    /// What is shown.
    #[serde(flatten)]
    pub shown: T,
    /// Which place it shows. It is read-only: a write always starts from the present.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub as_of: Option<AsOfShown>,
}

/// The place that is asked for, where nothing else is asked.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct AsOfQuery {
    /// The thing as it was (Z04): an instant (`2026-03-29T02:30:00+02:00`, `2026-03-29T02:30[Europe/Paris]`), a position of the
    /// log (`position:123`, or bare digits) or a version (`version:7`).
    pub as_of: Option<String>,
}

impl AsOfQuery {
    /// The moment that is asked for.
    ///
    /// # Errors
    /// 400, naming the parameter.
    pub fn moment(&self) -> Result<Option<Moment>, ApiError> {
        read(AS_OF, self.as_of.as_deref())
    }
}

impl<T> Travelled<T> {
    /// The present.
    pub const fn now(shown: T) -> Self {
        Self { shown, as_of: None }
    }

    /// An earlier place.
    pub const fn then(shown: T, as_of: AsOfShown) -> Self {
        Self { shown, as_of: Some(as_of) }
    }
}

/// The name of a list for its cursors: pages of one place go on with pages of the same.
#[must_use]
pub fn list_at(list: &str, moment: Option<Moment>) -> String {
    moment.map_or_else(|| list.to_owned(), |moment| format!("{list}@{moment}"))
}

impl At {
    /// What an answer says about it; `newest` is the newest event that is included.
    #[must_use]
    pub fn shown(self, newest: (LogPosition, Timestamp), version: Option<Version>) -> AsOfShown {
        let (position, instant) = match self {
            Self::Position(position) => (position, newest.1),
            Self::Instant(instant) => (newest.0, instant),
        };
        AsOfShown { instant: instant.to_string(), position: position.to_string(), version }
    }

    /// Whether a change is included; `effect` is where the changes before it have led.
    pub fn includes_change(self, event: &StoredEvent, effect: &mut Effect) -> bool {
        let at = effect.follow(event);
        match self {
            Self::Position(position) => event.position <= position,
            Self::Instant(instant) => at <= instant,
        }
    }

    /// Whether something that was said is included.
    #[must_use]
    pub fn includes_said(self, event: &StoredEvent) -> bool {
        debug_assert!(is_said(event));
        match self {
            Self::Position(position) => event.position <= position,
            Self::Instant(instant) => happened_at(event) <= instant,
        }
    }
}

/// Reads a moment that was asked for.
///
/// # Errors
/// 400, naming the field.
pub fn moment(field: &str, text: &str) -> Result<Moment, ApiError> {
    text.parse::<Moment>()
        .map_err(|error| ApiError::malformed_field(field, error.code(), error.to_string()))
}

/// The same where it may be left out.
///
/// # Errors
/// 400, naming the field.
pub fn read(field: &str, text: Option<&str>) -> Result<Option<Moment>, ApiError> {
    text.map(|text| moment(field, text)).transpose()
}

/// The place of a moment. `stream` is what a version counts; it exists, and the caller may see it.
///
/// # Errors
/// 422 for what lies in the future, 400 for a version of something that has none.
pub async fn resolve(
    app: &App,
    caller: &Caller,
    stream: Option<Uuid>,
    (field, moment): (&str, Moment),
) -> Result<At, ApiError> {
    match moment {
        Moment::Instant(instant) => {
            let is_past = instant <= app.now() || instant <= app.reader().head(caller.ws).await?.at;
            if is_past { Ok(At::Instant(instant)) } else { Err(in_the_future(field)) }
        }
        Moment::Position(position) => {
            let is_past = position <= app.reader().head(caller.ws).await?.position;
            if is_past { Ok(At::Position(position)) } else { Err(in_the_future(field)) }
        }
        Moment::Version(version) => {
            let Some(stream) = stream else {
                let message = "a version belongs to one thing; say an instant or a position";
                return Err(ApiError::malformed_field(field, "invalid_parameter", message));
            };
            let Some(before) = version.checked_sub(1) else {
                return Ok(At::Position(LogPosition(0)));
            };
            let found = app.reader().stream_page(caller.ws, stream, before, 1).await?;
            let event = found.first().ok_or_else(|| in_the_future(field))?;
            Ok(At::Position(event.position))
        }
    }
}

fn in_the_future(field: &str) -> ApiError {
    ApiError::invalid_field(field, "in_the_future", "lies in the future")
}

/// 404 for what exists now and did not then.
pub fn not_yet_created() -> ApiError {
    let detail = "this did not exist yet at the time that was asked for";
    ApiError::new(Kind::NotFound, "not_yet_created", detail)
}
