//! From sending a command to seeing its effect in a view, while eight others write at about half load.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use futures_util::future::join_all;
use serde_json::{Value, json};

use crate::served::Served;
use crate::setup::duration;
use crate::table::Table;

/// After this something is wrong, and the figure shows it.
const PATIENCE: Duration = Duration::from_secs(10);

impl Served {
    pub async fn visible(&self, table: &mut Table) {
        let done = AtomicBool::new(false);
        let (_, mut took) =
            tokio::join!(join_all((0..8).map(|_| self.half_load(&done))), self.probe(&done));
        took.sort_unstable();
        let millis =
            |part: f64| took[((took.len() - 1) as f64 * part) as usize].as_secs_f64() * 1000.0;
        table.add("append to visible in a view, half load", "p50 ms", millis(0.50));
        table.add("append to visible in a view, half load", "p99 ms", millis(0.99));
    }

    /// Writes, then rests as long as the write took.
    async fn half_load(&self, done: &AtomicBool) {
        let mut client = self.client().await;
        let body = json!({"name": "Background"}).to_string();
        while !done.load(Ordering::Relaxed) {
            let sent = Instant::now();
            assert_eq!(client.send("POST", "/api/v1/tickets", Some(&body)).await.0, 201);
            tokio::time::sleep(sent.elapsed()).await;
        }
    }

    /// The time from the answer to a write until the first page of the writer's own view, asked again and again, shows it.
    async fn probe(&self, done: &AtomicBool) -> Vec<Duration> {
        let mut client = self.client().await;
        let (_, me) = client.send("GET", "/api/v1/me", None).await;
        let me = serde_json::from_slice::<Value>(&me).unwrap()["id"].clone();
        let mut took = Vec::new();
        let started = Instant::now();
        while started.elapsed() < duration() {
            let body = json!({"name": "Probe", "owner": {"user_id": me}}).to_string();
            let (_, answer) = client.send("POST", "/api/v1/tickets", Some(&body)).await;
            let answered = Instant::now();
            let id = serde_json::from_slice::<Value>(&answer).unwrap()["id"].clone();
            let id = id.as_str().unwrap();
            while answered.elapsed() < PATIENCE {
                let (_, page) =
                    client.send("GET", "/api/v1/views/mine/tickets?limit=50", None).await;
                if page.windows(id.len()).any(|window| window == id.as_bytes()) {
                    break;
                }
            }
            took.push(answered.elapsed());
        }
        done.store(true, Ordering::Relaxed);
        took
    }
}
