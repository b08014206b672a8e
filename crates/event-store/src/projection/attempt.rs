//! One attempt at a batch: which streams it had to leave out so far, and why.

use decider::{StoredEvent, WorkspaceId};
use vault::Vault;

use super::error::{Fault, FaultCause, StepError, StopReason};
use super::fold::{Fold, ProjectionType, Quarantine};
use super::opening::{self, OpenError};

/// One attempt at a batch.
pub(super) struct Attempt {
    projection: ProjectionType,
    without: Quarantine,
    /// The streams left out by this attempt.
    pub(super) faults: Vec<Fault>,
}

impl Attempt {
    pub(super) const fn new(projection: ProjectionType, without: Quarantine) -> Self {
        Self { projection, without, faults: Vec::new() }
    }

    /// Leaves out the stream of an event, from that event on; each stream at most once, so every loop ends.
    pub(super) fn leave_out(&mut self, fault: Fault) -> Result<(), StepError> {
        if fault.is_unknown_type() {
            return Err(StopReason::UnknownType(fault).into());
        }
        if self.projection.stop_on_error {
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

    /// The first event of each stream that is not left out yet.
    pub(super) fn suspects(&self, events: &[&StoredEvent]) -> Vec<Fault> {
        let mut suspects: Vec<Fault> = Vec::new();
        for event in events.iter().filter(|event| !self.without.covers(event)) {
            if !suspects.iter().any(|fault| fault.stream == event.stream) {
                suspects.push(Fault::new(event, FaultCause::Refused));
            }
        }
        suspects
    }

    /// An attempt without some more streams.
    pub(super) fn without(&self, suspects: &[Fault]) -> Self {
        let mut without = self.without.clone();
        without.0.extend(suspects.iter().map(|fault| (fault.stream, fault.position)));
        Self::new(self.projection, without)
    }
}
