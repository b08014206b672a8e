//! Keys made ahead, per workspace: their rows are in the database before they are handed out, so taking one costs no query.

use std::collections::HashMap;
use std::io::ErrorKind;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use decider::WorkspaceId;
use sqlx::PgPool;
use uuid::Uuid;

use crate::error::VaultError;
use crate::key_ring::SealingKey;
use crate::master::Master;
use crate::seal::KeyBytes;

/// Keys inserted at a time; doubled, up to the second number, each time a workspace drains its stock.
const STOCK: usize = 512;
const STOCK_MAX: usize = 4_096;
/// How long inserting keys may take.
const INSERT_WITHIN: Duration = Duration::from_secs(8);
const WORKSPACES_MAX: usize = 256;

/// The stocks of the workspaces that were active last.
pub struct KeyPool {
    stocks: Mutex<HashMap<WorkspaceId, Arc<Stock>>>,
}

/// The stock of one workspace.
pub struct Stock {
    ready: Mutex<Vec<SealingKey>>,
    target: AtomicUsize,
    filling: tokio::sync::Mutex<()>,
    filled_once: AtomicBool,
    fill_scheduled: AtomicBool,
    used: Mutex<Instant>,
}

impl KeyPool {
    pub fn new() -> Self {
        Self { stocks: Mutex::new(HashMap::new()) }
    }

    pub fn stock(&self, ws: WorkspaceId) -> Arc<Stock> {
        let mut stocks = lock(&self.stocks);
        if let Some(stock) = stocks.get(&ws) {
            *lock(&stock.used) = Instant::now();
            return Arc::clone(stock);
        }
        if stocks.len() >= WORKSPACES_MAX {
            let idlest = stocks.iter().min_by_key(|(_, stock)| *lock(&stock.used));
            if let Some(idlest) = idlest.map(|(ws, _)| *ws) {
                stocks.remove(&idlest);
            }
        }
        let stock = Arc::new(Stock::new());
        stocks.insert(ws, Arc::clone(&stock));
        stock
    }
}

impl Stock {
    fn new() -> Self {
        Self {
            ready: Mutex::new(Vec::new()),
            target: AtomicUsize::new(STOCK),
            filling: tokio::sync::Mutex::new(()),
            filled_once: AtomicBool::new(false),
            fill_scheduled: AtomicBool::new(false),
            used: Mutex::new(Instant::now()),
        }
    }

    /// That many keys, each handed out once and never again; none if there are fewer.
    pub fn try_take(&self, count: usize) -> Option<Vec<SealingKey>> {
        let mut ready = lock(&self.ready);
        let from = ready.len().checked_sub(count)?;
        Some(ready.split_off(from))
    }

    /// That many keys, made first if there are fewer.
    pub async fn take(
        &self,
        count: usize,
        ws: WorkspaceId,
        master: &Master,
        db: &PgPool,
    ) -> Result<Vec<SealingKey>, VaultError> {
        if let Some(keys) = self.try_take(count) {
            return Ok(keys);
        }
        let _turn = self.filling.lock().await;
        if let Some(keys) = self.try_take(count) {
            return Ok(keys);
        }
        let mut target = self.target.load(Ordering::Relaxed);
        if self.filled_once.swap(true, Ordering::Relaxed) {
            target = (target * 2).min(STOCK_MAX);
            self.target.store(target, Ordering::Relaxed);
        }
        let taken = make(count, ws, master, db).await?;
        let mut spare = make(target, ws, master, db).await?;
        lock(&self.ready).append(&mut spare);
        Ok(taken)
    }

    /// Whether somebody should call [`Self::refill`] now. Says so to one caller only.
    pub fn wants_refill(&self) -> bool {
        lock(&self.ready).len() < self.target.load(Ordering::Relaxed) / 2
            && !self.fill_scheduled.swap(true, Ordering::AcqRel)
    }

    /// Brings the stock back to its target.
    pub async fn refill(
        &self,
        ws: WorkspaceId,
        master: &Master,
        db: &PgPool,
    ) -> Result<(), VaultError> {
        let _turn = self.filling.lock().await;
        self.fill_scheduled.store(false, Ordering::Release);
        let missing = self.target.load(Ordering::Relaxed).saturating_sub(lock(&self.ready).len());
        let mut made = make(missing, ws, master, db).await?;
        self.filled_once.store(true, Ordering::Relaxed);
        lock(&self.ready).append(&mut made);
        Ok(())
    }
}

/// New keys, their rows inserted.
pub async fn make(
    count: usize,
    ws: WorkspaceId,
    master: &Master,
    db: &PgPool,
) -> Result<Vec<SealingKey>, VaultError> {
    let mut made = Vec::with_capacity(count);
    while made.len() < count {
        let batch = (count - made.len()).min(STOCK);
        let mut ids = Vec::with_capacity(batch);
        let mut wrapped = Vec::with_capacity(batch);
        let mut keys = Vec::with_capacity(batch);
        for _ in 0..batch {
            let (id, bytes) = (Uuid::now_v7(), Arc::new(KeyBytes::random()));
            ids.push(id);
            wrapped.push(master.wrap(ws, id, &bytes)?);
            keys.push(SealingKey { id, newly_assigned: true, bytes });
        }
        let inserting = sqlx::query(include_str!("sql/keys_insert.sql"))
            .bind(ws.0)
            .bind(ids)
            .bind(wrapped)
            .execute(db);
        // Whoever needs a key waits for this one insert: it must not wait for ever on a connection that is dead.
        let inserted = tokio::time::timeout(INSERT_WITHIN, inserting).await;
        inserted.unwrap_or_else(|_| Err(sqlx::Error::Io(ErrorKind::TimedOut.into())))?;
        made.append(&mut keys);
    }
    Ok(made)
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
