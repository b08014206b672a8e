//! The walk through the log, commit by commit, in its order.

use std::collections::VecDeque;

use decider::LogPosition;
use sqlx::{PgConnection, Row};

use super::Verification;
use super::commit::{self, Judge, Open, Rows, Standing};
use super::events::{Feed, Range};
use super::report::{KnownHead, VerifyReport};
use super::rows::{self, ClaimRow, CommandRow, CommitRow, Cursor};
use super::versions::Versions;
use crate::log::error::LogError;
use crate::log::hex;
use crate::log::leaf::workspace_seal;
use crate::log::reader::signed;
use crate::log::time::PgInstant;

/// How many commits are read at once.
const COMMITS_PER_STEP: i64 = 500;
/// How many events are read with one statement, unless a single commit has more.
const EVENTS_PER_GROUP: i64 = 8_192;
/// So many groups are known, and their events asked for, before the first of them is judged.
const GROUPS_AHEAD: usize = 4;

/// A verification under way.
pub(super) struct Walk<'a> {
    asked: Verification<'a>,
    before: Standing,
    versions: Versions,
    commits: VecDeque<CommitRow>,
    /// The number behind which commits are read.
    read_to: i64,
    commands: Cursor<CommandRow>,
    claims: Cursor<ClaimRow>,
    groups: VecDeque<Group>,
    /// Heads kept elsewhere that were not met yet, newest first.
    heads: Vec<KnownHead>,
    pub report: VerifyReport,
}

/// Commits whose events come with one statement.
struct Group {
    commits: Vec<Rows>,
    events: Range,
}

impl<'a> Walk<'a> {
    pub fn new(asked: Verification<'a>) -> Self {
        // Of an empty log there is nothing that could be missing.
        let mut heads: Vec<_> =
            asked.heads.iter().filter(|head| head.commit > 0).copied().collect();
        heads.sort_by_key(|head| std::cmp::Reverse(head.commit));
        Self {
            heads,
            asked,
            before: Standing::beginning(),
            versions: Versions::new(asked.streams_max),
            commits: VecDeque::new(),
            read_to: 0,
            commands: Cursor::new(),
            claims: Cursor::new(),
            groups: VecDeque::new(),
            report: VerifyReport::default(),
        }
    }

    /// Judges the next commits; false when there are none.
    pub async fn step(
        &mut self,
        connection: &mut PgConnection,
        feed: &mut Feed,
    ) -> Result<bool, LogError> {
        while self.groups.len() < GROUPS_AHEAD {
            let Some(group) = self.next_group(connection).await? else { break };
            feed.ask(group.events).await;
            self.groups.push_back(group);
        }
        match self.groups.pop_front() {
            Some(group) => self.judge(connection, feed, group).await.map(|()| true),
            None => Ok(false),
        }
    }

    async fn next_group(
        &mut self,
        connection: &mut PgConnection,
    ) -> Result<Option<Group>, LogError> {
        let (mut commits, mut count) = (Vec::new(), 0);
        while let Some(next) = self.next_commit(connection).await? {
            let events = if commit::is_sane(&next) { next.count() } else { 0 };
            if count > 0 && count + events > EVENTS_PER_GROUP {
                self.commits.push_front(next);
                break;
            }
            count += events;
            commits.push(self.rows_of(connection, next).await?);
            if commits.len() as i64 >= COMMITS_PER_STEP {
                break;
            }
        }
        let sane = || commits.iter().filter(|rows| rows.is_sane()).map(|rows| &rows.commit);
        let events = Range {
            first: sane().map(|commit| commit.first_pos).min().unwrap_or(1),
            last: sane().map(|commit| commit.last_pos).max().unwrap_or(0),
        };
        Ok(if commits.is_empty() { None } else { Some(Group { commits, events }) })
    }

    async fn next_commit(
        &mut self,
        connection: &mut PgConnection,
    ) -> Result<Option<CommitRow>, LogError> {
        if self.commits.is_empty() {
            let ws = self.asked.ws;
            self.commits = rows::commits(connection, ws, self.read_to, COMMITS_PER_STEP).await?;
            self.read_to = self.commits.back().map_or(self.read_to, |commit| commit.no);
        }
        Ok(self.commits.pop_front())
    }

    /// The command and claim rows of a commit. What comes before it belongs to a commit that is not there.
    async fn rows_of(
        &mut self,
        connection: &mut PgConnection,
        commit: CommitRow,
    ) -> Result<Rows, LogError> {
        let (mut commands, mut claims) = (Vec::new(), Vec::new());
        while let Some(row) = self.commands.up_to(connection, commit.no).await? {
            if row.no == commit.no {
                commands.push(row);
            } else {
                self.report.found(row.no, None, "a command row that belongs to no commit");
            }
        }
        while let Some(row) = self.claims.up_to(connection, commit.no).await? {
            if row.no == commit.no {
                claims.push(row);
            } else {
                self.report.found(row.no, None, "a claim row that belongs to no commit");
            }
        }
        Ok(Rows { commit, commands, claims })
    }

    async fn judge(
        &mut self,
        connection: &mut PgConnection,
        feed: &mut Feed,
        group: Group,
    ) -> Result<(), LogError> {
        let mut events = feed.take(&mut *connection, self.asked.ws, group.events);
        for rows in group.commits {
            let mut judge =
                Judge { ws: self.asked.ws, versions: &mut self.versions, report: &mut self.report };
            let mut open = Open::begin(rows, &self.before, &mut judge);
            while let Some(event) = events.peek().await?.filter(|event| open.holds(event)) {
                open.event(event, &mut judge);
                events.pass();
            }
            self.before = open.end(&self.before, &mut judge);
            self.report.head = LogPosition(u64::try_from(self.before.position).unwrap_or(0));
            self.compare_heads();
        }
        events.end().await?;
        for (commit, position) in self.versions.prove(connection, self.asked.ws).await? {
            let what = "its version does not follow the one before in its stream";
            self.report.found(commit, Some(position), what);
        }
        Ok(())
    }

    /// The heads kept elsewhere that name the commit just read, or one that should have come before it.
    fn compare_heads(&mut self) {
        let no = self.before.no;
        while let Some(head) = self.heads.pop_if(|head| signed(head.commit) <= no) {
            self.report.heads_compared += 1;
            let what = if signed(head.commit) < no {
                "a head kept elsewhere is of a commit that is not there"
            } else if head.hash[..] != self.before.hash[..] {
                "a head kept elsewhere has another hash: the log was written anew up to here, or rewound"
            } else {
                continue;
            };
            self.report.found(signed(head.commit), None, what);
        }
    }

    /// The workspace's own row.
    pub async fn before_the_first(
        &mut self,
        connection: &mut PgConnection,
    ) -> Result<(), LogError> {
        let ws = self.asked.ws;
        let row = sqlx::query(include_str!("../sql/verify_workspace.sql"))
            .bind(ws.0)
            .fetch_all(connection)
            .await?;
        let [row] = row.as_slice() else {
            let what = if row.is_empty() {
                "the workspace's own row is missing"
            } else {
                "the workspace's own row is there twice"
            };
            self.report.found(0, None, what);
            return Ok(());
        };
        let instant = |index| -> Result<Option<i64>, LogError> {
            let instant = row.try_get::<Option<PgInstant>, _>(index)?;
            Ok(instant.map(|instant| instant.0.as_micros()))
        };
        let (made_at, closed_at) = (instant(0)?.unwrap_or_default(), instant(1)?);
        let seal: Option<&[u8]> = row.try_get(2)?;
        if seal != Some(&workspace_seal(ws, made_at, closed_at)[..]) {
            self.report.found(0, None, "the workspace's own row was changed");
        }
        if instant(3)?.is_some_and(|first| first < made_at) {
            self.report.found(0, None, "the workspace was made after its first commit");
        }
        if closed_at.is_some_and(|closed| instant(4).ok().flatten() > Some(closed)) {
            self.report.found(0, None, "the workspace was closed before its last commit");
        }
        Ok(())
    }

    /// What is left belongs to no commit; and what was expected is not there.
    pub async fn behind_the_last(&mut self, connection: &mut PgConnection) -> Result<(), LogError> {
        let last = self.before.no;
        while let Some(row) = self.commands.up_to(connection, i64::MAX).await? {
            self.report.found(row.no, None, "a command row that belongs to no commit");
        }
        while let Some(row) = self.claims.up_to(connection, i64::MAX).await? {
            self.report.found(row.no, None, "a claim row that belongs to no commit");
        }
        let row = sqlx::query(include_str!("../sql/verify_ends.sql"))
            .bind(self.asked.ws.0)
            .bind(self.before.position)
            .fetch_one(connection)
            .await?;
        let (below, behind): (Option<i64>, Option<i64>) = (row.try_get(0)?, row.try_get(1)?);
        for (commit, position) in [(0, below), (last, behind)] {
            if position.is_some() {
                self.report.found(commit, position, "an event that belongs to no commit");
            }
        }
        let counts: [i64; 2] = [row.try_get(2)?, row.try_get(3)?];
        let walked = [self.report.events, self.report.commits];
        if self.report.findings.is_empty() && counts.map(i64::unsigned_abs) != walked {
            self.report.found(last, None, "there are rows outside the order of the log");
        }
        for head in std::mem::take(&mut self.heads) {
            self.report.heads_compared += 1;
            let what = "the log ends here, before a head kept elsewhere: its end was cut off, or it was rewound";
            self.report.found(last, None, what);
            tracing::debug!(head = head.commit, "a head beyond the end");
        }
        self.report.head_commit = u64::try_from(last).unwrap_or(0);
        self.report.head_hash = hex::encode(&self.before.hash);
        Ok(())
    }
}
