//! Pages and what operators ask.

use super::service::{PASSWORD, Service, WS};

#[tokio::test]
async fn the_reference_is_readable_without_the_internet() {
    let service = Service::new().await;
    let document = service.get("/api/openapi.json", &[]).await;
    assert_eq!(document.json(), serde_json::to_value(api::openapi()).unwrap());
    assert_eq!(service.get("/api/docs", &[]).await.headers["location"], "/api/docs/");
    let page = service.get("/api/docs/", &[]).await;
    assert_eq!(page.status, 200);
    let policy = page.headers["content-security-policy"].to_str().unwrap();
    assert!(policy.contains("script-src 'self'") && !policy.contains("http"));
    for attribute in ["src=\"", "href=\""] {
        for rest in page.text.split(attribute).skip(1) {
            let file = rest.split('"').next().unwrap();
            assert!(!file.contains("//"), "{file}");
            let path = format!("/api/docs/{}", file.trim_start_matches("./"));
            assert_eq!(service.get(&path, &[]).await.status, 200, "{path}");
        }
    }
    let start = service.get("/api/docs/swagger-initializer.js", &[]).await;
    assert!(
        start.text.contains("/api/openapi.json") && !start.text.contains("https://"),
        "{}",
        start.text
    );
}

#[tokio::test]
async fn the_first_administrator_needs_no_script() {
    let service = Service::new().await;
    let token = service.app.ops().setup.issue_setup(WS, service.app.now()).await.unwrap();
    let page = service.get(&format!("/setup?token={}", token.expose()), &[]).await;
    assert!(page.text.contains(token.expose()) && !page.text.contains("<script"));
    let send = |password: &str| {
        let form = format!(
            "token={}&name=Anna&email=anna%40example.org&password={}",
            token.expose(),
            password.replace(' ', "+")
        );
        let request = http::Request::post("/setup")
            .header("content-type", "application/x-www-form-urlencoded")
            .header("host", "desk")
            .header("origin", "http://desk");
        service.send(request.body(axum::body::Body::from(form)).unwrap())
    };
    let refused = send("short").await;
    assert_eq!(refused.status, 422);
    assert!(
        refused.text.contains("at least 10 characters")
            && refused.text.contains("anna@example.org")
    );
    let done = send(PASSWORD).await;
    assert_eq!(done.status, 200, "{}", done.text);
    assert_eq!(
        service.get("/api/v1/me", &[("cookie", &done.cookie())]).await.json()["name"],
        "Anna"
    );
    let again = service.get(&format!("/setup?token={}", token.expose()), &[]).await;
    assert_eq!(again.status, 410, "nobody fills in a form whose link is spent");
    assert!(!again.text.contains("<form"));
}

#[tokio::test]
async fn operators_learn_how_it_is() {
    let (service, anna) = Service::set_up().await;
    assert_eq!(service.get("/healthz", &[]).await.text, "ok\n");
    assert_eq!(service.get("/readyz", &[]).await.json()["ready"], true);
    assert_eq!(service.get("/metrics", &[]).await.status, 200);
    assert_eq!(service.get("/", &[]).await.status, 200);
    let head = service.get("/api/v1/admin/log/head", &[("cookie", &anna)]).await.json();
    assert_eq!((&head["position"], head["hash"].as_str().unwrap().len()), (&"3".into(), 64));
    service.app.views().close().await;
    let away = service.get("/readyz", &[]).await;
    assert_eq!((away.status.as_u16(), &away.json()["log_reachable"]), (503, &false.into()));
    let refused = service.get("/api/v1/admin/log/head", &[("cookie", &anna)]).await;
    assert_eq!((refused.status.as_u16(), refused.code()), (503, "unavailable".to_owned()));
    assert!(refused.headers.contains_key("retry-after"));
}
