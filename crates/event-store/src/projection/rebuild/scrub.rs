//! The scrubber: one random stream after the other is folded anew and compared with its rows, in the background. It covers every
//! row that a stream makes, at a few reads a second; rows that many streams touch, and rows that no event made, are covered by
//! [`Workshop::verify`].

use decider::{LogPosition, StoredEvent, WorkspaceId};
use metrics::counter;
use uuid::Uuid;

use super::Workshop;
use super::compare::{Difference, DifferenceKind, key_text, snapshot};
use super::error::RebuildError;
use crate::projection::attempt::Attempt;
use crate::projection::error::{StepError, StopReason};
use crate::projection::fold::{Fold, ProjectionType, Quarantine};
use crate::projection::store::Store;
use crate::projection::views::read_standing;

/// Longer streams are left to `verify`.
const EVENTS_MAX: u32 = 2_000;

/// What looking at one stream found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Scrubbed {
    /// Its rows are as the log says, so many.
    Same(usize),
    /// Some are not.
    Different(Vec<Difference>),
    /// It could not be compared: the log is empty, the stream is long or left out, or some of it is forgotten.
    PassedOver,
}

impl Workshop {
    /// Compares the rows of the stream of one event with what its events give. `chance` chooses the event.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn scrub(
        &self,
        projection: ProjectionType,
        ws: WorkspaceId,
        chance: u64,
    ) -> Result<Scrubbed, RebuildError> {
        let active = self.active(projection).await?;
        let Some(active) = active.filter(|active| !active.across_streams) else {
            return Ok(Scrubbed::PassedOver);
        };
        let scrubbed = self.scrub_active(active, ws, chance).await?;
        let labels = [("projection", active.name.to_owned()), ("ws", ws.0.to_string())];
        counter!("ledgerdesk_projection_scrubbed_streams_total", &labels).increment(1);
        if let Scrubbed::Different(differences) = &scrubbed {
            counter!("ledgerdesk_projection_scrub_differences_total", &labels)
                .increment(differences.len() as u64);
            for Difference { table, key, .. } in differences {
                tracing::error!(projection = active.name, ws = %ws.0, table, key, "a row of a view is not as the log says");
            }
        }
        Ok(scrubbed)
    }

    async fn scrub_active(
        &self,
        active: ProjectionType,
        ws: WorkspaceId,
        chance: u64,
    ) -> Result<Scrubbed, RebuildError> {
        let store = Store::new(ws, &active);
        let mut connection = self.pool.acquire().await?;
        // Rows and checkpoint of one moment. The log only grows, so it may be read beside.
        let mut transaction = snapshot(&mut connection, &active).await?;
        let (standing, left_out) = read_standing(&mut transaction, ws, &store.schema).await?;
        let Some(position) = chance.checked_rem(standing.position.0) else {
            return Ok(Scrubbed::PassedOver);
        };
        let Some(stream) = self.stream_after(ws, LogPosition(position)).await? else {
            return Ok(Scrubbed::PassedOver);
        };
        let events = self.reader.stream_page(ws, stream, 0, EVENTS_MAX).await?;
        if left_out.0.contains_key(&stream) || events.len() as u64 >= u64::from(EVENTS_MAX) {
            return Ok(Scrubbed::PassedOver);
        }
        let within = events.iter().filter(|event| event.position <= standing.position);
        let events: Vec<&StoredEvent> = within.collect();
        let Some(folded) = self.fold_alone(active, ws, &events).await? else {
            return Ok(Scrubbed::PassedOver);
        };
        let mut stored = (active.fold)();
        let mut attempt = Attempt::new(active, Quarantine::default());
        attempt.decode(&events, stored.as_mut())?;
        stored.announce(&events);
        store.prefetch(&mut transaction, stored.as_mut()).await?;
        Ok(compared(folded.as_ref(), stored.as_ref()))
    }

    async fn stream_after(
        &self,
        ws: WorkspaceId,
        position: LogPosition,
    ) -> Result<Option<Uuid>, RebuildError> {
        let found = self.reader.after(ws, position, 1).await?;
        Ok(found.first().map(|event| event.stream))
    }

    /// None when some of it cannot be opened any more.
    async fn fold_alone(
        &self,
        active: ProjectionType,
        ws: WorkspaceId,
        events: &[&StoredEvent],
    ) -> Result<Option<Box<dyn Fold>>, RebuildError> {
        let mut fold = (active.fold)();
        let mut attempt = Attempt::new(active, Quarantine::default());
        attempt.tolerate_only(Quarantine::default());
        attempt.decode(events, fold.as_mut())?;
        if active.opens {
            let vault = self.vault.as_ref().ok_or(StopReason::NoVault).map_err(StepError::from)?;
            attempt.open(vault, ws, events, fold.as_mut()).await?;
            let mut forgotten = false;
            fold.visit_sealed(&mut |_, _, slot| forgotten |= slot.cipher().is_some());
            if forgotten {
                return Ok(None);
            }
        }
        fold.announce(events);
        attempt.apply(events, fold.as_mut())?;
        Ok(Some(fold))
    }
}

fn compared(folded: &dyn Fold, stored: &dyn Fold) -> Scrubbed {
    let (mut differences, mut rows) = (Vec::new(), 0);
    for (folded, stored) in folded.tables().into_iter().zip(stored.tables()) {
        rows += folded.announced();
        for key in folded.differences(stored) {
            let def = folded.def();
            differences.push(Difference {
                table: def.name.to_owned(),
                key: key_text(&def, &key),
                what: DifferenceKind::Changed,
            });
        }
    }
    if differences.is_empty() { Scrubbed::Same(rows) } else { Scrubbed::Different(differences) }
}
