//! What the appender does when a batch has its answer, and how it catches up with other nodes.

use std::panic::{AssertUnwindSafe, catch_unwind};

use decider::{LogPosition, StoredEvent};

use super::appender::{Appender, Decided, InFlight};
use super::decide::Round;
use super::desk::Overlay;
use super::error::{Broken, chain};
use super::queue::give_up_on;
use super::shipment::Landed;
use crate::log::{Appended, Head, LogError};

impl Appender {
    /// The oldest batch on its way has its answer.
    pub(super) async fn landed(&mut self, landed: Option<Landed>) -> Result<(), Broken> {
        let Some(batch) = self.in_flight.pop_front() else { return Ok(()) };
        self.singly = self.singly.saturating_sub(1);
        match landed {
            Some(Landed { lane, outcome: Ok(Appended::Written(head)), round }) => {
                self.lanes.give_back(lane);
                let InFlight { overlay, decided, mut refused, .. } = batch;
                for refused in &mut refused {
                    refused.reads.drop_proven(&round, &overlay);
                }
                self.take_written(head, (round, &overlay), decided);
                self.prove(refused).await?;
                metrics::gauge!("ledgerdesk_state_cache_bytes").set(self.cache.bytes() as f64);
                Ok(())
            }
            failed => {
                // Whatever was decided on top of it must be decided again.
                self.take_apart_next();
                self.settle_those_behind().await;
                let InFlight { decided, refused, .. } = batch;
                self.put_back(refused.into_iter().map(|refused| refused.waiting));
                let Some(Landed { lane, outcome, round }) = failed else {
                    // The sending task died: the outcome is open, and the clients must ask again.
                    self.put_back(decided.into_iter().map(|decided| decided.waiting));
                    return Err(LogError::Database(sqlx::Error::WorkerCrashed).into());
                };
                self.lanes.give_back(lane);
                self.failed(outcome, round, decided).await
            }
        }
    }

    /// Waits for the batches behind one that failed. What counted on it fails with it; what was written all the same counts.
    async fn settle_those_behind(&mut self) {
        while let Some(batch) = self.in_flight.pop_front() {
            let InFlight { sending, overlay, decided, refused, .. } = batch;
            self.put_back(refused.into_iter().map(|refused| refused.waiting));
            match sending.await {
                Ok(Landed { lane, outcome: Ok(Appended::Written(head)), round }) => {
                    self.lanes.give_back(lane);
                    self.take_written(head, (round, &overlay), decided);
                }
                landed => {
                    if !landed.as_ref().is_ok_and(|landed| landed.outcome.is_ok()) {
                        self.doubt();
                    }
                    self.lanes.give_back(landed.ok().and_then(|landed| landed.lane));
                    self.put_back(decided.into_iter().map(|decided| decided.waiting));
                }
            }
        }
    }

    fn take_written(
        &mut self,
        head: Head,
        (round, overlay): (Round, &Overlay),
        decided: Vec<Decided>,
    ) {
        if let Err(broken) = self.written(head, (round, overlay), decided) {
            tracing::error!(workspace = %self.ws.0, error = chain(&broken), "the directory cannot be read");
            self.loaded = false;
        }
    }

    async fn failed(
        &mut self,
        outcome: Result<Appended, LogError>,
        round: Round,
        mut decided: Vec<Decided>,
    ) -> Result<(), Broken> {
        match outcome {
            Ok(Appended::Refused(problems)) => self.refused(problems, round, decided).await,
            Err(error) if error.is_unavailable() || matches!(error, LogError::WorkspaceClosed) => {
                for decided in &decided {
                    self.cache.put_command(decided.waiting.job.request.id); // perhaps it is
                }
                self.put_back(decided.into_iter().map(|decided| decided.waiting));
                Err(error.into())
            }
            Err(error) => {
                tracing::error!(workspace = %self.ws.0, error = chain(&error), commands = decided.len(), "the database refused a batch");
                if decided.len() == 1
                    && let Some(Decided { waiting, .. }) = decided.pop()
                {
                    give_up_on(waiting, self.ws, Broken::Append);
                } else {
                    // One command that the database refuses must not fail the others: these one by one.
                    self.singly = decided.len();
                    self.put_back(decided.into_iter().map(|decided| decided.waiting));
                }
                Ok(())
            }
            Ok(Appended::Stale(_) | Appended::Early | Appended::Written(_)) => {
                self.put_back(decided.into_iter().map(|decided| decided.waiting));
                self.catch_up().await
            }
        }
    }

    /// Takes in what other nodes wrote: the head, and the directory.
    pub(super) async fn catch_up(&mut self) -> Result<(), Broken> {
        let head = self.shared.backend.head(self.ws).await?;
        let other = head.commit == self.head.commit && head.hash != self.head.hash;
        if self.loaded && (head.commit < self.head.commit || other) {
            self.shared.recent.continuity().rewound_at(self.ws, self.head.commit);
        }
        self.continues()?;
        self.shared.recent.continuity().saw(self.ws, head.commit, head.hash);
        if !self.loaded || head.directory > self.head.directory {
            let seen = if self.loaded { self.head.directory } else { LogPosition(0) };
            if !self.loaded {
                self.directory = (self.shared.directory_type.initial)();
            }
            let kinds = &self.shared.directory_kinds;
            let newer = self.shared.backend.directory_after(self.ws, seen, kinds).await?;
            // Events newer than the head just read come again with the next catch-up; folding must not see them twice.
            let newer: Vec<StoredEvent> =
                newer.into_iter().filter(|event| event.position <= head.directory).collect();
            self.fold_directory(&newer)?;
            self.loaded = true;
        }
        self.in_doubt = false;
        if head.commit != self.head.commit {
            self.others_wrote();
        }
        self.shared.recent.heard_of(self.ws, head.position);
        self.stand_at(head);
        Ok(())
    }

    /// Nothing is appended to a log that is not the one this process has seen.
    pub(super) fn continues(&self) -> Result<(), LogError> {
        if self.shared.recent.continuity().is_rewound(self.ws) {
            return Err(LogError::Rewound { commit: self.head.commit });
        }
        Ok(())
    }

    /// Everything up to this head is taken in.
    pub(super) fn stand_at(&mut self, head: Head) {
        metrics::gauge!("ledgerdesk_log_head", &self.labels).set(head.position.0 as f64);
        self.head = head;
        self.seen.send_replace(head.position);
    }

    /// What was remembered before, and what was decided on it, may be old.
    pub(super) fn others_wrote(&mut self) {
        self.cache.begin_epoch();
        self.next.round.sure = false;
    }

    pub(super) fn fold_directory(&mut self, events: &[StoredEvent]) -> Result<(), Broken> {
        let fold = self.shared.directory_type.fold;
        let folded = catch_unwind(AssertUnwindSafe(|| fold(&self.directory, events)));
        self.directory = folded.map_err(|_| Broken::Fold("directory"))?.map_err(LogError::from)?;
        self.publish.send_replace(self.directory.clone());
        Ok(())
    }
}
