//! One batch on its way to the database: sent until there is an answer, or until the database has been away too long.

use std::sync::Arc;
use std::time::Duration;

use decider::WorkspaceId;
use tokio::time::Instant;
use uuid::Uuid;

use super::Shared;
use super::backend::Lane;
use super::decide::Round;
use crate::log::{Appended, Base, LogError};

/// How long a batch is sent again while the database is away.
const RESEND_FOR: Duration = Duration::from_secs(2);
/// How long one append may take before its connection is given up.
const APPEND_WITHIN: Duration = Duration::from_secs(8);
/// How often a batch that overtook the one before it is sent again at once.
const EARLY_MAX: u32 = 16;
/// The first pause before a batch is sent again, and the longest.
const PAUSES: (Duration, Duration) = (Duration::from_millis(20), Duration::from_millis(500));

/// What a batch needs on its way.
pub(super) struct Shipment {
    pub shared: Arc<Shared>,
    pub ws: WorkspaceId,
    pub node: Uuid,
    pub base: Base,
    pub lane: Option<Box<dyn Lane>>,
}

/// A batch that has its answer.
pub(super) struct Landed {
    pub lane: Option<Box<dyn Lane>>,
    pub outcome: Result<Appended, LogError>,
    pub round: Round,
}

impl Shipment {
    /// Sends a batch until the database has answered: after a lost connection the outcome is open, and sending the same batch
    /// again settles it.
    pub async fn send(mut self, mut round: Round) -> Landed {
        for (stream, version) in &round.guards {
            round.batch.guard(*stream, *version);
        }
        for (scope, mac, seq) in &round.claim_guards {
            round.batch.guard_claim(scope, *mac, *seq);
        }
        let (started, mut pause, mut early) = (Instant::now(), PAUSES.0, 0);
        let outcome = loop {
            let sent = Instant::now();
            let outcome = self.send_once(&round).await;
            metrics::histogram!("ledgerdesk_append_seconds").record(sent.elapsed().as_secs_f64());
            match outcome {
                // It overtook the batch before it, which will be there at once, unless it failed.
                Ok(Appended::Early) if early < EARLY_MAX => early += 1,
                Ok(Appended::Early) => break Ok(Appended::Stale(self.base.head)),
                Ok(appended) => break Ok(appended),
                Err(LogError::Database(error)) if self.base.sure && is_taken(&error) => {
                    // Something that was taken for new is there already: this time the guards tell what.
                    self.base.sure = false;
                }
                Err(LogError::Database(error)) if is_race(&error) => {
                    // Only possible where the lock does not hold (another system than one Postgres): the primary key
                    // stopped this batch, nothing was written.
                    metrics::counter!("ledgerdesk_append_races_total").increment(1);
                    break Ok(Appended::Stale(self.base.head));
                }
                Err(error) if error.is_unavailable() && started.elapsed() + pause < RESEND_FOR => {
                    tokio::time::sleep(pause).await;
                    pause = (pause * 2).min(PAUSES.1);
                }
                Err(error) => break Err(error),
            }
        };
        Landed { lane: self.lane, outcome, round }
    }

    async fn send_once(&mut self, round: &Round) -> Result<Appended, LogError> {
        let mut lane = match self.lane.take() {
            Some(lane) => lane,
            None => self.shared.backend.lane().await?,
        };
        let sending = lane.append(self.ws, self.node, &self.base, &round.batch);
        let Ok(outcome) = tokio::time::timeout(APPEND_WITHIN, sending).await else {
            lane.cut().await;
            let (shared, ws) = (Arc::clone(&self.shared), self.ws);
            tokio::spawn(async move { shared.backend.end_holder(ws).await });
            return Err(LogError::Database(sqlx::Error::PoolTimedOut));
        };
        if outcome.is_ok() {
            self.lane = Some(lane);
        }
        outcome
    }
}

fn is_taken(error: &sqlx::Error) -> bool {
    error.as_database_error().is_some_and(sqlx::error::DatabaseError::is_unique_violation)
}

/// Only the number of the commit may be taken; any other key that exists already is a defect, and sending again would not help.
fn is_race(error: &sqlx::Error) -> bool {
    let Some(error) = error.as_database_error() else { return false };
    match error.code().as_deref() {
        Some("23505") => error.constraint() == Some("commit_pkey"),
        Some("40001" | "40P01") => true,
        _ => false,
    }
}
