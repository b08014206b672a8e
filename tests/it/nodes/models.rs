//! What clients may rely on, as small objects whose answers follow from their state: a ticket with one colleague, the counter of
//! ticket numbers, a natural key.

use std::collections::BTreeSet;

use super::linear::Model;

/// The place of each aspect in what a ticket remembers of its changes.
const STATUS: usize = 0;
const OWNER: usize = 1;
const PRIORITY: usize = 2;

/// A ticket, and a colleague who may or may not be given tickets.
pub struct Ticket;

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct TicketState {
    pub version: u64,
    pub status: usize,
    pub colleague_owns: bool,
    pub priority: usize,
    /// The version with which status, owner and priority changed last.
    changed: [u64; 3],
    colleague_is_active: bool,
}

/// What a client asks of a ticket.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TicketAsk {
    Status(usize),
    /// To the colleague, or to nobody.
    Owner(bool),
    Priority(usize),
    /// Takes the colleague's access away, or gives it back.
    Access(bool),
    Read,
}

#[derive(Clone, Debug)]
pub struct TicketOp {
    pub ask: TicketAsk,
    /// The version of `If-Match`.
    pub expected: Option<u64>,
    pub answer: TicketAnswer,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TicketAnswer {
    Accepted {
        version: u64,
    },
    Conflict {
        version: u64,
    },
    InactiveUser,
    /// Contended: nothing was written, and nothing said about why.
    Nothing,
    Shown {
        version: u64,
        status: usize,
        colleague_owns: bool,
        priority: usize,
    },
    Unknown,
}

impl TicketState {
    /// What a command that is asked of this state has to be answered, and what comes of it.
    fn decide(&self, ask: TicketAsk, expected: Option<u64>) -> (TicketAnswer, Self) {
        let mut next = self.clone();
        if ask == TicketAsk::Owner(true) && !self.colleague_is_active {
            return (TicketAnswer::InactiveUser, next);
        }
        let (aspect, changes) = match ask {
            TicketAsk::Status(to) => (STATUS, std::mem::replace(&mut next.status, to) != to),
            TicketAsk::Owner(to) => (OWNER, std::mem::replace(&mut next.colleague_owns, to) != to),
            TicketAsk::Priority(to) => (PRIORITY, std::mem::replace(&mut next.priority, to) != to),
            TicketAsk::Access(_) | TicketAsk::Read => unreachable!("no command on the ticket"),
        };
        if let Some(expected) = expected
            && (expected > self.version || self.changed[aspect] > expected)
        {
            return (TicketAnswer::Conflict { version: self.version }, self.clone());
        }
        if changes {
            next.version += 1;
            next.changed[aspect] = next.version;
        }
        (TicketAnswer::Accepted { version: next.version }, next)
    }

    fn shown(&self) -> TicketAnswer {
        let Self { version, status, colleague_owns, priority, .. } = *self;
        TicketAnswer::Shown { version, status, colleague_owns, priority }
    }
}

impl Model for Ticket {
    type State = TicketState;
    type Op = TicketOp;

    fn initial(&self) -> TicketState {
        TicketState {
            version: 1,
            status: 0,
            colleague_owns: false,
            priority: 0,
            changed: [1; 3],
            colleague_is_active: true,
        }
    }

    fn after(&self, state: &TicketState, op: &TicketOp) -> Vec<TicketState> {
        let TicketOp { ask, expected, answer } = op;
        if *answer == TicketAnswer::Nothing {
            return vec![state.clone()];
        }
        let (right, next) = match ask {
            TicketAsk::Read => (state.shown(), state.clone()),
            TicketAsk::Access(active) => {
                let next = TicketState { colleague_is_active: *active, ..state.clone() };
                return vec![next]; // whether it is so already, its answer does not tell
            }
            command => state.decide(*command, *expected),
        };
        if *answer == right || *answer == TicketAnswer::Unknown { vec![next] } else { Vec::new() }
    }
}

/// Ticket numbers: each is one more than the last, and found once it is taken.
pub struct Numbers {
    /// The newest number when the history begins.
    pub newest: u64,
}

#[derive(Clone, Debug)]
pub enum NumberOp {
    Taken(u64),
    /// A ticket was asked for; nobody knows whether it was made.
    Unknown,
    Looked {
        number: u64,
        found: bool,
    },
}

impl Model for Numbers {
    type State = u64;
    type Op = NumberOp;

    fn initial(&self) -> u64 {
        self.newest
    }

    fn after(&self, newest: &u64, op: &NumberOp) -> Vec<u64> {
        match op {
            NumberOp::Taken(number) if *number == newest + 1 => vec![*number],
            NumberOp::Unknown => vec![newest + 1],
            NumberOp::Looked { number, found } if *found == (number <= newest) => vec![*newest],
            NumberOp::Taken(_) | NumberOp::Looked { .. } => Vec::new(),
        }
    }
}

/// An address, which one contact has at a time.
pub struct Address;

/// Contacts by any name.
pub type Who = u128;

#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct AddressState {
    holder: Option<Who>,
    /// Everybody who has ever had it.
    known: BTreeSet<Who>,
}

#[derive(Clone, Debug)]
pub enum AddressOp {
    /// A contact takes it, or is refused because another one has it.
    Take(Who, bool),
    /// A contact gives it back, if it has it.
    Release(Who),
    /// A ticket is given the contact with the address, who is made known if there is none.
    Attach(Who),
    /// Nobody knows what came of these.
    MaybeTake(Who),
    MaybeRelease(Who),
    /// Contended: nothing was written, and nothing said about why.
    Nothing,
}

impl AddressState {
    fn held_by(&self, who: Who) -> Vec<Self> {
        let mut next = self.clone();
        next.holder = Some(who);
        next.known.insert(who);
        vec![next]
    }

    fn released(&self, who: Who) -> Vec<Self> {
        vec![Self { holder: self.holder.filter(|holder| *holder != who), ..self.clone() }]
    }
}

impl Model for Address {
    type State = AddressState;
    type Op = AddressOp;

    fn initial(&self) -> AddressState {
        AddressState::default()
    }

    fn after(&self, state: &AddressState, op: &AddressOp) -> Vec<AddressState> {
        let free_for = |who: &Who| state.holder.is_none_or(|holder| holder == *who);
        match op {
            AddressOp::Take(who, true) if free_for(who) => state.held_by(*who),
            AddressOp::Take(who, false) if !free_for(who) => vec![state.clone()],
            AddressOp::MaybeTake(who) if free_for(who) => state.held_by(*who),
            AddressOp::Release(who) | AddressOp::MaybeRelease(who) => state.released(*who),
            AddressOp::Attach(who) if state.holder == Some(*who) => vec![state.clone()],
            AddressOp::Attach(who) if state.holder.is_none() && !state.known.contains(who) => {
                state.held_by(*who)
            }
            AddressOp::Nothing => vec![state.clone()],
            AddressOp::Take(..) | AddressOp::MaybeTake(_) | AddressOp::Attach(_) => Vec::new(),
        }
    }
}

#[cfg(test)]
pub mod tests {
    use super::super::linear::{Call, check};
    use super::*;

    /// One after the other.
    pub fn in_turn<M: Model + Sync>(model: &M, ops: Vec<M::Op>) -> bool
    where
        M::Op: Sync,
    {
        let calls = (0..).zip(ops).map(|(turn, op)| Call {
            invoked: turn * 2,
            returned: Some(turn * 2 + 1),
            op,
        });
        check(model, &calls.collect::<Vec<_>>()).is_ok()
    }

    fn asked(ask: TicketAsk, expected: Option<u64>, answer: TicketAnswer) -> TicketOp {
        TicketOp { ask, expected, answer }
    }

    fn accepted(ask: TicketAsk, version: u64) -> TicketOp {
        asked(ask, None, TicketAnswer::Accepted { version })
    }

    fn shown(version: u64, status: usize, colleague_owns: bool, priority: usize) -> TicketOp {
        let answer = TicketAnswer::Shown { version, status, colleague_owns, priority };
        asked(TicketAsk::Read, None, answer)
    }

    #[test]
    fn a_ticket_counts_its_changes_and_nothing_else() {
        use TicketAsk::{Owner, Priority, Status};
        let right = || {
            vec![
                accepted(Status(2), 2),
                accepted(Status(2), 2),
                accepted(Priority(1), 3),
                accepted(Owner(true), 4),
                shown(4, 2, true, 1),
            ]
        };
        assert!(in_turn(&Ticket, right()));
        for wrong in [
            accepted(Status(2), 5),
            accepted(Status(1), 4),
            shown(4, 2, false, 1),
            shown(3, 2, true, 1),
            asked(Owner(true), None, TicketAnswer::InactiveUser),
        ] {
            let mut history = right();
            history.push(wrong);
            assert!(!in_turn(&Ticket, history.clone()), "{history:?}");
        }
    }

    #[test]
    fn a_no_op_or_a_refusal_that_rests_on_an_old_state_is_refused() {
        use TicketAsk::{Access, Owner, Status};
        let no_op = vec![accepted(Status(1), 2), accepted(Status(0), 3), accepted(Status(1), 3)];
        assert!(!in_turn(&Ticket, no_op), "it was in another status by then");
        let given_back = || {
            vec![
                asked(Access(false), None, TicketAnswer::Accepted { version: 9 }),
                asked(Owner(true), None, TicketAnswer::InactiveUser),
                asked(Access(true), None, TicketAnswer::Accepted { version: 9 }),
            ]
        };
        assert!(in_turn(&Ticket, given_back()));
        let mut stale = given_back();
        stale.push(asked(Owner(true), None, TicketAnswer::InactiveUser));
        assert!(!in_turn(&Ticket, stale));
    }

    #[test]
    fn a_stale_version_conflicts_with_what_it_touches_and_with_nothing_else() {
        use TicketAsk::{Priority, Status};
        let seen_first = |ask, answer| asked(ask, Some(1), answer);
        let merged = seen_first(Priority(3), TicketAnswer::Accepted { version: 3 });
        assert!(in_turn(&Ticket, vec![accepted(Status(1), 2), merged]));
        let conflict = seen_first(Status(3), TicketAnswer::Conflict { version: 2 });
        assert!(in_turn(&Ticket, vec![accepted(Status(1), 2), conflict.clone()]));
        assert!(!in_turn(&Ticket, vec![accepted(Priority(1), 2), conflict]));
        let overwritten = seen_first(Status(3), TicketAnswer::Accepted { version: 3 });
        assert!(!in_turn(&Ticket, vec![accepted(Status(1), 2), overwritten]));
    }

    #[test]
    fn numbers_have_no_holes_and_are_found_at_once() {
        let found = |number, found| NumberOp::Looked { number, found };
        let numbers = Numbers { newest: 3 };
        let right = vec![NumberOp::Taken(4), found(4, true), found(5, false), NumberOp::Taken(5)];
        assert!(in_turn(&numbers, right));
        assert!(!in_turn(&numbers, vec![NumberOp::Taken(5)]));
        assert!(!in_turn(&numbers, vec![NumberOp::Taken(4), NumberOp::Taken(4)]));
        assert!(!in_turn(&numbers, vec![NumberOp::Taken(4), found(4, false)]));
    }

    #[test]
    fn an_address_has_one_contact_at_a_time() {
        use AddressOp::{Attach, Release, Take};
        let right =
            vec![Take(1, true), Take(2, false), Release(2), Attach(1), Release(1), Take(2, true)];
        assert!(in_turn(&Address, right));
        assert!(!in_turn(&Address, vec![Take(1, true), Take(2, true)]));
        assert!(!in_turn(&Address, vec![Take(1, true), Release(1), Take(2, false)]));
        assert!(!in_turn(&Address, vec![Take(1, true), Attach(3)]));
    }
}
