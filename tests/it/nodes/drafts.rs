//! What a user may rely on of the draft on a ticket, as a small object.

use std::collections::BTreeSet;

use super::linear::Model;
use super::models::Who;

/// The draft of one user on one ticket: at most one is open.
pub struct Draft;

#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct DraftState {
    /// Whether one is open, and its id, if anybody has been told of it.
    open: Option<Option<Who>>,
    known: BTreeSet<Who>,
}

#[derive(Clone, Debug)]
pub enum DraftOp {
    /// Saved: into the open one, or a new one was begun.
    Saved(Who),
    /// Thrown away; doing so again changes nothing.
    Discarded(Who),
    /// There was none.
    Absent,
    /// Saved into one that was thrown away at that very moment, perhaps one that was begun for it and that nobody was told of.
    Lost,
}

impl Model for Draft {
    type State = DraftState;
    type Op = DraftOp;

    fn initial(&self) -> DraftState {
        DraftState::default()
    }

    fn after(&self, state: &DraftState, op: &DraftOp) -> Vec<DraftState> {
        let with = |open| DraftState { open, ..state.clone() };
        let known = |id: &Who| state.known.contains(id);
        let named = |id: &Who, open| {
            let mut next = with(open);
            next.known.insert(*id);
            vec![next]
        };
        match (op, state.open) {
            (DraftOp::Saved(id), Some(Some(open))) if open == *id => vec![state.clone()],
            (DraftOp::Saved(id), None | Some(None)) if !known(id) => named(id, Some(Some(*id))),
            (DraftOp::Discarded(id), Some(None)) if !known(id) => named(id, None),
            (DraftOp::Discarded(id), Some(Some(open))) if open == *id => vec![with(None)],
            // Doing so again changes nothing.
            (DraftOp::Discarded(id), _) if known(id) => vec![state.clone()],
            (DraftOp::Absent, None) => vec![state.clone()],
            (DraftOp::Lost, None) => vec![state.clone(), with(Some(None))],
            _ => Vec::new(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::models::tests::in_turn;
    use super::*;

    #[test]
    fn a_ticket_has_one_open_draft_at_a_time() {
        use DraftOp::{Absent, Discarded, Lost, Saved};
        let right = vec![Absent, Saved(1), Saved(1), Discarded(1), Absent, Discarded(1), Saved(2)];
        assert!(in_turn(&Draft, right));
        assert!(in_turn(&Draft, vec![Lost, Discarded(1), Absent, Lost, Saved(2)]));
        assert!(!in_turn(&Draft, vec![Saved(1), Lost]));
        assert!(!in_turn(&Draft, vec![Discarded(1)]));
        assert!(!in_turn(&Draft, vec![Saved(1), Saved(2)]));
        assert!(!in_turn(&Draft, vec![Saved(1), Absent]));
        assert!(!in_turn(&Draft, vec![Saved(1), Discarded(1), Saved(1)]));
    }
}
