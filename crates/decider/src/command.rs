//! What a command is.

use crate::aspects::Aspects;
use crate::changes::Changes;
use crate::ids::StreamRef;
use crate::rejection::Halt;
use crate::world::World;

/// A request to change something. Its fields carry everything it needs: ids, content, choices.
pub trait Command: Send + Sync + 'static {
    /// Its name for traces, such as `AssignTicket`.
    fn name(&self) -> &'static str;

    /// Decides what happens: refusals first, then no change, then the events. Pure: the same world gives the same answer,
    /// and it may be asked several times before its answer counts.
    ///
    /// # Errors
    /// [`Halt::Rejected`] when a rule refuses, [`Halt::Need`] when the world lacks something the decision reads.
    fn decide(&self, world: &World<'_>) -> Result<Changes, Halt>;

    /// Streams that it is about to create under fresh ids. They are taken as not existing without asking the database; the
    /// append proves it.
    fn creates(&self) -> Vec<StreamRef> {
        Vec::new()
    }

    /// What it writes or its rule reads: a stale expected version is merged when no event since touched any of it (W03).
    fn touches(&self) -> Aspects {
        Aspects::All
    }
}
