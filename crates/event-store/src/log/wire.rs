//! The events of a batch on the wire: one array of rows instead of one array per column, which costs the server less to
//! take apart.

use sqlx::encode::IsNull;
use sqlx::error::BoxDynError;
use sqlx::postgres::{PgArgumentBuffer, PgHasArrayType, PgTypeInfo, Postgres};
use sqlx::{Encode, Type};
use uuid::Uuid;

/// The type of the database that [`WireEvent`] is written as, column by column.
const TYPE: &str = "es.pending";
const BYTEA: u32 = 17;
const INT8: u32 = 20;
const INT2: u32 = 21;
const INT4: u32 = 23;
const TEXT: u32 = 25;
const UUID: u32 = 2950;
/// How many columns it has.
const COLUMNS: i32 = 10;

/// One event on its way into the log.
pub struct WireEvent<'a> {
    pub command: Uuid,
    pub stream: Uuid,
    pub version: i32,
    pub kind: &'a str,
    pub type_name: &'a str,
    pub schema_version: i16,
    pub occurred_at: Option<i64>,
    pub actor: &'a str,
    pub meta: &'a str,
    pub payload: &'a [u8],
}

impl Type<Postgres> for WireEvent<'_> {
    fn type_info() -> PgTypeInfo {
        PgTypeInfo::with_name(TYPE)
    }
}

impl PgHasArrayType for WireEvent<'_> {
    fn array_type_info() -> PgTypeInfo {
        PgTypeInfo::array_of(TYPE)
    }
}

impl Encode<'_, Postgres> for WireEvent<'_> {
    fn encode_by_ref(&self, buffer: &mut PgArgumentBuffer) -> Result<IsNull, BoxDynError> {
        buffer.extend_from_slice(&COLUMNS.to_be_bytes());
        column(buffer, UUID, self.command.as_bytes())?;
        column(buffer, UUID, self.stream.as_bytes())?;
        column(buffer, INT4, &self.version.to_be_bytes())?;
        column(buffer, TEXT, self.kind.as_bytes())?;
        column(buffer, TEXT, self.type_name.as_bytes())?;
        column(buffer, INT2, &self.schema_version.to_be_bytes())?;
        match self.occurred_at {
            Some(micros) => column(buffer, INT8, &micros.to_be_bytes())?,
            None => null(buffer, INT8),
        }
        column(buffer, TEXT, self.actor.as_bytes())?;
        column(buffer, TEXT, self.meta.as_bytes())?;
        column(buffer, BYTEA, self.payload)?;
        Ok(IsNull::No)
    }
}

fn column(buffer: &mut PgArgumentBuffer, oid: u32, bytes: &[u8]) -> Result<(), BoxDynError> {
    buffer.extend_from_slice(&oid.to_be_bytes());
    buffer.extend_from_slice(&i32::try_from(bytes.len())?.to_be_bytes());
    buffer.extend_from_slice(bytes);
    Ok(())
}

fn null(buffer: &mut PgArgumentBuffer, oid: u32) {
    buffer.extend_from_slice(&oid.to_be_bytes());
    buffer.extend_from_slice(&(-1i32).to_be_bytes());
}
