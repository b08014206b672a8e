//! One ticket with very many events, written over HTTP by many at once; what is there already is not written again.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

use futures_util::future::join_all;
use serde_json::json;

use crate::desk::Desk;
use crate::http::{Ask, Client};
use crate::table::Table;

const WRITERS: usize = 32;

/// Its id; none if none is wanted.
pub async fn ticket(desk: &Desk, table: &mut Table) -> Option<String> {
    let events = crate::number("BIG", 50_000);
    if events == 0 {
        return None;
    }
    let token = desk.token(0);
    let mut client = Client::connect(&desk.address).await.unwrap();
    let made = write(&token, "/api/v1/tickets", "big ticket", &json!({"name": "A long story"}));
    let made = client.send(&made).await.unwrap().json().unwrap();
    let id = made["id"].as_str().unwrap().to_owned();
    let path = format!("/api/v1/tickets/{id}");
    let started = Instant::now();
    let told = client.send(&Ask::get(path.as_str(), &token)).await.unwrap().json().unwrap();
    let there = told["version"].as_u64().unwrap();
    eprintln!("the ticket of {events} events has {there} (read in {:?})", started.elapsed());
    let (next, started) = (AtomicU64::new(there), Instant::now());
    let writer = async || {
        let mut client = Client::connect(&desk.address).await.unwrap();
        loop {
            let number = next.fetch_add(1, Ordering::Relaxed);
            if number >= events {
                return;
            }
            let text = json!({"text": format!("Line {number} of a long story.")});
            let comments = format!("{path}/comments");
            // Many at once: after an interruption the numbers of some are taken, hence no key made of them.
            let mut ask = write(&token, &comments, "", &text);
            ask.key = None;
            client.send(&ask).await.unwrap().json().unwrap();
        }
    };
    join_all((0..WRITERS).map(|_| writer())).await;
    if there < events {
        let rate = (events - there) as f64 / started.elapsed().as_secs_f64();
        table.add("comments on one ticket, 32 callers", "per s", rate);
    }
    Some(id)
}

fn write(token: &str, path: &str, key: &str, body: &serde_json::Value) -> Ask {
    let mut ask = Ask::get(path, token);
    (ask.method, ask.body, ask.key) = ("POST", body.to_string(), Some(key.to_owned()));
    ask
}
