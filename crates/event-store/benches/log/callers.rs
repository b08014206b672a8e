//! Callers that each send one command after the other through the command handler.

use std::sync::Arc;
use std::time::{Duration, Instant};

use decider::{Actor, CommandId, EventContext};
use event_store::handler::Request;
use futures_util::future::join_all;
use rand::RngExt;
use uuid::Uuid;

use crate::bank::Bank;
use crate::processor::Used;
use crate::setup::{Setup, duration};
use crate::table::Table;

impl Setup {
    pub async fn send(&self, command: Bank) {
        let request = Request {
            ws: self.ws,
            id: CommandId(Uuid::new_v4()),
            body: b"bench".to_vec(),
            actor: Actor::SYSTEM,
            context: EventContext::default(),
            expected: None,
            command: Arc::new(command),
        };
        self.handler.handle(request).await.unwrap();
    }
}

pub async fn measure(setup: &Setup, table: &mut Table, callers: usize) {
    let used = Used::now(setup).await;
    let started = Instant::now();
    let latencies: Vec<Vec<Duration>> = join_all((0..callers).map(|_| async {
        let mut mine = Vec::new();
        while started.elapsed() < duration() {
            let id = setup.accounts[rand::rng().random_range(0..setup.accounts.len())];
            let sent = Instant::now();
            // Every second command opens an account: a sealed owner, a fresh key, a natural key, a number.
            if mine.len() % 2 == 0 || std::env::var_os("DEPOSITS").is_some() {
                setup.send(Bank::Deposit { id, amount: 1 }).await;
            } else {
                let id = Uuid::now_v7();
                setup.send(Bank::open(id, &id.to_string())).await;
            }
            mine.push(sent.elapsed());
        }
        mine
    }))
    .await;
    let took = started.elapsed().as_secs_f64();
    let mut all: Vec<Duration> = latencies.into_iter().flatten().collect();
    all.sort_unstable();
    let what = format!("library, {callers} callers");
    let millis = |part: f64| all[((all.len() - 1) as f64 * part) as usize].as_secs_f64() * 1000.0;
    table.add(&what, "commands/s", all.len() as f64 / took);
    table.add(&what, "p50 ms", millis(0.50));
    table.add(&what, "p99 ms", millis(0.99));
    used.report(setup, table, &what, all.len()).await;
}
