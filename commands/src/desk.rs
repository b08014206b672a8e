//! Where a decision starts: who asks, what they may do, and what the workspace knows.

use std::sync::Arc;

use access::{Right, Scope, TicketSight, Verdict};
use decider::{ActorKind, Halt, World};
use events::{TicketId, UserId};

use crate::directory::Directory;
use crate::refusal::Refusal;
use crate::ticket::{LiveTicket, Ticket};

/// A world with the directory and the actor's scope at hand.
pub struct Desk<'w> {
    pub world: &'w World<'w>,
    pub directory: Arc<Directory>,
    scope: Scope,
}

impl<'w> Desk<'w> {
    /// Lets the actor in; `right` is what will be asked for, to name it to those without any access.
    pub fn enter(world: &'w World<'w>, right: Right) -> Result<Self, Halt> {
        let directory = world.directory::<Directory>();
        let actor = world.actor();
        let role = match actor.kind {
            ActorKind::User => {
                let user = directory.user(UserId(actor.id)).filter(|user| user.active);
                Some(user.ok_or(Refusal::NoAccess(right))?.role)
            }
            ActorKind::Contact => return Err(Refusal::NoAccess(right).into()),
            ActorKind::Channel | ActorKind::Policy | ActorKind::System => None,
        };
        Ok(Self { world, directory, scope: Scope::of_actor(actor, role) })
    }

    /// Lets the actor in for something that concerns no ticket, if the right is there.
    pub fn enter_with(world: &'w World<'w>, right: Right) -> Result<Self, Halt> {
        let desk = Self::enter(world, right)?;
        desk.require(right)?;
        Ok(desk)
    }

    pub fn require(&self, right: Right) -> Result<(), Halt> {
        if self.scope.has(right) { Ok(()) } else { Err(Refusal::Forbidden(right).into()) }
    }

    /// The user who asks, if it is one.
    pub fn user(&self) -> Option<UserId> {
        let actor = self.world.actor();
        (actor.kind == ActorKind::User).then_some(UserId(actor.id))
    }

    /// A ticket, if it exists and the actor may see it and do this with it.
    pub fn ticket(&self, id: TicketId, right: Right) -> Result<Arc<Ticket>, Halt> {
        let ticket = self.world.state::<Ticket>(id)?;
        let Some(live) = ticket.live() else { return Err(Refusal::NotFound("ticket").into()) };
        match self.scope.allows(right, &sight(live)) {
            Verdict::Allowed => Ok(ticket),
            Verdict::Forbidden(right) => Err(Refusal::Forbidden(right).into()),
            Verdict::Invisible => Err(Refusal::NotFound("ticket").into()),
        }
    }
}

const fn sight(ticket: &LiveTicket) -> TicketSight {
    TicketSight { owner: ticket.owner }
}

/// Asks for several things, so that all that is missing is noted before the decision stops at the first.
pub fn ask_all<T>(asks: impl IntoIterator<Item = Result<T, Halt>>) -> Result<Vec<T>, Halt> {
    let answers: Vec<_> = asks.into_iter().collect();
    answers.into_iter().collect()
}
