//! 400: pages, cursors and other parameters that are none.

use reqwest::Method;

use super::problem::fields;
use super::world::World;
use crate::people::text;

/// A parameter added to an address that may have some.
fn with(path: &str, parameter: &str) -> String {
    let sign = if path.contains('?') { '&' } else { '?' };
    format!("{path}{sign}{parameter}")
}

#[tokio::test(flavor = "multi_thread")]
async fn a_page_takes_a_limit_from_1_to_200_and_a_cursor_of_its_own() {
    let world = World::new().await;
    let (desk, mut head) = (&world.desk, world.head().await);
    let users = desk.get("/api/v1/users?limit=1").await.ok();
    let foreign = text(&users["next_cursor"]);
    let other = if foreign.ends_with('A') { 'E' } else { 'A' };
    let tampered = format!("{}{other}", &foreign[..foreign.len() - 1]);
    let long = "A".repeat(3_000);
    for operation in world.document.operations.iter().filter(|operation| operation.reads()) {
        let path = world.example(operation).path;
        if !operation.takes("query", "limit") {
            continue;
        }
        for wrong in
            ["0", "201", "-1", "1.5", "x", "", "1e2", "99999999999999999999", "%00", "1&limit=2"]
        {
            let asked = with(&path, &format!("limit={wrong}"));
            let problem = world.refused(&asked, desk.get(&asked).await, 400, &head).await;
            assert_eq!(
                (&problem["code"], fields(&problem)),
                (&"invalid_parameter".into(), vec!["limit"]),
                "{asked}"
            );
        }
        for right in ["1", "200"] {
            let asked = with(&path, &format!("limit={right}"));
            assert!(desk.get(&asked).await.ok()["items"].as_array().unwrap().len() <= 200);
        }
        // A look at the audit log is written down.
        head = world.head().await;
        if !operation.takes("query", "cursor") {
            continue;
        }
        let foreign = if path.ends_with("/users") { "AAAA" } else { &foreign };
        for wrong in
            ["", "x", "AAAAAAAAAAAAAAAAAAAAAAAA", "%FF", "../..", &tampered, &long, foreign]
        {
            let asked = with(&path, &format!("cursor={wrong}"));
            let problem = world.refused(&asked, desk.get(&asked).await, 400, &head).await;
            assert_eq!(problem["code"], "invalid_cursor", "{asked}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_parameter_that_is_not_known_or_not_given_is_named() {
    let world = World::new().await;
    let (desk, head) = (&world.desk, world.head().await);
    let mut asked = 0;
    for operation in world.document.operations.iter().filter(|operation| operation.reads()) {
        let path = world.example(operation).path;
        let taken = ["limit", "as_of", "item", "draft_id", "q", "after", "from"];
        if !taken.iter().any(|name| operation.takes("query", name)) {
            continue;
        }
        let typo = with(&path, "limti=1");
        let problem = world.refused(&typo, desk.get(&typo).await, 400, &head).await;
        assert_eq!(
            (&problem["code"], fields(&problem)),
            (&"unknown_parameter".into(), vec!["limti"]),
            "{typo}"
        );
        for needed in ["q", "from"] {
            if operation.requires("query", needed) {
                let bare = path.split('?').next().unwrap_or_default();
                let problem = world.refused(bare, desk.get(bare).await, 400, &head).await;
                assert_eq!(
                    (&problem["code"], fields(&problem)),
                    (&"missing_parameter".into(), vec![needed]),
                    "{bare}"
                );
            }
        }
        asked += 1;
    }
    assert!(asked > 10, "{asked}");
}

#[tokio::test(flavor = "multi_thread")]
async fn no_word_of_a_search_and_no_time_breaks_anything() {
    let world = World::new().await;
    let desk = &world.desk;
    for path in ["/api/v1/contacts", "/api/v1/lookup"] {
        for word in [
            "",
            "%20",
            "%25",
            "_",
            "%27%3B--",
            "%5C",
            "%F0%9F%94%A5",
            "%E2%80%AE",
            "%01",
            "a%09b",
            "%F4%8F%BF%BF",
            "@",
            "a@",
            "%C3%9F",
            "(",
            "*",
            &"x".repeat(7_000),
            &"x%20".repeat(1_500),
        ] {
            let asked = format!("{path}?q={word}");
            assert_eq!(
                desk.get(&asked).await.status(200)["items"].as_array().unwrap().len(),
                0,
                "{asked}"
            );
        }
        // A text that no database keeps, and one that is none.
        for word in ["a%00b", "%00", "anna@%00", "%FF"] {
            let asked = format!("{path}?q={word}");
            let answer = desk.get(&asked).await;
            let known = [200, 400].contains(&answer.status.as_u16());
            assert!(known, "{asked}: {} {}", answer.status, answer.text());
        }
    }
    for when in [
        "x",
        "-1",
        "1.5",
        "99999999999999999999999",
        "2026-13-01T00:00:00Z",
        "2026-01-01",
        "%00",
        "2026-01-01T00:00:00",
        "-010000-01-01T00:00:00Z",
    ] {
        for below in ["", "/thread", "/timeline"] {
            let asked = world.ticket.at(&format!("{below}?as_of={when}"));
            let head = world.head().await;
            let problem = world.refused(&asked, desk.get(&asked).await, 400, &head).await;
            assert_eq!(problem["code"], "invalid_parameter", "{asked}");
        }
    }
    for when in ["0", "1970-01-01T00:00:00Z", "-009999-01-03T00:00:00Z"] {
        let asked = world.ticket.at(&format!("?as_of={when}"));
        assert_eq!(desk.get(&asked).await.refused(404), "not_yet_created", "{asked}");
    }
    for when in ["9223372036854775807", "9999-12-30T00:00:00Z"] {
        let asked = world.ticket.at(&format!("?as_of={when}"));
        assert_eq!(desk.get(&asked).await.refused(422), "in_the_future", "{asked}");
    }
    let head = desk.request(Method::HEAD, "/api/v1/users");
    assert!(desk.send(head).await.body.is_empty());
}
