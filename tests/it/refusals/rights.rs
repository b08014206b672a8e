//! 403: visible but not allowed, with the right that is missing.

use super::operations::Operation;
use super::world::World;
use crate::people::colleague;

/// What a plain agent lacks for an operation, judged by where it belongs.
fn beyond_an_agent(operation: &Operation) -> Option<&'static str> {
    if operation.is_about_a_view() {
        return Some("settings.manage");
    }
    let resource = operation.template.split('/').nth(3).unwrap_or_default();
    if ["/erase", "/redact"].iter().any(|end| operation.template.ends_with(end)) {
        return Some("content.erase");
    }
    match (resource, operation.reads()) {
        ("admin", _) if operation.template.ends_with("/audit") => Some("audit.read"),
        ("admin", _) => Some("log.read"),
        ("erasures", _) => Some("content.erase"),
        ("channels" | "pipelines" | "properties" | "workspace", false) => Some("settings.manage"),
        ("users", false) => Some("users.manage"),
        _ => None,
    }
}

/// What a light agent lacks beside that.
fn beyond_a_light_agent(operation: &Operation) -> Option<&'static str> {
    match operation.template.trim_start_matches("/api/v1") {
        "/tickets/{id}/replies" => Some("tickets.communicate"),
        "/tickets"
        | "/tickets/{id}"
        | "/tickets/{id}/status"
        | "/tickets/{id}/owner"
        | "/tickets/{id}/contacts"
        | "/tickets/{id}/undo"
        | "/contacts"
        | "/contacts/{id}"
            if !operation.reads() =>
        {
            Some("tickets.edit")
        }
        _ => beyond_an_agent(operation),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn who_lacks_a_right_is_told_which_and_nothing_happens() {
    let world = World::new().await;
    let lea = colleague(&world.desk, "Lea", "light_agent").await;
    let (mut refused, head) = (0, world.head().await);
    for operation in world.document.protected() {
        for (who, client, lacks) in [
            ("an agent", &world.ben, beyond_an_agent(operation)),
            ("a light agent", &lea, beyond_a_light_agent(operation)),
        ] {
            let Some(right) = lacks else { continue };
            let what = format!("{} as {who}", operation.name());
            let problem =
                world.refused(&what, world.ask(client, operation).await, 403, &head).await;
            assert_eq!(
                (&problem["code"], &problem["missing_right"]),
                (&"forbidden".into(), &right.into()),
                "{what}"
            );
            refused += 1;
        }
    }
    assert!(refused > 30, "{refused}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_nobody_is_refused_is_allowed_to_agents() {
    let world = World::new().await;
    for operation in world.document.protected() {
        let harmless = operation.reads() || operation.template == "/api/v1/tickets/query";
        if harmless && beyond_an_agent(operation).is_none() {
            let answer = world.ask(&world.ben, operation).await;
            // An upload is its owner's alone, and a draft too; a message that was sent has no original.
            let own =
                ["uploads", "drafts/", "/raw"].iter().any(|word| operation.template.contains(word));
            let expected = if own { 404 } else { 200 };
            assert_eq!(answer.status.as_u16(), expected, "{}: {}", operation.name(), answer.text());
        }
    }
}

/// The examples themselves are sound: whatever is refused elsewhere is refused for the reason that is tested.
#[tokio::test(flavor = "multi_thread")]
async fn every_example_is_accepted() {
    let world = World::new().await;
    let (first, last): (Vec<_>, Vec<_>) = world
        .document
        .operations
        .iter()
        .filter(|operation| {
            !operation.template.ends_with("/raw")
                && operation.template != "/api/v1/setup"
                && !operation.is_about_a_view()
        })
        .partition(|operation| operation.method != reqwest::Method::DELETE);
    for operation in first.into_iter().chain(last) {
        let answer = world.ask(&world.desk, operation).await;
        assert!(answer.status.is_success(), "{}: {}", operation.name(), answer.text());
    }
}
