//! Two people change one ticket at the same moment, both having seen the same version of it (W03).

use reqwest::Method;
use serde_json::{Value, json};
use testkit::{Answer, Client, Helpdesk, Ticket};

const ROUNDS: usize = 20;

/// Two changes by two clients who have both seen the present version.
async fn both(desk: &Helpdesk, ticket: &Ticket, changes: [Value; 2]) -> (u64, [Answer; 2]) {
    let version = desk.ticket(ticket).await["version"].as_u64().unwrap();
    let seen = format!("\"{version}\"");
    let change = |client: Client, body| {
        let (path, seen) = (ticket.at(""), seen.clone());
        tokio::spawn(async move {
            client.write_with(Method::PATCH, &path, body, &[("if-match", &seen)]).await
        })
    };
    let [one, two] = changes;
    let other = desk.with_token(Some(desk.admin_token()));
    let (one, two) = (change((*desk).clone(), one), change(other, two));
    (version, [one.await.unwrap(), two.await.unwrap()])
}

#[tokio::test(flavor = "multi_thread")]
async fn two_changes_that_go_together_are_both_accepted() {
    let desk = Helpdesk::start().await;
    let ticket = desk.open_ticket("Printer").await;
    for round in 0..ROUNDS {
        let priority = if round % 2 == 0 { "high" } else { "low" };
        let name = format!("Printer {round}");
        let changes = [json!({ "name": name }), json!({ "priority": priority })];
        let (version, answers) = both(&desk, &ticket, changes).await;
        let mut versions = answers.map(|answer| answer.ok()["version"].as_u64().unwrap());
        versions.sort_unstable();
        assert_eq!(versions, [version + 1, version + 2]);
        let now = desk.ticket(&ticket).await;
        assert_eq!((&now["name"], &now["priority"]), (&json!(name), &json!(priority)));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn of_two_changes_to_the_same_thing_one_is_told_what_happened_meanwhile() {
    let desk = Helpdesk::start().await;
    let ticket = desk.open_ticket("Printer").await;
    for round in 0..ROUNDS {
        let names = [format!("Printer {round}"), format!("Scanner {round}")];
        let changes = names.each_ref().map(|name| json!({ "name": name }));
        let (version, answers) = both(&desk, &ticket, changes).await;
        let winner = answers.iter().position(|answer| answer.status.is_success());
        let winner = winner.expect("one of them is accepted");
        let [one, two] = answers;
        let (accepted, refused) = if winner == 0 { (one, two) } else { (two, one) };
        assert_eq!(accepted.ok()["version"], version + 1);
        let problem = refused.status(409);
        assert_eq!(problem["code"], "version_conflict", "{problem}");
        assert_eq!(problem["current_version"], version + 1, "{problem}");
        let events = problem["events"].as_array().unwrap();
        assert_eq!(events.len(), 1, "{problem}");
        assert_eq!(events[0]["type"], "TicketRenamed", "{problem}");
        assert_eq!(desk.ticket(&ticket).await["name"], names[winner]);
    }
}
