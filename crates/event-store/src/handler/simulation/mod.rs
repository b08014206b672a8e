//! The appenders of several nodes under a seeded scheduler: one thread, a clock that only moves when everybody waits, and a
//! database, a network and machines that take a random while and fail. A seed is a history that can be run again.

mod backend;
#[path = "../../../tests/log/bank.rs"]
#[allow(dead_code, reason = "the toy domain is shared with the tests on Postgres")]
mod bank;
#[path = "../../../tests/log/bank_model.rs"]
mod bank_model;
mod chaos;
mod check;
mod clients;
mod log;
mod nodes;
mod world;

use std::sync::Arc;
use std::time::Duration;

use futures_util::future::join_all;
use uuid::Uuid;

use nodes::Nodes;
use world::World;

/// How many seeds a usual run tries.
const SEEDS: u64 = 100;
/// How long all of a simulation may take by its own clock.
const PATIENCE: Duration = Duration::from_secs(900);

fn number(name: &str, otherwise: u64) -> u64 {
    std::env::var(name).ok().and_then(|text| text.parse().ok()).unwrap_or(otherwise)
}

/// Three nodes, six clients, one trouble after the other.
fn simulate(seed: u64) {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .start_paused(true)
        .build()
        .unwrap();
    runtime.block_on(async {
        let world = World::new(seed);
        let nodes = Nodes::start(&world, 3);
        let ids: Vec<Uuid> = (0..6).map(|_| world.id()).collect();
        let troubles = world.below(16);
        let raging = tokio::spawn(chaos::rage(Arc::clone(&world), Arc::clone(&nodes), troubles));
        let clients = (0..6).map(|_| {
            tokio::spawn(clients::run(Arc::clone(&world), Arc::clone(&nodes), ids.clone(), 25))
        });
        let all = tokio::time::timeout(PATIENCE, join_all(clients));
        let seen: Vec<_> = all
            .await
            .expect("everybody is answered in time")
            .into_iter()
            .flat_map(Result::unwrap)
            .collect();
        raging.await.unwrap();
        assert_eq!(*world.defects.lock().unwrap(), Vec::<String>::new());
        check::check(&world.log(), &seen);
    });
}

/// `LEDGERDESK_TEST_SEEDS` says how many, `LEDGERDESK_TEST_SEED` with which to begin.
#[test]
fn whatever_fails_the_log_reads_as_one_command_after_the_other_and_every_answer_was_right() {
    let first = number("LEDGERDESK_TEST_SEED", 1);
    for seed in first..first + number("LEDGERDESK_TEST_SEEDS", SEEDS) {
        if let Err(panic) = std::panic::catch_unwind(|| simulate(seed)) {
            eprintln!("LEDGERDESK_TEST_SEED={seed} LEDGERDESK_TEST_SEEDS=1 shows it again");
            std::panic::resume_unwind(panic);
        }
    }
}
