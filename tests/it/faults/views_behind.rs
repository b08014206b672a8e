//! The rows of a view do not wait for the disk, so a crash of Postgres takes the newest ones back. The server that wrote them
//! lives on: it has to notice, and write them again, also when nothing else happens.

use testkit::eventually;

use super::chance::Chance;
use super::desk::Desk;
use super::hit::Hit;
use super::rows;

const ROUNDS: usize = 3;

#[tokio::test(flavor = "multi_thread")]
async fn what_a_crash_of_postgres_takes_from_the_views_comes_back_by_itself() {
    let mut chance = Chance::seeded(20_320);
    let mut desk = Desk::start().await;
    for round in 0..ROUNDS {
        let client = desk.client();
        let ticket = client.open_ticket(&format!("No {round}")).await;
        eventually("the ticket is in the view", || async {
            (client.view("open").await.len() == round + 1).then_some(())
        })
        .await;
        // At this moment its row is not on the disk yet.
        let hit = if round % 2 == 0 { Hit::Immediate } else { Hit::Postmaster };
        hit.strike(&mut desk, &mut chance).await;
        eventually("tickets can be read again", || async {
            client.get(&ticket.at("")).await.status.is_success().then_some(())
        })
        .await;
        // With and without another event that would wake the views.
        if round % 3 == 1 {
            eventually("tickets can be changed again", || async {
                let text = serde_json::json!({ "text": "Still here" });
                client.post(&ticket.at("/comments"), text).await.status.is_success().then_some(())
            })
            .await;
        }
        eventually("the ticket is in the view again", || async {
            let page = client.get("/api/v1/views/open/tickets").await;
            let rows = page.json["items"].as_array().map_or(0, Vec::len);
            (rows == round + 1).then_some(())
        })
        .await;
        rows::are_as_folded(&client).await;
    }
}
