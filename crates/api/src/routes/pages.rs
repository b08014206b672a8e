//! The few pages that the service makes itself: where things are, and the form of the one-time setup link. No script.

use axum::Router;
use axum::extract::rejection::QueryRejection;
use axum::extract::{Form, OriginalUri, Query, State};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use events::sign_in::SignInMethod;
use http::{HeaderMap, HeaderValue, StatusCode, header};
use serde::Deserialize;
use sha2::{Digest, Sha256};

use super::session::{Client, begin};
use super::setup::{SetupBody, first_administrator};
use crate::app::App;
use crate::error::{ApiError, Kind};
use crate::origin;

const STYLE: &str = include_str!("pages/style.css");

pub fn routes(start_page: bool) -> Router<App> {
    let router = Router::new().route("/setup", get(setup_form).post(set_up));
    if start_page { router.route("/", get(start)) } else { router }
}

#[derive(Deserialize)]
struct SetupQuery {
    #[serde(default)]
    token: String,
}

async fn start() -> Response {
    page(StatusCode::OK, "Ledgerdesk", include_str!("pages/start.html"))
}

/// The form, for who has a link that still works; nobody should fill it in for nothing.
async fn setup_form(
    State(app): State<App>,
    query: Result<Query<SetupQuery>, QueryRejection>,
) -> Response {
    let token = query.map_or_else(|_| String::new(), |Query(query)| query.token);
    match app.ops().setup.peek_setup(&token, app.now()).await {
        Ok(None) => {
            page(StatusCode::GONE, "This link no longer works", include_str!("pages/spent.html"))
        }
        // When it cannot be told now, sending the form will tell.
        Ok(Some(_)) | Err(_) => form(StatusCode::OK, &token, ["", ""], None),
    }
}

async fn set_up(
    State(app): State<App>,
    OriginalUri(uri): OriginalUri,
    headers: HeaderMap,
    client: Client,
    Form(body): Form<SetupBody>,
) -> Response {
    let signed_in = async {
        origin::check(&headers, &uri, app.settings().public_url.as_deref())?;
        let (ws, user) = first_administrator(&app, &body).await?;
        begin(&app, (ws, user), (SignInMethod::SetupLink, client.address)).await
    };
    match signed_in.await {
        Ok(session) => {
            let mut response =
                page(StatusCode::OK, "Ledgerdesk is set up", include_str!("pages/done.html"));
            if let Some(cookie) = session.headers().get(header::SET_COOKIE) {
                response.headers_mut().insert(header::SET_COOKIE, cookie.clone());
            }
            response
        }
        Err(error) => {
            let (status, message) = (error.kind().status(), message(&error));
            // Turning it into a response is what logs a failure.
            let _ = error.into_response();
            form(status, &body.token, [&body.name, &body.email], Some(&message))
        }
    }
}

fn message(error: &ApiError) -> String {
    match error.kind() {
        Kind::Invalid | Kind::Conflict if !error.fields().is_empty() => {
            let lines =
                error.fields().iter().map(|field| format!("{}: {}", field.field, field.message));
            lines.collect::<Vec<_>>().join("; ")
        }
        _ => error.detail().to_owned(),
    }
}

fn form(
    status: StatusCode,
    token: &str,
    [name, email]: [&str; 2],
    problem: Option<&str>,
) -> Response {
    let problem =
        problem.map(|text| format!("<p role=\"alert\">{}</p>", escaped(text))).unwrap_or_default();
    let content = include_str!("pages/setup.html")
        .replace("{problem}", &problem)
        .replace("{token}", &escaped(token))
        .replace("{name}", &escaped(name))
        .replace("{email}", &escaped(email));
    page(status, "Set up Ledgerdesk", &content)
}

fn page(status: StatusCode, title: &str, content: &str) -> Response {
    let html = format!(
        "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
         <meta name=\"color-scheme\" content=\"light dark\">\n<title>{title}</title>\n\
         <style>{STYLE}</style>\n</head>\n<body>\n<main>\n{content}</main>\n</body>\n</html>\n"
    );
    let mut response =
        (status, [(header::CONTENT_TYPE, "text/html; charset=utf-8")], html).into_response();
    let style = STANDARD.encode(Sha256::digest(STYLE));
    let policy = format!(
        "default-src 'none'; style-src 'sha256-{style}'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'"
    );
    if let Ok(policy) = HeaderValue::try_from(policy) {
        response.headers_mut().insert(header::CONTENT_SECURITY_POLICY, policy);
    }
    // It is a page for people, also when it says what went wrong.
    response.extensions_mut().insert(crate::error::ProblemCode("page".into()));
    response
}

fn escaped(text: &str) -> String {
    let mut safe = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => safe.push_str("&amp;"),
            '<' => safe.push_str("&lt;"),
            '>' => safe.push_str("&gt;"),
            '"' => safe.push_str("&quot;"),
            '\'' => safe.push_str("&#39;"),
            // A brace could begin the name of another place to fill in.
            '{' => safe.push_str("&#123;"),
            other => safe.push(other),
        }
    }
    safe
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::text_of;

    #[tokio::test]
    async fn what_is_filled_in_stays_text() {
        let response = form(StatusCode::OK, "\"><script>", ["{email}", "a'b"], Some("<b>"));
        let html = text_of(response).await;
        assert!(!html.contains("<script>") && !html.contains("<b>"));
        assert!(html.contains("&#123;email}") && html.contains("a&#39;b"));
    }

    #[test]
    fn the_style_is_the_only_thing_a_page_may_load() {
        let response = form(StatusCode::OK, "", ["", ""], None);
        let policy = response.headers()[header::CONTENT_SECURITY_POLICY].to_str().unwrap();
        assert!(policy.starts_with("default-src 'none'; style-src 'sha256-"));
    }
}
