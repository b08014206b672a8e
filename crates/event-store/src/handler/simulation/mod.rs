//! The appenders of several nodes under a seeded scheduler: one thread, a clock that only moves when everybody waits, and a
//! database, a network and machines that take a random while and fail. A seed is a history that can be run again.

mod backend;
#[path = "../../../tests/log/bank.rs"]
#[allow(dead_code, reason = "the toy domain is shared with the tests on Postgres")]
pub mod bank;
#[path = "../../../tests/log/bank_model.rs"]
mod bank_model;
mod chaos;
mod check;
mod clients;
mod log;
mod nodes;
pub mod world;

use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::Arc;
use std::time::Duration;

use futures_util::future::join_all;
use uuid::Uuid;

use nodes::{Beside, Nodes};
use world::World;

/// How long what runs beside may go on once nothing fails any more.
const SETTLED_WITHIN: Duration = Duration::from_secs(60);
/// How long all of a simulation may take by its own clock.
const PATIENCE: Duration = Duration::from_secs(900);

fn number(name: &str, otherwise: u64) -> u64 {
    std::env::var(name).ok().and_then(|text| text.parse().ok()).unwrap_or(otherwise)
}

/// Three nodes, six clients, one trouble after the other. `beside` says what else runs on every machine; `after` is asked
/// once everybody is answered and nothing fails any more.
pub async fn simulate<F: Future<Output = ()>>(
    world: Arc<World>,
    beside: Beside,
    after: impl FnOnce() -> F,
) {
    let nodes = Nodes::start(&world, 3, beside);
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
    tokio::time::timeout(SETTLED_WITHIN, after()).await.expect("what runs beside comes to its end");
}

/// Runs a simulation for one seed after the other. `LEDGERDESK_TEST_SEEDS` says for how many, `LEDGERDESK_TEST_SEED` with which
/// to begin; those that once found something come first.
pub fn for_seeds(seeds: u64, found: &[u64], simulation: impl AsyncFn(Arc<World>)) {
    let first = number("LEDGERDESK_TEST_SEED", 1);
    let these = first..first + number("LEDGERDESK_TEST_SEEDS", seeds);
    for seed in found.iter().copied().chain(these) {
        let run = || {
            let runtime = tokio::runtime::Builder::new_current_thread()
                .enable_time()
                .start_paused(true)
                .build()
                .unwrap();
            runtime.block_on(async { simulation(World::new(seed)).await });
        };
        if let Err(panic) = catch_unwind(AssertUnwindSafe(run)) {
            eprintln!("LEDGERDESK_TEST_SEED={seed} LEDGERDESK_TEST_SEEDS=1 shows it again");
            resume_unwind(panic);
        }
    }
}

#[test]
fn whatever_fails_the_log_reads_as_one_command_after_the_other_and_every_answer_was_right() {
    // 2066: an append that its node had given up took effect after another node had refused the same command.
    // 2738: what was asked for before a batch was written replaced what the batch had changed.
    for_seeds(100, &[2066, 2738], async |world| {
        simulate(world, Box::new(|_, _| {}), async || {}).await
    });
}
