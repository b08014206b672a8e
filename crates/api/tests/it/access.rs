//! Who gets in: sessions, tokens, origins, limits; and what everybody else is told.

use std::sync::atomic::Ordering;

use serde_json::json;

use super::service::{PASSWORD, Service, WS};

const DAY_MICROS: i64 = 24 * 3600 * 1_000_000;

/// Every protected route of the document, with ids filled in.
fn protected() -> Vec<(String, String)> {
    let document = serde_json::to_value(api::openapi()).unwrap();
    let mut routes = Vec::new();
    for (path, methods) in document["paths"].as_object().unwrap() {
        for (method, operation) in methods.as_object().unwrap() {
            if operation["security"].is_array() {
                let filled = path.split('/').map(|part| match part.starts_with('{') {
                    true => "01900000-0000-7000-8000-000000000001",
                    false => part,
                });
                let path = filled.collect::<Vec<_>>().join("/");
                routes.push((method.to_uppercase(), path));
            }
        }
    }
    routes
}

#[tokio::test]
async fn whoever_has_not_signed_in_is_refused_everywhere_whatever_they_send() {
    let service = Service::new().await;
    assert!(protected().len() > 10);
    for (method, path) in protected() {
        for headers in [
            vec![],
            vec![("authorization", "Bearer ldk_x")],
            vec![("cookie", "ledgerdesk_session=x")],
        ] {
            let answer = service.ask(&method, &path, Some(&json!([1])), &headers).await;
            assert_eq!(answer.status, 401, "{method} {path}");
            assert_eq!(answer.headers["content-type"], "application/problem+json");
            assert_eq!(answer.headers["www-authenticate"], "Bearer");
        }
    }
}

#[tokio::test]
async fn a_session_lasts_until_its_user_signs_out() {
    let (service, anna) = Service::set_up().await;
    let me = service.get("/api/v1/me", &[("cookie", &anna)]).await;
    assert_eq!(me.json()["email"], "anna@example.org");
    assert_eq!(me.json()["role"], "super_admin");
    let answer = service.ask("DELETE", "/api/v1/session", None, &[("cookie", &anna)]).await;
    assert_eq!(answer.status, 204);
    assert!(answer.headers["set-cookie"].to_str().unwrap().contains("Max-Age=0"));
    assert_eq!(service.get("/api/v1/me", &[("cookie", &anna)]).await.status, 401);
}

#[tokio::test]
async fn a_session_that_nobody_uses_ends_by_itself() {
    let (service, anna) = Service::set_up().await;
    service.clock.fetch_add(13 * DAY_MICROS, Ordering::Relaxed);
    assert_eq!(service.get("/api/v1/me", &[("cookie", &anna)]).await.status, 200);
    service.clock.fetch_add(15 * DAY_MICROS, Ordering::Relaxed);
    assert_eq!(service.get("/api/v1/me", &[("cookie", &anna)]).await.status, 401);
}

#[tokio::test]
async fn the_cookie_is_out_of_reach_for_scripts_and_other_sites() {
    let (service, _) = Service::set_up().await;
    let body = json!({"email": " ANNA@example.org", "password": PASSWORD});
    let answer = service.post("/api/v1/session", &body, &[]).await;
    let cookie = answer.headers["set-cookie"].to_str().unwrap().to_owned();
    assert!(
        cookie.contains("HttpOnly") && cookie.contains("SameSite=Lax") && cookie.contains("Path=/")
    );
    let evil = [("host", "desk"), ("origin", "https://evil.example")];
    assert_eq!(service.post("/api/v1/session", &body, &evil).await.code(), "bad_origin");
    let session = answer.cookie();
    let headers =
        [("cookie", session.as_str()), ("host", "desk"), ("origin", "https://evil.example")];
    let answer = service.post("/api/v1/tokens", &json!({}), &headers).await;
    assert_eq!((answer.status.as_u16(), answer.code()), (403, "bad_origin".to_owned()));
    let headers = [("cookie", session.as_str()), ("host", "desk"), ("origin", "http://desk")];
    assert_eq!(service.post("/api/v1/tokens", &json!({}), &headers).await.status, 201);
}

#[tokio::test]
async fn guessing_passwords_ends_after_ten_attempts() {
    let (service, _) = Service::set_up().await;
    let wrong = json!({"email": "anna@example.org", "password": "wrong wrong wrong"});
    let unknown = json!({"email": "nobody@example.org", "password": "wrong wrong wrong"});
    assert_eq!(service.post("/api/v1/session", &unknown, &[]).await.code(), "invalid_credentials");
    for _ in 0..10 {
        assert_eq!(
            service.post("/api/v1/session", &wrong, &[]).await.code(),
            "invalid_credentials"
        );
    }
    let answer = service.post("/api/v1/session", &wrong, &[]).await;
    assert_eq!((answer.status.as_u16(), answer.code()), (429, "too_many_attempts".to_owned()));
    assert!(answer.headers.contains_key("retry-after"));
}

#[tokio::test]
async fn a_token_works_until_it_is_revoked_and_is_shown_once() {
    let (service, anna) = Service::set_up().await;
    let headers = [("cookie", anna.as_str()), ("idempotency-key", "t1")];
    let made = service.post("/api/v1/tokens", &json!({"name": "Script"}), &headers).await;
    assert_eq!(made.status, 201, "{}", made.text);
    let bearer = format!("Bearer {}", made.json()["token"].as_str().unwrap());
    assert_eq!(service.get("/api/v1/me", &[("authorization", &bearer)]).await.status, 200);
    let again = service.post("/api/v1/tokens", &json!({"name": "Script"}), &headers).await;
    assert_eq!((&again.json()["id"], &again.json()["token"]), (&made.json()["id"], &json!(null)));
    let listed = service.get("/api/v1/tokens", &[("cookie", &anna)]).await;
    assert_eq!(listed.json()["items"][0]["name"], "Script");
    assert!(!listed.text.contains("ldk_"));
    let path = format!("/api/v1/tokens/{}", made.json()["id"].as_str().unwrap());
    let revoked = service.ask("DELETE", &path, None, &[("authorization", &bearer)]).await;
    assert_eq!(revoked.status, 200, "{}", revoked.text);
    assert_eq!(service.get("/api/v1/me", &[("authorization", &bearer)]).await.status, 401);
}

#[tokio::test]
async fn a_setup_link_works_once_and_survives_a_refused_form() {
    let service = Service::new().await;
    let token = service.app.ops().setup.issue_setup(WS, service.app.now()).await.unwrap();
    let mut body = json!({"token": token.expose(), "name": "Anna", "email": "anna@example.org", "password": "short"});
    let short = service.post("/api/v1/setup", &body, &[]).await;
    assert_eq!((short.status.as_u16(), short.code()), (422, "too_short".to_owned()));
    body["password"] = json!(PASSWORD);
    body["email"] = json!("no address");
    assert_eq!(service.post("/api/v1/setup", &body, &[]).await.code(), "invalid_email");
    body["email"] = json!("anna@example.org");
    assert_eq!(service.post("/api/v1/setup", &body, &[]).await.status, 200);
    assert_eq!(service.post("/api/v1/setup", &body, &[]).await.code(), "setup_link_invalid");
    let unknown =
        json!({"token": "x", "name": "Eve", "email": "eve@example.org", "password": PASSWORD});
    assert_eq!(service.post("/api/v1/setup", &unknown, &[]).await.status, 404);
}

#[tokio::test]
async fn one_address_with_open_and_closed_methods_names_them_all() {
    let (service, anna) = Service::set_up().await;
    let wrong = service.ask("PUT", "/api/v1/session", None, &[("cookie", &anna)]).await;
    assert_eq!((wrong.status.as_u16(), wrong.code()), (405, "method_not_allowed".to_owned()));
    let allowed = wrong.headers["allow"].to_str().unwrap();
    assert!(allowed.contains("POST") && allowed.contains("DELETE"), "{allowed}");
    assert_eq!(service.get("/api/v1/nothing", &[]).await.code(), "not_found");
}
