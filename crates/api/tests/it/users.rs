//! Users through the interface: exactly-once writes, expected versions, paging, rights.

use serde_json::json;

use super::service::{PASSWORD, Service};

#[tokio::test]
async fn a_repeated_write_has_one_effect_and_the_same_answer() {
    let (service, anna) = Service::set_up().await;
    let body = json!({"name": "Ben", "email": "ben@example.org", "role": "agent"});
    let headers = [("cookie", anna.as_str()), ("idempotency-key", "u1")];
    let (one, two) = tokio::join!(
        service.post("/api/v1/users", &body, &headers),
        service.post("/api/v1/users", &body, &headers)
    );
    assert_eq!(one.status, 201, "{}", one.text);
    assert_eq!(one.text, two.text);
    assert_eq!(one.headers["log-position"], one.json()["position"].as_str().unwrap());
    assert_eq!(one.headers["etag"], "\"1\"");
    let other = json!({"name": "Eve", "email": "eve@example.org", "role": "agent"});
    let reused = service.post("/api/v1/users", &other, &headers).await;
    assert_eq!((reused.status.as_u16(), reused.code()), (409, "idempotency_key_reused".to_owned()));
}

#[tokio::test]
async fn a_stale_version_is_merged_or_refused_with_what_happened_since() {
    let (service, anna) = Service::set_up().await;
    let (ben, _) = service.user(&anna, "ben", "agent").await;
    let path = format!("/api/v1/users/{ben}");
    let change = |body, version: &'static str| {
        let (service, path, anna) = (&service, &path, &anna);
        async move {
            let headers = [("cookie", anna.as_str()), ("if-match", version)];
            service.ask("PATCH", path, Some(&body), &headers).await
        }
    };
    assert_eq!(change(json!({"name": "Benjamin"}), "\"1\"").await.status, 200);
    assert_eq!(change(json!({"role": "light_agent"}), "\"2\"").await.status, 200);
    let stale = change(json!({"name": "Benny"}), "\"2\"").await;
    assert_eq!((stale.status.as_u16(), stale.code()), (409, "version_conflict".to_owned()));
    assert_eq!(stale.json()["current_version"], 4);
    assert_eq!(stale.json()["events"][0]["type"], "UserRenamed");
    let shown = service.get(&path, &[("cookie", &anna)]).await;
    assert_eq!(
        (&shown.json()["name"], shown.headers["etag"].to_str().unwrap()),
        (&json!("Benjamin"), "\"4\"")
    );
    assert_eq!(change(json!({"name": "Benny"}), "*").await.code(), "invalid_if_match");
}

#[tokio::test]
async fn what_changes_nothing_answers_the_version_it_left() {
    let (service, anna) = Service::set_up().await;
    let (ben, _) = service.user(&anna, "ben", "agent").await;
    let path = format!("/api/v1/users/{ben}");
    let same =
        service.ask("PATCH", &path, Some(&json!({"role": "agent"})), &[("cookie", &anna)]).await;
    assert_eq!((same.status.as_u16(), &same.json()["version"]), (200, &json!(2)));
}

#[tokio::test]
async fn a_change_of_several_things_is_all_or_nothing() {
    let (service, anna) = Service::set_up().await;
    let me = service.get("/api/v1/me", &[("cookie", &anna)]).await.json();
    let path = format!("/api/v1/users/{}", me["id"].as_str().unwrap());
    let body = json!({"name": "Anne", "role": "agent"});
    let refused = service.ask("PATCH", &path, Some(&body), &[("cookie", &anna)]).await;
    assert_eq!((refused.status.as_u16(), refused.code()), (409, "last_super_admin".to_owned()));
    assert_eq!(service.get(&path, &[("cookie", &anna)]).await.json()["name"], "Anna");
}

#[tokio::test]
async fn a_deactivated_user_is_out_at_once() {
    let (service, anna) = Service::set_up().await;
    let (ben, session) = service.user(&anna, "ben", "agent").await;
    assert_eq!(service.get("/api/v1/me", &[("cookie", &session)]).await.status, 200);
    let path = format!("/api/v1/users/{ben}");
    service.ask("PATCH", &path, Some(&json!({"active": false})), &[("cookie", &anna)]).await;
    assert_eq!(service.get("/api/v1/me", &[("cookie", &session)]).await.status, 401);
    let body = json!({"email": "ben@example.org", "password": PASSWORD});
    assert_eq!(service.post("/api/v1/session", &body, &[]).await.code(), "invalid_credentials");
}

#[tokio::test]
async fn a_missing_right_is_named_and_the_refusal_recorded() {
    let (service, anna) = Service::set_up().await;
    let (_, ben) = service.user(&anna, "ben", "agent").await;
    let body = json!({"name": "Eve", "email": "eve@example.org", "role": "agent"});
    let refused = service.post("/api/v1/users", &body, &[("cookie", &ben)]).await;
    assert_eq!(
        (refused.status.as_u16(), &refused.json()["missing_right"]),
        (403, &json!("users.manage"))
    );
    let head = service.get("/api/v1/admin/log/head", &[("cookie", &ben)]).await;
    assert_eq!(head.json()["missing_right"], "log.read");
    let recorded: Vec<(String, String, String)> = sqlx::query_as(
        "select code, method, path_template from ops.refusal order by at_us, method desc",
    )
    .fetch_all(service.app.views())
    .await
    .unwrap();
    let forbidden =
        |method: &str, path: &str| ("forbidden".to_owned(), method.to_owned(), path.to_owned());
    assert_eq!(
        recorded,
        [forbidden("POST", "/api/v1/users"), forbidden("GET", "/api/v1/admin/log/head")]
    );
}

#[tokio::test]
async fn a_list_is_read_page_by_page() {
    let (service, anna) = Service::set_up().await;
    for name in ["ben", "cleo", "dora"] {
        service.user(&anna, name, "agent").await;
    }
    let (mut names, mut path) = (Vec::new(), "/api/v1/users?limit=3".to_owned());
    loop {
        let page = service.get(&path, &[("cookie", &anna)]).await.json();
        names.extend(
            page["items"]
                .as_array()
                .unwrap()
                .iter()
                .map(|user| user["name"].as_str().unwrap().to_owned()),
        );
        let Some(cursor) = page["next_cursor"].as_str() else { break };
        path = format!("/api/v1/users?limit=3&cursor={cursor}");
    }
    names.sort();
    assert_eq!(names, ["Anna", "ben", "cleo", "dora"]);
    for (query, code) in [
        ("limit=0", "invalid_parameter"),
        ("limit=201", "invalid_parameter"),
        ("cursor=garbage", "invalid_cursor"),
        ("offset=3", "unknown_parameter"),
    ] {
        let refused = service.get(&format!("/api/v1/users?{query}"), &[("cookie", &anna)]).await;
        assert_eq!((refused.status.as_u16(), refused.code()), (400, code.to_owned()), "{query}");
    }
}

#[tokio::test]
async fn one_changes_ones_own_password_with_the_one_before() {
    let (service, anna) = Service::set_up().await;
    let (ben, session) = service.user(&anna, "ben", "agent").await;
    let body = json!({"email": "ben@example.org", "password": PASSWORD});
    let other = service.post("/api/v1/session", &body, &[]).await.cookie();
    let path = format!("/api/v1/users/{ben}/password");
    let new = "another good password";
    let set = |body| {
        let (service, path, session) = (&service, &path, &session);
        async move {
            let headers = [("cookie", session.as_str()), ("idempotency-key", "p1")];
            service.ask("PUT", path, Some(&body), &headers).await
        }
    };
    assert_eq!(set(json!({"password": new})).await.code(), "required");
    let wrong = json!({"password": new, "current_password": "wrong wrong wrong"});
    assert_eq!(set(wrong).await.code(), "wrong_password");
    let right = json!({"password": new, "current_password": PASSWORD});
    let done = set(right.clone()).await;
    assert_eq!(done.status, 200, "{}", done.text);
    assert_eq!(set(right).await.text, done.text);
    assert_eq!(service.get("/api/v1/me", &[("cookie", &session)]).await.status, 200);
    assert_eq!(service.get("/api/v1/me", &[("cookie", &other)]).await.status, 401);
    assert_eq!(service.post("/api/v1/session", &body, &[]).await.status, 401);
}

#[tokio::test]
async fn an_id_that_is_none_and_one_that_names_nobody_answer_the_same() {
    let (service, anna) = Service::set_up().await;
    let answers = [
        service.get("/api/v1/users/nonsense", &[("cookie", &anna)]).await,
        service
            .get("/api/v1/users/01900000-0000-7000-8000-000000000001", &[("cookie", &anna)])
            .await,
    ];
    assert_eq!(answers[0].status, 404);
    assert_eq!(answers[0].text, answers[1].text);
}
