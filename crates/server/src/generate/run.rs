//! Writes the chunks one after the other, while the next ones are told and sealed on other threads.

use std::sync::Arc;

use decider::WorkspaceId;
use event_store::log::{AppendBatch, Appended, Base, Head, append};
use futures_util::stream::{self, StreamExt};
use uuid::Uuid;
use vault::Vault;

use super::chunk::Sealer;
use super::stage::Stage;
use super::story::Story;
use super::{CHUNK_TICKETS, GenerateError, Plan, Written};
use crate::service::Service;

/// Chunks that are made ready ahead.
const AHEAD: usize = 3;
/// How often keys are asked for before it is given up.
const KEY_TRIES: u32 = 5;
/// Chunks asked for at once whether they are there.
const ASKED_AT_ONCE: u64 = 500;

/// Writes what of a plan is missing; `tell` is told how many tickets there are.
///
/// # Errors
/// See [`GenerateError`]. What was written before stays, and the same plan goes on after it.
pub async fn run(
    service: &Service,
    ws: WorkspaceId,
    plan: Plan,
    tell: &mut (dyn FnMut(u64) + Send),
) -> Result<Written, GenerateError> {
    let done = chunks_done(service, ws, &plan).await?;
    let before = service.reader.head(ws).await?;
    if done == 0 && before.number > 0 && !plan.among_others {
        return Err(GenerateError::NotEmpty(before.number));
    }
    let stage = Arc::new(Stage::set(service, ws, plan).await?);
    let begin = service.reader.head(ws).await?;
    let tickets_before = (done * CHUNK_TICKETS).min(plan.tickets);
    let body_hash = service.vault.mac(ws, "command.body", b"generate");
    let number = |chunk: u64| begin.number + 1 + (chunk - done) * CHUNK_TICKETS;
    let chunks = stream::iter(done..plan.chunks()).map(|chunk| {
        let (stage, vault) = (Arc::clone(&stage), service.vault.clone());
        let number = number(chunk);
        async move {
            let ready = make_ready(stage, vault, (chunk, number), body_hash);
            (chunk, tokio::spawn(ready).await)
        }
    });
    let mut chunks = std::pin::pin!(chunks.buffered(AHEAD));
    let mut connection =
        service.pools.append.acquire().await.map_err(event_store::log::LogError::from)?;
    let node = Uuid::new_v4();
    let mut head = begin;
    tell(tickets_before);
    while let Some((chunk, batch)) = chunks.next().await {
        head = write(&mut connection, ws, (node, head), &batch??).await?;
        tell(((chunk + 1) * CHUNK_TICKETS).min(plan.tickets));
    }
    service.handler.recent().heard_of(ws, head.position);
    Ok(Written {
        tickets_before,
        events: head.position.0 - begin.position.0,
        position: head.position,
    })
}

async fn make_ready(
    stage: Arc<Stage>,
    vault: Vault,
    (chunk, number): (u64, u64),
    body_hash: [u8; 32],
) -> Result<AppendBatch, GenerateError> {
    let story = Story::tell(&stage, chunk, number);
    let mut tries = 1;
    let keys = loop {
        match vault.make_keys(stage.ws, story.keys).await {
            // A busy machine: keys that were made and are not used harm nobody.
            Err(error) if tries < KEY_TRIES => {
                tries += 1;
                tracing::warn!(
                    error = &error as &dyn std::error::Error,
                    "keys are asked for again"
                );
            }
            made => break made?,
        }
    };
    Sealer { vault: &vault, stage: &stage, chunk, body_hash }.seal(story, keys)
}

/// How many chunks are there: they are written in their order, so the first that is missing ends the count.
async fn chunks_done(
    service: &Service,
    ws: WorkspaceId,
    plan: &Plan,
) -> Result<u64, GenerateError> {
    for from in (0..plan.chunks()).step_by(ASKED_AT_ONCE as usize) {
        let until = (from + ASKED_AT_ONCE).min(plan.chunks());
        let ids: Vec<_> = (from..until).map(|chunk| plan.first_command(ws, chunk)).collect();
        let found = service.reader.commands(ws, &ids).await?;
        if let Some(missing) = found.iter().position(Option::is_none) {
            return Ok(from + missing as u64);
        }
    }
    Ok(plan.chunks())
}

async fn write(
    connection: &mut sqlx::PgConnection,
    ws: WorkspaceId,
    (node, head): (Uuid, Head),
    batch: &AppendBatch,
) -> Result<Head, GenerateError> {
    // Nothing of a chunk is there, and what it says follows from the plan: while nobody else writes there is nothing to look up.
    let base = Base { sure: true, ..Base::from(head) };
    match append(connection, ws, node, &base, batch).await? {
        Appended::Written(written) if written.commit == head.commit + 1 => Ok(written),
        // The numbers of the next chunks would no longer be right.
        Appended::Written(_) | Appended::Stale(_) | Appended::Early | Appended::Refused(_) => {
            Err(GenerateError::Disturbed)
        }
    }
}
