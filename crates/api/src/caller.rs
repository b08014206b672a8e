//! Who asks: a bearer token or the session cookie, resolved before anything else of a request is looked at.

use std::sync::Arc;

use access::{Right, Scope};
use axum::extract::{FromRequestParts, MatchedPath, Request, State};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use decider::{Actor, WorkspaceId};
use events::{TokenId, UserId};
use http::request::Parts;
use http::{HeaderMap, Method, header};

use crate::answer::Stale;
use crate::app::App;
use crate::error::{ApiError, Kind, ProblemCode};
use crate::origin;
use crate::read::AtLeast;

/// The name of the session cookie.
pub const SESSION_COOKIE: &str = "ledgerdesk_session";

/// Who asks, and what they may do. Every protected route can take it; see [`authenticate`].
#[derive(Clone)]
pub struct Caller {
    /// The workspace of the session or token.
    pub ws: WorkspaceId,
    /// The user.
    pub user: UserId,
    /// The user as an actor.
    pub actor: Actor,
    /// The token, if one was used.
    pub token: Option<TokenId>,
    /// What they may see and do.
    pub scope: Scope,
    session: Option<Arc<str>>,
}

impl Caller {
    /// Refuses those who lack a right: for reads that no command decides about.
    ///
    /// # Errors
    /// 403, naming the right.
    pub fn require(&self, right: Right) -> Result<(), ApiError> {
        if self.scope.has(right) { Ok(()) } else { Err(ApiError::missing_right(right)) }
    }

    /// Whether a request would be let in now with the same credential and the same rights. This is no use of it.
    pub(crate) async fn stands(&self, app: &App) -> Result<bool, ApiError> {
        let valid = match (&self.token, &self.session) {
            (Some(token), _) => app.ops().tokens.is_valid(self.ws, token.0).await?,
            (None, Some(secret)) => app.ops().sessions.is_valid(secret, app.now()).await?,
            (None, None) => false,
        };
        let directory = app.directory(self.ws).await?;
        let account = directory.user(self.user).filter(|account| account.active);
        let scope = account.map(|account| Scope::of(account.role, self.user));
        Ok(valid && scope == Some(self.scope))
    }

    /// The operator at the command line, who holds the key file.
    #[must_use]
    pub const fn operator(ws: WorkspaceId) -> Self {
        let user = UserId(uuid::Uuid::nil());
        let scope = Scope::UNLIMITED;
        Self { ws, user, actor: Actor::SYSTEM, token: None, scope, session: None }
    }

    /// The secret of the session, if one was used.
    #[must_use]
    pub fn session(&self) -> Option<&str> {
        self.session.as_deref()
    }

    #[cfg(test)]
    pub(crate) fn for_tests(user: UserId) -> Self {
        Self {
            ws: WorkspaceId(uuid::Uuid::nil()),
            user,
            actor: Actor::user(user.0),
            token: None,
            scope: Scope::of(events::user::Role::Agent, user),
            session: None,
        }
    }
}

impl<S: Send + Sync> FromRequestParts<S> for Caller {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, ApiError> {
        parts.extensions.get::<Self>().cloned().ok_or_else(ApiError::unauthenticated)
    }
}

/// Lets in those who have signed in, and records what they are refused.
pub async fn authenticate(State(app): State<App>, mut request: Request, next: Next) -> Response {
    let template = request.extensions().get::<MatchedPath>().cloned();
    let method = request.method().clone();
    let caller = match resolve(&app, request.headers()).await {
        Ok(caller) => caller,
        Err(error) => return error.into_response(),
    };
    let sound = check_origin(&app, &caller, &request).and_then(|()| at_least(&request));
    let response = match sound {
        Ok(at_least) => {
            let stale = app.await_directory(&caller, at_least).await;
            request.extensions_mut().insert(caller.clone());
            let response = next.run(request).await;
            if stale == Stale(true) { (stale, response).into_response() } else { response }
        }
        Err(error) => error.into_response(),
    };
    if response.status() == Kind::Forbidden.status() {
        let template = template.as_ref().map_or("", |path| path.as_str());
        let code = response.extensions().get::<ProblemCode>().cloned();
        record_refusal(&app, &caller, (&method, template), code).await;
    }
    response
}

async fn resolve(app: &App, headers: &HeaderMap) -> Result<Caller, ApiError> {
    let now = app.now();
    let (ws, user, token, session) = match bearer(headers)? {
        Some(secret) => {
            let found = app.ops().tokens.resolve(secret, now).await?;
            let found = found.ok_or_else(ApiError::unauthenticated)?;
            (found.ws, found.user, Some(TokenId(found.id)), None)
        }
        None => {
            let secret = session_cookie(headers).ok_or_else(ApiError::unauthenticated)?;
            let found = app.ops().sessions.resolve(secret, now).await?;
            let found = found.ok_or_else(ApiError::unauthenticated)?;
            (found.ws, found.user, None, Some(Arc::from(secret)))
        }
    };
    let user = UserId(user);
    // Only for those who are proven: an unknown user costs a look at the log.
    let directory = app.directory_where(ws, |known| known.user(user).is_some()).await?;
    let account = directory.user(user).filter(|account| account.active);
    let role = account.ok_or_else(ApiError::unauthenticated)?.role;
    let actor = Actor::user(user.0);
    Ok(Caller { ws, user, actor, token, scope: Scope::of(role, user), session })
}

/// The token of the Authorization header; another scheme is refused rather than overlooked.
fn bearer(headers: &HeaderMap) -> Result<Option<&str>, ApiError> {
    let Some(value) = headers.get(header::AUTHORIZATION) else { return Ok(None) };
    let (scheme, secret) = value
        .to_str()
        .ok()
        .and_then(|text| text.split_once(' '))
        .ok_or_else(ApiError::unauthenticated)?;
    if scheme.eq_ignore_ascii_case("bearer") {
        Ok(Some(secret.trim()))
    } else {
        Err(ApiError::unauthenticated())
    }
}

/// The session of the Cookie header.
pub(crate) fn session_cookie(headers: &HeaderMap) -> Option<&str> {
    headers
        .get_all(header::COOKIE)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|text| text.split(';'))
        .filter_map(|pair| pair.trim().split_once('='))
        .find_map(|(name, value)| (name == SESSION_COOKIE && !value.is_empty()).then_some(value))
}

/// A browser sends the cookie by itself, also when another site made it write.
fn check_origin(app: &App, caller: &Caller, request: &Request) -> Result<(), ApiError> {
    let reads = [Method::GET, Method::HEAD, Method::OPTIONS].contains(request.method());
    if reads || caller.session.is_none() {
        return Ok(());
    }
    origin::check(request.headers(), request.uri(), app.settings().public_url.as_deref())
}

/// A position that is none is refused on every read, also where the answer is always the newest.
fn at_least(request: &Request) -> Result<AtLeast, ApiError> {
    let reads = request.method() == Method::GET;
    if reads { AtLeast::of(request.headers()) } else { Ok(AtLeast(None)) }
}

async fn record_refusal(
    app: &App,
    caller: &Caller,
    (method, template): (&Method, &str),
    code: Option<ProblemCode>,
) {
    let refusal = ops::Refusal {
        at: app.now(),
        actor: caller.actor,
        code: code.as_ref().map_or("forbidden", |code| &code.0),
        method: method.as_str(),
        path_template: template,
    };
    if let Err(error) = app.ops().refusals.record(caller.ws, refusal).await {
        tracing::warn!(error.chain = crate::chain::describe(&error), "a refusal was not recorded");
    }
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    fn with(name: header::HeaderName, value: &'static str) -> HeaderMap {
        HeaderMap::from_iter([(name, HeaderValue::from_static(value))])
    }

    #[test]
    fn the_session_is_found_among_other_cookies() {
        let headers = with(header::COOKIE, "a=b; ledgerdesk_session=secret; c=d");
        assert_eq!(session_cookie(&headers), Some("secret"));
        assert_eq!(session_cookie(&with(header::COOKIE, "xledgerdesk_session=secret")), None);
        assert_eq!(session_cookie(&with(header::COOKIE, "ledgerdesk_session=")), None);
    }

    #[test]
    fn only_bearer_tokens_are_taken() {
        let token =
            |value| bearer(&with(header::AUTHORIZATION, value)).map(|t| t.map(str::to_owned));
        assert_eq!(token("Bearer ldk_x").unwrap(), Some("ldk_x".to_owned()));
        assert_eq!(token("bearer ldk_x").unwrap(), Some("ldk_x".to_owned()));
        assert!(token("Basic YTpi").is_err() && token("ldk_x").is_err());
        assert_eq!(bearer(&HeaderMap::new()).unwrap(), None);
    }
}
