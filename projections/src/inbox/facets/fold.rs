//! Following the log: the index takes in what the fold of the inbox makes of its tickets. No rule stands here.

use decider::StoredEvent;
use event_store::projection::{Checkpoint, Fault, LogBatch, fold_onto};

use super::index::Index;
use super::kept::Kept;
use crate::inbox::{Inbox, InboxRows};

impl Index {
    /// What events change, given what the index holds.
    pub(super) fn fold(&self, events: &[&StoredEvent]) -> Result<InboxRows, Fault> {
        fold_onto::<Inbox>(events, &self.without, |rows| {
            rows.tickets.supply(|ticket| self.kept(*ticket).map(Kept::into_row));
            rows.statuses.supply(|status| self.statuses.get(status).cloned());
            rows.pipelines.supply(|pipeline| self.pipelines.get(pipeline).cloned());
            // When a user was called is not kept, only where.
        })
    }

    /// Takes changed rows in.
    pub(super) fn take_in(&mut self, rows: &InboxRows) {
        rows.tickets.changed().into_iter().for_each(|row| self.put(&Kept::of(row)));
        rows.tickets.removed().for_each(|ticket| self.remove(*ticket));
        for row in rows.mentions.changed() {
            self.mention(row.user_id, row.ticket);
        }
        for row in rows.statuses.changed() {
            self.statuses.insert(row.status, row.clone());
        }
        for row in rows.pipelines.changed() {
            self.pipelines.insert(row.pipeline, row.clone());
        }
    }

    /// Takes in what a batch changed.
    pub(super) fn advance(&mut self, rows: &InboxRows, batch: &LogBatch) {
        self.take_in(rows);
        self.checkpoint = Checkpoint {
            seq: self.checkpoint.seq + 1,
            position: batch.position,
            commit: batch.commit,
            hash: batch.hash,
        };
    }
}
