//! Fetching what decisions lack: one task at a time gathers the needs of many jobs and asks once per kind of need.

use std::collections::{HashMap, HashSet};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use decider::{KeyScope, StoredEvent, StreamRef, StreamType, Version, WorkspaceId};
use uuid::Uuid;
use vault::SealingKeys;

use super::Shared;
use super::appender::{Appender, Waiting};
use super::decide::{self, Needs};
use super::error::{Broken, chain};
use super::queue::give_up_on;
use crate::log::{ClaimRow, LogError, bounded};

/// A job that lacks something.
pub(super) struct Parked {
    pub waiting: Waiting,
    pub needs: Needs,
}

/// What a round of fetching asks for.
pub(super) struct Errand {
    shared: Arc<Shared>,
    ws: WorkspaceId,
    known: HashMap<Uuid, Version>,
    epoch: u64,
    jobs: Vec<Parked>,
}

/// How it ended.
#[derive(Default)]
pub(super) struct Errands {
    fetched: Vec<Fetched>,
    /// The epoch of the cache in which the database was asked.
    epoch: u64,
    /// Jobs whose own needs cannot be met.
    failed: Vec<(Waiting, LogError)>,
    /// The database was away, and these could not be asked for.
    away: Option<(LogError, Vec<Waiting>)>,
}

/// What it brought, and for whom.
struct Fetched {
    streams: Vec<(StreamRef, Version)>,
    events: Vec<StoredEvent>,
    claims: Vec<((&'static str, [u8; 32]), ClaimRow)>,
    jobs: Vec<Parked>,
}

impl Errand {
    pub fn new(appender: &mut Appender, jobs: Vec<Parked>) -> Self {
        let known = jobs
            .iter()
            .flat_map(|job| &job.needs.streams)
            .map(|stream| {
                (stream.id, appender.cache.get(stream.id).map_or(0, |entry| entry.version))
            })
            .collect();
        let epoch = appender.cache.epoch();
        Self { shared: Arc::clone(&appender.shared), ws: appender.ws, known, epoch, jobs }
    }

    /// Asks the database for all jobs at once; when something of it cannot be read, for each job by itself.
    pub async fn run(self) -> Errands {
        let Self { shared, ws, known, epoch, mut jobs } = self;
        let asking = Asking { shared: &shared, ws, known: &known };
        let mut errands = Errands { epoch, ..Errands::default() };
        match bounded(asking.ask(&mut jobs)).await {
            Ok(found) => {
                errands.fetched.push(found.of(jobs));
                return errands;
            }
            Err(error) if error.is_unavailable() => {
                let jobs = jobs.into_iter().map(|job| job.waiting).collect();
                errands.away = Some((error, jobs));
                return errands;
            }
            Err(error) => {
                tracing::warn!(workspace = %ws.0, error = chain(&error), "fetching for each command by itself");
            }
        }
        let mut jobs = jobs.into_iter();
        while let Some(job) = jobs.next() {
            let mut one = [job];
            let asked = bounded(asking.ask(&mut one)).await;
            let [job] = one;
            match asked {
                Ok(found) => errands.fetched.push(found.of(vec![job])),
                Err(error) if error.is_unavailable() => {
                    let rest = std::iter::once(job).chain(jobs).map(|job| job.waiting).collect();
                    errands.away = Some((error, rest));
                    break;
                }
                Err(error) => errands.failed.push((job.waiting, error)),
            }
        }
        errands
    }
}

struct Asking<'a> {
    shared: &'a Shared,
    ws: WorkspaceId,
    known: &'a HashMap<Uuid, Version>,
}

/// What the database answered.
struct Found {
    streams: Vec<(StreamRef, Version)>,
    events: Vec<StoredEvent>,
    claims: Vec<((&'static str, [u8; 32]), ClaimRow)>,
}

impl Found {
    fn of(self, jobs: Vec<Parked>) -> Fetched {
        Fetched { streams: self.streams, events: self.events, claims: self.claims, jobs }
    }
}

impl Asking<'_> {
    async fn ask(&self, jobs: &mut [Parked]) -> Result<Found, LogError> {
        let backend = &self.shared.backend;
        for Parked { waiting, needs } in jobs.iter_mut() {
            if let Some((stream, expected)) = needs.tail {
                waiting.fetched.tail =
                    Some(backend.streams(self.ws, &[(stream.id, expected)]).await?);
            }
            if let Some((scopes, fresh)) = &needs.seal {
                let is_fresh = |scope: &KeyScope| decide::is_fresh(scope, fresh);
                let keys: Result<SealingKeys, _> =
                    self.shared.vault.keys_for(self.ws, scopes, &is_fresh).await;
                waiting.fetched.sealing = Some(keys.map_err(from_vault)?);
            }
        }
        let keys: Vec<_> = jobs.iter().flat_map(|job| job.needs.keys.iter().copied()).collect();
        if !keys.is_empty() {
            self.shared.vault.load_keys(self.ws, &keys).await.map_err(from_vault)?;
        }
        let mut streams: Vec<StreamRef> =
            jobs.iter().flat_map(|job| job.needs.streams.iter().copied()).collect();
        // One id may be asked for as several kinds; it is read once.
        streams.sort_unstable_by_key(|stream| stream.id);
        streams.dedup_by_key(|stream| stream.id);
        let streams: Vec<(StreamRef, Version)> = streams
            .into_iter()
            .map(|stream| (stream, self.known.get(&stream.id).copied().unwrap_or(0)))
            .collect();
        let wanted: Vec<_> =
            streams.iter().map(|(stream, version)| (stream.id, *version)).collect();
        let events =
            if wanted.is_empty() { Vec::new() } else { backend.streams(self.ws, &wanted).await? };
        let mut claims: Vec<_> =
            jobs.iter().flat_map(|job| job.needs.claims.iter().copied()).collect();
        claims.sort_unstable();
        claims.dedup();
        let rows =
            if claims.is_empty() { Vec::new() } else { backend.claims(self.ws, &claims).await? };
        Ok(Found { streams, events, claims: claims.into_iter().zip(rows).collect() })
    }
}

impl Appender {
    /// Takes in what was fetched, and queues the jobs that waited for it.
    pub(super) fn fetched(&mut self, errands: Option<Errands>) -> Result<(), Broken> {
        // A fetching task that died took its jobs along: their clients are told that the program did not answer.
        let Some(Errands { fetched, epoch, failed, away }) = errands else { return Ok(()) };
        for (waiting, error) in failed {
            give_up_on(waiting, self.ws, error.into());
        }
        let mut ready = Vec::new();
        for fetched in fetched {
            self.take_in(fetched, epoch, &mut ready);
        }
        for waiting in ready.into_iter().rev() {
            self.waiting.push_front(waiting);
        }
        match away {
            Some((error, jobs)) => {
                self.put_back(jobs);
                Err(error.into())
            }
            None => Ok(()),
        }
    }

    fn take_in(&mut self, fetched: Fetched, epoch: u64, ready: &mut Vec<Waiting>) {
        for ((scope, mac), row) in fetched.claims {
            self.cache.put_claim((scope, mac), row, epoch);
        }
        let mut rest = fetched.events.as_slice();
        let mut unreadable: HashSet<Uuid> = HashSet::new();
        for (stream, after) in fetched.streams {
            let count = rest.iter().take_while(|event| event.stream == stream.id).count();
            let (mine, others) = rest.split_at(count);
            rest = others;
            if let Err(broken) = self.extend(stream, after, mine, epoch) {
                tracing::error!(workspace = %self.ws.0, stream = %stream.id, error = %broken, "a stream cannot be read");
                unreadable.insert(stream.id);
            }
        }
        for Parked { waiting, needs } in fetched.jobs {
            if needs.streams.iter().any(|stream| unreadable.contains(&stream.id)) {
                give_up_on(waiting, self.ws, Broken::Fold("stream that it reads"));
            } else {
                ready.push(waiting);
            }
        }
    }

    fn extend(
        &mut self,
        stream: StreamRef,
        after: Version,
        events: &[StoredEvent],
        epoch: u64,
    ) -> Result<(), Broken> {
        let (known, version, state) = match self.cache.take(stream.id) {
            Some(entry) if entry.version == after => (entry.kind, after, Some(entry.state)),
            None if after == 0 => ("", 0, None),
            // It changed while the database was asked; the next decision asks again.
            Some(_) | None => return Ok(()),
        };
        // The events say of which kind the stream is, whatever it was asked for as.
        let kind = events.first().map_or(if version > 0 { known } else { stream.kind }, |event| {
            self.shared.types.get_key_value(event.kind.as_str()).map_or("", |(kind, _)| *kind)
        });
        let stream = StreamRef { kind, id: stream.id };
        let version = events.last().map_or(version, |event| event.version);
        let Some(stream_type) = self.shared.types.get(kind) else {
            self.cache.put(stream, version, (Arc::new(()), 0), epoch);
            return Ok(());
        };
        let state = state.filter(|_| known == kind).unwrap_or_else(stream_type.initial);
        let folded = fold(stream_type, state, events)?;
        self.cache.put(stream, version, folded, epoch);
        Ok(())
    }
}

fn fold(
    stream_type: &StreamType,
    state: decider::AnyState,
    events: &[StoredEvent],
) -> Result<(decider::AnyState, usize), Broken> {
    let folding = || {
        let state = (stream_type.evolve_stored)(state, events)?;
        let size = (stream_type.size_bytes)(&state);
        Ok((state, size))
    };
    catch_unwind(AssertUnwindSafe(folding))
        .map_err(|_| Broken::Fold(stream_type.kind))?
        .map_err(|error| Broken::Log(LogError::Decode(error)))
}

fn from_vault(error: vault::VaultError) -> LogError {
    if error.is_unavailable() {
        LogError::Database(sqlx::Error::PoolTimedOut)
    } else {
        LogError::Keys(Box::new(error))
    }
}
