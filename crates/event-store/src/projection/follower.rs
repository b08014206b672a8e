//! Keeps one projection of one workspace up to date: takes the lease, folds, waits, backs off, stops.

use std::error::Error;
use std::sync::Arc;
use std::time::Duration;

use decider::{LogPosition, WorkspaceId};
use tokio::sync::watch;
use tokio::time::{sleep, timeout};

use super::error::{StepError, StopReason};
use super::fold::ProjectionType;
use super::lease::{KeepLeases, Lease};
use super::projector::{Applied, Projector};
use super::status::{ProjectionState, StatusCell};
use super::wait::{Checkpoints, Standing};
use crate::log::RecentCommits;

/// How often the log is asked when nothing woke the follower: alone enough for correctness.
const POLL: Duration = Duration::from_secs(1);
/// How long one step may take; it aims at a small part of a second.
const STEP_WITHIN: Duration = Duration::from_secs(20);
/// How long the end waits for the last place to be written down.
const SAVES_WITHIN: Duration = Duration::from_secs(1);
/// First and longest pause after a failure.
const BACK_OFF: (Duration, Duration) = (Duration::from_millis(50), Duration::from_secs(5));

#[derive(Clone)]
pub(super) struct FollowerParts {
    pub(super) checkpoints: Checkpoints,
    pub(super) leases: Arc<dyn KeepLeases>,
    pub(super) status: StatusCell,
    pub(super) stop: watch::Receiver<bool>,
    pub(super) recent: RecentCommits,
}

/// One projection of one workspace, kept up to date.
pub(super) struct Follower {
    parts: FollowerParts,
    projection: ProjectionType,
    ws: WorkspaceId,
    projector: Projector,
    head: watch::Receiver<LogPosition>,
    pause: Duration,
}

/// What to wait for before the next round.
enum Next {
    Now,
    Growth,
    Pause(Duration),
    Never,
}

impl Follower {
    pub(super) fn new(
        parts: FollowerParts,
        mut projector: Projector,
        projection: ProjectionType,
        ws: WorkspaceId,
    ) -> Self {
        let head = parts.recent.follow(ws);
        projector.save_late();
        Self { parts, projection, ws, projector, head, pause: BACK_OFF.0 }
    }

    pub(super) async fn run(mut self) {
        while !*self.parts.stop.borrow() {
            let next = self.round().await;
            self.wait(next).await;
        }
        // Whoever goes on would only read once more what concerns no row.
        if let Ok(Err(error)) = timeout(SAVES_WITHIN, self.projector.save()).await {
            let error: &(dyn Error + 'static) = &error;
            tracing::debug!(projection = self.projection.name, ws = %self.ws.0, error, "the last place was not saved");
        }
        self.step_back().await;
    }

    async fn round(&mut self) -> Next {
        let schema = self.projection.schema_name();
        match self.parts.leases.take(self.ws, &schema).await {
            Ok(Lease::Held) => {}
            Ok(Lease::Taken) => self.projector.reload(),
            Ok(Lease::Elsewhere) => {
                self.projector.reload();
                self.parts.status.state(ProjectionState::Standby, None);
                self.parts.checkpoints.left(self.ws, &self.projection);
                return Next::Pause(POLL);
            }
            Err(error) => return self.back_off(&error),
        }
        match self.step().await {
            Ok(applied) => {
                self.pause = BACK_OFF.0;
                if let Some(applied) = &applied {
                    self.parts.status.applied(applied);
                    if applied.quarantined > 0 {
                        tracing::error!(
                            projection = self.projection.name,
                            ws = %self.ws.0,
                            streams = applied.quarantined,
                            "streams were quarantined: their rows are stale"
                        );
                    }
                }
                self.report(applied.is_none())
            }
            Err(StepError::Transient(error)) => self.back_off(error.as_ref()),
            Err(StepError::Fenced) => {
                tracing::warn!(projection = self.projection.name, ws = %self.ws.0, "another node went on with this view, or the database lost the newest of it in a crash");
                self.step_back().await;
                Next::Pause(POLL)
            }
            Err(StepError::Stopped(reason)) => self.stopped(&reason).await,
        }
    }

    /// One step, which does not wait for ever: a network that swallows what is sent tells nobody.
    async fn step(&mut self) -> Result<Option<Applied>, StepError> {
        let Ok(stepped) = timeout(STEP_WITHIN, self.projector.step()).await else {
            self.projector.reload();
            // Should it be the batch that takes so long, the next one is as small as can be.
            self.projector.set_batch_events(1);
            let late = sqlx::Error::Io(std::io::ErrorKind::TimedOut.into());
            return Err(StepError::Transient(Box::new(late)));
        };
        stepped
    }

    /// Tells how far the view is, and whether to go on.
    fn report(&self, at_the_end: bool) -> Next {
        let Some(checkpoint) = self.projector.checkpoint() else { return Next::Now };
        if at_the_end {
            // A notice may tell of anything; a view that has folded the log to its end is not behind it.
            self.parts.recent.ends_at(self.ws, checkpoint.position);
        }
        let head = *self.head.borrow();
        let left_out = self.projector.quarantine().0.len();
        let standing = Standing { position: checkpoint.position, left_out };
        self.parts.status.place(checkpoint.position, head, left_out);
        // What the memory has not heard of, the poll finds.
        let following = at_the_end || (head.0 > 0 && checkpoint.position >= head);
        let state =
            if following { ProjectionState::Following } else { ProjectionState::CatchingUp };
        self.parts.status.state(state, None);
        // Readers are told last: who then asks for the status finds it as new.
        self.parts.checkpoints.reached(self.ws, &self.projection, standing);
        if following { Next::Growth } else { Next::Now }
    }

    fn back_off(&mut self, error: &(dyn Error + 'static)) -> Next {
        let reason = format!("{error}");
        if self.parts.status.state(ProjectionState::BackingOff, Some(reason)) {
            tracing::warn!(projection = self.projection.name, ws = %self.ws.0, error, "the view waits for the database");
        }
        let pause = self.pause;
        self.pause = (pause * 2).min(BACK_OFF.1);
        Next::Pause(pause)
    }

    /// Stops on this node; another one, perhaps newer, may take the view over.
    async fn stopped(&self, reason: &StopReason) -> Next {
        self.step_back().await;
        if let StopReason::Rewound { commit } = reason {
            let continuity = self.parts.recent.continuity();
            continuity.view_is_ahead(self.ws, *commit, self.projection.name);
        }
        if self.parts.status.stopped(reason) {
            let error: &(dyn Error + 'static) = reason;
            tracing::error!(projection = self.projection.name, ws = %self.ws.0, error, "the view stopped");
        }
        Next::Never
    }

    async fn step_back(&self) {
        self.parts.checkpoints.left(self.ws, &self.projection);
        self.parts.leases.give_back(self.ws, &self.projection.schema_name()).await;
    }

    async fn wait(&mut self, next: Next) {
        let stop = &mut self.parts.stop;
        match next {
            Next::Now => {}
            Next::Growth => tokio::select! {
                changed = self.head.changed() => if changed.is_err() { sleep(POLL).await },
                () = sleep(self.projector.saves_in().unwrap_or(POLL)) => {}
                () = signalled(stop) => {}
            },
            Next::Pause(pause) => tokio::select! {
                () = sleep(pause) => {}
                () = signalled(stop) => {}
            },
            // A failed wait means that the engine is gone, which also ends this.
            Next::Never => signalled(stop).await,
        }
    }
}

/// Waits until a signal is given, or nobody is left to give it.
pub(super) async fn signalled(signal: &mut watch::Receiver<bool>) {
    let _ = signal.wait_for(|down| *down).await;
}
