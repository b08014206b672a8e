//! Reading events each by itself, for those who look for what cannot be read.

use decider::{LogPosition, StoredEvent, WorkspaceId};
use sqlx::Row;

use super::bound::bounded;
use super::error::LogError;
use super::reader::{LogReader, signed, stored, unsigned};

/// An event, or why its envelope cannot be read.
pub type Each = (LogPosition, Result<StoredEvent, LogError>);

impl LogReader {
    /// As [`LogReader::after`], each event with its position: what cannot be read hides nothing behind it.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn each_after(
        &self,
        ws: WorkspaceId,
        position: LogPosition,
        limit: u32,
    ) -> Result<Vec<Each>, LogError> {
        let query = sqlx::query(include_str!("sql/after.sql"))
            .bind(ws.0)
            .bind(signed(position.0))
            .bind(i64::from(limit));
        let rows = bounded(query.fetch_all(self.pool())).await?;
        rows.iter()
            .map(|row| Ok((LogPosition(unsigned(row.try_get(0)?)), stored(ws, row))))
            .collect()
    }
}
