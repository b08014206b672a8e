//! One attempt at a batch: which streams it had to leave out so far, and why.

use decider::{StoredEvent, WorkspaceId};
use vault::Vault;

use super::error::{Fault, StepError, StopReason};
use super::fold::{Fold, ProjectionType, Quarantine};
use super::opening::{self, OpenError};

/// One attempt at a batch.
pub(super) struct Attempt {
    projection: ProjectionType,
    without: Quarantine,
    /// Streams that may be left out, each from a position on; all, when there is no such list.
    tolerated: Option<Quarantine>,
    /// The streams left out by this attempt.
    pub(super) faults: Vec<Fault>,
}

impl Attempt {
    pub(super) const fn new(projection: ProjectionType, without: Quarantine) -> Self {
        Self { projection, without, tolerated: None, faults: Vec::new() }
    }

    /// Leaves out these streams and no others: an event of another one that cannot be folded ends the attempt.
    pub(super) fn tolerate_only(&mut self, tolerated: Quarantine) {
        self.tolerated = Some(tolerated);
    }

    /// Leaves out the stream of an event, from that event on; each stream at most once, so every loop ends.
    pub(super) fn leave_out(&mut self, fault: Fault) -> Result<(), StepError> {
        if fault.is_unknown_type() {
            return Err(StopReason::UnknownType(fault).into());
        }
        let known = |tolerated: &Quarantine| {
            tolerated.0.get(&fault.stream).is_some_and(|from| *from == fault.position)
        };
        if self.projection.stop_on_error || !self.tolerated.as_ref().is_none_or(known) {
            return Err(StopReason::Data(fault).into());
        }
        self.without.0.insert(fault.stream, fault.position);
        self.faults.push(fault);
        Ok(())
    }

    pub(super) fn decode(
        &mut self,
        events: &[&StoredEvent],
        fold: &mut dyn Fold,
    ) -> Result<(), StepError> {
        while let Err(fault) = fold.decode(events, &self.without) {
            self.leave_out(fault)?;
        }
        Ok(())
    }

    pub(super) async fn open(
        &mut self,
        vault: &Vault,
        ws: WorkspaceId,
        events: &[&StoredEvent],
        fold: &mut dyn Fold,
    ) -> Result<(), StepError> {
        loop {
            match opening::open(vault, ws, events, fold).await {
                Ok(()) => return Ok(()),
                Err(OpenError::Step(error)) => return Err(error),
                Err(OpenError::Fault(fault)) => {
                    self.leave_out(fault)?;
                    self.decode(events, fold)?;
                }
            }
        }
    }

    pub(super) fn apply(
        &mut self,
        events: &[&StoredEvent],
        fold: &mut dyn Fold,
    ) -> Result<(), StepError> {
        while let Err(fault) = fold.apply(events, &self.without) {
            self.leave_out(fault)?;
            fold.reset();
        }
        Ok(())
    }

    /// Another attempt that leaves out the same.
    pub(super) fn again(&self) -> Self {
        let tolerated = self.tolerated.clone();
        Self { tolerated, ..Self::new(self.projection, self.without.clone()) }
    }
}
