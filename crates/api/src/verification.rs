//! Verifying a log beside everything else: one at a time in this process, in the background, ended with the process.

use std::collections::HashMap;
use std::error::Error;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use decider::{LogPosition, Timestamp, WorkspaceId};
use event_store::log::{KnownHead, LogReader, Verification, VerifyReport};
use metrics::gauge;
use tokio::task::JoinHandle;

/// How a verification stands.
#[derive(Clone, Debug)]
pub(crate) enum Stand {
    /// It is under way.
    Running {
        /// The newest verified position.
        position: LogPosition,
    },
    /// It came to its end.
    Done(Box<VerifyReport>),
    /// The database failed.
    Failed,
}

/// The newest verification of a workspace.
#[derive(Clone, Debug)]
pub(crate) struct Verified {
    /// When it was begun.
    pub started_at: Timestamp,
    /// How it stands.
    pub stand: Stand,
}

/// The verifications of this process.
#[derive(Default)]
pub(crate) struct Verifications {
    known: Known,
    task: Mutex<Option<JoinHandle<()>>>,
}

type Known = Arc<Mutex<HashMap<WorkspaceId, Verified>>>;

impl Verifications {
    /// The newest of a workspace.
    pub fn newest(&self, ws: WorkspaceId) -> Option<Verified> {
        lock(&self.known).get(&ws).cloned()
    }

    /// Begins one; answers false when another one, of whatever workspace, is under way.
    pub fn begin(
        &self,
        (ws, heads): (WorkspaceId, Vec<KnownHead>),
        reader: LogReader,
        now: Timestamp,
    ) -> bool {
        let mut task = lock(&self.task);
        if task.as_ref().is_some_and(|task| !task.is_finished()) {
            return false;
        }
        let stand = Stand::Running { position: LogPosition(0) };
        lock(&self.known).insert(ws, Verified { started_at: now, stand });
        *task = Some(tokio::spawn(run((ws, heads), reader, Arc::clone(&self.known))));
        true
    }
}

impl Drop for Verifications {
    fn drop(&mut self) {
        // Its connection must not keep the pool from closing.
        if let Some(task) = lock(&self.task).take() {
            task.abort();
        }
    }
}

async fn run((ws, heads): (WorkspaceId, Vec<KnownHead>), reader: LogReader, known: Known) {
    let stand = |stand| {
        if let Some(verified) = lock(&known).get_mut(&ws) {
            verified.stand = stand;
        }
    };
    let verification = Verification::of(ws).against(&heads);
    let progress = |position| stand(Stand::Running { position });
    match verification.run(reader.pool(), progress).await {
        Ok(report) => {
            let found = report.findings.len();
            gauge!("ledgerdesk_log_verify_findings", "ws" => ws.0.to_string()).set(found as f64);
            if let Some(first) = report.findings.first() {
                let position = first.position.map(|position| position.0);
                tracing::error!(workspace = %ws.0, commit = first.commit, position, what = first.what, "the log is not as it was written");
            }
            stand(Stand::Done(Box::new(report)));
        }
        Err(error) => {
            let error: &(dyn Error + 'static) = &error;
            tracing::warn!(workspace = %ws.0, error, "the log could not be verified");
            stand(Stand::Failed);
        }
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    // Nothing panics while holding one of these locks.
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
