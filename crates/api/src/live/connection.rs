//! One live connection: a place in the log, and what its caller may be told from there on.

use std::convert::Infallible;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use axum::body::Body;
use bytes::{Bytes, BytesMut};
use decider::{LogPosition, WorkspaceId};
use event_store::log::{Bookmark, LogError, Outline};
use futures_util::stream;
use tokio::sync::watch;
use tokio::time::{Instant, sleep, sleep_until};

use super::feed::Progress;
use super::frames::{self, ResetReason};
use super::note::{Note, notes};
use super::sight::WITH_PAYLOAD;
use super::{Live, Place};
use crate::app::App;
use crate::caller::Caller;
use crate::error::ApiError;

/// How many notes are told, and how many events read from the log, at a time.
const NOTES_AT_A_TIME: usize = 64;
/// After so many positions that are not for the caller, the position itself is told: a reconnect need not pass them again.
const PASSED_OVER_MAX: u64 = 1_000;
/// The pause before the log is asked again after a failure.
const PAUSE: Duration = Duration::from_secs(1);
/// Clients come back after one to three seconds, not all at once.
const RETRY_MS: (u64, u64) = (1_000, 2_000);

/// Where a connection begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Resume {
    /// With what happens from now on.
    Now,
    /// With what happened after a place in the log.
    After(Bookmark),
}

/// A connection.
pub struct Connection {
    app: App,
    caller: Caller,
    place: Place,
    progress: watch::Receiver<Progress>,
    stopping: watch::Receiver<bool>,
    /// Everything up to here was told or is not for the caller.
    cursor: Bookmark,
    /// The last position the client knows of.
    told: LogPosition,
    /// What changed the caller's rights up to here was known when they were looked up.
    allowed: LogPosition,
    rewinds: u64,
    out: BytesMut,
    heartbeat: Instant,
    check: Instant,
    ending: bool,
}

impl Connection {
    /// One that begins where its client left off, if that can be; `end` is how far the feed is, after so many rewinds.
    pub(super) async fn begin(
        app: &App,
        caller: Caller,
        place: Place,
        resume: Resume,
        (end, rewinds): (Bookmark, u64),
    ) -> Result<Self, ApiError> {
        let limits = app.settings().limits;
        let (cursor, reset) = match resume {
            Resume::Now => (end, None),
            Resume::After(left) => match lost(&place, caller.ws, left, end.position).await? {
                Some(reason) => (end, Some(reason)),
                None if end.position.0.saturating_sub(left.position.0) > limits.live_behind_max => {
                    (end, Some(ResetReason::Behind))
                }
                None if left.position == end.position => (end, None),
                None => (left, None),
            },
        };
        let live: &Live = app.live();
        let (progress, stopping) = (place.feed.follow(), live.shared.stopping.subscribe());
        let (now, spread) = (Instant::now(), spread());
        let mut connection = Self {
            app: app.clone(),
            caller,
            place,
            progress,
            stopping,
            cursor,
            told: cursor.position,
            allowed: end.position,
            rewinds,
            out: BytesMut::from(frames::retry(RETRY_MS.0 + spread % RETRY_MS.1).as_bytes()),
            heartbeat: now + limits.live_heartbeat,
            // Those who came together do not all look together.
            check: now + limits.live_check_every.mul_f64(0.5 + (spread % 512) as f64 / 1_024.0),
            ending: false,
        };
        match reset {
            Some(reason) => connection.reset(cursor, reason),
            None => connection.say(&frames::position(cursor)),
        }
        Ok(connection)
    }

    /// The body of the answer.
    pub fn into_body(self) -> Body {
        Body::from_stream(stream::unfold(self, async |mut connection| {
            let told = connection.next().await?;
            Some((Ok::<_, Infallible>(told), connection))
        }))
    }

    /// What is to be sent next; none at the end.
    async fn next(&mut self) -> Option<Bytes> {
        loop {
            if *self.stopping.borrow() {
                return None;
            }
            if !self.out.is_empty() {
                self.heartbeat = Instant::now() + self.app.settings().limits.live_heartbeat;
                return Some(self.out.split().freeze());
            }
            if self.ending {
                return None;
            }
            let now = Instant::now();
            if now >= self.check {
                self.look().await;
            } else if now >= self.heartbeat {
                self.tell_position();
            } else if !self.advance().await {
                self.wait().await;
            }
        }
    }

    /// Goes on to what the feed has; answers whether there was anything.
    async fn advance(&mut self) -> bool {
        let progress = *self.progress.borrow_and_update();
        if progress.over {
            self.ending = true;
            return true;
        }
        let Some(end) = progress.end else { return false };
        if progress.rewinds != self.rewinds {
            self.rewinds = progress.rewinds;
            self.reset(end, ResetReason::Rewound);
            return true;
        }
        if self.cursor.position >= end.position {
            return false;
        }
        if end.position.0 - self.cursor.position.0 > self.app.settings().limits.live_behind_max {
            self.reset(end, ResetReason::Behind);
            return true;
        }
        let limited = self.place.viewer.is_limited();
        match self.place.feed.after(self.cursor, limited, NOTES_AT_A_TIME) {
            Some((notes, reached)) => self.tell(&notes, reached),
            None => self.read_log(limited).await,
        }
        true
    }

    /// What is no longer in the ring is read from the log, a few connections at a time.
    async fn read_log(&mut self, limited: bool) {
        metrics::counter!("ledgerdesk_live_log_reads_total").increment(1);
        match self.page(limited).await {
            Ok((notes, reached)) if reached.position > self.cursor.position => {
                self.tell(&notes, reached)
            }
            // The feed was there before, so the log cannot end here.
            Ok(_) => self.ending = true,
            Err(error) => {
                let error = crate::chain::describe(&error);
                tracing::warn!(error.chain = error, "a live connection cannot read the log");
                let mut stopping = self.stopping.clone();
                tokio::select! {
                    () = sleep(PAUSE) => {}
                    _ = stopping.wait_for(|stopping| *stopping) => {}
                }
            }
        }
    }

    async fn page(&self, limited: bool) -> Result<(Vec<Arc<Note>>, Bookmark), LogError> {
        let (ws, reader) = (self.caller.ws, &self.place.source().reader);
        // The semaphore is never closed.
        let _turn = self.place.live.shared.readers.acquire().await;
        let limit = u32::try_from(NOTES_AT_A_TIME).unwrap_or(u32::MAX);
        let outlines = reader.outline(ws, self.cursor.position, limit, WITH_PAYLOAD).await?;
        let reached = outlines.last().map_or(self.cursor, Outline::bookmark);
        Ok((notes(reader, ws, &outlines, limited).await?, reached))
    }

    fn tell(&mut self, notes: &[Arc<Note>], reached: Bookmark) {
        for note in notes {
            if note.is_open_to(&self.place.viewer) {
                self.out.extend_from_slice(&note.frame);
                self.told = note.last.position;
                metrics::counter!("ledgerdesk_live_messages_total").increment(1);
            }
            self.cursor = note.last;
            if note.whose_rights == Some(self.caller.user) && note.last.position > self.allowed {
                // Whoever comes back is let in with the rights they have then, and begins after this.
                self.tell_position();
                self.ending = true;
                return;
            }
        }
        self.cursor = reached;
        if self.cursor.position.0 - self.told.0 >= PASSED_OVER_MAX {
            self.tell_position();
        }
    }

    async fn wait(&mut self) {
        let until = self.check.min(self.heartbeat);
        tokio::select! {
            changed = self.progress.changed() => self.ending = changed.is_err(),
            changed = self.place.look.changed() => {
                // Its sender goes when the last connection of the user goes.
                self.ending = changed.is_err();
                self.check = Instant::now();
            }
            _ = self.stopping.wait_for(|stopping| *stopping) => {}
            () = sleep_until(until) => {}
        }
    }

    /// Whether the caller may still do what they might when they came.
    async fn look(&mut self) {
        self.check = Instant::now() + self.app.settings().limits.live_check_every;
        match self.caller.stands(&self.app).await {
            Ok(stands) => self.ending = !stands,
            // Nothing happens while the database is away; it is asked again.
            Err(error) => {
                tracing::debug!(?error, "the rights of a live connection cannot be looked up")
            }
        }
    }

    fn reset(&mut self, end: Bookmark, reason: ResetReason) {
        metrics::counter!("ledgerdesk_live_resets_total", "reason" => reason.as_str()).increment(1);
        (self.cursor, self.told) = (end, end.position);
        self.say(&frames::reset(end, reason));
    }

    fn tell_position(&mut self) {
        self.told = self.cursor.position;
        self.say(&frames::position(self.cursor));
    }

    fn say(&mut self, frame: &str) {
        self.out.extend_from_slice(frame.as_bytes());
    }
}

/// Why a client cannot go on where it left off, although that is not too long ago; none if it can.
async fn lost(
    place: &Place,
    ws: WorkspaceId,
    left: Bookmark,
    end: LogPosition,
) -> Result<Option<ResetReason>, LogError> {
    let reader = &place.source().reader;
    if left.mark.is_some() {
        return Ok(match reader.mark_at(ws, left.position).await? {
            stands if stands == left.mark => None,
            Some(_) => Some(ResetReason::Rewound),
            None => Some(ResetReason::Ahead),
        });
    }
    // Another node may have written it, and this one has not heard of it yet.
    let ahead = left.position > end && left.position > reader.head(ws).await?.position;
    Ok(ahead.then_some(ResetReason::Ahead))
}

/// A number that differs from one connection to the next.
fn spread() -> u64 {
    static CONNECTIONS: AtomicU64 = AtomicU64::new(0);
    CONNECTIONS.fetch_add(1, Ordering::Relaxed).wrapping_mul(7_919)
}
