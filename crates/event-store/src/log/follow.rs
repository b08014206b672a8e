//! Waking up: an in-process memory of recent commits, so that a reader that keeps up never asks the database.

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex, PoisonError};

use decider::{LogPosition, StoredEvent, WorkspaceId};
use tokio::sync::{Notify, watch};

use super::continuity::Continuity;
use super::reader::Commit;

/// How many bytes of payload one workspace's memory holds at most.
const RECENT_BYTES_MAX: usize = 8 << 20;
/// What a commit costs beside its events: one without events takes memory too.
const COMMIT_BYTES: usize = 160;

/// A commit with its events, shared between all who follow.
pub type CommitWithEvents = (Commit, Arc<[StoredEvent]>);

/// The newest commits this process has written, per workspace, and the newest position it has heard of.
#[derive(Clone, Default)]
pub struct RecentCommits {
    workspaces: Arc<Mutex<HashMap<WorkspaceId, Recent>>>,
    written: Arc<Written>,
    continuity: Continuity,
}

/// What other nodes have not been told yet: per workspace the newest position, however many commits lie between.
#[derive(Default)]
struct Written {
    newest: Mutex<HashMap<WorkspaceId, LogPosition>>,
    more: Notify,
}

struct Recent {
    commits: VecDeque<CommitWithEvents>,
    bytes: usize,
    head: watch::Sender<LogPosition>,
}

impl Default for Recent {
    fn default() -> Self {
        Self { commits: VecDeque::new(), bytes: 0, head: watch::channel(LogPosition(0)).0 }
    }
}

/// Wakes when a workspace's log has grown.
pub type Follower = watch::Receiver<LogPosition>;

impl RecentCommits {
    /// Remembers a commit that this process wrote, and wakes the followers.
    pub fn publish(&self, ws: WorkspaceId, commit: Commit, events: Arc<[StoredEvent]>) {
        self.continuity.saw(ws, commit.no, commit.hash);
        let mut workspaces = self.lock();
        let recent = workspaces.entry(ws).or_default();
        if recent.commits.back().is_some_and(|(last, _)| last.no + 1 != commit.no) {
            // Another node wrote in between: what is remembered must be a run without holes.
            recent.commits.clear();
            recent.bytes = 0;
        }
        let position = LogPosition(commit.last_pos);
        recent.bytes += bytes_of(&events);
        recent.commits.push_back((commit, events));
        while recent.bytes > RECENT_BYTES_MAX
            && let Some((_, dropped)) = recent.commits.pop_front()
        {
            recent.bytes -= bytes_of(&dropped);
        }
        // Always: a forged notice may have told of more than there is.
        recent.head.send_modify(|head| *head = position.max(*head));
        drop(workspaces);
        self.tell([(ws, position)]);
    }

    /// Whether the log continues what this process has seen of it.
    #[must_use]
    pub const fn continuity(&self) -> &Continuity {
        &self.continuity
    }

    /// What this process has written since this was asked last; waits until there is something.
    pub(super) async fn untold(&self) -> Vec<(WorkspaceId, LogPosition)> {
        loop {
            let untold = self.take_untold();
            if !untold.is_empty() {
                return untold;
            }
            self.written.more.notified().await;
        }
    }

    /// What this process has written since this was asked last.
    pub(super) fn take_untold(&self) -> Vec<(WorkspaceId, LogPosition)> {
        std::mem::take(&mut *self.newest()).into_iter().collect()
    }

    /// Other nodes are to be told of these positions, at least.
    pub(super) fn tell(&self, positions: impl IntoIterator<Item = (WorkspaceId, LogPosition)>) {
        let mut newest = self.newest();
        for (ws, position) in positions {
            let known = newest.entry(ws).or_insert(position);
            *known = position.max(*known);
        }
        drop(newest);
        self.written.more.notify_one();
    }

    fn newest(&self) -> std::sync::MutexGuard<'_, HashMap<WorkspaceId, LogPosition>> {
        self.written.newest.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// As [`Self::heard_of`], but only where somebody in this process follows the workspace.
    pub(super) fn rumour(&self, ws: WorkspaceId, position: LogPosition) {
        if let Some(recent) = self.lock().get(&ws) {
            advance(&recent.head, position);
        }
    }

    /// Another node's log position was heard of: wakes the followers.
    pub fn heard_of(&self, ws: WorkspaceId, position: LogPosition) {
        advance(&self.lock().entry(ws).or_default().head, position);
    }

    /// The log ends here, as a reader has just found: what was heard of beyond it was not true, or is not yet.
    pub fn ends_at(&self, ws: WorkspaceId, position: LogPosition) {
        if let Some(recent) = self.lock().get(&ws) {
            recent.head.send_if_modified(|head| {
                *head = position.min(*head);
                false
            });
        }
    }

    /// The remembered commits after commit `no`, if the memory reaches back that far without a hole. `hash` must be the
    /// hash of commit `no` as the follower remembers it.
    #[must_use]
    pub fn after(&self, ws: WorkspaceId, no: u64) -> Option<Vec<CommitWithEvents>> {
        let workspaces = self.lock();
        let recent = workspaces.get(&ws)?;
        let first = recent.commits.front()?.0.no;
        if no + 1 < first {
            return None;
        }
        let skip = usize::try_from(no + 1 - first).ok()?;
        Some(recent.commits.iter().skip(skip).cloned().collect())
    }

    /// Forgets what is remembered of a workspace: its log turned out to be another one.
    pub fn forget(&self, ws: WorkspaceId) {
        if let Some(recent) = self.lock().get_mut(&ws) {
            recent.commits.clear();
            recent.bytes = 0;
        }
    }

    /// A follower of one workspace.
    #[must_use]
    pub fn follow(&self, ws: WorkspaceId) -> Follower {
        self.lock().entry(ws).or_default().head.subscribe()
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, HashMap<WorkspaceId, Recent>> {
        // Nothing panics while holding the lock; a poisoned one would still hold whole commits.
        self.workspaces.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn advance(head: &watch::Sender<LogPosition>, position: LogPosition) {
    head.send_if_modified(|current| {
        let newer = position > *current;
        if newer {
            *current = position;
        }
        newer
    });
}

fn bytes_of(events: &[StoredEvent]) -> usize {
    COMMIT_BYTES + events.iter().map(|event| event.payload.len() + 256).sum::<usize>()
}
