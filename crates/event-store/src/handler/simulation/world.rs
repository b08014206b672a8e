//! The database, the network and the machines of a simulation: everything takes a random while, and anything may fail.

use std::collections::HashMap;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use decider::{LogPosition, Timestamp, WorkspaceId};
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use tokio::sync::watch;
use tokio::time::{Instant, sleep};
use uuid::Uuid;

use super::log::Log;
use crate::log::RecentCommits;

/// The time at which every simulation begins, in microseconds: 2026-01-01.
const EPOCH_MICROS: i64 = 1_767_225_600_000_000;

type OnCrash = Box<dyn Fn(&World) + Send>;

/// Everything that is shared between the nodes.
pub struct World {
    pub ws: WorkspaceId,
    pub log: Mutex<Log>,
    /// The lock of the workspace.
    pub writer: tokio::sync::Mutex<()>,
    /// Whether the database takes connections.
    pub up: watch::Sender<bool>,
    /// How often the database went away: what began before does not end after.
    pub incarnation: AtomicU64,
    /// One in so many trips over the network ends in a lost connection; 0 is none.
    pub loss: AtomicU64,
    /// How far the clock of the database is off, in microseconds.
    pub skew: Mutex<i64>,
    /// Which nodes can be told that the log has grown.
    pub listeners: Mutex<HashMap<Uuid, RecentCommits>>,
    /// What the database found wrong with what it was sent.
    pub defects: Mutex<Vec<String>>,
    /// What is lost with the memory of the database when it goes away.
    pub on_crash: Mutex<Option<OnCrash>>,
    random: Mutex<StdRng>,
    started: Instant,
}

/// One machine.
#[derive(Clone)]
pub struct Machine {
    pub id: Uuid,
    /// While true nothing on it moves on.
    pub frozen: Arc<watch::Sender<bool>>,
    /// Whether it is gone for good.
    pub dead: Arc<AtomicBool>,
    /// How far its clock is off, in microseconds.
    pub skew: i64,
}

/// A connection was lost.
#[derive(Debug)]
pub struct Lost;

impl World {
    pub fn new(seed: u64) -> Arc<Self> {
        Arc::new(Self {
            ws: WorkspaceId(Uuid::from_u128(1)),
            log: Mutex::default(),
            writer: tokio::sync::Mutex::new(()),
            up: watch::channel(true).0,
            incarnation: AtomicU64::new(0),
            loss: AtomicU64::new(0),
            skew: Mutex::new(0),
            listeners: Mutex::default(),
            defects: Mutex::default(),
            on_crash: Mutex::new(None),
            random: Mutex::new(StdRng::seed_from_u64(seed)),
            started: Instant::now(),
        })
    }

    pub fn below(&self, bound: u64) -> u64 {
        self.random.lock().unwrap().random_range(0..bound)
    }

    pub fn id(&self) -> Uuid {
        Uuid::from_u128(self.random.lock().unwrap().random())
    }

    pub fn with_random<T>(&self, use_it: impl FnOnce(&mut StdRng) -> T) -> T {
        use_it(&mut self.random.lock().unwrap())
    }

    pub fn log(&self) -> MutexGuard<'_, Log> {
        self.log.lock().unwrap()
    }

    pub fn clock(&self, skew: i64) -> Timestamp {
        let passed = i64::try_from(self.started.elapsed().as_micros()).unwrap();
        Timestamp::from_micros(EPOCH_MICROS + passed + skew)
    }

    /// The clock of the database.
    pub fn database_clock(&self) -> Timestamp {
        self.clock(*self.skew.lock().unwrap())
    }

    /// Mostly a millisecond or two, now and then much longer.
    pub async fn dawdle(&self) {
        let micros = match self.below(200) {
            0 => 1_000_000 + self.below(12_000_000),
            1..10 => 10_000 + self.below(200_000),
            _ => 50 + self.below(2_000),
        };
        sleep(Duration::from_micros(micros)).await;
    }

    /// One way between a machine and the database.
    pub async fn trip(&self, machine: &Machine) -> Result<(), Lost> {
        machine.moves().await;
        let incarnation = self.incarnation.load(Ordering::Relaxed);
        self.dawdle().await;
        machine.moves().await;
        let loss = self.loss.load(Ordering::Relaxed);
        let cut = loss > 0 && self.below(loss) == 0;
        let gone = self.incarnation.load(Ordering::Relaxed) != incarnation;
        if cut || gone || !*self.up.borrow() { Err(Lost) } else { Ok(()) }
    }

    /// Runs a step of the database; what it asserts and does not find is remembered.
    pub fn guarded<T>(&self, step: impl FnOnce(&mut Log) -> T) -> Option<T> {
        let done = catch_unwind(AssertUnwindSafe(|| step(&mut self.log())));
        done.map_err(|panic| {
            let text = panic.downcast_ref::<String>().cloned();
            let text = text.or_else(|| panic.downcast_ref::<&str>().map(|text| (*text).to_owned()));
            self.defects.lock().unwrap().push(text.unwrap_or_default());
            self.log.clear_poison();
        })
        .ok()
    }

    /// Other nodes hear of it late, twice or never; now and then of something that is not so.
    pub fn tell(self: &Arc<Self>, writer: Uuid, position: LogPosition) {
        let listeners = self.listeners.lock().unwrap();
        let mut others: Vec<_> = listeners.iter().filter(|(id, _)| **id != writer).collect();
        others.sort_unstable_by_key(|(id, _)| **id);
        for (_, recent) in others {
            let times = [0, 1, 1, 1, 2][usize::try_from(self.below(5)).unwrap()];
            for _ in 0..times {
                let (world, recent) = (Arc::clone(self), recent.clone());
                let forged = if self.below(100) == 0 { 1_000_000_000 } else { 0 };
                tokio::spawn(async move {
                    world.dawdle().await;
                    recent.heard_of(world.ws, LogPosition(position.0 + forged));
                });
            }
        }
    }
}

impl Machine {
    pub fn new(world: &World) -> Self {
        let skew = i64::try_from(world.below(20_000_000)).unwrap() - 10_000_000;
        Self {
            id: world.id(),
            frozen: Arc::new(watch::channel(false).0),
            dead: Arc::default(),
            skew,
        }
    }

    /// Whether it can be heard.
    pub fn is_silent(&self) -> bool {
        *self.frozen.borrow() || self.dead.load(Ordering::Relaxed)
    }

    /// Returns while the machine runs.
    async fn moves(&self) {
        let mut frozen = self.frozen.subscribe();
        let _ = frozen.wait_for(|frozen| !frozen).await;
        if self.dead.load(Ordering::Relaxed) {
            std::future::pending::<()>().await;
        }
    }
}
