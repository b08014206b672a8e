//! Readers of threads, a few hundred reads a second, and how long the slowest took.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use decider::LogPosition;
use events::TicketId;
use projections::effect::Until;
use projections::thread;
use tokio::task::JoinHandle;
use tokio::time::sleep;
use uuid::Uuid;

use crate::setup::Setup;

const READERS: usize = 4;
const PAUSE: Duration = Duration::from_millis(10);
const PAGE: u32 = 50;

pub struct Readers {
    ended: Arc<AtomicBool>,
    tasks: Vec<JoinHandle<Vec<f64>>>,
}

impl Readers {
    pub async fn start(setup: &Setup) -> Self {
        let events = setup.service.reader.after(setup.ws, LogPosition(0), 5_000).await.unwrap();
        let tickets: Arc<[Uuid]> = events
            .iter()
            .filter(|event| event.kind == "ticket")
            .map(|event| event.stream)
            .collect();
        let ended = Arc::new(AtomicBool::new(false));
        let tasks = (0..READERS).map(|reader| {
            let (pool, ws) = (setup.service.pools.read.clone(), setup.ws);
            let (tickets, ended) = (Arc::clone(&tickets), Arc::clone(&ended));
            tokio::spawn(async move {
                let mut took = Vec::new();
                for ticket in tickets.iter().cycle().skip(reader * 7) {
                    if ended.load(Ordering::Relaxed) {
                        break;
                    }
                    let began = Instant::now();
                    let ticket = (ws, TicketId(*ticket));
                    thread::page(&pool, ticket, &Until::PRESENT, None, PAGE).await.unwrap();
                    took.push(began.elapsed().as_secs_f64() * 1_000.0);
                    sleep(PAUSE).await;
                }
                took
            })
        });
        Self { ended: Arc::clone(&ended), tasks: tasks.collect() }
    }

    /// Milliseconds that ninety-nine of a hundred reads did not need.
    pub async fn p99(self) -> f64 {
        self.ended.store(true, Ordering::Relaxed);
        let mut all = Vec::new();
        for task in self.tasks {
            all.extend(task.await.unwrap());
        }
        all.sort_by(f64::total_cmp);
        all.get(all.len() * 99 / 100).copied().unwrap_or(f64::NAN)
    }
}
