//! What happens to the jobs of a batch once the database has answered.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use decider::{ActorKind, EventMeta, StoredEvent};

use super::appender::{Appender, Decided, Refused, Waiting};
use super::decide::{Folded, Refusal, Round};
use super::desk::Overlay;
use super::error::{Broken, HandleError};
use super::prove::Asked;
use super::queue::give_up_on;
use super::{Accepted, Job};
use crate::log::{CommandRow, Commit, Duplicate, Head, LogError, Problems};

/// How often a command is decided again before it is given up.
const ATTEMPTS_MAX: u8 = 5;

impl Appender {
    /// The batch was written: remember its effect, wake the followers, answer.
    pub(super) fn written(
        &mut self,
        head: Head,
        (round, overlay): (Round, &Overlay),
        decided: Vec<Decided>,
    ) -> Result<(), Broken> {
        let Round { batch, folded, keys, .. } = round;
        let events: Arc<[StoredEvent]> = batch.into_written(&head).into();
        if head.commit != self.head.commit + 1 {
            self.others_wrote(); // before the folds: the append has proven what they start from
        }
        for (folded, stored) in folded.into_iter().zip(events.iter()) {
            self.fold(folded, stored);
        }
        for ((scope, mac), row) in &overlay.claims {
            self.cache.put_claim((scope, *mac), *row, self.cache.epoch());
        }
        for decided in &decided {
            self.cache.put_command(decided.waiting.job.request.id);
        }
        for keys in &keys {
            self.shared.vault.confirm(self.ws, keys);
        }
        if head.directory > self.head.directory {
            let newer: Vec<StoredEvent> = events
                .iter()
                .filter(|event| self.shared.directory_kinds.contains(&event.kind))
                .cloned()
                .collect();
            self.fold_directory(&newer)?;
        }
        metrics::counter!("ledgerdesk_commands_accepted_total").increment(decided.len() as u64);
        metrics::counter!("ledgerdesk_events_appended_total").increment(events.len() as u64);
        self.stand_at(head);
        let commit = Commit {
            no: head.commit,
            first_pos: head.position.0 + 1 - events.len() as u64,
            last_pos: head.position.0,
            at: head.at,
            hash: head.hash,
        };
        self.shared.recent.publish(self.ws, commit, Arc::clone(&events));
        let before = head.position.0 - events.len() as u64;
        for Decided { waiting, first, count, .. } in decided {
            let position = decider::LogPosition(before + (first + count) as u64);
            let events = Arc::clone(&events);
            let accepted = Accepted { position, duplicate: false, events, first, count };
            waiting.job.answer(Ok(accepted));
        }
        Ok(())
    }

    /// Folds a written event into the cached state, with its true time.
    fn fold(&mut self, folded: Folded, stored: &StoredEvent) {
        let Some(stream_type) = self.shared.types.get(folded.stream.kind) else { return };
        let state = match self.cache.take(stored.stream) {
            Some(cached) if cached.version + 1 == stored.version && !cached.stale => cached.state,
            None if stored.version == 1 => (stream_type.initial)(),
            // Another node wrote in between, or the state was dropped: the next use reads it again.
            Some(_) | None => return,
        };
        let meta = EventMeta {
            version: stored.version,
            occurred_at: stored.occurred_at,
            actor: stored.actor,
        };
        let folding = || {
            let state = (stream_type.evolve)(state, folded.event.as_ref(), &meta);
            let size = (stream_type.size_bytes)(&state);
            (state, size)
        };
        // A fold that panics only now is not remembered; the next use of the stream says what is wrong with it.
        if let Ok((state, size)) = catch_unwind(AssertUnwindSafe(folding)) {
            self.cache.put(folded.stream, stored.version, (state, size), self.cache.epoch());
        }
    }

    /// Something stood in the way: answer repeats, forget what proved wrong, decide the others again.
    pub(super) async fn refused(
        &mut self,
        problems: Problems,
        round: Round,
        decided: Vec<Decided>,
    ) -> Result<(), Broken> {
        metrics::counter!("ledgerdesk_append_conflicts_total")
            .increment((problems.streams.len() + problems.claims.len()) as u64);
        for (stream, actual) in &problems.streams {
            self.cache.mark_stale(*stream, *actual);
        }
        let mut bad_claims = Vec::new();
        for bad in &problems.claims {
            if let Some((scope, mac, _)) = round.claim_guards.get(bad.index) {
                self.cache.put_claim((scope, *mac), bad.actual, self.cache.epoch());
                bad_claims.push((*scope, *mac));
            }
        }
        let (mut again, mut repeats) = (Vec::new(), Vec::new());
        for (index, decided) in decided.into_iter().enumerate() {
            let mut waiting = decided.waiting;
            if let Some(duplicate) =
                problems.duplicates.iter().find(|duplicate| duplicate.index == index)
            {
                self.cache.put_command(waiting.job.request.id);
                repeats.push((waiting, duplicate.clone()));
                continue;
            }
            let met = |(stream, _): &(decider::StreamRef, u32)| {
                problems.streams.iter().any(|(bad, _)| *bad == stream.id)
            };
            let met_claim = decided
                .reads
                .claims
                .iter()
                .any(|(scope, mac, _)| bad_claims.contains(&(*scope, *mac)));
            if decided.reads.streams.iter().any(met) || met_claim {
                waiting.job.attempts += 1;
            }
            again.extend(give_up_or_keep(waiting));
        }
        self.put_back(again);
        self.answer_repeats(repeats).await
    }

    /// Answers commands that were accepted before. Who cannot be answered now waits with the others.
    async fn answer_repeats(&mut self, repeats: Vec<(Waiting, Duplicate)>) -> Result<(), Broken> {
        let mut repeats = repeats.into_iter();
        while let Some((waiting, duplicate)) = repeats.next() {
            match self.repeat(&waiting.job, &duplicate).await {
                Ok(answer) => waiting.job.answer(answer),
                Err(error) if error.is_unavailable() => {
                    self.put_back(
                        std::iter::once(waiting).chain(repeats.map(|(waiting, _)| waiting)),
                    );
                    return Err(error.into());
                }
                Err(error) => give_up_on(waiting, self.ws, error.into()),
            }
        }
        Ok(())
    }

    /// The answer to a command that was accepted before, built again from the log.
    async fn repeat(
        &self,
        job: &Job,
        duplicate: &Duplicate,
    ) -> Result<Result<Accepted, HandleError>, LogError> {
        metrics::counter!("ledgerdesk_commands_repeated_total").increment(1);
        if !duplicate.same_body && job.request.actor.kind != ActorKind::Policy {
            return Ok(Err(HandleError::KeyReused));
        }
        if duplicate.events == 0 {
            let position = duplicate.first_pos;
            let events = Arc::from([]);
            return Ok(Ok(Accepted { position, duplicate: true, events, first: 0, count: 0 }));
        }
        let before = decider::LogPosition(duplicate.first_pos.0.saturating_sub(1));
        let events = self.shared.backend.after(self.ws, before, duplicate.events).await?;
        let position = events.last().map_or(duplicate.first_pos, |event| event.position);
        let count = events.len();
        Ok(Ok(Accepted { position, duplicate: true, events: events.into(), first: 0, count }))
    }

    /// Refusals count only if what they read is still so, and the command was not accepted before. The others are decided again.
    pub(super) async fn prove(&mut self, refused: Vec<Refused>) -> Result<(), Broken> {
        if refused.is_empty() {
            return Ok(());
        }
        let asked = Asked {
            reads: refused.iter().map(|refused| &refused.reads).collect(),
            ids: refused.iter().map(|refused| refused.waiting.job.request.id).collect(),
        };
        let now = match self.shared.backend.look(self.ws, &asked).await {
            Ok(now) => now,
            Err(error) => {
                self.put_back(refused.into_iter().map(|refused| refused.waiting));
                return Err(error.into());
            }
        };
        let (mut versions, mut claims) = (now.versions.iter(), now.claims.iter());
        let (mut again, mut repeats) = (Vec::new(), Vec::new());
        for (refused, repeated) in refused.into_iter().zip(now.repeated) {
            let Refused { mut waiting, refusal, reads, directory } = refused;
            let mut holds = true;
            for ((stream, version), actual) in reads.streams.iter().zip(versions.by_ref()) {
                let actual = u32::try_from(*actual).unwrap_or(0);
                if *version != actual {
                    self.cache.mark_stale(stream.id, actual);
                    holds = false;
                }
            }
            for ((scope, mac, seq), actual) in reads.claims.iter().zip(claims.by_ref()) {
                if seq != actual {
                    self.cache.drop_claim(scope, *mac);
                    holds = false;
                }
            }
            if let Some(row) = repeated {
                let same_body = row.body_hash == waiting.job.body_hash;
                let CommandRow { first_pos, events, .. } = row;
                repeats.push((waiting, Duplicate { index: 0, first_pos, events, same_body }));
            } else if holds && directory.0 == now.directory {
                waiting.job.answer(Err(refusal.into()));
            } else {
                waiting.job.attempts += u8::from(!holds);
                again.extend(give_up_or_keep(waiting));
            }
        }
        self.put_back(again);
        self.answer_repeats(repeats).await?;
        // With batches on their way, once they have landed.
        self.in_doubt |= now.directory != self.head.directory.0;
        Ok(())
    }
}

fn give_up_or_keep(waiting: Waiting) -> Option<Waiting> {
    if waiting.job.attempts > ATTEMPTS_MAX {
        waiting.job.answer(Err(HandleError::Contended));
        return None;
    }
    Some(waiting)
}

impl From<Refusal> for HandleError {
    fn from(refusal: Refusal) -> Self {
        match refusal {
            Refusal::Rejected(rejected) => Self::Rejected(rejected),
            Refusal::VersionConflict { version, events } => {
                Self::VersionConflict { version, events }
            }
        }
    }
}

impl Job {
    /// Answers whoever waits. Nobody may be waiting any more; then the answer is of no use to anyone.
    pub(super) fn answer(self, answer: Result<Accepted, HandleError>) {
        drop(self.reply.send(answer));
    }
}
