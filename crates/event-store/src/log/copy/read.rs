//! Reading the log for a copy: in one snapshot, in the order of commits, a bounded part at a time. What is read is judged on the way.

use decider::{LogPosition, Timestamp, WorkspaceId};
use futures_util::TryStreamExt;
use sqlx::{PgConnection, Row};

use super::bytes::Digits;
use super::fault::CopyError;
use super::line::{Begin, ClaimLine, CommandLine, CommitLine, EventLine, FORMAT, Line, Point};
use crate::log::error::LogError;
use crate::log::leaf::{ZERO_HASH, workspace_seal};
use crate::log::reader::{signed, unsigned};
use crate::log::time::PgInstant;
use crate::log::verify::{self, Chain, ClaimRow, CommandRow, CommitRow, Cursor, Finding, Rows};

/// How many commits are read at once.
const COMMITS_PER_STEP: i64 = 500;
/// How many events are read with one statement, unless a single commit has more.
const EVENTS_PER_GROUP: i64 = 8_192;

/// What is to be copied.
#[derive(Clone, Debug)]
pub struct CopyRequest {
    /// The workspace.
    pub ws: WorkspaceId,
    /// From the commit that holds this position; from the first if none is named.
    pub from: Option<LogPosition>,
    /// To the commit that holds this position; to the newest if none is named.
    pub to: Option<LogPosition>,
    /// Whether rows of the key ring will follow.
    pub keys: bool,
    /// What tells the key file from others.
    pub key_mark: [u8; 32],
    /// The present instant.
    pub now: Timestamp,
}

/// A log that is about to be copied.
pub struct Source<'t> {
    transaction: &'t mut PgConnection,
    ws: WorkspaceId,
    begin: Begin,
    chain: Chain,
    commands: Cursor<CommandRow>,
    claims: Cursor<ClaimRow>,
    waiting: std::collections::VecDeque<CommitRow>,
    read_to: i64,
}

impl<'t> Source<'t> {
    /// Finds out what there is to copy. The transaction must be of one snapshot ([`Self::BEGIN`]).
    ///
    /// # Errors
    /// When there is no such workspace or position, or the database fails.
    pub async fn open(
        transaction: &'t mut PgConnection,
        asked: &CopyRequest,
    ) -> Result<Self, CopyError> {
        let ws = asked.ws;
        sqlx::query(include_str!("../sql/copy_patience.sql"))
            .execute(&mut *transaction)
            .await
            .map_err(LogError::from)?;
        let (before, last) = ends(transaction, asked).await?;
        let point = |commit: Option<&CommitRow>| commit.map_or_else(start, Point::from);
        let (made_at, closed_at, seal) = workspace(transaction, ws).await?;
        let begin = Begin {
            format: FORMAT,
            workspace: ws.0,
            made_at,
            closed_at,
            seal: Digits(seal),
            after: point(before.as_ref()),
            until: point(last.as_ref()),
            keys: asked.keys,
            key_mark: asked.key_mark.into(),
            copied_at: asked.now,
        };
        for declare in
            [include_str!("../sql/copy_commands.sql"), include_str!("../sql/copy_claims.sql")]
        {
            sqlx::query(declare)
                .bind(ws.0)
                .bind(begin.after.commit)
                .bind(begin.until.commit)
                .execute(&mut *transaction)
                .await
                .map_err(LogError::from)?;
        }
        Ok(Self {
            transaction,
            ws,
            chain: Chain::behind(ws, before.as_ref()),
            read_to: begin.after.commit,
            begin,
            commands: Cursor::new(),
            claims: Cursor::new(),
            waiting: std::collections::VecDeque::new(),
        })
    }

    /// How the transaction has to begin: one snapshot for everything.
    pub const BEGIN: &'static str = "begin isolation level repeatable read, read only";

    /// The first line.
    #[must_use]
    pub fn begin(&self) -> &Begin {
        &self.begin
    }

    /// Tells every row of the log, line by line.
    ///
    /// # Errors
    /// When the log is not as it was written, the database fails, or `tell` refuses.
    pub async fn rows(
        &mut self,
        tell: &mut (dyn FnMut(Line) -> Result<(), CopyError> + Send),
    ) -> Result<(), CopyError> {
        while let Some(group) = self.next_group().await? {
            self.tell_group(group, tell).await?;
        }
        let wrong = self.chain.prove(self.transaction, i64::MAX).await?;
        wrong.map_or(Ok(()), |finding| Err(CopyError::Damaged(finding)))
    }

    /// Commits whose events come with one statement.
    async fn next_group(&mut self) -> Result<Option<Vec<Rows>>, CopyError> {
        let (mut group, mut count) = (Vec::new(), 0);
        while let Some(commit) = self.next_commit().await? {
            if count > 0 && count + commit.count() > EVENTS_PER_GROUP {
                self.waiting.push_front(commit);
                break;
            }
            count += commit.count();
            group.push(self.rows_of(commit).await?);
            if group.len() as i64 >= COMMITS_PER_STEP {
                break;
            }
        }
        Ok(if group.is_empty() { None } else { Some(group) })
    }

    async fn next_commit(&mut self) -> Result<Option<CommitRow>, CopyError> {
        let until = self.begin.until.commit;
        if self.waiting.is_empty() && self.read_to < until {
            self.waiting =
                verify::commits(self.transaction, self.ws, self.read_to, COMMITS_PER_STEP).await?;
            self.read_to = self.waiting.back().map_or(until, |commit| commit.no);
        }
        Ok(self.waiting.pop_front().filter(|commit| commit.no <= until))
    }

    /// The command and claim rows of a commit. Rows that belong to no commit are not copied: the commit's digest misses none.
    async fn rows_of(&mut self, commit: CommitRow) -> Result<Rows, CopyError> {
        let (mut commands, mut claims) = (Vec::new(), Vec::new());
        while let Some(row) = self.commands.up_to(self.transaction, commit.no).await? {
            commands.extend((row.no == commit.no).then_some(row));
        }
        while let Some(row) = self.claims.up_to(self.transaction, commit.no).await? {
            claims.extend((row.no == commit.no).then_some(row));
        }
        Ok(Rows { commit, commands, claims })
    }

    async fn tell_group(
        &mut self,
        group: Vec<Rows>,
        tell: &mut (dyn FnMut(Line) -> Result<(), CopyError> + Send),
    ) -> Result<(), CopyError> {
        let sane = || group.iter().filter(|rows| rows.is_sane()).map(|rows| &rows.commit);
        let mut events = sqlx::query(include_str!("../sql/verify_events.sql"))
            .bind(self.ws.0)
            .bind(sane().map(|commit| commit.first_pos).min().unwrap_or(1))
            .bind(sane().map(|commit| commit.last_pos).max().unwrap_or(0))
            .fetch(&mut *self.transaction);
        let mut next = events.try_next().await.map_err(LogError::from)?;
        for rows in group {
            let last = rows.commit.last_pos;
            tell(Line::Commit(CommitLine::from(&rows.commit)))?;
            for command in &rows.commands {
                tell(Line::Command(CommandLine::from(command)))?;
            }
            for claim in &rows.claims {
                tell(Line::Claim(ClaimLine::from(claim)))?;
            }
            self.chain.begin(rows);
            while let Some(row) = &next {
                let event = EventLine::of(row)?;
                if event.pos > last {
                    break;
                }
                self.chain.event(&event.judged(self.ws));
                tell(Line::Event(Box::new(event)))?;
                next = events.try_next().await.map_err(LogError::from)?;
            }
            self.chain.end().map_err(CopyError::Damaged)?;
        }
        Ok(())
    }
}

fn start() -> Point {
    Point { commit: 0, position: 0, hash: ZERO_HASH.into() }
}

/// The commit behind which a copy begins, and the one with which it ends.
async fn ends(
    transaction: &mut PgConnection,
    asked: &CopyRequest,
) -> Result<(Option<CommitRow>, Option<CommitRow>), CopyError> {
    let ws = asked.ws;
    let head = newest(transaction, ws).await?;
    let last = match asked.to {
        Some(to) => Some(holding(transaction, ws, to, head.as_ref()).await?),
        None => head,
    };
    let before = match asked.from {
        Some(from) if from.0 > 0 => {
            let first = holding(transaction, ws, from, last.as_ref()).await?;
            if last.as_ref().is_some_and(|last| last.no < first.no) {
                return Err(CopyError::NothingBetween);
            }
            numbered(transaction, ws, first.no - 1).await?
        }
        Some(_) | None => None,
    };
    Ok((before, last))
}

/// The commit that holds a position.
async fn holding(
    transaction: &mut PgConnection,
    ws: WorkspaceId,
    position: LogPosition,
    end: Option<&CommitRow>,
) -> Result<CommitRow, CopyError> {
    let row = sqlx::query(include_str!("../sql/copy_holding.sql"))
        .bind(ws.0)
        .bind(signed(position.0))
        .fetch_optional(transaction)
        .await
        .map_err(LogError::from)?;
    let head = LogPosition(end.map_or(0, |commit| unsigned(commit.last_pos)));
    let row = row.ok_or(CopyError::NoSuchPosition { position, head })?;
    Ok(CommitRow::of(&row)?)
}

/// The newest commit.
pub(super) async fn newest(
    connection: &mut PgConnection,
    ws: WorkspaceId,
) -> Result<Option<CommitRow>, LogError> {
    let row = sqlx::query(include_str!("../sql/copy_newest.sql"))
        .bind(ws.0)
        .fetch_optional(connection)
        .await?;
    row.as_ref().map(CommitRow::of).transpose()
}

/// The commit with a number.
pub(super) async fn numbered(
    connection: &mut PgConnection,
    ws: WorkspaceId,
    no: i64,
) -> Result<Option<CommitRow>, LogError> {
    let found = verify::commits(connection, ws, no - 1, 1).await?;
    Ok(found.into_iter().next().filter(|commit| commit.no == no))
}

/// The workspace's own row: when it was made and closed, and its seal.
async fn workspace(
    transaction: &mut PgConnection,
    ws: WorkspaceId,
) -> Result<(i64, Option<i64>, Vec<u8>), CopyError> {
    let row = own_row(transaction, ws).await?.ok_or(CopyError::NoWorkspace)?;
    if row.2 != workspace_seal(ws, row.0, row.1) {
        let what = "the workspace's own row was changed";
        return Err(CopyError::Damaged(Finding { commit: 0, position: None, what }));
    }
    Ok(row)
}

/// The same; none where the workspace is not known.
pub(super) async fn own_row(
    connection: &mut PgConnection,
    ws: WorkspaceId,
) -> Result<Option<(i64, Option<i64>, Vec<u8>)>, LogError> {
    let row = sqlx::query(include_str!("../sql/verify_workspace.sql"))
        .bind(ws.0)
        .fetch_optional(connection)
        .await?;
    row.map(|row| {
        let made_at = row.try_get::<PgInstant, _>(0)?.0.as_micros();
        let closed_at = row.try_get::<Option<PgInstant>, _>(1)?.map(|at| at.0.as_micros());
        Ok((made_at, closed_at, row.try_get(2)?))
    })
    .transpose()
}
