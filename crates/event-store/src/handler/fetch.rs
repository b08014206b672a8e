//! Fetching what decisions lack: one task at a time gathers the needs of many jobs and asks once per kind of need.

use std::sync::Arc;

use decider::{KeyScope, StoredEvent, StreamRef, Version, WorkspaceId};
use vault::SealingKeys;

use super::Shared;
use super::appender::{Appender, Waiting};
use super::decide::{self, Needs};
use crate::log::{ClaimRow, LogError};

/// A job that lacks something.
pub(super) struct Parked {
    pub waiting: Waiting,
    pub needs: Needs,
}

/// What a round of fetching asks for.
pub(super) struct Errand {
    shared: Arc<Shared>,
    ws: WorkspaceId,
    streams: Vec<(StreamRef, Version)>,
    claims: Vec<(&'static str, [u8; 32])>,
    jobs: Vec<Parked>,
}

/// How it ended: what it brought, or the jobs that must wait on.
pub(super) type Errands = (Result<Fetched, LogError>, Vec<Waiting>);

/// What it brought.
pub(super) struct Fetched {
    streams: Vec<(StreamRef, Version)>,
    events: Vec<StoredEvent>,
    claims: Vec<((&'static str, [u8; 32]), ClaimRow)>,
    jobs: Vec<Waiting>,
}

impl Errand {
    pub fn new(appender: &mut Appender, jobs: Vec<Parked>) -> Self {
        let mut streams: Vec<StreamRef> =
            jobs.iter().flat_map(|job| job.needs.streams.iter().copied()).collect();
        streams.sort_unstable();
        streams.dedup();
        let streams = streams
            .into_iter()
            .map(|stream| (stream, appender.cache.get(stream.id).map_or(0, |entry| entry.version)))
            .collect();
        let mut claims: Vec<_> =
            jobs.iter().flat_map(|job| job.needs.claims.iter().copied()).collect();
        claims.sort_unstable();
        claims.dedup();
        Self { shared: Arc::clone(&appender.shared), ws: appender.ws, streams, claims, jobs }
    }

    /// Asks the database. On an error the jobs come back with it.
    pub async fn run(mut self) -> Errands {
        match self.ask().await {
            Ok((events, rows)) => {
                let jobs = self.jobs.into_iter().map(|job| job.waiting).collect();
                let claims = self.claims.into_iter().zip(rows).collect();
                (Ok(Fetched { streams: self.streams, events, claims, jobs }), Vec::new())
            }
            Err(error) => (Err(error), self.jobs.into_iter().map(|job| job.waiting).collect()),
        }
    }

    async fn ask(&mut self) -> Result<(Vec<StoredEvent>, Vec<ClaimRow>), LogError> {
        let reader = &self.shared.reader;
        for Parked { waiting, needs } in &mut self.jobs {
            if let Some((stream, expected)) = needs.tail {
                waiting.fetched.tail = Some(reader.stream(self.ws, stream.id, expected).await?);
            }
            if let Some((scopes, fresh)) = &needs.seal {
                let is_fresh = |scope: &KeyScope| decide::is_fresh(scope, fresh);
                let keys: Result<SealingKeys, _> =
                    self.shared.vault.keys_for(self.ws, scopes, &is_fresh).await;
                waiting.fetched.sealing = Some(keys.map_err(from_vault)?);
            }
        }
        let keys: Vec<_> =
            self.jobs.iter().flat_map(|job| job.needs.keys.iter().copied()).collect();
        if !keys.is_empty() {
            self.shared.vault.load_keys(self.ws, &keys).await.map_err(from_vault)?;
        }
        let wanted: Vec<_> =
            self.streams.iter().map(|(stream, version)| (stream.id, *version)).collect();
        let events =
            if wanted.is_empty() { Vec::new() } else { reader.streams(self.ws, &wanted).await? };
        let rows = if self.claims.is_empty() {
            Vec::new()
        } else {
            reader.claims(self.ws, &self.claims).await?
        };
        Ok((events, rows))
    }
}

impl Appender {
    /// Takes in what was fetched, and queues the jobs that waited for it.
    pub(super) fn take_in(&mut self, fetched: Fetched) -> Result<(), LogError> {
        for ((scope, mac), row) in fetched.claims {
            self.cache.put_claim(scope, mac, row);
        }
        let mut rest = fetched.events.as_slice();
        let mut failed = None;
        for (stream, after) in fetched.streams {
            let count = rest.iter().take_while(|event| event.stream == stream.id).count();
            let (mine, others) = rest.split_at(count);
            rest = others;
            if let Err(error) = self.extend(stream, after, mine) {
                failed = Some(error);
            }
        }
        for waiting in fetched.jobs.into_iter().rev() {
            self.waiting.push_front(waiting);
        }
        failed.map_or(Ok(()), Err)
    }

    fn extend(
        &mut self,
        stream: StreamRef,
        after: Version,
        events: &[StoredEvent],
    ) -> Result<(), LogError> {
        let Some(stream_type) = self.shared.types.get(stream.kind) else { return Ok(()) };
        let (version, state) = match self.cache.take(stream.id) {
            Some(entry) if entry.version == after => (entry.version, entry.state),
            None if after == 0 => (0, (stream_type.initial)()),
            // It changed while the database was asked; the next decision asks again.
            Some(_) | None => return Ok(()),
        };
        // A stream of another kind under this id: for this kind it does not exist, but its version must guard.
        let fits = events.first().is_none_or(|event| event.kind == stream.kind);
        let version = events.last().map_or(version, |event| event.version);
        let state = if fits { (stream_type.evolve_stored)(state, events)? } else { state };
        let size = (stream_type.size_bytes)(&state);
        self.cache.put(stream.id, version, state, size);
        Ok(())
    }
}

fn from_vault(error: vault::VaultError) -> LogError {
    if error.is_unavailable() {
        LogError::Database(sqlx::Error::PoolTimedOut)
    } else {
        LogError::Keys(Box::new(error))
    }
}
