//! What holds of undoing for every history of a ticket.

use std::collections::BTreeMap;
use std::sync::Arc;

use decider::LogPosition;
use proptest::collection::vec;
use proptest::prelude::*;

use super::{History, Standing, UndoChange};
use crate::fixtures::Office;
use crate::ticket::LiveTicket;
use crate::ticket::properties::{History as Story, Step, assert_sound, steps};

fn undo(story: &Story, position: Option<LogPosition>) -> UndoChange {
    UndoChange {
        ticket_id: Office::TICKET,
        position,
        history: Arc::new(History::new(story.past.clone())),
        mirrors: BTreeMap::new(),
    }
}

/// A ticket without what every event moves on.
fn still(story: &Story) -> Option<LiveTicket> {
    story.ticket.live().map(|live| LiveTicket { version: 0, ..live.clone() })
}

/// Whether the status of a ticket lacks what it asks for: that can come about, but nothing leads back to it.
fn lacks_what_its_status_asks_for(ticket: Option<&LiveTicket>) -> bool {
    let directory = Office::new().directory();
    ticket.is_some_and(|live| {
        let status = directory.pipeline(live.place.pipeline).unwrap().status(live.place.status);
        let asked_for = &status.unwrap().required_properties;
        asked_for.iter().any(|id| !live.properties.contains_key(id))
    })
}

/// A ticket whose last action can be taken back, and the state before that.
fn told_up_to_an_action(mut steps: Vec<Step>) -> Option<(Story, Option<LiveTicket>)> {
    while !steps.is_empty() {
        let (story, mut before) = told(&steps);
        if let Some((first, state)) = before.pop()
            && story.past.last()?.command == story.past[first].command
        {
            return Some((story, state));
        }
        steps.pop();
    }
    None
}

/// A ticket, and everything that was done to it that can be taken back: the state before each action.
fn told(steps: &[Step]) -> (Story, Vec<(usize, Option<LiveTicket>)>) {
    let (mut story, _) = Story::new().ask(Step::Create(0).command().as_ref());
    let mut before = Vec::new();
    for step in steps {
        let (state, length) = (still(&story), story.past.len());
        (story, _) = story.ask(step.command().as_ref());
        let history = History::new(story.past.clone());
        let new = &story.past[length..];
        let takes_back = |event| history.standing(event) != Standing::NotReversible;
        if !new.is_empty() && new.iter().all(|event| takes_back(event.position)) {
            before.push((length, state));
        }
    }
    (story, before)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(96))]

    #[test]
    fn undoing_the_last_action_restores_the_state_before_and_redoing_the_state_after_z11(
        steps in vec(steps(), 1..25),
    ) {
        let Some((story, expected)) = told_up_to_an_action(steps) else { return Ok(()) };
        let end = story.past.len();
        let after = still(&story);
        let command = undo(&story, None);
        let (story, undone) = story.try_ask(&command);
        if undone == Err("required_properties_missing") {
            prop_assert!(lacks_what_its_status_asks_for(expected.as_ref()));
            return Ok(());
        }
        prop_assert_eq!(undone.map(|_| ()), Ok(()));
        assert_sound(&story);
        prop_assert_eq!(still(&story), expected);
        // Redone, the newest first.
        let mut story = story;
        for position in (end as u64 + 1..=story.past.len() as u64).rev().map(LogPosition) {
            let standing = History::new(story.past.clone()).standing(position);
            if let Standing::Undone(_) = standing {
                continue; // with the event it belongs to
            }
            let redo = undo(&story, Some(position));
            let done;
            (story, done) = story.try_ask(&redo);
            if done == Err("required_properties_missing") {
                return Ok(()); // one of several events: the whole action is complete, a part of it is not
            }
            prop_assert_eq!(done.map(|_| ()), Ok(()));
        }
        assert_sound(&story);
        prop_assert_eq!(still(&story), after);
    }

    #[test]
    fn undoing_everything_backwards_leads_to_the_first_state_z11(steps in vec(steps(), 1..25)) {
        // What was said stays, and what came along with it: those histories are for the other properties.
        let said = |step: &Step| matches!(step, Step::Reply(..) | Step::Import(..));
        let steps: Vec<_> = steps.into_iter().filter(|step| !said(step)).collect();
        let (mut story, mut before) = told(&steps);
        while let Some((_, expected)) = before.pop() {
            let command = undo(&story, None);
            let undone;
            (story, undone) = story.try_ask(&command);
            if undone == Err("required_properties_missing") {
                prop_assert!(lacks_what_its_status_asks_for(expected.as_ref()));
                return Ok(());
            }
            prop_assert_eq!(undone.map(|_| ()), Ok(()));
            assert_sound(&story);
            prop_assert_eq!(still(&story), expected);
        }
        let (_, undone) = {
            let command = undo(&story, None);
            story.try_ask(&command)
        };
        prop_assert_eq!(undone, Err("nothing_to_undo"));
    }

    #[test]
    fn nothing_is_undone_twice_and_what_was_undone_says_by_what_z11(steps in vec(steps(), 1..25)) {
        let (story, _) = told(&steps);
        let positions: Vec<_> = story.past.iter().map(|event| event.position).collect();
        let mut story = story;
        for position in positions.into_iter().rev() {
            let command = undo(&story, Some(position));
            let count = story.past.len();
            let undone;
            (story, undone) = story.try_ask(&command);
            let history = History::new(story.past.clone());
            match undone {
                Ok(_) => {
                    assert_sound(&story);
                    prop_assert!(story.past[count..].iter().any(|e| e.undoes == Some(position)));
                    let Standing::Undone(by) = history.standing(position) else {
                        return Err(TestCaseError::fail("it does not count as undone"));
                    };
                    prop_assert!(by.0 > count as u64);
                    let again = undo(&story, Some(position));
                    let refused;
                    (story, refused) = story.try_ask(&again);
                    prop_assert_eq!(refused, Err("already_undone"));
                }
                Err(code) => prop_assert!(
                    ["undo_blocked", "not_reversible", "already_undone", "required_properties_missing"]
                        .contains(&code),
                    "{}", code
                ),
            }
            prop_assert_eq!(story.past.len(), usize::try_from(history.version()).unwrap());
        }
    }
}
