//! Projections: pure folds over row images; the engine does all the SQL. A batch is read to a commit boundary, the touched rows
//! are fetched, folded, and written with a checkpoint in one transaction.

mod attempt;
mod batch_size;
mod checkpoint;
mod column;
mod copy;
mod engine;
mod error;
mod fold;
mod follower;
mod json;
mod lease;
mod log_batch;
mod memory;
mod opening;
mod projector;
pub mod rebuild;
mod row;
mod rows;
mod schema;
#[cfg(test)]
mod simulation;
mod status;
mod store;
mod table;
mod table_sql;
mod views;
mod wait;

pub use batch_size::BATCH_EVENTS_MAX;
pub use checkpoint::{Checkpoint, fence};
pub use column::{Column, ColumnType, RowKey, Scalar, SqlType};
pub use engine::{Engine, EngineHandle, EngineParts, LeadReaders};
pub use error::{ApplyError, Fault, FaultCause, StepError, StopReason};
pub use fold::{Fold, Projection, ProjectionType, Quarantine, Stored};
pub use json::{Json, JsonText};
pub use log_batch::{LogBatch, LogSource};
pub use memory::{MemoryStore, fold_in_memory, fold_onto};
pub use projector::{Applied, Projector, ProjectorParts};
pub use row::{Reader, Row};
pub use rows::{AnyTable, Keys, RowSet, TableDef};
pub use schema::{Places, SearchPath, enter_schema, prepare, prepare_to_serve, schemas_of};
pub use status::{ProjectionState, ProjectionStatus};
pub use store::{CrashPoint, read_rows, read_rows_of};
pub use table::Table;
pub use views::read_standing;
pub use wait::{Checkpoints, Freshness, Standing};

// What the macros name.
#[doc(hidden)]
pub use sqlx::Error as SqlError;
#[doc(hidden)]
pub use sqlx::error::BoxDynError;
#[doc(hidden)]
pub use sqlx::postgres::{PgArguments, PgRow};
