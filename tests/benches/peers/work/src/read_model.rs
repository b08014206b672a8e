//! A list of tickets, one row each: the read model of the peers that leave its tables to the application.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use crate::protocol::CaughtUp;

pub const TABLE: &str = "create table if not exists ticket_list (
    ticket uuid primary key,
    name text not null,
    status uuid not null,
    owner uuid,
    priority text not null,
    comments integer not null)";

pub const OPENED: &str = "insert into ticket_list (ticket, name, status, priority, comments)
    values ($1, $2, $3, 'None', 0) on conflict (ticket) do nothing";
pub const ASSIGNED: &str = "update ticket_list set owner = $2 where ticket = $1";
pub const COMMENTED: &str = "update ticket_list set comments = comments + 1 where ticket = $1";
pub const PRIORITY_CHANGED: &str = "update ticket_list set priority = $2 where ticket = $1";
pub const STATUS_CHANGED: &str = "update ticket_list set status = $2 where ticket = $1";

/// Counts what was folded, and says when time is up.
pub struct Progress {
    started: Instant,
    at_most: Duration,
    events: AtomicU64,
}

impl Progress {
    #[must_use]
    pub fn start(at_most: Duration) -> Self {
        Self { started: Instant::now(), at_most, events: AtomicU64::new(0) }
    }

    pub fn add(&self, events: u64) {
        self.events.fetch_add(events, Ordering::Relaxed);
    }

    #[must_use]
    pub fn events(&self) -> u64 {
        self.events.load(Ordering::Relaxed)
    }

    #[must_use]
    pub fn is_over(&self) -> bool {
        self.started.elapsed() >= self.at_most
    }

    #[must_use]
    pub fn so_far(&self) -> CaughtUp {
        CaughtUp { events: self.events(), seconds: self.started.elapsed().as_secs_f64() }
    }
}
