//! What operators see of a view: state, lag, rate; as a list and as metrics.

use std::error::Error;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use decider::{LogPosition, WorkspaceId};
use metrics::{counter, gauge, histogram};

use super::error::StopReason;
use super::fold::ProjectionType;
use super::projector::Applied;

/// Weight of the newest batch in the shown rate.
const RATE_WEIGHT: f64 = 0.2;

/// What a view is doing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ProjectionState {
    /// Another node works on it.
    Standby,
    /// It is behind and folds.
    CatchingUp,
    /// It has folded everything there is.
    Following,
    /// The database does not answer; it tries again.
    BackingOff,
    /// It waits for a person.
    Stopped,
}

impl ProjectionState {
    /// The word for people and the API.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Standby => "standby",
            Self::CatchingUp => "catching_up",
            Self::Following => "following",
            Self::BackingOff => "backing_off",
            Self::Stopped => "stopped",
        }
    }

    const fn as_number(self) -> f64 {
        match self {
            Self::Standby => 0.0,
            Self::CatchingUp => 1.0,
            Self::Following => 2.0,
            Self::BackingOff => 3.0,
            Self::Stopped => 4.0,
        }
    }
}

/// One view of one workspace.
#[derive(Clone, Debug)]
pub struct ProjectionStatus {
    /// The workspace.
    pub ws: WorkspaceId,
    /// Its name.
    pub name: &'static str,
    /// Its version.
    pub version: u32,
    /// Which build of that version.
    pub build: u32,
    /// Whether readers see it.
    pub active: bool,
    /// The schema its tables live in.
    pub schema: String,
    /// What it is doing.
    pub state: ProjectionState,
    /// Why, when it is stopped or backing off.
    pub reason: Option<String>,
    /// Whether it is stopped by what an event holds: every server stops there, and another one would help nobody.
    pub stopped_by_data: bool,
    /// The last folded position.
    pub checkpoint: LogPosition,
    /// The newest position this process has heard of.
    pub head: LogPosition,
    /// How many events it is behind.
    pub lag_events: u64,
    /// How many streams it leaves out.
    pub quarantined: usize,
    /// Events folded per second while it works.
    pub rate: f64,
}

/// A status that one projector writes and anybody reads.
#[derive(Clone)]
pub(super) struct StatusCell {
    status: Arc<Mutex<ProjectionStatus>>,
    labels: [(&'static str, String); 3],
}

impl StatusCell {
    pub(super) fn new(ws: WorkspaceId, projection: &ProjectionType) -> Self {
        let status = ProjectionStatus {
            ws,
            name: projection.name,
            version: projection.version,
            build: projection.build,
            active: true,
            schema: projection.schema_name(),
            state: ProjectionState::Standby,
            reason: None,
            stopped_by_data: false,
            checkpoint: LogPosition(0),
            head: LogPosition(0),
            lag_events: 0,
            quarantined: 0,
            rate: 0.0,
        };
        let labels = [
            ("projection", projection.name.to_owned()),
            ("build", projection.build.to_string()),
            ("ws", ws.0.to_string()),
        ];
        Self { status: Arc::new(Mutex::new(status)), labels }
    }

    pub(super) fn read(&self) -> ProjectionStatus {
        self.status.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Whether readers see it.
    pub(super) fn active(&self, active: bool) {
        self.status.lock().unwrap_or_else(PoisonError::into_inner).active = active;
    }

    /// Its state, and why; answers whether the state is another one than before.
    pub(super) fn state(&self, state: ProjectionState, reason: Option<String>) -> bool {
        gauge!("ledgerdesk_projection_state", &self.labels).set(state.as_number());
        let mut status = self.status.lock().unwrap_or_else(PoisonError::into_inner);
        let changed = status.state != state;
        status.state = state;
        status.reason = reason;
        status.stopped_by_data = false;
        changed
    }

    /// It waits for a person; answers whether it did not before.
    pub(super) fn stopped(&self, reason: &StopReason) -> bool {
        let changed = self.state(ProjectionState::Stopped, Some(chain(reason)));
        let mut status = self.status.lock().unwrap_or_else(PoisonError::into_inner);
        status.stopped_by_data = matches!(reason, StopReason::Data(_));
        changed
    }

    /// Where it stands and where the log ends.
    pub(super) fn place(&self, checkpoint: LogPosition, head: LogPosition, quarantined: usize) {
        let lag = head.0.saturating_sub(checkpoint.0);
        {
            let mut status = self.status.lock().unwrap_or_else(PoisonError::into_inner);
            status.checkpoint = checkpoint;
            status.head = head.max(checkpoint);
            status.lag_events = lag;
            status.quarantined = quarantined;
        }
        gauge!("ledgerdesk_projection_checkpoint", &self.labels).set(checkpoint.0 as f64);
        gauge!("ledgerdesk_projection_lag_events", &self.labels).set(lag as f64);
        gauge!("ledgerdesk_projection_quarantined_streams", &self.labels).set(quarantined as f64);
        if lag == 0 {
            gauge!("ledgerdesk_projection_lag_seconds", &self.labels).set(0.0);
        }
    }

    /// What one batch did.
    pub(super) fn applied(&self, applied: &Applied) {
        let seconds = applied.took.as_secs_f64();
        counter!("ledgerdesk_projection_apply_events_total", &self.labels)
            .increment(applied.events as u64);
        histogram!("ledgerdesk_projection_batch_seconds", &self.labels).record(seconds);
        gauge!("ledgerdesk_projection_lag_seconds", &self.labels)
            .set(age(applied.first_at_micros).as_secs_f64());
        let rate = applied.events as f64 / seconds.max(1e-6);
        let mut status = self.status.lock().unwrap_or_else(PoisonError::into_inner);
        status.rate = if status.rate == 0.0 {
            rate
        } else {
            status.rate + RATE_WEIGHT * (rate - status.rate)
        };
    }
}

fn age(micros: i64) -> Duration {
    let written = UNIX_EPOCH + Duration::from_micros(u64::try_from(micros).unwrap_or(0));
    SystemTime::now().duration_since(written).unwrap_or_default()
}

/// The reasons of an error, outermost first. The innermost of a damaged payload quotes it and is left out.
fn chain(reason: &StopReason) -> String {
    let mut text = reason.to_string();
    let mut source = reason.source();
    while let Some(error) = source {
        if error.downcast_ref::<serde_json::Error>().is_some() {
            break;
        }
        text = format!("{text}: {error}");
        source = error.source();
    }
    text
}
