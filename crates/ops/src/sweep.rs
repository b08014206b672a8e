//! Removes what time has made worthless: old attempts, expired sessions and setup tokens, keys of saves, refusals of more than a
//! year ago. (Uploads: [`crate::Uploads::expired`].)

use decider::Timestamp;

use crate::Ops;
use crate::attempts::WINDOW_S;
use crate::draft_saves::REMEMBERED_S;
use crate::error::OpsError;
use crate::sessions::{IDLE_S, LIFE_S};

/// So long refusals and failures to sign in are kept for audit.
const AUDIT_KEPT_S: i64 = 400 * 24 * 3600;

impl Ops {
    /// Removes expired rows. Once an hour is enough; nothing depends on it but space.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn sweep(&self, now: Timestamp) -> Result<(), OpsError> {
        sqlx::query(include_str!("sql/attempt_sweep.sql"))
            .bind(now.plus_seconds(-WINDOW_S).as_micros())
            .bind(now.plus_seconds(WINDOW_S).as_micros())
            .execute(&self.db)
            .await?;
        sqlx::query(include_str!("sql/setup_sweep.sql"))
            .bind(now.as_micros())
            .execute(&self.db)
            .await?;
        sqlx::query(include_str!("sql/session_sweep.sql"))
            .bind(now.plus_seconds(-IDLE_S).as_micros())
            .bind(now.plus_seconds(-LIFE_S).as_micros())
            .execute(&self.db)
            .await?;
        sqlx::query(include_str!("sql/draft_save_sweep.sql"))
            .bind(now.plus_seconds(-REMEMBERED_S).as_micros())
            .execute(&self.db)
            .await?;
        let kept_since = now.plus_seconds(-AUDIT_KEPT_S).as_micros();
        sqlx::query(include_str!("sql/refusal_sweep.sql"))
            .bind(kept_since)
            .execute(&self.db)
            .await?;
        sqlx::query(include_str!("sql/sign_in_failure_sweep.sql"))
            .bind(kept_since)
            .execute(&self.db)
            .await?;
        Ok(())
    }
}
