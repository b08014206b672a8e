//! The engine under the seeded scheduler of the appenders: every machine follows the log with the same view, in one database
//! that forgets its newest transactions when it goes away, and with leases that end when their holder is not heard.

mod store;
mod view;

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use sqlx::postgres::{PgConnectOptions, PgPoolOptions};
use tokio::sync::watch;
use tokio::time::sleep;

use super::fold::{Projection, ProjectionType, Quarantine};
use super::follower::{Follower, FollowerParts};
use super::log_batch::LogSource;
use super::memory::MemoryStore;
use super::projector::Projector;
use super::status::StatusCell;
use super::wait::Checkpoints;
use crate::handler::simulation::world::{Machine, World};
use crate::handler::simulation::{for_seeds, simulate};
use crate::log::RecentCommits;
use store::{Reach, Tables};
use view::Accounts;

/// After how many seconds of silence a lease ends.
const LEASE_SECONDS: u32 = 5;

/// Starts the view on a machine.
fn follow<P: Projection>(reach: Reach, recent: &RecentCommits, stop: watch::Receiver<bool>) {
    let (projection, ws) = (ProjectionType::of::<P>(), reach.world.ws);
    let source = LogSource::on(Arc::new(reach.clone()), recent.clone());
    let projector = Projector::on(Box::new(reach.clone()), (source, None), projection, ws);
    let pool = PgPoolOptions::new().connect_lazy_with(PgConnectOptions::new_without_pgpass());
    let parts = FollowerParts {
        checkpoints: Checkpoints::new(pool, &[projection]),
        leases: Arc::new(reach),
        status: StatusCell::new(ws, &projection),
        stop,
        recent: recent.clone(),
    };
    tokio::spawn(Follower::new(parts, projector, projection, ws).run());
}

/// Ends the leases of machines that are silent, and now and then of one that is not.
async fn watch_leases(world: Arc<World>, tables: Arc<Tables>, machines: Arc<Mutex<Vec<Machine>>>) {
    let mut silent: BTreeMap<_, u32> = BTreeMap::new();
    loop {
        sleep(Duration::from_secs(1)).await;
        for machine in machines.lock().unwrap().iter() {
            let seconds = silent.entry(machine.id).or_default();
            *seconds = if machine.is_silent() { *seconds + 1 } else { 0 };
            if *seconds >= LEASE_SECONDS || world.below(60) == 0 {
                tables.end_lease(machine.id);
            }
        }
    }
}

/// The rows as one fold over the log gives them, leaving out what cannot be folded.
fn expected<P: Projection<Rows = view::Rows>>(world: &World) -> (store::Accounts, Quarantine) {
    let (mut memory, mut without) = (MemoryStore::<P>::default(), Quarantine::default());
    for event in &world.log().events {
        let one = std::slice::from_ref(event);
        if let Err(fault) = memory.apply(one, &without) {
            without.0.insert(fault.stream, fault.position);
        }
    }
    let rows = memory.rows().accounts.rows();
    (rows.into_iter().map(|row| (row.id, row.clone())).collect(), without)
}

async fn views<P: Projection<Rows = view::Rows>>(world: Arc<World>) {
    let tables = Arc::new(Tables::default());
    let machines = Arc::new(Mutex::new(Vec::new()));
    let (stop, stopping) = watch::channel(false);
    let on_crash = Arc::clone(&tables);
    *world.on_crash.lock().unwrap() = Some(Box::new(move |world| on_crash.crash(world)));
    let watching =
        tokio::spawn(watch_leases(Arc::clone(&world), Arc::clone(&tables), Arc::clone(&machines)));
    let beside = {
        let (world, tables) = (Arc::clone(&world), Arc::clone(&tables));
        let machines = Arc::clone(&machines);
        move |machine: &Machine, recent: &RecentCommits| {
            machines.lock().unwrap().push(machine.clone());
            let (world, machine) = (Arc::clone(&world), machine.clone());
            let reach = Reach { world, machine, tables: Arc::clone(&tables) };
            follow::<P>(reach, recent, stopping.clone());
        }
    };
    // Without another accident: what a view has lost with the database, it must notice by itself.
    let caught_up = async || {
        tables.end_leases_of_the_silent(&machines.lock().unwrap());
        watching.abort();
        while tables.position() != world.log().head().position {
            sleep(Duration::from_millis(100)).await;
        }
    };
    simulate(Arc::clone(&world), Box::new(beside), caught_up).await;
    let (rows, without) = expected::<P>(&world);
    assert_eq!(*tables.rows(), rows);
    assert_eq!(tables.quarantine(), without);
    drop(stop);
}

#[test]
fn whatever_fails_a_view_ends_as_one_fold_over_the_log() {
    // 3: the database lost the newest batches, and the next one went in on top of the hole. 178: an owner with nothing to do did
    // not notice that it had to fold them again. 13: nor did one that never heard that it had got its lease anew. 2733: a batch
    // went in behind another node's of the same content.
    for_seeds(60, &[3, 13, 178, 2733], views::<Accounts<false>>);
}

#[test]
fn whatever_fails_poison_leaves_out_one_stream_and_nothing_else() {
    for_seeds(40, &[], views::<Accounts<true>>);
}
