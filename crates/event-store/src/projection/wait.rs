//! Read your writes: waiting until a view has folded a position.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use decider::{LogPosition, WorkspaceId};
use sqlx::PgPool;
use tokio::sync::watch;
use tokio::time::{Instant, sleep, timeout_at};

use super::checkpoint;
use super::fold::ProjectionType;
use super::views::read_standing;

/// How often the checkpoint of a view that another node folds is read.
const POLL: Duration = Duration::from_millis(20);

/// Whether a view is as new as a reader asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Freshness {
    /// It has folded that position.
    Reached,
    /// It had not when the time was up.
    Stale,
}

/// How far a view is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Standing {
    /// The last position in its rows.
    pub position: LogPosition,
    /// How many streams it leaves out.
    pub left_out: usize,
}

type Positions = HashMap<(WorkspaceId, &'static str), watch::Sender<Known>>;

#[derive(Clone, Copy, Default)]
struct Known {
    position: LogPosition,
    left_out: usize,
    /// Whether a projector of this process keeps it up to date.
    here: bool,
}

/// How far the views are.
#[derive(Clone)]
pub struct Checkpoints {
    pool: PgPool,
    schemas: Arc<HashMap<&'static str, String>>,
    positions: Arc<Mutex<Positions>>,
}

impl Checkpoints {
    /// Of these views, with nothing known yet.
    #[must_use]
    pub fn new(pool: PgPool, projections: &[ProjectionType]) -> Self {
        let schemas = projections.iter().map(|known| (known.name, known.schema_name())).collect();
        Self { pool, schemas: Arc::new(schemas), positions: Arc::default() }
    }

    /// Waits until a view has folded a position, at most so long. A view that is not known is stale.
    pub async fn wait(
        &self,
        ws: WorkspaceId,
        name: &str,
        position: LogPosition,
        at_most: Duration,
    ) -> Freshness {
        let Some((name, schema)) = self.schemas.get_key_value(name) else {
            return Freshness::Stale;
        };
        let deadline = Instant::now() + at_most;
        let mut known = self.sender(ws, name).subscribe();
        loop {
            let now = *known.borrow_and_update();
            if now.position >= position
                || (!now.here && self.read(ws, schema).await >= Some(position))
            {
                return Freshness::Reached;
            }
            if Instant::now() >= deadline {
                return Freshness::Stale;
            }
            let until = if now.here { deadline } else { deadline.min(Instant::now() + POLL) };
            if timeout_at(until, known.changed()).await.is_ok_and(|changed| changed.is_err()) {
                sleep(POLL).await;
            }
        }
    }

    /// How far a view is, as far as this process knows.
    #[must_use]
    pub fn known(&self, ws: WorkspaceId, name: &str) -> LogPosition {
        let positions = self.positions.lock().unwrap_or_else(PoisonError::into_inner);
        self.schemas
            .get_key_value(name)
            .and_then(|(name, _)| positions.get(&(ws, *name)))
            .map_or(LogPosition(0), |sender| sender.borrow().position)
    }

    /// How far a view is: from memory where this process keeps it up to date, else from the database. None when the view is
    /// not known.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn standing(
        &self,
        ws: WorkspaceId,
        name: &str,
    ) -> Result<Option<Standing>, sqlx::Error> {
        let Some((name, schema)) = self.schemas.get_key_value(name) else { return Ok(None) };
        let known = *self.sender(ws, name).borrow();
        if known.here {
            let Known { position, left_out, .. } = known;
            return Ok(Some(Standing { position, left_out }));
        }
        let mut connection = self.pool.acquire().await?;
        let (checkpoint, quarantine) = read_standing(&mut connection, ws, schema).await?;
        Ok(Some(Standing { position: checkpoint.position, left_out: quarantine.0.len() }))
    }

    /// A projector of this process has reached a position.
    pub(super) fn reached(&self, ws: WorkspaceId, name: &'static str, standing: Standing) {
        let Standing { position, left_out } = standing;
        self.sender(ws, name).send_if_modified(|known| {
            let changed = known.position != position || known.left_out != left_out || !known.here;
            *known = Known { position, left_out, here: true };
            changed
        });
    }

    /// No projector of this process keeps the view up to date any more.
    pub(super) fn left(&self, ws: WorkspaceId, name: &'static str) {
        self.sender(ws, name).send_if_modified(|known| std::mem::take(&mut known.here));
    }

    async fn read(&self, ws: WorkspaceId, schema: &str) -> Option<LogPosition> {
        let mut connection = self.pool.acquire().await.ok()?;
        Some(checkpoint::read(&mut connection, ws, schema).await.ok()?.position)
    }

    fn sender(&self, ws: WorkspaceId, name: &'static str) -> watch::Sender<Known> {
        let mut positions = self.positions.lock().unwrap_or_else(PoisonError::into_inner);
        positions.entry((ws, name)).or_default().clone()
    }
}
