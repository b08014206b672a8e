//! Proving the log: every leaf, every commit hash, the chain, positions, times, command and claim rows.

use std::collections::HashMap;

use decider::{LogPosition, Timestamp, WorkspaceId};
use serde::Serialize;
use sqlx::postgres::PgRow;
use sqlx::{PgPool, Row};
use uuid::Uuid;

use super::error::LogError;
use super::leaf::{
    ClaimRowInput, CommandRowInput, CommitInput, LeafInput, ZERO_HASH, commit_content, commit_hash,
    leaf,
};
use super::time::PgInstant;

/// How many commits are read at once.
const COMMITS_PER_STEP: i64 = 500;
/// How many findings a report lists.
const FINDINGS_MAX: usize = 100;

/// Something that is not as it was written.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// The commit.
    pub commit: u64,
    /// The position, where one event is at fault.
    pub position: Option<LogPosition>,
    /// What is wrong.
    pub what: &'static str,
}

/// What a verification saw.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct VerifyReport {
    /// Commits read.
    pub commits: u64,
    /// Events read.
    pub events: u64,
    /// Commands read.
    pub commands: u64,
    /// Changes of natural keys read.
    pub claims: u64,
    /// The newest position.
    pub head: LogPosition,
    /// Hash of the newest commit, hexadecimal.
    pub head_hash: String,
    /// What is wrong, the first hundred.
    pub findings: Vec<Finding>,
}

/// Where the chain stands while it is walked.
struct Walk {
    ws: WorkspaceId,
    commit: i64,
    position: i64,
    number: i64,
    directory: i64,
    at: Timestamp,
    hash: Vec<u8>,
    versions: HashMap<Uuid, i32>,
    report: VerifyReport,
}

/// Verifies a workspace's whole log up to where it ends when the walk gets there. Memory grows with the number of streams.
///
/// `progress` is told the newest verified position after each step.
///
/// # Errors
/// When the database fails. Damage is no error: it is in the report.
pub async fn verify(
    pool: &PgPool,
    ws: WorkspaceId,
    mut progress: impl FnMut(LogPosition) + Send,
) -> Result<VerifyReport, LogError> {
    let mut walk = Walk {
        ws,
        commit: 0,
        position: 0,
        number: 0,
        directory: 0,
        at: Timestamp::from_micros(i64::MIN),
        hash: ZERO_HASH.to_vec(),
        versions: HashMap::new(),
        report: VerifyReport::default(),
    };
    while walk.step(pool).await? {
        progress(walk.report.head);
    }
    walk.leftovers(pool).await?;
    walk.report.head_hash = hex(&walk.hash);
    Ok(walk.report)
}

impl Walk {
    async fn step(&mut self, pool: &PgPool) -> Result<bool, LogError> {
        let commits = sqlx::query(include_str!("sql/verify_commits.sql"))
            .bind(self.ws.0)
            .bind(self.commit)
            .bind(COMMITS_PER_STEP)
            .fetch_all(pool)
            .await?;
        let Some(last) = commits.last() else { return Ok(false) };
        let last_no: i64 = last.try_get("no")?;
        let last_pos: i64 = last.try_get("last_pos")?;
        let span = |sql| sqlx::query(sql).bind(self.ws.0);
        let events = span(include_str!("sql/verify_events.sql"))
            .bind(self.position)
            .bind(last_pos)
            .fetch_all(pool)
            .await?;
        let commands = span(include_str!("sql/verify_commands.sql"))
            .bind(self.commit)
            .bind(last_no)
            .fetch_all(pool)
            .await?;
        let claims = span(include_str!("sql/verify_claims.sql"))
            .bind(self.commit)
            .bind(last_no)
            .fetch_all(pool)
            .await?;
        let (mut events, mut commands, mut claims) =
            (events.iter().peekable(), commands.iter().peekable(), claims.iter().peekable());
        for row in &commits {
            let no: i64 = row.try_get("no")?;
            let last: i64 = row.try_get("last_pos")?;
            let mine = take(&mut events, "pos", |pos| pos <= last)?;
            let my_commands = take(&mut commands, "no", |commit| commit <= no)?;
            let my_claims = take(&mut claims, "no", |commit| commit <= no)?;
            self.commit(row, &mine, &my_commands, &my_claims)?;
        }
        Ok(true)
    }

    fn commit(
        &mut self,
        row: &PgRow,
        events: &[&PgRow],
        commands: &[&PgRow],
        claims: &[&PgRow],
    ) -> Result<(), LogError> {
        let no: i64 = row.try_get("no")?;
        let first_pos: i64 = row.try_get("first_pos")?;
        let at = row.try_get::<PgInstant, _>("at")?.0;
        let last_number: i64 = row.try_get("last_number")?;
        let last_directory: i64 = row.try_get("last_directory")?;
        if no != self.commit + 1 {
            self.found(no, None, "commits are missing before this one");
        }
        if first_pos != self.position + 1 {
            self.found(no, None, "its first position does not follow the commit before");
        }
        if at < self.at {
            self.found(no, None, "its time runs backwards");
        }
        if last_number < self.number || last_directory < self.directory {
            self.found(no, None, "its counters run backwards");
        }
        let leaves = self.events(no, at, events)?;
        self.owners(no, commands, events)?;
        let content: Vec<u8> = row.try_get("content")?;
        if content != self.content(no, first_pos, commands, claims)? {
            self.found(no, None, "its command or claim rows were changed");
        }
        let last_pos: i64 = row.try_get("last_pos")?;
        let expected = commit_hash(
            self.ws,
            &CommitInput {
                no,
                first_pos,
                last_number,
                last_directory,
                node: row.try_get("node")?,
                at: at.as_micros(),
                previous: &self.hash,
                content: &content,
            },
            &leaves,
        );
        let hash: Vec<u8> = row.try_get("hash")?;
        if hash != expected
            || last_pos != first_pos - 1 + i64::try_from(leaves.len()).unwrap_or(i64::MAX)
        {
            self.found(no, None, "its hash does not match its content");
        }
        self.commit = no;
        self.position = last_pos;
        self.number = last_number;
        self.directory = last_directory;
        self.at = at;
        self.hash = hash;
        self.report.commits += 1;
        self.report.head = LogPosition(u64::try_from(last_pos).unwrap_or(0));
        Ok(())
    }

    fn events(
        &mut self,
        no: i64,
        at: Timestamp,
        events: &[&PgRow],
    ) -> Result<Vec<Vec<u8>>, LogError> {
        let mut leaves = Vec::with_capacity(events.len());
        let mut expected_pos = self.position + 1;
        for row in events {
            let pos: i64 = row.try_get("pos")?;
            let stored: Vec<u8> = row.try_get("leaf")?;
            if pos != expected_pos {
                self.found(no, Some(pos), "events are missing before this one");
            }
            expected_pos = pos + 1;
            if leaf_of(self.ws, row)? != stored.as_slice() {
                self.found(no, Some(pos), "the event was changed");
            }
            if row.try_get::<PgInstant, _>("at")?.0 != at {
                self.found(no, Some(pos), "its recording time was changed");
            }
            let version: i32 = row.try_get("version")?;
            let before = self.versions.insert(row.try_get("stream")?, version).unwrap_or(0);
            if version != before + 1 {
                self.found(
                    no,
                    Some(pos),
                    "its version does not follow the one before in its stream",
                );
            }
            leaves.push(stored);
            self.report.events += 1;
        }
        Ok(leaves)
    }

    /// Every event belongs to the command whose row counts it.
    fn owners(&mut self, no: i64, commands: &[&PgRow], events: &[&PgRow]) -> Result<(), LogError> {
        let mut events = events.iter();
        for row in commands {
            let command: Uuid = row.try_get("cmd")?;
            let count = usize::try_from(row.try_get::<i32, _>("n")?).unwrap_or(0);
            for event in events.by_ref().take(count) {
                if event.try_get::<Uuid, _>("cmd")? != command {
                    let pos = event.try_get("pos")?;
                    self.found(no, Some(pos), "it belongs to another command than its commit says");
                }
            }
        }
        if let Some(event) = events.next() {
            self.found(no, Some(event.try_get("pos")?), "an event that belongs to no command");
        }
        Ok(())
    }

    fn content(
        &mut self,
        no: i64,
        first_pos: i64,
        commands: &[&PgRow],
        claims: &[&PgRow],
    ) -> Result<Vec<u8>, LogError> {
        let mut hashes: Vec<Vec<u8>> = Vec::with_capacity(commands.len());
        for row in commands {
            hashes.push(row.try_get("body_hash")?);
        }
        let mut command_rows = Vec::with_capacity(commands.len());
        let mut offset = 0;
        for (ord, (row, body_hash)) in (1i32..).zip(commands.iter().zip(&hashes)) {
            if row.try_get::<i32, _>("ord")? != ord {
                self.found(no, None, "a command row is not in its place");
            }
            let n = u32::try_from(row.try_get::<i32, _>("n")?).unwrap_or(0);
            let expected = first_pos - 1 + i64::from(offset) + i64::from(n > 0);
            if row.try_get::<i64, _>("first_pos")? != expected {
                self.found(no, None, "a command row points to the wrong position");
            }
            command_rows.push(CommandRowInput {
                command: row.try_get("cmd")?,
                offset,
                events: n,
                body_hash,
            });
            offset += n;
        }
        let mut claim_rows = Vec::with_capacity(claims.len());
        for (ord, row) in (1i32..).zip(claims) {
            if row.try_get::<i32, _>("ord")? != ord {
                self.found(no, None, "a claim row is not in its place");
            }
            claim_rows.push(ClaimRowInput {
                scope: row.try_get("scope")?,
                mac: row.try_get("key_mac")?,
                seq: row.try_get("seq")?,
                holder: row.try_get("stream")?,
            });
        }
        self.report.commands += commands.len() as u64;
        self.report.claims += claims.len() as u64;
        Ok(commit_content(&command_rows, &claim_rows).to_vec())
    }

    /// Rows behind the last commit or before the first belong to no commit at all.
    async fn leftovers(&mut self, pool: &PgPool) -> Result<(), LogError> {
        let row = sqlx::query(include_str!("sql/verify_leftovers.sql"))
            .bind(self.ws.0)
            .fetch_one(pool)
            .await?;
        if let Some(pos) = row.try_get::<Option<i64>, _>(0)? {
            self.found(self.commit, Some(pos), "an event that belongs to no commit");
        }
        if row.try_get::<bool, _>(1)? {
            self.found(self.commit, None, "a command or claim row that belongs to no commit");
        }
        Ok(())
    }

    fn found(&mut self, commit: i64, position: Option<i64>, what: &'static str) {
        if self.report.findings.len() < FINDINGS_MAX {
            let unsigned = |number: i64| u64::try_from(number).unwrap_or(0);
            self.report.findings.push(Finding {
                commit: unsigned(commit),
                position: position.map(|pos| LogPosition(unsigned(pos))),
                what,
            });
        }
    }
}

fn take<'r>(
    rows: &mut std::iter::Peekable<std::slice::Iter<'r, PgRow>>,
    column: &str,
    mine: impl Fn(i64) -> bool,
) -> Result<Vec<&'r PgRow>, LogError> {
    let mut taken = Vec::new();
    while let Some(row) = rows.peek() {
        if !mine(row.try_get(column)?) {
            break;
        }
        taken.extend(rows.next());
    }
    Ok(taken)
}

fn leaf_of(ws: WorkspaceId, row: &PgRow) -> Result<[u8; 32], LogError> {
    let occurred_at =
        row.try_get::<Option<PgInstant>, _>("occurred_at")?.map(|instant| instant.0.as_micros());
    Ok(leaf(
        ws,
        &LeafInput {
            stream: row.try_get("stream")?,
            version: u32::try_from(row.try_get::<i32, _>("version")?).unwrap_or(0),
            kind: row.try_get("kind")?,
            type_name: row.try_get("type")?,
            schema_version: u16::try_from(row.try_get::<i16, _>("schema_v")?).unwrap_or(0),
            command: row.try_get("cmd")?,
            occurred_at,
            actor: row.try_get("actor")?,
            meta: row.try_get("meta")?,
            payload: row.try_get("payload")?,
        },
    ))
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
