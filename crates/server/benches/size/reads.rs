//! How long answers take: first after a start with nothing in memory, then again and again.

use std::time::Instant;

use crate::cases::Cases;
use crate::desk::Desk;
use crate::http::{Ask, Client};
use crate::table::Table;

/// So many failures of one kind are told in words.
const WORDS_MAX: u64 = 3;

/// The first request of each kind after a start, a few times; answers how many failed.
pub async fn cold(desk: &mut Desk, cases: &Cases, table: &mut Table) -> u64 {
    let mut failures = 0;
    let rounds = usize::try_from(crate::number("COLD", 3)).unwrap();
    for round in 0..rounds {
        eprintln!("cold, {} of {rounds}", round + 1);
        let took = desk.start_cold().await;
        table.add("cold: start to the first answer", "ms", took.as_secs_f64() * 1000.0);
        let mut client = Connection::to(desk);
        // Each round begins elsewhere: whoever comes first warms what others need too.
        let begin = round * cases.all.len() / rounds;
        for case in cases.all.iter().cycle().skip(begin).take(cases.all.len()) {
            match client.timed(&case.asks[round % case.asks.len()]).await {
                Ok(took) => table.add(&format!("cold: {}", case.what), "ms", took),
                Err(why) => {
                    eprintln!("cold: {}: {why}", case.what);
                    failures += 1;
                }
            }
        }
    }
    failures
}

/// Every kind many times by one caller; answers how many failed.
pub async fn warm(desk: &Desk, cases: &Cases, table: &mut Table) -> u64 {
    let mut all_failures = 0;
    let mut client = Connection::to(desk);
    for case in &cases.all {
        let (mut took, mut failures) = (Vec::new(), 0);
        for ask in &case.asks {
            match client.timed(ask).await {
                Ok(milliseconds) => took.push(milliseconds),
                Err(why) => {
                    failures += 1;
                    if failures <= WORDS_MAX {
                        eprintln!("{}: {why}", case.what);
                    }
                }
            }
        }
        took.sort_by(f64::total_cmp);
        if let Some(last) = took.len().checked_sub(1) {
            table.add(&case.what, "p50 ms", took[last / 2]);
            table.add(&case.what, "p95 ms", took[last * 95 / 100]);
        }
        if failures > 0 {
            table.add(&case.what, "FAILED", failures as f64);
        }
        all_failures += failures;
    }
    all_failures
}

/// A connection that is made again after a failure.
pub struct Connection {
    address: String,
    client: Option<Client>,
}

impl Connection {
    pub fn to(desk: &Desk) -> Self {
        Self { address: desk.address.clone(), client: None }
    }

    /// Milliseconds until the whole answer was there; opening the connection is not counted.
    pub async fn timed(&mut self, ask: &Ask) -> Result<f64, String> {
        let mut client = match self.client.take().filter(Client::is_fresh) {
            Some(client) => client,
            None => Client::connect(&self.address).await?,
        };
        let sent = Instant::now();
        let answer = client.send(ask).await?;
        let took = sent.elapsed().as_secs_f64() * 1000.0;
        self.client = Some(client);
        answer.json().map(|_| took)
    }
}
