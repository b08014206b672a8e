//! The stored rows as the verification reads them: whatever stands in a column, however senseless, is read and judged.

use std::collections::VecDeque;

use decider::WorkspaceId;
use sqlx::postgres::PgRow;
use sqlx::{PgConnection, Row};
use uuid::Uuid;

use crate::log::error::LogError;
use crate::log::leaf::CommitInput;
use crate::log::time::PgInstant;

/// How many rows of commands or claims are fetched at once.
const FETCH: &[&str; 2] =
    &["fetch forward 2000 from commands_in_order", "fetch forward 2000 from claims_in_order"];

/// A row of `es.commit`.
pub(in crate::log) struct CommitRow {
    pub no: i64,
    pub first_pos: i64,
    pub last_pos: i64,
    pub last_number: i64,
    pub last_directory: i64,
    pub at: i64,
    pub node: Uuid,
    pub content: Vec<u8>,
    pub hash: Vec<u8>,
}

impl CommitRow {
    /// Reads a row of `verify_commits.sql`.
    pub fn of(row: &PgRow) -> Result<Self, LogError> {
        Ok(Self {
            no: row.try_get(0)?,
            first_pos: row.try_get(1)?,
            last_pos: row.try_get(2)?,
            last_number: row.try_get(3)?,
            last_directory: row.try_get(4)?,
            at: row.try_get::<PgInstant, _>(5)?.0.as_micros(),
            node: row.try_get(6)?,
            content: row.try_get(7)?,
            hash: row.try_get(8)?,
        })
    }

    /// How many events it says it has.
    pub fn count(&self) -> i64 {
        self.last_pos.saturating_sub(self.first_pos).saturating_add(1)
    }

    pub fn input<'a>(&self, previous: &'a [u8], content: &'a [u8]) -> CommitInput<'a> {
        CommitInput {
            no: self.no,
            first_pos: self.first_pos,
            last_number: self.last_number,
            last_directory: self.last_directory,
            node: self.node,
            at: self.at,
            previous,
            content,
        }
    }
}

/// The commits after a number, oldest first.
pub(in crate::log) async fn commits(
    connection: &mut PgConnection,
    ws: WorkspaceId,
    after: i64,
    limit: i64,
) -> Result<VecDeque<CommitRow>, LogError> {
    let rows = sqlx::query(include_str!("../sql/verify_commits.sql"))
        .bind(ws.0)
        .bind(after)
        .bind(limit)
        .fetch_all(connection)
        .await?;
    rows.iter().map(CommitRow::of).collect()
}

/// A row that belongs to a commit, in its place among the others.
pub(in crate::log) trait OfCommit: Sized {
    /// Which of the two cursors holds it.
    const CURSOR: usize;

    fn of(row: &PgRow) -> Result<Self, LogError>;
    fn no(&self) -> i64;
}

/// A row of `es.command`.
pub(in crate::log) struct CommandRow {
    pub no: i64,
    pub ord: i32,
    pub command: Uuid,
    pub first_pos: i64,
    pub n: i32,
    pub body_hash: Vec<u8>,
}

impl OfCommit for CommandRow {
    const CURSOR: usize = 0;

    fn of(row: &PgRow) -> Result<Self, LogError> {
        Ok(Self {
            no: row.try_get(0)?,
            ord: row.try_get(1)?,
            command: row.try_get(2)?,
            first_pos: row.try_get(3)?,
            n: row.try_get(4)?,
            body_hash: row.try_get(5)?,
        })
    }

    fn no(&self) -> i64 {
        self.no
    }
}

/// A row of `es.claim`.
pub(in crate::log) struct ClaimRow {
    pub no: i64,
    pub ord: i32,
    pub scope: String,
    pub mac: Vec<u8>,
    pub seq: i32,
    pub holder: Option<Uuid>,
}

impl OfCommit for ClaimRow {
    const CURSOR: usize = 1;

    fn of(row: &PgRow) -> Result<Self, LogError> {
        Ok(Self {
            no: row.try_get(0)?,
            ord: row.try_get(1)?,
            scope: row.try_get(2)?,
            mac: row.try_get(3)?,
            seq: row.try_get(4)?,
            holder: row.try_get(5)?,
        })
    }

    fn no(&self) -> i64 {
        self.no
    }
}

/// The commands or the claims of a workspace in the order of commits, a piece at a time.
pub(in crate::log) struct Cursor<T> {
    waiting: std::vec::IntoIter<T>,
    next: Option<T>,
    ended: bool,
}

impl<T: OfCommit> Cursor<T> {
    pub fn new() -> Self {
        Self { waiting: Vec::new().into_iter(), next: None, ended: false }
    }

    /// The next row, if its commit is not newer.
    pub async fn up_to(
        &mut self,
        connection: &mut PgConnection,
        no: i64,
    ) -> Result<Option<T>, LogError> {
        if self.next.is_none() {
            if self.waiting.len() == 0 && !self.ended {
                let rows =
                    sqlx::query(FETCH[T::CURSOR]).persistent(false).fetch_all(connection).await?;
                self.ended = rows.is_empty();
                let rows: Result<Vec<T>, LogError> = rows.iter().map(T::of).collect();
                self.waiting = rows?.into_iter();
            }
            self.next = self.waiting.next();
        }
        Ok(if self.next.as_ref().is_some_and(|row| row.no() <= no) {
            self.next.take()
        } else {
            None
        })
    }
}
