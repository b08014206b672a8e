//! Writes: what a request says about its identity and about the version it has seen, and how a command is sent.

use std::sync::Arc;

use axum::extract::{FromRef, FromRequest, FromRequestParts, Request};
use decider::{Command, CommandId, Event, EventContext, StreamRef, Version};
use event_store::handler::{Accepted, Request as CommandRequest};
use http::request::Parts;
use http::{HeaderMap, header};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use tracing::Instrument;
use utoipa::ToSchema;
use uuid::Uuid;

use crate::answer::Written;
use crate::app::App;
use crate::body::read_json;
use crate::caller::Caller;
use crate::error::{ApiError, Kind};
use crate::json;
use crate::settings::Limits;

/// The longest key, in characters.
const KEY_CHARS_MAX: usize = 255;

/// A request that writes: who, what identifies it, and its body.
pub struct Write<T> {
    /// Who asks.
    pub caller: Caller,
    /// What identifies the request.
    pub meta: Meta,
    /// The body.
    pub body: T,
}

/// The body of requests that need none; `{}` is taken too.
#[derive(Clone, Copy, Debug, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NoBody {}

/// What identifies a write: see `docs/decisions/0005-ids-from-the-idempotency-key.md`.
#[derive(Clone, Debug)]
pub struct Meta {
    /// The command's identity.
    pub command: CommandId,
    /// Whether the client chose it, and may repeat it.
    pub keyed: bool,
    /// The version the client has seen, if it cares.
    pub expected: Option<Version>,
    /// What the client sent, in its one spelling: method, path, JSON.
    pub canonical: Vec<u8>,
}

impl Meta {
    /// An id for something this request makes. With a key it is the same on every repeat; without one it is ordered by time.
    #[must_use]
    pub fn new_id<Id: From<Uuid>>(&self, what: &str) -> Id {
        if self.keyed {
            Uuid::new_v5(&self.command.0, what.as_bytes()).into()
        } else {
            Uuid::now_v7().into()
        }
    }

    /// The identity of a further command of the same request. It expects no version: the first has checked it.
    #[must_use]
    pub fn part(&self, what: &str) -> Self {
        let command = CommandId(Uuid::new_v5(&self.command.0, format!("part\n{what}").as_bytes()));
        Self { command, expected: None, ..self.clone() }
    }
}

/// The stream of an aggregate, such as `target::<TicketEvent>(ticket_id)`.
pub fn target<E: Event>(id: impl Into<Uuid>) -> StreamRef {
    StreamRef { kind: E::KIND, id: id.into() }
}

impl App {
    /// Sends a command. `If-Match` speaks about the version of `target`.
    ///
    /// # Errors
    /// What the handler refuses or fails with.
    pub async fn execute(
        &self,
        caller: &Caller,
        meta: &Meta,
        target: StreamRef,
        command: impl Command,
    ) -> Result<Accepted, ApiError> {
        let span = tracing::info_span!(
            "command",
            command.name = command.name(),
            stream.kind = target.kind,
            stream.id = %target.id,
        );
        let request = CommandRequest {
            ws: caller.ws,
            id: meta.command,
            body: meta.canonical.clone(),
            actor: caller.actor,
            context: EventContext {
                token: caller.token.map(Uuid::from),
                ..EventContext::default()
            },
            expected: meta.expected.map(|version| (target, version)),
            command: Arc::new(command),
        };
        Ok(self.handler().handle(request).instrument(span).await?)
    }

    /// Sends a command and says what a client may rely on: id, version and position of `target`.
    ///
    /// # Errors
    /// As [`Self::execute`].
    pub async fn write<T>(
        &self,
        write: &Write<T>,
        target: StreamRef,
        command: impl Command,
    ) -> Result<Written, ApiError> {
        let accepted = self.execute(&write.caller, &write.meta, target, command).await?;
        self.written(&write.caller, target.id, &accepted).await
    }

    /// What a client may rely on after a command; the same for a repeat.
    ///
    /// # Errors
    /// When the log does not answer.
    pub async fn written(
        &self,
        caller: &Caller,
        id: Uuid,
        accepted: &Accepted,
    ) -> Result<Written, ApiError> {
        let version = match accepted.version_of(id) {
            Some(version) => version,
            None => self.reader().version_at(caller.ws, id, accepted.position).await?,
        };
        Ok(Written { id, version, position: accepted.position.to_string() })
    }
}

impl<S, T> FromRequest<S> for Write<T>
where
    S: Send + Sync,
    Limits: FromRef<S>,
    T: DeserializeOwned,
{
    type Rejection = ApiError;

    async fn from_request(request: Request, state: &S) -> Result<Self, ApiError> {
        let (mut parts, body) = request.into_parts();
        let caller = Caller::from_request_parts(&mut parts, state).await?;
        let key = idempotency_key(&parts.headers)?;
        let expected = expected_version(&parts.headers)?;
        let start = start_of_canonical(&parts);
        let json = read_json(Request::from_parts(parts, body), state).await?;
        let mut canonical = start;
        canonical.extend_from_slice(&json::canonical(&json));
        let meta = Meta {
            command: key.as_deref().map_or_else(
                || CommandId(Uuid::now_v7()),
                |key| CommandId::from_key(caller.ws, caller.actor, key),
            ),
            keyed: key.is_some(),
            expected,
            canonical,
        };
        Ok(Self { caller, meta, body: json::typed(json)? })
    }
}

/// The same key at another address is another request, so the address belongs to what is compared.
pub(crate) fn start_of_canonical(parts: &Parts) -> Vec<u8> {
    // Nested routers see a shortened address; the whole one is beside it.
    let uri = parts.extensions.get::<axum::extract::OriginalUri>().map_or(&parts.uri, |uri| &uri.0);
    format!("{}\n{}\n", parts.method, uri.path()).into_bytes()
}

/// The key of a request: 1 to 255 visible characters.
pub(crate) fn idempotency_key(headers: &HeaderMap) -> Result<Option<String>, ApiError> {
    let mut values = headers.get_all("idempotency-key").iter();
    let Some(value) = values.next() else { return Ok(None) };
    let key = value.to_str().unwrap_or_default().trim();
    let sound = (1..=KEY_CHARS_MAX).contains(&key.len())
        && key.bytes().all(|byte| (b' '..=b'~').contains(&byte))
        && values.next().is_none();
    if sound {
        return Ok(Some(key.to_owned()));
    }
    let detail = "Idempotency-Key takes 1 to 255 visible ASCII characters, once";
    Err(ApiError::new(Kind::Malformed, "invalid_idempotency_key", detail))
}

/// The version of an `If-Match: "7"` header.
pub(crate) fn expected_version(headers: &HeaderMap) -> Result<Option<Version>, ApiError> {
    let mut values = headers.get_all(header::IF_MATCH).iter();
    let Some(value) = values.next() else { return Ok(None) };
    let text = value.to_str().unwrap_or_default().trim();
    let digits = text.strip_prefix('"').and_then(|text| text.strip_suffix('"')).unwrap_or_default();
    let sound = !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit());
    match digits.parse::<Version>() {
        Ok(version) if sound && values.next().is_none() => Ok(Some(version)),
        Ok(_) | Err(_) => {
            let detail = "If-Match takes one version in quotes, such as \"7\"";
            Err(ApiError::new(Kind::Malformed, "invalid_if_match", detail))
        }
    }
}

#[cfg(test)]
mod tests {
    use axum::body::Body;
    use events::UserId;
    use http::HeaderValue;

    use super::*;

    const BODY: &str = r#"{"name":"Printer"}"#;

    #[derive(Debug, Deserialize)]
    #[serde(deny_unknown_fields)]
    #[expect(dead_code, reason = "only read")]
    struct Named {
        name: String,
    }

    fn request(key: Option<&'static str>, body: &'static str) -> Request {
        let mut request = http::Request::post("/api/v1/tickets")
            .header("content-type", "application/json; charset=utf-8")
            .extension(Caller::for_tests(UserId(Uuid::from_u128(1))))
            .body(Body::from(body))
            .unwrap();
        if let Some(key) = key {
            request.headers_mut().insert("idempotency-key", HeaderValue::from_static(key));
        }
        request
    }

    async fn read(key: Option<&'static str>, body: &'static str) -> Write<Named> {
        Write::from_request(request(key, body), &Limits::default()).await.ok().unwrap()
    }

    async fn refusal(request: Request) -> String {
        let read = Write::<Named>::from_request(request, &Limits::default()).await;
        read.err().unwrap().code().to_owned()
    }

    #[tokio::test]
    async fn a_repeat_with_the_same_key_is_the_same_command_and_makes_the_same_ids() {
        let (one, two) =
            (read(Some("k1"), BODY).await, read(Some("k1"), r#"{ "name": "Printer" }"#).await);
        assert_eq!(one.meta.command, two.meta.command);
        assert_eq!(one.meta.canonical, two.meta.canonical);
        assert_eq!(one.meta.new_id::<Uuid>("ticket"), two.meta.new_id::<Uuid>("ticket"));
        assert_ne!(one.meta.new_id::<Uuid>("ticket"), one.meta.new_id::<Uuid>("message"));
        assert_ne!(one.meta.command, one.meta.part("role").command);
    }

    #[tokio::test]
    async fn the_same_key_with_another_body_is_told_apart_by_the_body() {
        let (one, two) = (read(Some("k1"), BODY).await, read(Some("k1"), r#"{"name":"x"}"#).await);
        assert_eq!(one.meta.command, two.meta.command);
        assert_ne!(one.meta.canonical, two.meta.canonical);
    }

    #[tokio::test]
    async fn without_a_key_every_request_is_another_command() {
        let (one, two) = (read(None, BODY).await, read(None, BODY).await);
        assert_ne!(one.meta.command, two.meta.command);
        assert_eq!(one.meta.new_id::<Uuid>("ticket").get_version_num(), 7);
    }

    #[test]
    fn a_key_is_visible_and_bounded() {
        let key = |value: &str| {
            let value = HeaderValue::from_bytes(value.as_bytes()).unwrap();
            idempotency_key(&HeaderMap::from_iter([("idempotency-key".parse().unwrap(), value)]))
        };
        assert_eq!(key("a b").unwrap(), Some("a b".to_owned()));
        assert!(key(&"k".repeat(255)).is_ok());
        for wrong in ["", " ", "ä", &"k".repeat(256)] {
            assert!(key(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn an_expected_version_is_one_strong_tag() {
        let version = |value: &'static str| {
            let value = HeaderValue::from_static(value);
            expected_version(&HeaderMap::from_iter([(header::IF_MATCH, value)]))
        };
        assert_eq!(version("\"7\"").unwrap(), Some(7));
        for wrong in
            ["7", "*", "W/\"7\"", "\"x\"", "\"\"", "\"7\", \"8\"", "\"+7\"", "\"4294967296\""]
        {
            assert!(version(wrong).is_err(), "{wrong}");
        }
    }

    #[tokio::test]
    async fn what_is_not_json_is_refused_before_it_is_read() {
        let mut form = request(None, BODY);
        form.headers_mut().insert("content-type", HeaderValue::from_static("text/plain"));
        assert_eq!(refusal(form).await, "unsupported_media_type");
        let mut untyped = request(None, BODY);
        untyped.headers_mut().remove("content-type");
        assert_eq!(refusal(untyped).await, "unsupported_media_type");
        let mut huge = request(None, BODY);
        huge.headers_mut().insert("content-length", HeaderValue::from_static("99999999"));
        assert_eq!(refusal(huge).await, "too_large");
        let long = http::Request::post("/").header("content-type", "application/json");
        let caller = Caller::for_tests(UserId(Uuid::nil()));
        let body = Body::from(vec![b' '; Limits::default().json_bytes_max + 1]);
        assert_eq!(refusal(long.extension(caller).body(body).unwrap()).await, "too_large");
    }

    #[tokio::test]
    async fn who_has_not_signed_in_is_told_so_first() {
        let request = http::Request::post("/").body(Body::from("nonsense")).unwrap();
        assert_eq!(refusal(request).await, "unauthenticated");
    }

    #[tokio::test]
    async fn a_missing_body_counts_as_an_empty_object() {
        let caller = Caller::for_tests(UserId(Uuid::nil()));
        let request = http::Request::delete("/").extension(caller).body(Body::empty()).unwrap();
        assert!(Write::<NoBody>::from_request(request, &Limits::default()).await.is_ok());
    }
}
