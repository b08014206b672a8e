//! Whether the log still continues what this process has seen of it. A restore or a lossy failover may take commits away
//! beneath a running server; whatever it remembers is then worth nothing, and it must not go on as if nothing had happened.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use decider::WorkspaceId;
use metrics::gauge;
use sqlx::Row;
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio::time::{MissedTickBehavior, interval};
use uuid::Uuid;

use super::error::LogError;
use super::follow::RecentCommits;
use super::reader::{LogReader, signed};

/// How often the log is compared with what was seen of it.
const LOOK_EVERY: Duration = Duration::from_secs(1);
/// How many commits are compared at most; of more, every second one is left out.
const UNPROVEN_MAX: usize = 64;

/// A commit as it was seen: number and hash.
type Link = (u64, [u8; 32]);

/// What this process has seen of the log of each workspace, and where it was found to be gone.
#[derive(Clone, Default)]
pub struct Continuity {
    inner: Arc<Inner>,
}

#[derive(Default)]
struct Inner {
    /// Whether any workspace's log was rewound: the quick answer to those who ask often.
    any: AtomicBool,
    workspaces: Mutex<HashMap<WorkspaceId, Seen>>,
}

#[derive(Default)]
struct Seen {
    newest: Option<Link>,
    /// What was seen since the log was compared last.
    unproven: Vec<Link>,
    rewound: Option<u64>,
}

impl Continuity {
    /// A commit stands in the log.
    pub fn saw(&self, ws: WorkspaceId, commit: u64, hash: [u8; 32]) {
        if commit == 0 {
            return;
        }
        let mut workspaces = self.lock();
        let seen = workspaces.entry(ws).or_default();
        match seen.newest {
            Some((newest, known)) if newest == commit && known != hash => {
                drop(workspaces);
                return self.rewound_at(ws, commit);
            }
            Some((newest, _)) if newest >= commit => return,
            Some(_) | None => {}
        }
        seen.newest = Some((commit, hash));
        if seen.unproven.len() >= UNPROVEN_MAX {
            let mut keep = false;
            seen.unproven.retain(|_| {
                keep = !keep;
                keep
            });
        }
        seen.unproven.push((commit, hash));
    }

    /// A commit that was seen is not in the log any more: from now on this process takes no commands for the workspace, until
    /// it is started anew and reads everything again.
    pub fn rewound_at(&self, ws: WorkspaceId, commit: u64) {
        let mut workspaces = self.lock();
        let seen = workspaces.entry(ws).or_default();
        if seen.rewound.replace(commit).is_some() {
            return;
        }
        drop(workspaces);
        self.inner.any.store(true, Ordering::Release);
        alarm(ws);
        tracing::error!(
            workspace = %ws.0,
            commit,
            "the log was rewound: a commit that was seen is gone. No commands are taken until a person has looked and \
             restarted the server"
        );
    }

    /// A view stands at a commit that is not in the log. The view stops; that is no proof that the log is at fault.
    pub fn view_is_ahead(&self, ws: WorkspaceId, commit: u64, view: &str) {
        alarm(ws);
        tracing::error!(
            workspace = %ws.0,
            view,
            commit,
            "a view stands at a commit that is not in the log: the log was rewound, or the view is of another database"
        );
    }

    /// Whether the log of a workspace was rewound while this process ran.
    #[must_use]
    pub fn is_rewound(&self, ws: WorkspaceId) -> bool {
        self.inner.any.load(Ordering::Acquire)
            && self.lock().get(&ws).is_some_and(|seen| seen.rewound.is_some())
    }

    /// The workspaces whose log was rewound, each with a commit that is gone.
    #[must_use]
    pub fn rewound(&self) -> Vec<(WorkspaceId, u64)> {
        if !self.inner.any.load(Ordering::Acquire) {
            return Vec::new();
        }
        self.lock().iter().filter_map(|(ws, seen)| Some((*ws, seen.rewound?))).collect()
    }

    /// Compares the log with everything seen since the last time, and with the newest that was ever seen.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn compare(&self, reader: &LogReader) -> Result<(), LogError> {
        let asked = self.to_compare();
        if asked.is_empty() {
            return Ok(());
        }
        let workspaces: Vec<Uuid> = asked.iter().map(|(ws, _)| ws.0).collect();
        let numbers: Vec<i64> = asked.iter().map(|(_, link)| signed(link.0)).collect();
        let rows = sqlx::query(include_str!("sql/commit_hashes.sql"))
            .bind(workspaces)
            .bind(numbers)
            .fetch_all(reader.pool())
            .await?;
        for ((ws, (commit, hash)), row) in asked.into_iter().zip(rows) {
            let found: Option<&[u8]> = row.try_get(0)?;
            if found != Some(&hash[..]) {
                self.rewound_at(ws, commit);
            }
        }
        Ok(())
    }

    fn to_compare(&self) -> Vec<(WorkspaceId, Link)> {
        let mut workspaces = self.lock();
        let mut asked = Vec::new();
        for (ws, seen) in workspaces.iter_mut().filter(|(_, seen)| seen.rewound.is_none()) {
            let unproven = std::mem::take(&mut seen.unproven);
            let again = seen.newest.filter(|newest| !unproven.contains(newest));
            asked.extend(unproven.into_iter().chain(again).map(|link| (*ws, link)));
        }
        asked
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<WorkspaceId, Seen>> {
        // Nothing panics while holding the lock.
        self.inner.workspaces.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl LogReader {
    /// Whether a commit is still in the log as a reader remembers it: for everybody who goes on from a position.
    ///
    /// # Errors
    /// [`LogError::Rewound`] when it is gone or another one; otherwise when the database fails.
    pub async fn continues(
        &self,
        ws: WorkspaceId,
        commit: u64,
        hash: &[u8; 32],
    ) -> Result<(), LogError> {
        if commit == 0 {
            return Ok(());
        }
        let row = sqlx::query(include_str!("sql/commit_hashes.sql"))
            .bind(vec![ws.0])
            .bind(vec![signed(commit)])
            .fetch_one(self.pool())
            .await?;
        match row.try_get::<Option<&[u8]>, _>(0)? {
            Some(found) if found == hash => Ok(()),
            Some(_) | None => Err(LogError::Rewound { commit }),
        }
    }
}

/// Compares the log every second with what `recent` has seen of it, until `shutdown` says true or its sender is gone.
#[must_use = "the task can be awaited after the shutdown"]
pub fn watch_over(
    reader: LogReader,
    recent: RecentCommits,
    mut shutdown: watch::Receiver<bool>,
) -> JoinHandle<()> {
    let looking = async move {
        let mut look = interval(LOOK_EVERY);
        look.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            look.tick().await;
            if let Err(error) = recent.continuity().compare(&reader).await {
                let error = &error as &dyn std::error::Error;
                tracing::debug!(error, "the log could not be compared with what was seen of it");
            }
        }
    };
    tokio::spawn(async move {
        tokio::select! {
            () = looking => {}
            _ = shutdown.wait_for(|stop| *stop) => {}
        }
    })
}

fn alarm(ws: WorkspaceId) {
    gauge!("ledgerdesk_log_rewound", "ws" => ws.0.to_string()).set(1.0);
}

#[cfg(test)]
mod tests {
    use super::*;

    const WS: WorkspaceId = WorkspaceId(Uuid::nil());

    #[test]
    fn another_hash_under_a_known_number_is_a_rewound_log() {
        let continuity = Continuity::default();
        continuity.saw(WS, 4, [4; 32]);
        continuity.saw(WS, 3, [9; 32]);
        continuity.saw(WS, 4, [4; 32]);
        assert!(!continuity.is_rewound(WS));
        continuity.saw(WS, 4, [5; 32]);
        assert_eq!(continuity.rewound(), [(WS, 4)]);
    }

    #[test]
    fn of_many_commits_some_and_the_newest_are_compared() {
        let continuity = Continuity::default();
        for commit in 1..=10_000 {
            continuity.saw(WS, commit, [0; 32]);
        }
        let asked = continuity.to_compare();
        assert!((UNPROVEN_MAX / 2..=UNPROVEN_MAX + 1).contains(&asked.len()), "{}", asked.len());
        assert_eq!(asked.first().map(|(_, link)| link.0), Some(1));
        assert_eq!(asked.last().map(|(_, link)| link.0), Some(10_000));
        assert_eq!(continuity.to_compare(), [(WS, (10_000, [0; 32]))], "the newest, always");
    }
}
