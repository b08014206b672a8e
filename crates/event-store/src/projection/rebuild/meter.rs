//! How far a build is: told to whoever asked for it, and written down for everybody else.

use std::sync::Mutex;
use std::time::{Duration, Instant};

use decider::LogPosition;
use sqlx::PgPool;

use super::builds::{self, BuildState, Far};
use super::claim::Claim;
use super::error::RebuildError;
use crate::projection::fold::ProjectionType;

/// How often it is written down.
const WRITE_EVERY: Duration = Duration::from_millis(500);

/// How far a build is.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Progress {
    /// The view.
    pub name: &'static str,
    /// Which build of its version.
    pub build: u32,
    /// What is being done.
    pub state: BuildState,
    /// Events folded of all logs; in `Indexing`, indexes made.
    pub done: u64,
    /// Of how many.
    pub total: u64,
    /// Events folded in a second.
    pub per_second: f64,
    /// Seconds left until all events are folded, when that can be told.
    pub seconds_left: Option<u64>,
}

/// Who is told.
pub type Told<'a> = &'a (dyn Fn(Progress) + Send + Sync);

/// Tells how far a build is.
pub(super) struct Meter<'a> {
    pool: PgPool,
    projection: ProjectionType,
    told: Told<'a>,
    present: Mutex<Present>,
}

/// How far one workspace of a build is, beside those before it.
pub(super) struct Reached<'a> {
    pub(super) meter: &'a Meter<'a>,
    pub(super) claim: &'a Claim,
    /// Events of the workspaces before it.
    pub(super) before: u64,
    /// Events of all.
    pub(super) total: u64,
}

impl Reached<'_> {
    /// Tells it; fails when the build was given up or the right to work on it is lost.
    pub(super) async fn at(&self, position: LogPosition) -> Result<(), RebuildError> {
        if !self.claim.is_held() {
            return Err(RebuildError::Busy { name: self.meter.projection.name });
        }
        self.meter.reach(self.before + position.0, self.total).await
    }
}

struct Present {
    state: BuildState,
    since: Instant,
    begun_at: u64,
    far: Far,
    written: Option<Instant>,
}

impl<'a> Meter<'a> {
    pub(super) fn new(
        pool: PgPool,
        projection: ProjectionType,
        told: Told<'a>,
        state: BuildState,
    ) -> Self {
        let present = Present {
            state,
            since: Instant::now(),
            begun_at: 0,
            far: Far::default(),
            written: None,
        };
        Self { pool, projection, told, present: Mutex::new(present) }
    }

    /// The build has entered a state in which so much is done of so much.
    pub(super) fn enter(&self, state: BuildState, (done, total): (u64, u64)) {
        let progress = {
            let mut present = self.lock();
            present.state = state;
            present.since = Instant::now();
            present.begun_at = done;
            present.far = Far { done, total: total.max(done), per_second: 0.0 };
            present.written = None;
            self.progress(&present)
        };
        (self.told)(progress);
    }

    /// So many are done.
    pub(super) async fn reach(&self, done: u64, total: u64) -> Result<(), RebuildError> {
        let (progress, far, due) = {
            let mut present = self.lock();
            let seconds = present.since.elapsed().as_secs_f64();
            let per_second = done.saturating_sub(present.begun_at) as f64 / seconds.max(1e-3);
            present.far = Far { done, total: total.max(done), per_second };
            let due = present.written.is_none_or(|written| written.elapsed() > WRITE_EVERY);
            if due {
                present.written = Some(Instant::now());
            }
            (self.progress(&present), present.far, due)
        };
        (self.told)(progress);
        if due && !self.write(progress.state, far, None).await? {
            return Err(RebuildError::Aborted);
        }
        Ok(())
    }

    /// Writes down what stopped it, or what was found.
    pub(super) async fn problem(&self, problem: Option<&str>) -> Result<(), RebuildError> {
        let (state, far) = {
            let present = self.lock();
            (present.state, Far { per_second: 0.0, ..present.far })
        };
        self.write(state, far, problem).await.map(drop)
    }

    async fn write(
        &self,
        state: BuildState,
        far: Far,
        problem: Option<&str>,
    ) -> Result<bool, RebuildError> {
        Ok(builds::progress(&self.pool, &self.projection, state, (far, problem)).await?)
    }

    fn progress(&self, present: &Present) -> Progress {
        let Far { done, total, per_second } = present.far;
        let left = total.saturating_sub(done) as f64;
        Progress {
            name: self.projection.name,
            build: self.projection.build,
            state: present.state,
            done,
            total,
            per_second,
            seconds_left: (per_second > 0.0).then(|| (left / per_second).ceil() as u64),
        }
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Present> {
        // Nothing panics while holding the lock.
        self.present.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }
}
