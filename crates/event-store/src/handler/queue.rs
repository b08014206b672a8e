//! The jobs that wait: deciding them into the next batch, and putting them back when it fails.

use std::collections::VecDeque;
use std::sync::Arc;

use decider::{Timestamp, WorkspaceId};

use super::Job;
use super::appender::{Appender, BATCH_COMMANDS_MAX, Decided, Grounds, Next, Refused, Waiting};
use super::decide::{self, Base, Step};
use super::desk::Overlay;
use super::error::{Broken, HandleError, chain};
use super::fetch::Parked;
use crate::log::LogError;

/// How often one decision may fetch what it lacks.
const PASSES_MAX: u8 = 64;
/// How often a command may be put back for whatever reason before it is given up.
const ROUNDS_MAX: u8 = 64;

/// What one look at a job came to.
enum Outcome {
    Done,
    Lacks(Box<Parked>),
    Later(Box<Waiting>),
}

impl Appender {
    pub(super) fn take_apart_next(&mut self) {
        let Next { decided, refused, .. } = std::mem::replace(&mut self.next, Next::new());
        self.put_back(refused.into_iter().map(|refused| refused.waiting));
        self.put_back(decided.into_iter().map(|decided| decided.waiting));
    }

    /// In front of the queue: what was sent first is decided first.
    pub(super) fn put_back(&mut self, jobs: impl IntoIterator<Item = Waiting>) {
        let mut back = VecDeque::new();
        for mut waiting in jobs {
            waiting.fetched.tail = None;
            waiting.job.rounds = waiting.job.rounds.saturating_add(1);
            if waiting.job.rounds > ROUNDS_MAX {
                waiting.job.answer(Err(HandleError::Contended));
            } else {
                back.push_back(waiting);
            }
        }
        back.append(&mut self.waiting);
        self.waiting = back;
    }

    pub(super) fn decide_waiting(&mut self) {
        let grounds = Grounds {
            number: self.head.number
                + self.in_flight.iter().map(|batch| u64::from(batch.numbers)).sum::<u64>(),
            directory: self.head.directory,
        };
        if self.next.grounds != grounds && !self.next.is_empty() {
            // Another node took numbers or changed the directory since the first of them was decided.
            self.take_apart_next();
        }
        self.next.grounds = grounds;
        let now = self.shared.backend.wall_clock();
        let overlays: Vec<Arc<Overlay>> =
            self.in_flight.iter().rev().map(|batch| Arc::clone(&batch.overlay)).collect();
        let below: Vec<&Overlay> = overlays.iter().map(Arc::as_ref).collect();
        let limit = if self.singly > 0 { 1 } else { BATCH_COMMANDS_MAX };
        for waiting in std::mem::take(&mut self.waiting) {
            if waiting.job.reply.is_closed() {
                continue; // nobody waits for the answer any more
            }
            if !self.next.has_room(limit) || self.must_wait(&waiting.job) {
                self.waiting.push_back(waiting);
                continue;
            }
            match self.decide_one(waiting, &below, now) {
                Outcome::Done => {}
                Outcome::Lacks(parked) => self.parked.push(*parked),
                Outcome::Later(waiting) => {
                    self.next.round.closed = true;
                    self.waiting.push_back(*waiting);
                }
            }
        }
    }

    /// A second command under one id waits for the answer to the first; a stale expected version is judged once what it
    /// may depend on is in the log.
    fn must_wait(&self, job: &Job) -> bool {
        let same = |decided: &Decided| decided.waiting.job.request.id == job.request.id;
        self.next.decided.iter().any(same)
            || self.in_flight.iter().any(|batch| {
                batch.decided.iter().any(same)
                    || job
                        .request
                        .expected
                        .is_some_and(|(stream, _)| batch.overlay.states.contains_key(&stream.id))
            })
    }

    /// Decides one job; gives it back with what it lacks when it cannot be decided yet.
    fn decide_one(&mut self, mut waiting: Waiting, below: &[&Overlay], now: Timestamp) -> Outcome {
        let base = Base {
            shared: &self.shared,
            ws: self.ws,
            number: self.next.grounds.number,
            below,
            directory: &self.directory,
            now,
        };
        let Next { round, grounds, decided, refused } = &mut self.next;
        let first = round.batch.len();
        match decide::decide(&base, &mut self.cache, round, &waiting.job, &waiting.fetched) {
            Step::Decided(reads) => {
                decided.push(Decided { waiting, reads, first, count: round.batch.len() - first });
            }
            Step::Refused(refusal, reads) => {
                refused.push(Refused { waiting, refusal, reads, directory: grounds.directory });
            }
            Step::Later => return Outcome::Later(Box::new(waiting)),
            Step::Broken(broken) => give_up_on(waiting, self.ws, broken),
            Step::Needs(needs) => {
                waiting.passes = waiting.passes.saturating_add(1);
                if waiting.passes > PASSES_MAX {
                    let name = waiting.job.request.command.name();
                    give_up_on(waiting, self.ws, Broken::Endless(name));
                } else {
                    return Outcome::Lacks(Box::new(Parked { waiting, needs: *needs }));
                }
            }
        }
        Outcome::Done
    }

    /// Nothing that waits can be handled now: everybody is told, and nothing remembered is trusted.
    pub(super) fn give_up(&mut self, error: &Broken) {
        if !error.is_unavailable() && !matches!(error, Broken::Log(LogError::Rewound { .. })) {
            tracing::error!(workspace = %self.ws.0, error = chain(error), "a batch failed");
        }
        self.take_apart_next();
        if self.in_flight.is_empty() {
            self.cache.clear();
            self.in_doubt = true;
            self.lanes.drop_all();
        }
        let parked = self.parked.drain(..).map(|parked| parked.waiting);
        for waiting in self.waiting.drain(..).chain(parked) {
            waiting.job.answer(Err(told(error)));
        }
        self.singly = 0;
    }
}

/// What the clients are told about an error that met all of them.
fn told(error: &Broken) -> HandleError {
    match error {
        error if error.is_unavailable() => HandleError::Unavailable,
        Broken::Log(LogError::WorkspaceClosed) => HandleError::WorkspaceClosed,
        Broken::Log(LogError::Rewound { .. }) => HandleError::Rewound,
        _ => HandleError::Failed(Broken::Append),
    }
}

/// One job fails, alone.
pub(super) fn give_up_on(waiting: Waiting, ws: WorkspaceId, broken: Broken) {
    let command = waiting.job.request.command.name();
    tracing::error!(workspace = %ws.0, command, error = chain(&broken), "a command could not be decided");
    waiting.job.answer(Err(broken.into()));
}
