//! Words of drafts that ended: a crash between the end of a draft and the deletion of its words leaves them behind.

use std::collections::HashMap;

use decider::{ActorKind, LogPosition, StoredEvent, WorkspaceId};
use ops::DraftName;
use uuid::Uuid;

use crate::app::App;
use crate::error::ApiError;

/// The first sweep of a process looks so many positions back.
const LOOK_BACK: u64 = 20_000;
const EVENTS_AT_A_TIME: u32 = 500;
/// No sweep reads more pages of one workspace.
const PAGES_MAX: usize = 200;

/// How far the log was swept.
#[derive(Debug, Default)]
pub struct DraftSweep {
    swept: HashMap<WorkspaceId, LogPosition>,
}

/// Deletes the words of drafts that were sent or discarded since the last sweep; answers how many were still there. Once a
/// minute is often enough.
///
/// # Errors
/// When log or operational state do not answer; the next sweep goes on where this one stopped.
pub async fn sweep_finished_drafts(app: &App, sweep: &mut DraftSweep) -> Result<usize, ApiError> {
    let mut deleted = 0;
    for ws in app.reader().workspaces().await? {
        deleted += sweep_workspace(app, sweep, ws).await?;
    }
    Ok(deleted)
}

async fn sweep_workspace(
    app: &App,
    sweep: &mut DraftSweep,
    ws: WorkspaceId,
) -> Result<usize, ApiError> {
    let mut deleted = 0;
    let mut after = match sweep.swept.get(&ws) {
        Some(swept) => *swept,
        None => LogPosition(app.reader().head(ws).await?.position.0.saturating_sub(LOOK_BACK)),
    };
    for _ in 0..PAGES_MAX {
        let page = app.reader().after(ws, after, EVENTS_AT_A_TIME).await?;
        for (user, drafts) in ended(&page) {
            for body in app.ops().drafts.load_many(ws, user, &drafts).await? {
                let name = DraftName { ws, draft: body.draft, user };
                app.ops().drafts.delete(&name, app.now()).await?;
                deleted += 1;
            }
        }
        after = page.last().map_or(after, |last| last.position);
        sweep.swept.insert(ws, after);
        if page.len() < EVENTS_AT_A_TIME as usize {
            break;
        }
    }
    Ok(deleted)
}

/// Drafts that ended, by their users.
fn ended(events: &[StoredEvent]) -> HashMap<Uuid, Vec<Uuid>> {
    let mut drafts: HashMap<Uuid, Vec<Uuid>> = HashMap::new();
    for event in events {
        let ends = matches!(event.type_name.as_str(), "DraftSent" | "DraftDiscarded");
        if ends && event.actor.kind == ActorKind::User {
            drafts.entry(event.actor.id).or_default().push(event.stream);
        }
    }
    drafts
}
