//! One stored event as the verification needs it: judged by itself where it is read, small where it waits.

use decider::{Timestamp, WorkspaceId};
use sqlx::postgres::{PgRow, PgValueFormat};
use sqlx::{Row, ValueRef};
use uuid::Uuid;

use crate::log::error::LogError;
use crate::log::leaf::{LeafInput, leaf};
use crate::log::time::POSTGRES_EPOCH_MICROS;

/// A row of `es.event`, its content replaced by what was found of it.
pub(in crate::log) struct EventRow {
    pub pos: i64,
    pub at: i64,
    pub stream: Uuid,
    pub version: i32,
    pub command: Uuid,
    /// As stored; zeros where that is no hash, which is then found by the next field.
    pub leaf: [u8; 32],
    /// Whether the leaf is that of the rest.
    pub is_as_its_leaf: bool,
    /// Whether the time it happened, if it has one of its own, is a date.
    pub happened_on_a_date: bool,
}

impl EventRow {
    /// Reads a row of `verify_events.sql`. Its columns are taken as the bytes that they are: checking the type of each one
    /// again would cost as much as hashing them.
    pub fn of(ws: WorkspaceId, row: &PgRow) -> Result<Self, LogError> {
        let occurred_at = optional(row, 2)?.map(instant).transpose()?;
        let input = LeafInput {
            stream: Uuid::from_bytes(bytes(row, 3)?),
            version: u32::try_from(i32::from_be_bytes(bytes(row, 4)?)).unwrap_or(0),
            kind: slice(row, 5)?,
            type_name: slice(row, 6)?,
            schema_version: u16::try_from(i16::from_be_bytes(bytes(row, 7)?)).unwrap_or(0),
            command: Uuid::from_bytes(bytes(row, 8)?),
            occurred_at,
            actor: slice(row, 9)?,
            meta: slice(row, 10)?,
            payload: slice(row, 11)?,
        };
        let version = i32::from_be_bytes(bytes(row, 4)?);
        let place = (i64::from_be_bytes(bytes(row, 0)?), instant(slice(row, 1)?)?, version);
        Ok(Self::judged(ws, place, &input, slice(row, 12)?))
    }

    /// Of an event at a position, recorded at an instant, with a version, whose other columns are those of the leaf.
    pub fn judged(
        ws: WorkspaceId,
        (pos, at, version): (i64, i64, i32),
        input: &LeafInput<'_>,
        stored: &[u8],
    ) -> Self {
        let stored = <[u8; 32]>::try_from(stored).ok();
        Self {
            pos,
            at,
            stream: input.stream,
            version,
            command: input.command,
            is_as_its_leaf: stored == Some(leaf(ws, input)),
            leaf: stored.unwrap_or_default(),
            happened_on_a_date: input
                .occurred_at
                .is_none_or(|micros| Timestamp::from_micros(micros).is_a_date()),
        }
    }
}

fn instant(bytes: &[u8]) -> Result<i64, LogError> {
    let micros = i64::from_be_bytes(bytes.try_into().map_err(|_| other_form(1))?);
    Ok(micros.saturating_add(POSTGRES_EPOCH_MICROS))
}

fn bytes<const N: usize>(row: &PgRow, column: usize) -> Result<[u8; N], LogError> {
    slice(row, column)?.try_into().map_err(|_| other_form(column))
}

fn slice(row: &PgRow, column: usize) -> Result<&[u8], LogError> {
    optional(row, column)?.ok_or_else(|| other_form(column))
}

fn optional(row: &PgRow, column: usize) -> Result<Option<&[u8]>, LogError> {
    let value = row.try_get_raw(column)?;
    if value.is_null() {
        return Ok(None);
    }
    match value.format() {
        PgValueFormat::Binary => value.as_bytes().map(Some).map_err(|_| other_form(column)),
        PgValueFormat::Text => Err(other_form(column)),
    }
}

fn other_form(column: usize) -> LogError {
    LogError::Database(sqlx::Error::Protocol(format!(
        "column {column} of es.event has another form"
    )))
}
