//! Reads: query parameters, ids in addresses, and answers that are at least as new as asked for.

use std::str::FromStr;

use axum::extract::rejection::QueryRejection;
use axum::extract::{FromRequestParts, Path, Query};
use decider::LogPosition;
use event_store::projection::Freshness;
use http::HeaderMap;
use http::request::Parts;
use serde::de::DeserializeOwned;

use crate::answer::{LOG_POSITION, Stale};
use crate::app::App;
use crate::caller::Caller;
use crate::error::{ApiError, Kind};

/// An id in the address. What is no id names nothing, so it answers as what does not exist.
pub struct Id<T>(pub T);

impl<S, T> FromRequestParts<S> for Id<T>
where
    S: Send + Sync,
    T: DeserializeOwned + Send,
{
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, ApiError> {
        match Path::from_request_parts(parts, state).await {
            Ok(Path(id)) => Ok(Self(id)),
            Err(_) => Err(ApiError::not_found()),
        }
    }
}

/// Query parameters. Unknown ones are refused if the type says `#[serde(deny_unknown_fields)]`, as all do.
pub struct Params<T>(pub T);

impl<S, T> FromRequestParts<S> for Params<T>
where
    S: Send + Sync,
    T: DeserializeOwned,
{
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, ApiError> {
        // No text that is stored holds a NUL, and the database does not even take one to look for it.
        if parts.uri.query().is_some_and(|query| query.contains("%00")) {
            return Err(explain_nul(parts.uri.query().unwrap_or_default()));
        }
        match Query::<T>::try_from_uri(&parts.uri) {
            Ok(Query(params)) => Ok(Self(params)),
            Err(rejection) => Err(explain(&rejection)),
        }
    }
}

fn explain_nul(query: &str) -> ApiError {
    let pair = query.split('&').find(|pair| pair.contains("%00")).unwrap_or_default();
    let name = pair.split('=').next().filter(|name| !name.contains('%')).unwrap_or_default();
    ApiError::malformed_field(name, "invalid_parameter", "contains a character that is not allowed")
}

fn explain(rejection: &QueryRejection) -> ApiError {
    let said = rejection.body_text();
    let said = said.rsplit("query string: ").next().unwrap_or_default();
    if let Some((_, rest)) = said.split_once("unknown field `") {
        let name = rest.split('`').next().unwrap_or_default();
        return ApiError::malformed_field(
            name,
            "unknown_parameter",
            "this parameter is not known here",
        );
    }
    if let Some((_, rest)) = said.split_once("missing field `") {
        let name = rest.split('`').next().unwrap_or_default();
        return ApiError::malformed_field(name, "missing_parameter", "this parameter is missing");
    }
    if let Some((_, rest)) = said.split_once("duplicate field `") {
        let name = rest.split('`').next().unwrap_or_default();
        return ApiError::malformed_field(
            name,
            "invalid_parameter",
            "this parameter is given twice",
        );
    }
    let name = said.split(": ").next().filter(|name| !name.contains(' ')).unwrap_or_default();
    ApiError::malformed_field(name, "invalid_parameter", "this is not a value of the right form")
}

/// The position that the answer must have reached: the header `Log-Position`. Reads that fold the log itself are always as
/// new as that; the form of the header is checked for them too (see [`crate::caller::authenticate`]).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AtLeast(pub Option<LogPosition>);

impl<S: Send + Sync> FromRequestParts<S> for AtLeast {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, ApiError> {
        Self::of(&parts.headers)
    }
}

impl AtLeast {
    /// At least as new as another position too.
    #[must_use]
    pub fn and(self, position: LogPosition) -> Self {
        Self(Some(self.0.map_or(position, |asked| asked.max(position))))
    }

    /// What the headers ask for.
    pub(crate) fn of(headers: &HeaderMap) -> Result<Self, ApiError> {
        let Some(value) = headers.get(LOG_POSITION) else { return Ok(Self(None)) };
        let position = value.to_str().ok().and_then(|text| LogPosition::from_str(text.trim()).ok());
        if position.is_none() {
            let detail = "Log-Position takes a position as a write answered it";
            return Err(ApiError::new(Kind::Malformed, "invalid_log_position", detail));
        }
        Ok(Self(position))
    }
}

impl App {
    /// Waits a moment until users, pipelines, properties and channels are known as far as asked for: names in any answer come
    /// from there.
    pub(crate) async fn await_directory(&self, caller: &Caller, at_least: AtLeast) -> Stale {
        let Some(position) = at_least.0 else { return Stale(false) };
        let at_most = self.settings().limits.view_within;
        let seen = self.handler().has_seen(caller.ws, position, at_most).await;
        Stale(!seen.unwrap_or(false))
    }

    /// Waits a moment until a view is as new as asked for. Call it before the query; its answer goes into the response.
    ///
    /// # Errors
    /// 503 while the view is being built and has not shown anything yet.
    pub async fn await_view(
        &self,
        caller: &Caller,
        at_least: AtLeast,
        view: &str,
    ) -> Result<Stale, ApiError> {
        if self.checkpoints().is_building(view) {
            return Err(self.view_building(view).await);
        }
        let Some(position) = at_least.0 else { return Ok(Stale(false)) };
        if self.handler().recent().continuity().is_rewound(caller.ws) {
            // Whatever a view holds, it is not what was written up to that position.
            return Ok(Stale(true));
        }
        let at_most = self.settings().limits.view_within;
        let freshness = self.checkpoints().wait(caller.ws, view, position, at_most).await;
        Ok(Stale(freshness == Freshness::Stale))
    }

    async fn view_building(&self, view: &str) -> ApiError {
        let builds = self.rebuilding().builds().await.unwrap_or_default();
        let build = builds.iter().find(|build| build.name == view && build.state.is_building());
        let far = build.map_or(String::new(), |build| {
            let left = build.seconds_left().map(|left| format!(", about {left} s left"));
            let (done, total) = (build.events_done, build.events_total);
            format!(": {done} of {total} events{}", left.unwrap_or_default())
        });
        let detail =
            format!("this list is being built after an upgrade{far}; tickets can be opened");
        let after = build.and_then(|build| build.seconds_left()).unwrap_or(1).clamp(1, 30);
        ApiError::unavailable("view_building", detail).retry_after(after)
    }
}

#[cfg(test)]
mod tests {
    use serde::Deserialize;

    use super::*;

    #[derive(Debug, Deserialize)]
    #[serde(deny_unknown_fields)]
    #[expect(dead_code, reason = "only read")]
    struct Wanted {
        limit: Option<u16>,
        name: String,
    }

    async fn refused(query: &str) -> (String, String) {
        let request = http::Request::get(format!("/x?{query}")).body(()).unwrap();
        let (mut parts, ()) = request.into_parts();
        let error = Params::<Wanted>::from_request_parts(&mut parts, &()).await.err().unwrap();
        (error.code().to_owned(), format!("{error:?}"))
    }

    #[tokio::test]
    async fn a_wrong_parameter_is_named() {
        for (query, code, field) in [
            ("name=a&limt=1", "unknown_parameter", "\"limt\""),
            ("limit=1", "missing_parameter", "\"name\""),
            ("name=a&limit=x", "invalid_parameter", "\"limit\""),
            ("name=a&name=b", "invalid_parameter", "\"name\""),
            ("limit=1&name=a%00b", "invalid_parameter", "\"name\""),
        ] {
            let (found, error) = refused(query).await;
            assert_eq!(found, code, "{query}: {error}");
            assert!(error.contains(field), "{query}: {error}");
        }
    }

    #[tokio::test]
    async fn a_position_that_is_none_is_refused() {
        for (value, expected) in [("17", Some(17)), ("-1", None), ("x", None), ("", None)] {
            let request = http::Request::get("/").header(LOG_POSITION, value).body(()).unwrap();
            let (mut parts, ()) = request.into_parts();
            let read = AtLeast::from_request_parts(&mut parts, &()).await.ok();
            assert_eq!(read, expected.map(|position| AtLeast(Some(LogPosition(position)))));
        }
    }
}
