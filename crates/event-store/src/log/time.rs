//! Instants on the wire: `timestamptz` read as microseconds, without a date library in between.

use decider::Timestamp;
use sqlx::error::BoxDynError;
use sqlx::postgres::{PgTypeInfo, PgValueFormat, PgValueRef, Postgres};
use sqlx::{Decode, Type, TypeInfo};

/// Microseconds from 1970-01-01 to 2000-01-01, the epoch of Postgres.
pub(super) const POSTGRES_EPOCH_MICROS: i64 = 946_684_800_000_000;

/// A `timestamptz` column. Instants are written as microseconds and made a `timestamptz` by the statement.
#[derive(Clone, Copy, Debug)]
pub struct PgInstant(pub Timestamp);

impl Type<Postgres> for PgInstant {
    fn type_info() -> PgTypeInfo {
        PgTypeInfo::with_name("timestamptz")
    }

    fn compatible(ty: &PgTypeInfo) -> bool {
        ty.name() == "TIMESTAMPTZ"
    }
}

impl<'r> Decode<'r, Postgres> for PgInstant {
    fn decode(value: PgValueRef<'r>) -> Result<Self, BoxDynError> {
        match value.format() {
            PgValueFormat::Binary => {
                let micros = <i64 as Decode<Postgres>>::decode(value)?;
                Ok(Self(Timestamp::from_micros(micros.saturating_add(POSTGRES_EPOCH_MICROS))))
            }
            PgValueFormat::Text => Err("an instant is read in binary form only".into()),
        }
    }
}
