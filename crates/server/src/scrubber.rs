//! In the background, one random stream of each view a second is folded anew and compared with its rows. What differs is logged
//! by the key of its row and counted: a person then asks `projection verify` about all of them.

use std::error::Error;
use std::time::Duration;

use event_store::log::LogReader;
use event_store::projection::ProjectionType;
use event_store::projection::rebuild::{RebuildError, Workshop};
use tokio::task::JoinHandle;
use tokio::time::{MissedTickBehavior, interval, timeout};
use uuid::Uuid;

/// How often a stream of each view is looked at.
const LOOK_EVERY: Duration = Duration::from_secs(1);
/// How long looking at one may take.
const LOOK_WITHIN: Duration = Duration::from_secs(10);

/// Begins to look; ends when it is aborted.
pub fn spawn(workshop: Workshop, reader: LogReader, views: Vec<ProjectionType>) -> JoinHandle<()> {
    tokio::spawn(async move {
        let mut ticks = interval(LOOK_EVERY);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            ticks.tick().await;
            for view in &views {
                match timeout(LOOK_WITHIN, look(&workshop, &reader, *view)).await {
                    Ok(Ok(())) | Err(_) => {}
                    Ok(Err(error)) => {
                        let (view, error) = (view.name, &error as &dyn Error);
                        tracing::debug!(view, error, "rows could not be compared with the log");
                    }
                }
            }
        }
    })
}

async fn look(
    workshop: &Workshop,
    reader: &LogReader,
    view: ProjectionType,
) -> Result<(), RebuildError> {
    let workspaces = reader.workspaces().await?;
    let count = workspaces.len().max(1);
    let Some(ws) = workspaces.get(usize::try_from(chance()).unwrap_or(0) % count) else {
        return Ok(());
    };
    workshop.scrub(view, *ws, chance()).await.map(drop)
}

/// Any number.
fn chance() -> u64 {
    Uuid::new_v4().as_u64_pair().1 >> 2
}
