//! Read your writes: waiting until a view has folded a position.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use decider::{LogPosition, WorkspaceId};
use sqlx::PgPool;
use tokio::sync::watch;
use tokio::time::{Instant, sleep, timeout_at};

use super::checkpoint;
use super::fold::ProjectionType;
use super::schema::Places;
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

/// One build of a view of one workspace.
type Place = (WorkspaceId, &'static str, u32);
type Positions = HashMap<Place, watch::Sender<Known>>;

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
    read: Arc<Mutex<HashMap<&'static str, Read>>>,
    positions: Arc<Mutex<Positions>>,
}

/// The builds of a view that readers may look at.
#[derive(Clone)]
struct Read {
    present: ProjectionType,
    /// Readers that began before the last switch still look at this one, or are about to be led to it: they wait for both.
    other: Option<ProjectionType>,
    /// Whether it is not fit to be read before it is complete.
    building: bool,
}

impl Read {
    fn builds(&self) -> impl Iterator<Item = ProjectionType> {
        std::iter::once(self.present).chain(self.other)
    }
}

impl Checkpoints {
    /// Of these views, with nothing known yet.
    #[must_use]
    pub fn new(pool: PgPool, projections: &[ProjectionType]) -> Self {
        let read = |present: ProjectionType| Read { present, other: None, building: false };
        let read = projections.iter().map(|known| (known.name, read(*known))).collect();
        Self { pool, read: Arc::new(Mutex::new(read)), positions: Arc::default() }
    }

    /// Waits until a view has folded a position, at most so long. A view that is not known is stale.
    pub async fn wait(
        &self,
        ws: WorkspaceId,
        name: &str,
        position: LogPosition,
        at_most: Duration,
    ) -> Freshness {
        let deadline = Instant::now() + at_most;
        loop {
            let Some(read) = self.read().get(name).cloned() else { return Freshness::Stale };
            for build in read.builds() {
                if self.wait_for(ws, build, (position, deadline)).await == Freshness::Stale {
                    return Freshness::Stale;
                }
            }
            // Led elsewhere meanwhile, the reader would look at a build that nobody waited for.
            let waited =
                |build: ProjectionType| read.builds().any(|known| known.build == build.build);
            if self.read().get(name).is_some_and(|now| now.builds().all(waited)) {
                return Freshness::Reached;
            }
        }
    }

    /// Waits until the announced builds hold all that the present ones hold: whoever has waited for the one may look at the
    /// other then. At most so long, since a switch may be forced to a build that does not get on.
    pub(super) async fn overtaken(&self, workspaces: &[WorkspaceId], at_most: Duration) {
        let deadline = Instant::now() + at_most;
        let announced: Vec<_> =
            self.read().values().filter_map(|read| Some((read.present, read.other?))).collect();
        for (present, next) in announced {
            for ws in workspaces {
                let position = self.place(*ws, &present).await;
                self.wait_for(*ws, next, (position, deadline)).await;
            }
        }
    }

    /// How far a build is, from memory or from the database.
    async fn place(&self, ws: WorkspaceId, build: &ProjectionType) -> LogPosition {
        let known = *self.sender(ws, build).borrow();
        if known.here {
            return known.position;
        }
        self.stored(ws, &build.schema_name()).await.unwrap_or(known.position).max(known.position)
    }

    async fn wait_for(
        &self,
        ws: WorkspaceId,
        build: ProjectionType,
        (position, deadline): (LogPosition, Instant),
    ) -> Freshness {
        let schema = build.schema_name();
        let mut known = self.sender(ws, &build).subscribe();
        loop {
            let now = *known.borrow_and_update();
            if now.position >= position
                || (!now.here && self.stored(ws, &schema).await >= Some(position))
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
        let Some(build) = self.read().get(name).map(|read| read.present) else {
            return LogPosition(0);
        };
        self.sender(ws, &build).borrow().position
    }

    /// Whether a view is being built and not fit to be read before it is complete.
    #[must_use]
    pub fn is_building(&self, name: &str) -> bool {
        self.read().get(name).is_some_and(|read| read.building)
    }

    /// Readers will be led to other builds: from now on they wait for those, too.
    pub(super) fn announce(&self, places: &Places) {
        let mut read = self.read();
        for next in &places.present {
            if let Some(known) = read.get_mut(next.name) {
                known.other = (known.present.build != next.build).then_some(*next);
            }
        }
    }

    /// Readers are led to other builds from now on: until [`Self::settled`] they wait for those they come from too.
    pub(super) fn lead(&self, places: &Places) {
        let mut read = self.read();
        for present in &places.present {
            let building = places.building.iter().any(|built| built.name == present.name);
            let fresh = Read { present: *present, other: None, building };
            let known = read.entry(present.name).or_insert_with(|| fresh.clone());
            if known.present.build != present.build {
                *known = Read { other: Some(known.present), ..fresh };
            }
            known.building = building;
        }
    }

    /// Whoever began to read before the last switch has ended.
    pub(super) fn settled(&self) {
        self.read().values_mut().for_each(|read| read.other = None);
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
        let Some(build) = self.read().get(name).map(|read| read.present) else { return Ok(None) };
        let known = *self.sender(ws, &build).borrow();
        if known.here {
            let Known { position, left_out, .. } = known;
            return Ok(Some(Standing { position, left_out }));
        }
        let mut connection = self.pool.acquire().await?;
        let schema = build.schema_name();
        let (checkpoint, quarantine) = read_standing(&mut connection, ws, &schema).await?;
        Ok(Some(Standing { position: checkpoint.position, left_out: quarantine.0.len() }))
    }

    /// A projector of this process has reached a position.
    pub(super) fn reached(&self, ws: WorkspaceId, build: &ProjectionType, standing: Standing) {
        let Standing { position, left_out } = standing;
        self.sender(ws, build).send_if_modified(|known| {
            let changed = known.position != position || known.left_out != left_out || !known.here;
            *known = Known { position, left_out, here: true };
            changed
        });
    }

    /// No projector of this process keeps the view up to date any more.
    pub(super) fn left(&self, ws: WorkspaceId, build: &ProjectionType) {
        self.sender(ws, build).send_if_modified(|known| std::mem::take(&mut known.here));
    }

    async fn stored(&self, ws: WorkspaceId, schema: &str) -> Option<LogPosition> {
        let mut connection = self.pool.acquire().await.ok()?;
        Some(checkpoint::read(&mut connection, ws, schema).await.ok()?.position)
    }

    fn sender(&self, ws: WorkspaceId, build: &ProjectionType) -> watch::Sender<Known> {
        let mut positions = self.positions.lock().unwrap_or_else(PoisonError::into_inner);
        positions.entry((ws, build.name, build.build)).or_default().clone()
    }

    fn read(&self) -> MutexGuard<'_, HashMap<&'static str, Read>> {
        // Nothing panics while holding the lock.
        self.read.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;

    const WS: WorkspaceId = WorkspaceId(Uuid::from_u128(1));
    const LONG: Duration = Duration::from_secs(3600);
    const FIRST: ProjectionType = ProjectionType {
        name: "inbox",
        version: 1,
        build: 1,
        schema_sql: "",
        opens: false,
        stop_on_error: false,
        across_streams: false,
        tables: Vec::new,
        fold: || unreachable!("nothing is folded here"),
    };
    const SECOND: ProjectionType = FIRST.at_build(2);

    /// With both builds at position 6.
    fn checkpoints() -> Checkpoints {
        let pool = PgPool::connect_lazy("postgres://nobody@127.0.0.1:1/none").unwrap();
        let checkpoints = Checkpoints::new(pool, &[FIRST]);
        at(&checkpoints, FIRST, 6);
        at(&checkpoints, SECOND, 6);
        checkpoints
    }

    fn at(checkpoints: &Checkpoints, build: ProjectionType, position: u64) {
        let standing = Standing { position: LogPosition(position), left_out: 0 };
        checkpoints.reached(WS, &build, standing);
    }

    fn places() -> Places {
        Places { present: vec![SECOND], building: Vec::new(), followed: vec![FIRST, SECOND] }
    }

    #[tokio::test(start_paused = true)]
    async fn who_is_led_to_another_build_while_waiting_waits_for_that_one_too() {
        let checkpoints = checkpoints();
        let wait = checkpoints.wait(WS, "inbox", LogPosition(7), LONG);
        tokio::pin!(wait);
        assert!(futures_util::poll!(&mut wait).is_pending());
        checkpoints.announce(&places());
        at(&checkpoints, FIRST, 7);
        assert!(futures_util::poll!(&mut wait).is_pending(), "the build it is led to lacks it");
        checkpoints.lead(&places());
        assert!(futures_util::poll!(&mut wait).is_pending());
        at(&checkpoints, SECOND, 7);
        assert_eq!(wait.await, Freshness::Reached);
    }

    #[tokio::test(start_paused = true)]
    async fn readers_are_led_to_a_build_once_it_holds_what_they_may_have_waited_for() {
        let checkpoints = checkpoints();
        at(&checkpoints, FIRST, 7);
        let seven = checkpoints.wait(WS, "inbox", LogPosition(7), LONG).await;
        assert_eq!(seven, Freshness::Reached);
        checkpoints.announce(&places());
        let overtaken = checkpoints.overtaken(&[WS], LONG);
        tokio::pin!(overtaken);
        assert!(futures_util::poll!(&mut overtaken).is_pending());
        at(&checkpoints, SECOND, 7);
        overtaken.await;
    }

    #[tokio::test(start_paused = true)]
    async fn a_build_that_does_not_get_on_holds_a_switch_up_for_a_moment_only() {
        let checkpoints = checkpoints();
        at(&checkpoints, FIRST, 7);
        checkpoints.announce(&places());
        checkpoints.overtaken(&[WS], Duration::from_secs(2)).await;
    }
}
