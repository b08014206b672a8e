//! One line of a sealed copy. Instants are microseconds since 1970, as the hashes are made of them; which commit a row belongs to,
//! and its place there, follow from where it stands.

use decider::{Timestamp, WorkspaceId};
use serde::{Deserialize, Serialize};
use sqlx::Row;
use sqlx::postgres::PgRow;
use uuid::Uuid;
use vault::KeyRow;

use super::bytes::{Digits, Payload};
use crate::log::error::LogError;
use crate::log::leaf::LeafInput;
use crate::log::time::PgInstant;
use crate::log::verify::{ClaimRow, CommandRow, CommitRow, EventRow};

/// The version of the form. It rises when a line changes so that an older program would read it wrongly.
pub const FORMAT: u32 = 1;

/// One line.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Line {
    /// The first one: what the copy is of.
    Begin(Box<Begin>),
    /// A row of `es.commit`; its commands, claims and events follow.
    Commit(CommitLine),
    /// A row of `es.command`.
    Command(CommandLine),
    /// A row of `es.claim`.
    Claim(ClaimLine),
    /// A row of `es.event`.
    Event(Box<EventLine>),
    /// A row of the key ring.
    Vault(KeyRow),
    /// The last one: without it the copy was cut.
    End(End),
}

/// A commit of the log: a copy begins behind one and ends with one.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Point {
    /// Its number; 0 before the first.
    pub commit: i64,
    /// The last position then.
    pub position: i64,
    /// Its chain hash.
    pub hash: Digits,
}

/// What a copy is of.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Begin {
    /// [`FORMAT`].
    pub format: u32,
    /// The workspace.
    pub workspace: Uuid,
    /// When it was made.
    pub made_at: i64,
    /// When it was closed.
    pub closed_at: Option<i64>,
    /// The seal of its own row.
    pub seal: Digits,
    /// The commit behind which the copy begins.
    pub after: Point,
    /// The commit with which it ends.
    pub until: Point,
    /// Whether the rows of the key ring are in it.
    pub keys: bool,
    /// What tells the key file of the workspace from others.
    pub key_mark: Digits,
    /// When the copy was made.
    pub copied_at: Timestamp,
}

/// A row of `es.commit`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CommitLine {
    /// Its number.
    pub no: i64,
    /// Its first position.
    pub first_pos: i64,
    /// The last position after it.
    pub last_pos: i64,
    /// The newest ticket number after it.
    pub last_number: i64,
    /// The newest directory position after it.
    pub last_directory: i64,
    /// When it was written.
    pub at: i64,
    /// The node that wrote it.
    pub node: Uuid,
    /// Digest of its command and claim rows.
    pub content: Digits,
    /// Its chain hash.
    pub hash: Digits,
}

/// A row of `es.command`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CommandLine {
    /// The command id.
    pub cmd: Uuid,
    /// Its first event, or the newest position then when it changed nothing.
    pub first_pos: i64,
    /// How many events it wrote.
    pub n: i32,
    /// Keyed hash of its body.
    pub body_hash: Digits,
}

/// A row of `es.claim`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ClaimLine {
    /// The scope.
    pub scope: String,
    /// Keyed MAC of the key.
    pub key_mac: Digits,
    /// Which change of this key it is.
    pub seq: i32,
    /// The new holder; null gives it back.
    pub stream: Option<Uuid>,
}

/// A row of `es.event`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct EventLine {
    /// Its position.
    pub pos: i64,
    /// When it was recorded.
    pub at: i64,
    /// When it happened; null means the same.
    pub occurred_at: Option<i64>,
    /// The stream.
    pub stream: Uuid,
    /// Its place in the stream.
    pub version: i32,
    /// The stream kind.
    pub kind: String,
    /// The stored type.
    #[serde(rename = "type")]
    pub type_name: String,
    /// The stored shape version.
    pub schema_v: i16,
    /// The command.
    pub cmd: Uuid,
    /// Who.
    pub actor: String,
    /// Why, as stored.
    pub meta: String,
    /// The payload as stored; what is sealed stays sealed.
    pub payload: Payload,
    /// Its hash.
    pub leaf: Digits,
}

/// How many rows there are.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Totals {
    /// Rows of `es.commit`.
    pub commits: u64,
    /// Rows of `es.event`.
    pub events: u64,
    /// Rows of `es.command`.
    pub commands: u64,
    /// Rows of `es.claim`.
    pub claims: u64,
    /// Rows of the key ring.
    pub keys: u64,
}

/// What stands behind all rows.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct End {
    /// How many rows there are before it.
    pub rows: Totals,
    /// Where the log ends: as the first line says.
    pub until: Point,
    /// SHA-256 of all lines before it.
    pub digest: Digits,
    /// The digest, signed with what the key file holds.
    pub proof: Digits,
}

impl Totals {
    /// One more line.
    pub fn count(&mut self, line: &Line) {
        match line {
            Line::Commit(_) => self.commits += 1,
            Line::Event(_) => self.events += 1,
            Line::Command(_) => self.commands += 1,
            Line::Claim(_) => self.claims += 1,
            Line::Vault(_) => self.keys += 1,
            Line::Begin(_) | Line::End(_) => {}
        }
    }
}

impl From<&CommitRow> for Point {
    fn from(row: &CommitRow) -> Self {
        Self { commit: row.no, position: row.last_pos, hash: Digits(row.hash.clone()) }
    }
}

impl From<&CommitRow> for CommitLine {
    fn from(row: &CommitRow) -> Self {
        Self {
            no: row.no,
            first_pos: row.first_pos,
            last_pos: row.last_pos,
            last_number: row.last_number,
            last_directory: row.last_directory,
            at: row.at,
            node: row.node,
            content: Digits(row.content.clone()),
            hash: Digits(row.hash.clone()),
        }
    }
}

impl From<&CommitLine> for CommitRow {
    fn from(line: &CommitLine) -> Self {
        Self {
            no: line.no,
            first_pos: line.first_pos,
            last_pos: line.last_pos,
            last_number: line.last_number,
            last_directory: line.last_directory,
            at: line.at,
            node: line.node,
            content: line.content.0.clone(),
            hash: line.hash.0.clone(),
        }
    }
}

impl From<&CommandRow> for CommandLine {
    fn from(row: &CommandRow) -> Self {
        let CommandRow { command, first_pos, n, body_hash, .. } = row;
        let body_hash = Digits(body_hash.clone());
        Self { cmd: *command, first_pos: *first_pos, n: *n, body_hash }
    }
}

impl CommandLine {
    pub(super) fn row(&self, no: i64, ord: i32) -> CommandRow {
        let Self { cmd, first_pos, n, body_hash } = self;
        let body_hash = body_hash.0.clone();
        CommandRow { no, ord, command: *cmd, first_pos: *first_pos, n: *n, body_hash }
    }
}

impl From<&ClaimRow> for ClaimLine {
    fn from(row: &ClaimRow) -> Self {
        let ClaimRow { scope, mac, seq, holder, .. } = row;
        let key_mac = Digits(mac.clone());
        Self { scope: scope.clone(), key_mac, seq: *seq, stream: *holder }
    }
}

impl ClaimLine {
    pub(super) fn row(&self, no: i64, ord: i32) -> ClaimRow {
        let Self { scope, key_mac, seq, stream } = self;
        let mac = key_mac.0.clone();
        ClaimRow { no, ord, scope: scope.clone(), mac, seq: *seq, holder: *stream }
    }
}

impl EventLine {
    /// Reads a row of `verify_events.sql`.
    pub(super) fn of(row: &PgRow) -> Result<Self, LogError> {
        Ok(Self {
            pos: row.try_get(0)?,
            at: row.try_get::<PgInstant, _>(1)?.0.as_micros(),
            occurred_at: row.try_get::<Option<PgInstant>, _>(2)?.map(|at| at.0.as_micros()),
            stream: row.try_get(3)?,
            version: row.try_get(4)?,
            kind: row.try_get(5)?,
            type_name: row.try_get(6)?,
            schema_v: row.try_get(7)?,
            cmd: row.try_get(8)?,
            actor: row.try_get(9)?,
            meta: row.try_get(10)?,
            payload: Payload(row.try_get(11)?),
            leaf: Digits(row.try_get(12)?),
        })
    }

    /// The same as the verification sees it: hashed.
    pub(super) fn judged(&self, ws: WorkspaceId) -> EventRow {
        let input = LeafInput {
            stream: self.stream,
            version: u32::try_from(self.version).unwrap_or(0),
            kind: self.kind.as_bytes(),
            type_name: self.type_name.as_bytes(),
            schema_version: u16::try_from(self.schema_v).unwrap_or(0),
            command: self.cmd,
            occurred_at: self.occurred_at,
            actor: self.actor.as_bytes(),
            meta: self.meta.as_bytes(),
            payload: &self.payload.0,
        };
        EventRow::judged(ws, (self.pos, self.at, self.version), &input, &self.leaf.0)
    }
}
