//! Whether what the clients saw is what one machine without faults would have answered at some instant while each waited.

use std::collections::HashMap;

use decider::CommandId;

use super::bank::Bank;
use super::bank_model::Model;
use super::clients::{Answer, Seen};
use super::log::Log;

/// The bank after each command of the log, and in which commit that was; the first is the empty one.
struct History {
    states: Vec<(u64, Model)>,
    commits: HashMap<CommandId, u64>,
}

pub fn check(log: &Log, seen: &[Seen]) {
    let history = replay(log, seen);
    for one in seen {
        match &one.answer {
            Answer::Accepted(position) => {
                let row = &log.commands[&one.id];
                let last = row.first_pos.0 + u64::from(row.events).saturating_sub(1);
                assert_eq!(position.0, last, "{:?} was answered another position", one.command);
                let commit = history.commits[&one.id];
                assert!(commit <= one.answered, "{:?} was answered before it was", one.command);
            }
            Answer::Refused(code) => refused(&history, one, code),
        }
    }
    for (id, commit) in &history.commits {
        // Earlier answers under this id were refusals: what they refused must not take effect behind the client's back.
        let accepting =
            seen.iter().find(|one| one.id == *id && matches!(one.answer, Answer::Accepted(_)));
        let Some(one) = accepting else {
            let answers: Vec<&Seen> = seen.iter().filter(|one| one.id == *id).collect();
            panic!("what was only ever refused took effect in commit {commit}: {answers:?}");
        };
        assert!(*commit > one.first_sent, "{:?} took effect before it was sent", one.command);
    }
}

/// Deciding the commands in the order of the log by the model accepts each, with as many events.
fn replay(log: &Log, seen: &[Seen]) -> History {
    let sent: HashMap<CommandId, &Bank> = seen.iter().map(|one| (one.id, &one.command)).collect();
    let mut model = Model::default();
    let mut history = History { states: vec![(0, model.clone())], commits: HashMap::new() };
    for written in &log.commits {
        for id in &written.commands {
            let events = log.commands[id].events as usize;
            assert_eq!(model.decide(sent[id]), ("accepted", events), "{:?}", sent[id]);
            history.states.push((written.head.commit, model.clone()));
            assert!(history.commits.insert(*id, written.head.commit).is_none());
        }
    }
    assert_eq!(log.head().number, model.opened);
    history
}

/// A refusal must have been right at some instant between being sent and being answered. The command may be accepted later,
/// when it is sent again; what is still under way from before the refusal must not take effect any more.
fn refused(history: &History, one: &Seen, code: &str) {
    let accepted = history.commits.get(&one.id);
    let later = accepted.is_none_or(|commit| *commit > one.answered);
    assert!(later, "{:?} was refused after it was accepted", one.command);
    let began = history.states.partition_point(|(commit, _)| *commit <= one.last_sent) - 1;
    let ended = history.states.partition_point(|(commit, _)| *commit <= one.answered);
    let right = history.states[began..ended]
        .iter()
        .any(|(_, model)| model.clone().decide(&one.command) == (code, 0));
    assert!(right, "{one:?} was refused, which was never right");
}

#[cfg(test)]
mod tests {
    use decider::LogPosition;
    use uuid::Uuid;

    use super::*;

    fn seen(answer: Answer) -> Seen {
        let command = Bank::Withdraw { id: Uuid::from_u128(9), amount: 1 };
        let id = CommandId(Uuid::from_u128(1));
        Seen { id, command, first_sent: 0, last_sent: 0, answered: 0, answer }
    }

    #[test]
    fn a_right_refusal_passes() {
        check(&Log::default(), &[seen(Answer::Refused("unknown"))]);
    }

    #[test]
    #[should_panic(expected = "which was never right")]
    fn a_refusal_that_was_never_right_is_found() {
        check(&Log::default(), &[seen(Answer::Refused("overdrawn"))]);
    }

    #[test]
    #[should_panic(expected = "no entry found for key")]
    fn an_acknowledged_command_that_is_lost_is_found() {
        check(&Log::default(), &[seen(Answer::Accepted(LogPosition(1)))]);
    }
}
