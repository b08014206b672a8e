//! What every server does while it runs: it says that it runs, drops keys that were destroyed, and carries out what is asked.

use std::time::Duration;

use decider::{LogPosition, WorkspaceId};
use event_store::log::Follower;
use events::ErasureId;
use projections::traces;
use tokio::sync::watch;
use tokio::time::{Instant, MissedTickBehavior, interval, timeout};
use uuid::Uuid;

use crate::{Erasing, ErasureError, Step, carry_out};

/// How often there is a look whether the log has grown.
const LOOK_EVERY: Duration = Duration::from_secs(1);
/// How often a server says that it runs, and looks even at a log that rests.
const BEAT_EVERY: Duration = Duration::from_secs(5);
/// How long one round may take: a dead connection must not end the others.
const ROUND_WITHIN: Duration = Duration::from_secs(600);
/// Erasures taken up in one round.
const PENDING_MAX: u32 = 100;

/// Whether there may be other servers on the same database.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Neighbours {
    /// The data folder is taken by this one: whoever was before it has ended.
    None,
    /// There may be any number.
    Possible,
}

/// Attends to erasures of all workspaces until it is told to stop.
pub async fn attend(
    erasing: Erasing,
    (workspaces, neighbours): (Vec<WorkspaceId>, Neighbours),
    mut stopping: watch::Receiver<bool>,
) {
    let node = Uuid::new_v4();
    let of = |ws| Attendance::new(erasing.clone(), ws, (node, neighbours));
    let mut attendances: Vec<Attendance> = workspaces.into_iter().map(of).collect();
    let mut look = interval(LOOK_EVERY);
    look.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            _ = stopping.wait_for(|stopping| *stopping) => break,
            _ = look.tick() => {}
        }
        for attendance in &mut attendances {
            let round = timeout(ROUND_WITHIN, attendance.round());
            tokio::select! {
                _ = stopping.wait_for(|stopping| *stopping) => break,
                outcome = round => attendance.tell(&outcome.unwrap_or(Ok(()))),
            }
        }
    }
    for attendance in &attendances {
        // When the database is away, the lease ends by itself.
        let _ = erasing.ops.erasures.leave(attendance.ws, node).await;
    }
}

/// One server's attention to one workspace.
pub struct Attendance {
    erasing: Erasing,
    ws: WorkspaceId,
    node: Uuid,
    neighbours: Neighbours,
    log: Follower,
    beaten: Option<Instant>,
    seen: LogPosition,
    waits: bool,
    failing: bool,
}

impl Attendance {
    /// Of a server that begins.
    #[must_use]
    pub fn new(erasing: Erasing, ws: WorkspaceId, (node, neighbours): (Uuid, Neighbours)) -> Self {
        let log = erasing.handler.recent().follow(ws);
        Self {
            erasing,
            ws,
            node,
            neighbours,
            log,
            beaten: None,
            seen: LogPosition(0),
            waits: true,
            failing: false,
        }
    }

    /// One look: nothing costs anything while the log rests and no erasure waits.
    ///
    /// # Errors
    /// When something broke; the next round goes on.
    pub async fn round(&mut self) -> Result<(), ErasureError> {
        let rests = self.beaten.is_some_and(|beaten| beaten.elapsed() < BEAT_EVERY);
        let head = *self.log.borrow();
        if rests && !self.waits && head == self.seen {
            return Ok(());
        }
        let (erasures, ws) = (&self.erasing.ops.erasures, self.ws);
        if !rests {
            erasures.beat(ws, self.node).await?;
            match (self.beaten, self.neighbours) {
                (Some(_), _) => {}
                (None, Neighbours::None) => erasures.alone(ws, self.node).await?,
                (None, Neighbours::Possible) => erasures.prune_nodes(ws).await?,
            }
            self.beaten = Some(Instant::now());
        }
        erasures.acknowledge(ws, self.node).await?;
        self.waits = self.carry_out_pending().await?;
        self.seen = head;
        Ok(())
    }

    /// Whether something still waits.
    async fn carry_out_pending(&self) -> Result<bool, ErasureError> {
        let pending = traces::pending(&self.erasing.views, self.ws, 0, PENDING_MAX).await?;
        let (mut waits, mut broken) = (false, None);
        for row in pending {
            match carry_out(&self.erasing, self.ws, ErasureId(row.erasure)).await {
                Ok(Step::Done) => {
                    tracing::info!(erasure = %row.erasure, "an erasure was carried out");
                }
                Ok(Step::Waits(_)) => {
                    waits = true;
                    // This server is one of those waited for.
                    self.erasing.ops.erasures.acknowledge(self.ws, self.node).await?;
                }
                // One that cannot go on holds no other up.
                Err(error) => {
                    waits = true;
                    broken.get_or_insert(error);
                }
            }
        }
        broken.map_or(Ok(waits), Err)
    }

    fn tell(&mut self, outcome: &Result<(), ErasureError>) {
        if let (Err(error), false) = (outcome, self.failing) {
            let error = error as &dyn std::error::Error;
            tracing::warn!(workspace = %self.ws.0, error, "erasures wait: the next attempt goes on");
        }
        self.failing = outcome.is_err();
        self.waits |= self.failing;
    }
}
