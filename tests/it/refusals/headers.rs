//! Idempotency-Key, If-Match and Log-Position: what they take, and what happens when they do not fit.

use reqwest::Method;
use serde_json::{Value, json};

use super::operations::Operation;
use super::problem;
use super::wire::{exchange, head};
use super::world::World;

/// Saves what is written over what was there, field by field.
const DRAFT: &str = "PUT /api/v1/tickets/{id}/drafts/{kind}";

/// The example of an operation with these values of one header.
async fn ask(world: &World, operation: &Operation, name: &str, values: &[&str]) -> testkit::Answer {
    let mut request = world.example(operation).request(&world.desk, operation);
    for value in values {
        let value = reqwest::header::HeaderValue::from_bytes(value.as_bytes()).unwrap();
        request = request.header(name, value);
    }
    world.desk.send(request).await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_and_a_version_of_the_wrong_form_are_refused_on_every_write() {
    let world = World::new().await;
    let (before, long) = (world.head().await, "k".repeat(256));
    let keys: [&[&str]; 7] =
        [&[""], &[" "], &[&long], &["a\tb"], &["ä"], &["\u{200b}"], &["a", "a"]];
    let versions: [&[&str]; 11] = [
        &[""],
        &["7"],
        &["*"],
        &["W/\"7\""],
        &["\"x\""],
        &["\"\""],
        &["\"-1\""],
        &["\"7\", \"8\""],
        &["\"4294967296\""],
        &["\"7"],
        &["\"1\"", "\"1\""],
    ];
    let mut asked = [0, 0];
    for operation in world.document.operations.iter() {
        for (index, (name, values, code)) in [
            ("Idempotency-Key", &keys[..], "invalid_idempotency_key"),
            ("If-Match", &versions[..], "invalid_if_match"),
        ]
        .into_iter()
        .enumerate()
        {
            if !operation.takes("header", name) {
                continue;
            }
            asked[index] += 1;
            for values in values {
                let what = format!("{} with {name} {values:?}", operation.name());
                let answer = ask(&world, operation, name, values).await;
                assert_eq!(
                    world.refused(&what, answer, 400, &before).await["code"],
                    code,
                    "{what}"
                );
            }
        }
    }
    assert!(asked[0] > 30 && asked[1] > 30, "{asked:?}");
    for byte in [1_u8, 0x7f, 0] {
        let mut request =
            head("POST", "/api/v1/tickets", world.desk.admin_token(), &["content-length: 2"])
                .into_bytes();
        request.extend_from_slice(b"idempotency-key: a");
        request.push(byte);
        request.extend_from_slice(b"b\r\n\r\n{}");
        let answer = exchange(&world.desk, &request).await;
        assert!(answer.starts_with("HTTP/1.1 400"), "{byte}: {answer}");
    }
    assert_eq!(world.head().await, before);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_that_was_used_for_something_else_is_refused_on_every_write() {
    let world = World::new().await;
    let key = &["used once"];
    let (method, body) = (Method::POST, json!({ "name": "First" }));
    let headers = [("idempotency-key", key[0])];
    let first = world
        .desk
        .write_with(method.clone(), "/api/v1/tickets", body.clone(), &headers)
        .await
        .status(201);
    let before = world.head().await;
    let again = world.desk.write_with(method, "/api/v1/tickets", body, &headers).await.status(201);
    assert_eq!(again, first);
    for operation in world.document.operations.iter() {
        // Signing out has one effect however often it is asked for; files and saves of drafts have keys of their own; a
        // verification writes nothing that could be repeated.
        let verify = "POST /api/v1/admin/log/verify";
        let own = ["DELETE /api/v1/session", "POST /api/v1/uploads", DRAFT, verify];
        let exempt = own.contains(&&*operation.name());
        if operation.takes("header", "Idempotency-Key") && !exempt {
            let answer = ask(&world, operation, "Idempotency-Key", key).await;
            let problem = world.refused(&operation.name(), answer, 409, &before).await;
            assert_eq!(problem["code"], "idempotency_key_reused", "{}", operation.name());
        }
    }
    let path = world.ticket.at("/drafts/reply");
    let save = |text: &'static str| {
        let headers = [("idempotency-key", "save")];
        let body = json!({ "text": text });
        let (desk, path) = (&world.desk, &path);
        async move { desk.write_with(Method::PUT, path, body, &headers).await }
    };
    save("one").await.ok();
    let answer = save("two").await;
    assert_eq!(problem::sound("another save", &answer, 409)["code"], "idempotency_key_reused");
    let file = |bytes: &'static str| {
        let part = reqwest::multipart::Part::bytes(bytes.as_bytes()).file_name("a.txt");
        let form = reqwest::multipart::Form::new().part("file", part);
        world
            .desk
            .request(Method::POST, "/api/v1/uploads")
            .header("idempotency-key", "u")
            .multipart(form)
    };
    let one = world.desk.send(file("one")).await.status(201);
    assert_eq!(world.desk.send(file("one")).await.status(201), one);
    let answer = world.desk.send(file("two")).await;
    assert_eq!(problem::sound("another file", &answer, 409)["code"], "idempotency_key_reused");
}

/// Changes that touch what happened since are refused with what happened; the others are merged.
#[tokio::test(flavor = "multi_thread")]
async fn a_version_that_never_was_is_refused_on_every_write_of_something_that_exists() {
    let world = World::new().await;
    let before = world.head().await;
    for operation in world.document.operations.iter() {
        let exists = operation.template.contains('{') || operation.template == "/api/v1/workspace";
        let has_none = operation.name() == DRAFT || operation.is_about_a_view();
        if !operation.takes("header", "If-Match") || !exists || has_none {
            continue;
        }
        let answer = ask(&world, operation, "If-Match", &["\"4000000000\""]).await;
        let problem = world.refused(&operation.name(), answer, 409, &before).await;
        assert_eq!(problem["code"], "version_conflict", "{}", operation.name());
        assert!(problem["current_version"].is_u64() && problem["events"].is_array(), "{problem:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stale_version_is_merged_or_refused_with_what_happened_since() {
    let world = World::new().await;
    let (desk, path) = (&world.desk, world.ticket.at(""));
    let seen = format!("\"{}\"", desk.ticket(&world.ticket).await["version"]);
    desk.patch(&path, json!({ "name": "Renamed meanwhile" })).await.ok();
    let before = world.head().await;
    let headers = [("if-match", &*seen)];
    let stale = |body: Value| desk.write_with(Method::PATCH, &path, body, &headers);
    let problem =
        world.refused("stale", stale(json!({ "name": "Mine" })).await, 409, &before).await;
    assert_eq!(problem["code"], "version_conflict");
    assert_eq!(problem["current_version"], desk.ticket(&world.ticket).await["version"]);
    let events = problem["events"].as_array().unwrap();
    assert_eq!(events.len(), 1, "{problem:?}");
    // What happened is told without what was written.
    assert!(!Value::from(problem.clone()).to_string().contains("Renamed meanwhile"), "{problem:?}");
    stale(json!({ "category": "Hardware" })).await.ok();
    let now = desk.ticket(&world.ticket).await;
    assert_eq!((&now["name"], &now["category"]), (&json!("Renamed meanwhile"), &json!("Hardware")));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_position_that_is_none_is_refused_on_every_read_and_one_to_come_is_waited_for_a_moment() {
    let world = World::new().await;
    let mut before = world.head().await;
    let mut asked = 0;
    for operation in world.document.operations.iter() {
        if !operation.takes("header", "Log-Position") {
            continue;
        }
        asked += 1;
        for wrong in ["", "x", "-1", "1.5", "99999999999999999999999", "1 2", "ä"] {
            let what = format!("{} at {wrong:?}", operation.name());
            let answer = ask(&world, operation, "Log-Position", &[wrong]).await;
            assert_eq!(
                world.refused(&what, answer, 400, &before).await["code"],
                "invalid_log_position",
                "{what}"
            );
        }
        let answer = ask(&world, operation, "Log-Position", &[&before]).await;
        assert_eq!(answer.header("log-stale"), None, "{}", operation.name());
        // A look at the audit log is written down.
        before = world.head().await;
    }
    assert!(asked > 20, "{asked}");
    for path in ["/api/v1/views/open/tickets", "/api/v1/drafts", "/api/v1/lookup?q=anna"] {
        let request = world.desk.request(Method::GET, path);
        let answer = world.desk.send(request.header("log-position", "9223372036854775807")).await;
        assert_eq!(
            (answer.status.as_u16(), answer.header("log-stale")),
            (200, Some("true")),
            "{path}"
        );
    }
}
