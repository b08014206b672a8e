//! The journal of what came in, as received: which raw messages are stored already, so that none is stored twice.

use std::collections::HashMap;

use decider::{Timestamp, WorkspaceId};
use sqlx::{PgPool, Row};
use vault::ObjectRef;

use crate::error::OpsError;

/// The intake journal of all workspaces. Cheap to clone.
#[derive(Clone)]
pub struct Intake {
    db: PgPool,
}

/// A raw message that is stored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IntakeEntry {
    /// The channel it came through.
    pub channel: String,
    /// Keyed hash of its bytes ([`vault::Vault::mac`]).
    pub raw_mac: [u8; 32],
    /// Where its bytes are.
    pub object: ObjectRef,
    /// Keyed hash of its message id, if it has one.
    pub message_id_mac: Option<[u8; 32]>,
    /// When it came in.
    pub at: Timestamp,
}

impl Intake {
    pub(crate) fn new(db: PgPool) -> Self {
        Self { db }
    }

    /// Which of these raw messages are stored already, by the keyed hash of their bytes.
    ///
    /// # Errors
    /// When something broke.
    pub async fn seen(
        &self,
        ws: WorkspaceId,
        raw_macs: &[[u8; 32]],
    ) -> Result<HashMap<[u8; 32], IntakeEntry>, OpsError> {
        let asked: Vec<&[u8]> = raw_macs.iter().map(<[u8; 32]>::as_slice).collect();
        let rows = sqlx::query(include_str!("sql/intake_load.sql"))
            .bind(ws.0)
            .bind(asked)
            .fetch_all(&self.db)
            .await?;
        let mut found = HashMap::with_capacity(rows.len());
        for row in rows {
            let message_id_mac: Option<&[u8]> = row.try_get("message_id_mac")?;
            let entry = IntakeEntry {
                channel: row.try_get("channel")?,
                raw_mac: mac_of(row.try_get("raw_mac")?)?,
                object: serde_json::from_slice(row.try_get("object")?)
                    .map_err(|_| OpsError::Malformed)?,
                message_id_mac: message_id_mac.map(mac_of).transpose()?,
                at: Timestamp::from_micros(row.try_get("at_us")?),
            };
            found.insert(entry.raw_mac, entry);
        }
        Ok(found)
    }

    /// Records a raw message whose bytes have been stored. Answers false when another was faster with the same bytes: then its
    /// object counts, and this one may be deleted.
    ///
    /// # Errors
    /// When something broke.
    pub async fn record(&self, ws: WorkspaceId, entry: &IntakeEntry) -> Result<bool, OpsError> {
        let done = sqlx::query(include_str!("sql/intake_insert.sql"))
            .bind(ws.0)
            .bind(entry.raw_mac.as_slice())
            .bind(&entry.channel)
            .bind(serde_json::to_vec(&entry.object).map_err(|_| OpsError::Malformed)?)
            .bind(entry.message_id_mac.as_ref().map(<[u8; 32]>::as_slice))
            .bind(entry.at.as_micros())
            .execute(&self.db)
            .await?;
        Ok(done.rows_affected() > 0)
    }
}

fn mac_of(bytes: &[u8]) -> Result<[u8; 32], OpsError> {
    bytes.try_into().map_err(|_| OpsError::Malformed)
}
