//! 404 and 405: addresses that name nothing, and methods they do not take.

use std::collections::BTreeSet;

use reqwest::Method;

use super::operations::Operation;
use super::problem;
use super::world::World;

const UNKNOWN: &str = "01900000-0000-7000-8000-00000000abcd";

/// What names nothing, wherever it stands.
const NOTHING: [&str; 10] = [
    "00000000-0000-0000-0000-000000000000",
    "ffffffff-ffff-ffff-ffff-ffffffffffff",
    "nothing",
    "0",
    "18446744073709551616",
    "-1",
    "%00",
    "%FF%FE",
    "..%2F..%2Fetc%2Fpasswd",
    "'%20or%201=1--",
];

/// Ids of every kind; those of the kind that is asked for are left out by the caller.
fn ids(world: &World) -> [&str; 10] {
    [
        &world.ticket.id,
        &world.contact,
        &world.channel,
        &world.property,
        &world.pipeline,
        &world.status,
        &world.token,
        &world.upload,
        &world.message,
        &world.dora,
    ]
}

/// The address of the example with something else at one place.
fn with_place(world: &World, operation: &Operation, place: &str, id: &str) -> String {
    let example = world.example(operation).path;
    let index = operation.template.split('/').position(|piece| piece == format!("{{{place}}}"));
    let mut pieces: Vec<&str> = example.split('/').collect();
    pieces[index.unwrap()] = id;
    pieces.join("/")
}

#[tokio::test(flavor = "multi_thread")]
async fn what_does_not_exist_what_is_no_id_and_what_is_of_another_kind_look_the_same() {
    let world = World::new().await;
    let head = world.head().await;
    let mut bodies = BTreeSet::new();
    let ids_in = world.document.operations.iter().filter(|one| !one.is_about_a_view());
    for operation in ids_in {
        for place in operation.places() {
            // The stored value of a choice is no id: it is refused by the rule that retires it.
            if place == "value" {
                continue;
            }
            let example = world.example(operation);
            let others = ids(&world);
            let same_kind = |id: &str| {
                example.path.contains(id)
                    || (id == world.contact && operation.template.starts_with("/api/v1/contacts/"))
                    || (place == "id"
                        && id == world.pipeline
                        && example.path.contains("/pipelines/"))
            };
            let others = others.iter().copied().filter(|id| !same_kind(id));
            for id in [UNKNOWN].into_iter().chain(NOTHING).chain(others) {
                let mut example = example.clone();
                example.path = with_place(&world, operation, &place, id);
                let request = example.request(&world.desk, operation);
                let answer = world.desk.send(request).await;
                let what = format!("{} {}", operation.method, example.path);
                assert_eq!(problem::sound(&what, &answer, 404)["code"], "not_found", "{what}");
                bodies.insert(answer.text());
            }
        }
    }
    assert_eq!(bodies.len(), 1, "{bodies:?}");
    assert_eq!(world.head().await, head);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_address_that_is_none_is_a_problem_too() {
    let world = World::new().await;
    let outside = [
        "/nothing",
        "/api",
        "/api/v1",
        "/api/v1/nothing",
        "/api/v1/tickets/",
        "/api/v2/tickets",
        "/api/v1//tickets",
        "/API/V1/tickets",
        "/api/v1/tickets/1/thread/x",
    ];
    for path in outside {
        for method in [Method::GET, Method::POST, Method::DELETE] {
            let answer = world.desk.send(world.desk.request(method.clone(), path)).await;
            let what = format!("{method} {path}");
            assert_eq!(problem::sound(&what, &answer, 404)["code"], "not_found", "{what}");
        }
    }
    let long = format!("/api/v1/tickets/{}", "x".repeat(9 << 10));
    problem::sound("a long address", &world.desk.get(&long).await, 414);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_method_that_is_not_taken_is_refused_with_those_that_are() {
    let world = World::new().await;
    let head = world.head().await;
    let all = [Method::GET, Method::POST, Method::PUT, Method::PATCH, Method::DELETE];
    let templates: BTreeSet<_> = world.document.operations.iter().map(|it| &it.template).collect();
    for template in templates {
        let known: Vec<_> =
            world.document.operations.iter().filter(|it| it.template == *template).collect();
        let taken: Vec<_> = known.iter().map(|operation| operation.method.clone()).collect();
        let path = world.example(known[0]).path;
        for method in all.iter().filter(|method| !taken.contains(method)) {
            let request = world.desk.request(method.clone(), &path).json(&serde_json::json!({}));
            let answer = world.desk.send(request).await;
            // The word `query` stands where the number of a ticket could.
            if template == "/api/v1/tickets/query" && [Method::GET, Method::PATCH].contains(method)
            {
                continue;
            }
            let what = format!("{method} {path}");
            assert_eq!(problem::sound(&what, &answer, 405)["code"], "method_not_allowed", "{what}");
            let allow = answer.header("allow").unwrap_or_else(|| panic!("{what}: no Allow"));
            let allowed: BTreeSet<_> =
                allow.split(',').map(str::trim).filter(|it| *it != "HEAD").collect();
            let taken: BTreeSet<_> = taken.iter().map(Method::as_str).collect();
            assert_eq!(allowed, taken, "{what}");
        }
    }
    assert_eq!(world.head().await, head);
}
