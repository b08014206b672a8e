//! The programs of a simulation, each on a machine of its own.

use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use decider::DirectoryType;
use sqlx::postgres::{PgConnectOptions, PgPoolOptions};
use vault::Vault;

use super::backend::Simulated;
use super::bank;
use super::world::{Machine, World};
use crate::handler::{CommandHandler, HandlerSettings};
use crate::log::{LogReader, RecentCommits};

/// What else runs on every machine.
pub type Beside = Box<dyn Fn(&Machine, &RecentCommits) + Send + Sync>;

#[derive(Clone)]
pub struct Node {
    pub machine: Machine,
    pub handler: CommandHandler,
}

pub struct Nodes {
    running: Mutex<Vec<Node>>,
    vault: Vault,
    beside: Beside,
}

impl Nodes {
    pub fn start(world: &Arc<World>, count: usize, beside: Beside) -> Arc<Self> {
        let vault = Vault::detached();
        let running = (0..count).map(|_| start(world, &vault, &beside)).collect();
        Arc::new(Self { running: Mutex::new(running), vault, beside })
    }

    pub fn any(&self, world: &World) -> Node {
        let running = self.running.lock().unwrap();
        running[usize::try_from(world.below(running.len() as u64)).unwrap()].clone()
    }

    /// One machine is lost, and another one takes its place.
    pub fn replace_one(&self, world: &Arc<World>) {
        let mut running = self.running.lock().unwrap();
        let index = usize::try_from(world.below(running.len() as u64)).unwrap();
        let lost = std::mem::replace(&mut running[index], start(world, &self.vault, &self.beside));
        lost.machine.dead.store(true, Ordering::Relaxed);
        world.listeners.lock().unwrap().remove(&lost.machine.id);
    }
}

fn start(world: &Arc<World>, vault: &Vault, beside: &Beside) -> Node {
    let machine = Machine::new(world);
    let recent = RecentCommits::default();
    world.listeners.lock().unwrap().insert(machine.id, recent.clone());
    beside(&machine, &recent);
    let backend = Simulated { world: Arc::clone(world), machine: machine.clone() };
    // Only for those who read beside the handler; nobody does here.
    let reader = LogReader::new(
        PgPoolOptions::new().connect_lazy_with(PgConnectOptions::new_without_pgpass()),
    );
    let settings = HandlerSettings {
        node: machine.id,
        cache_bytes_max: [2_000, 1 << 20][usize::try_from(world.below(2)).unwrap()],
        answer_within: Duration::from_secs(10),
    };
    let types = (bank::stream_types(), DirectoryType::of::<bank::Rules>());
    let handler =
        CommandHandler::on((Box::new(backend), reader), vault.clone(), recent, types, settings);
    Node { machine, handler }
}
