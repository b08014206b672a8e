//! Memory of the process: at rest, and while 64 callers ask for everything without pause.

use std::time::{Duration, Instant};

use futures_util::future::join_all;

use crate::cases::Cases;
use crate::desk::Desk;
use crate::reads::Connection;
use crate::table::Table;

const CALLERS: usize = 64;
/// At rest is after so long without a request.
const REST: Duration = Duration::from_secs(15);
const LOOK_EVERY: Duration = Duration::from_millis(500);

/// Answers how many requests failed.
pub async fn measure(desk: &Desk, cases: &Cases, table: &mut Table) -> u64 {
    tokio::time::sleep(REST).await;
    table.add("at rest: resident", "MB", desk.resident_mb());
    table.add("at rest: Postgres", "MB", desk.postgres_mb());
    let within = Duration::from_secs(crate::number("SECONDS", 20));
    let started = Instant::now();
    let caller = async |caller: usize| {
        let (mut client, mut answered, mut failed) = (Connection::to(desk), 0_u64, 0_u64);
        for index in (caller..).step_by(CALLERS + 1) {
            if started.elapsed() >= within {
                break;
            }
            let case = &cases.all[index % cases.all.len()];
            match client.timed(&case.asks[index / 7 % case.asks.len()]).await {
                Ok(_) => answered += 1,
                Err(why) => {
                    eprintln!("under load: {}: {why}", case.what);
                    failed += 1;
                }
            }
        }
        (answered, failed)
    };
    let look = async {
        let mut most = (0.0_f64, 0.0_f64);
        while started.elapsed() < within {
            most = (most.0.max(desk.resident_mb()), most.1.max(desk.postgres_mb()));
            tokio::time::sleep(LOOK_EVERY).await;
        }
        most
    };
    let (counts, most) = tokio::join!(join_all((0..CALLERS).map(caller)), look);
    let answered: u64 = counts.iter().map(|count| count.0).sum();
    let rate = answered as f64 / started.elapsed().as_secs_f64();
    table.add("64 callers of everything", "requests/s", rate);
    table.add("64 callers: resident, most", "MB", most.0);
    table.add("64 callers: Postgres, most", "MB", most.1);
    tokio::time::sleep(REST).await;
    table.add("afterwards: resident", "MB", desk.resident_mb());
    counts.iter().map(|count| count.1).sum()
}
