//! One Idempotency-Key, many requests: one effect, and for each the same answer, also when the server is killed in between.

use std::time::Duration;

use reqwest::Method;
use serde_json::{Value, json};
use testkit::{Client, Ticket};

use super::chance::Chance;
use super::desk::Desk;
use super::send::{Ack, Ask, Outcome};

/// So many at once.
const AT_ONCE: usize = 8;
const ROUNDS: usize = 3;

#[tokio::test(flavor = "multi_thread")]
async fn eight_requests_with_one_key_have_one_effect_and_one_answer_also_across_a_kill() {
    let mut chance = Chance::seeded(20_264);
    let mut desk = Desk::start().await;
    let ticket = desk.client().open_ticket("Printer on fire").await;
    for round in 0..ROUNDS {
        let ask = |what: &str, path: String, body: Value| {
            Ask::post(format!("{what} {round}"), path, body)
        };
        let asks = [
            ask("ticket", "/api/v1/tickets".to_owned(), json!({ "name": format!("No {round}") })),
            ask("comment", ticket.at("/comments"), json!({ "text": format!("No {round}") })),
        ];
        let client = desk.client();
        let sent: Vec<_> = asks.iter().flat_map(|ask| at_once(&client, ask)).collect();
        tokio::time::sleep(chance.moment(Duration::from_millis(60))).await;
        desk.kill();
        let mut before = Vec::new();
        for task in sent {
            before.push(task.await.unwrap());
        }
        desk.serve();
        let client = desk.client();
        for (ask, before) in asks.iter().zip(before.chunks(AT_ONCE)) {
            let first = ask.settle(&client).await;
            let mut answers: Vec<_> =
                before.iter().filter_map(|outcome| accepted(outcome)).collect();
            let mut after = Vec::new();
            for task in at_once(&client, ask) {
                after.push(task.await.unwrap());
            }
            assert_eq!(after.iter().filter_map(accepted).count(), AT_ONCE, "{after:?}");
            answers.extend(after.iter().filter_map(accepted));
            assert!(answers.iter().all(|ack| **ack == first), "{answers:?}");
            another_body_is_refused(&client, ask).await;
        }
    }
    one_effect_each(&desk, &ticket).await;
}

fn at_once(client: &Client, ask: &Ask) -> Vec<tokio::task::JoinHandle<Outcome>> {
    let send = |(client, ask): (Client, Ask)| async move { ask.send(&client).await };
    (0..AT_ONCE).map(|_| tokio::spawn(send((client.clone(), ask.clone())))).collect()
}

fn accepted(outcome: &Outcome) -> Option<&Ack> {
    match outcome {
        Outcome::Accepted(ack) => Some(ack),
        Outcome::Away | Outcome::Broken(_) => None,
    }
}

async fn another_body_is_refused(client: &Client, ask: &Ask) {
    let field = if ask.path.ends_with("/comments") { "text" } else { "name" };
    let body = json!({ field: "something else" });
    let key = [("idempotency-key", ask.key.as_str())];
    let answer = client.write_with(Method::POST, &ask.path, body, &key).await;
    assert_eq!(answer.refused(409), "idempotency_key_reused");
}

async fn one_effect_each(desk: &Desk, ticket: &Ticket) {
    let log = desk.log();
    let count = |name: &str| log.iter().filter(|event| event["type"] == name).count();
    assert_eq!(count("TicketCreated"), 1 + ROUNDS);
    assert_eq!(count("CommentAdded"), ROUNDS);
    assert_eq!(desk.client().ticket(ticket).await["version"], 1 + ROUNDS);
    desk.verify();
}
