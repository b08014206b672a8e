//! 401: without credentials, and with those that do not count.

use reqwest::Method;
use serde_json::json;
use testkit::{Answer, Client};

use super::problem;
use super::world::World;
use crate::people::{colleague, text};

/// Clients that are nobody, with a word for a failing test.
async fn nobodies(world: &World) -> Vec<(&'static str, Client)> {
    let desk = &world.desk;
    let made = desk.post("/api/v1/tokens", json!({ "name": "soon gone" })).await.status(201);
    let revoked = desk.with_token(made["token"].as_str());
    desk.delete(&format!("/api/v1/tokens/{}", text(&made["id"]))).await.ok();
    let cleo = colleague(desk, "Cleo", "super_admin").await;
    let made = cleo.post("/api/v1/tokens", json!({})).await.status(201);
    let of_cleo = desk.with_token(made["token"].as_str());
    let off = json!({ "active": false });
    desk.patch(&format!("/api/v1/users/{}", cleo.id), off).await.ok();
    let garbage = desk.with_token(Some("no-token-of-ours"));
    // A session of somebody who was deactivated: the cookie is still sent.
    let session = Client::clone(&cleo);
    vec![
        ("no credentials", desk.anonymous()),
        ("a garbage token", garbage),
        ("an empty token", desk.with_token(Some(""))),
        ("a revoked token", revoked),
        ("a token of a deactivated user", of_cleo),
        ("a session of a deactivated user", session),
    ]
}

fn unauthenticated(what: &str, answer: &Answer) {
    let problem = problem::sound(what, answer, 401);
    assert_eq!(problem["code"], "unauthenticated", "{what}");
    assert_eq!(answer.header("www-authenticate"), Some("Bearer"), "{what}");
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_gets_anywhere_without_valid_credentials() {
    let world = World::new().await;
    let clients = nobodies(&world).await;
    let head = world.head().await;
    for operation in world.document.protected() {
        for (who, client) in &clients {
            let what = format!("{} with {who}", operation.name());
            unauthenticated(&what, &world.ask(client, operation).await);
        }
        let example = world.example(operation);
        let basic = example.request(&clients[0].1, operation).header("authorization", "Basic YTpi");
        let what = format!("{} with another scheme", operation.name());
        unauthenticated(&what, &clients[0].1.send(basic).await);
        // Who nobody is learns nothing about what is there, and nothing of the body is looked at.
        let mut elsewhere = operation.template.clone();
        for place in operation.places() {
            elsewhere = elsewhere.replace(&format!("{{{place}}}"), "nothing");
        }
        let request = clients[0].1.request(operation.method.clone(), &elsewhere).body("nonsense");
        unauthenticated(&elsewhere, &clients[0].1.send(request).await);
    }
    assert_eq!(world.head().await, head);
}

#[tokio::test(flavor = "multi_thread")]
async fn wrong_words_at_the_door_do_not_tell_what_is_wrong() {
    let world = World::new().await;
    let (client, head) = (world.desk.anonymous(), world.head().await);
    let mut answers = Vec::new();
    for (email, password) in [
        (testkit::ADMIN_EMAIL, "wrong"),
        ("nobody@example.org", testkit::ADMIN_PASSWORD),
        ("\u{0}", "\u{0}"),
        ("", ""),
    ] {
        let body = json!({ "email": email, "password": password });
        let answer = client.post("/api/v1/session", body).await;
        let problem = world.refused("sign in", answer, 401, &head).await;
        answers.push(problem);
    }
    assert!(answers.iter().all(|answer| *answer == answers[0]), "{answers:?}");
    let body = json!({ "email": testkit::ADMIN_EMAIL, "password": "x".repeat(1 << 20) });
    world.refused("a long password", client.post("/api/v1/session", body).await, 401, &head).await;
    let setup = world.document.writes().find(|operation| operation.template == "/api/v1/setup");
    let answer = world.ask(&client, setup.unwrap()).await;
    assert_eq!(world.refused("set up", answer, 404, &head).await["code"], "setup_link_invalid");
    let home = client.request(Method::DELETE, "/api/v1/session");
    unauthenticated("sign out", &client.send(home).await);
}
