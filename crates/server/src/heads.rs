//! Signs the newest head of each workspace at intervals, while something is written: what was signed can be fetched and kept
//! where the owner of the database cannot reach (Z03).

use std::collections::HashMap;
use std::time::Duration;

use decider::{Timestamp, WorkspaceId};
use event_store::log::{Head, LogReader, SignedHead};
use ops::{KeptHead, Ops};
use vault::Vault;

use crate::service::{Service, ServiceError};

/// After so many commits a head is signed.
const COMMITS: u64 = 1_000;
/// After so long a head is signed, if anything was written.
const AGE_S: i64 = 600;
/// How often it is asked whether one is due.
pub const LOOK_EVERY: Duration = Duration::from_secs(5);

/// The commit of a signed head, and when it was signed.
type Signed = (u64, Timestamp);

/// Signs heads.
pub struct HeadSigner {
    reader: LogReader,
    vault: Vault,
    ops: Ops,
    workspaces: Vec<WorkspaceId>,
    newest: HashMap<WorkspaceId, Signed>,
}

impl HeadSigner {
    /// For the workspaces of a service.
    #[must_use]
    pub fn of(service: &Service) -> Self {
        Self {
            reader: service.reader.clone(),
            vault: service.vault.clone(),
            ops: service.ops.clone(),
            workspaces: service.workspaces.clone(),
            newest: HashMap::new(),
        }
    }

    /// Signs the heads that are due.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn look(&mut self, now: Timestamp) -> Result<(), ServiceError> {
        for ws in self.workspaces.clone() {
            let head = self.reader.head(ws).await.map_err(ServiceError::Log)?;
            if !is_due(self.newest.get(&ws), &head, now) {
                continue;
            }
            // Another server may have signed meanwhile.
            let newest = match self.ops.heads.newest(ws).await? {
                Some(newest) if !is_due(Some(&newest), &head, now) => newest,
                Some(_) | None => {
                    let signed = SignedHead::sign(ws, &head, &self.vault.signer(ws), now);
                    let document = signed.to_line().map_err(|_| ops::OpsError::Malformed)?;
                    let kept = KeptHead { commit: head.commit, document };
                    self.ops.heads.keep(ws, &kept, now).await?;
                    (head.commit, now)
                }
            };
            self.newest.insert(ws, newest);
        }
        Ok(())
    }
}

fn is_due(newest: Option<&Signed>, head: &Head, now: Timestamp) -> bool {
    let (commit, at) = newest.copied().unwrap_or_default();
    let since = head.commit.saturating_sub(commit);
    since > 0 && (commit == 0 || since >= COMMITS || now >= at.plus_seconds(AGE_S))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn due(newest: Option<Signed>, commit: u64, now_s: i64) -> bool {
        let head = Head { commit, ..Head::EMPTY };
        is_due(newest.as_ref(), &head, Timestamp::default().plus_seconds(now_s))
    }

    #[test]
    fn a_head_is_due_at_once_then_after_many_commits_or_some_time_and_never_without_a_new_commit() {
        let signed = Some((10, Timestamp::default().plus_seconds(100)));
        assert!(!due(None, 0, 0), "nothing is written yet");
        assert!(due(None, 1, 0));
        assert!(!due(signed, 10, 1_000_000), "nothing was written since");
        assert!(!due(signed, 11, 100 + AGE_S - 1));
        assert!(due(signed, 11, 100 + AGE_S));
        assert!(!due(signed, 10 + COMMITS - 1, 101));
        assert!(due(signed, 10 + COMMITS, 101));
        assert!(!due(signed, 9, 1_000_000), "the log was set back: others tell of that");
    }
}
