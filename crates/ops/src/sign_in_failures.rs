//! Failures to sign in, counted for each account and quarter of an hour, for audit: never what was typed, nor from where.

use decider::{Timestamp, WorkspaceId};
use sqlx::{PgPool, Row};
use uuid::Uuid;

use crate::attempts::WINDOW_S;
use crate::credentials::Login;
use crate::error::OpsError;
use crate::refusals::Stretch;

/// Failures of all workspaces. Cheap to clone.
#[derive(Clone)]
pub struct SignInFailures {
    db: PgPool,
}

/// The failures of one account within a quarter of an hour.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SignInFailure {
    /// Whose account.
    pub user: Uuid,
    /// When the quarter of an hour began.
    pub since: Timestamp,
    /// How many.
    pub times: u32,
}

impl SignInFailures {
    pub(crate) fn new(db: PgPool) -> Self {
        Self { db }
    }

    /// The beginning of the quarter of an hour that an instant lies in.
    #[must_use]
    pub const fn window(now: Timestamp) -> Timestamp {
        let length = WINDOW_S * 1_000_000;
        Timestamp::from_micros(now.as_micros().div_euclid(length) * length)
    }

    /// Counts a failure at these accounts. An address that nobody has is counted for nobody: it takes as long.
    pub(crate) async fn add(&self, accounts: &[Login], now: Timestamp) -> Result<(), OpsError> {
        let nobody = [Login { ws: WorkspaceId(Uuid::nil()), user: Uuid::nil() }];
        let accounts = if accounts.is_empty() { &nobody } else { accounts };
        let (ws, users): (Vec<Uuid>, Vec<Uuid>) =
            accounts.iter().map(|login| (login.ws.0, login.user)).unzip();
        sqlx::query(include_str!("sql/sign_in_failure_add.sql"))
            .bind(ws)
            .bind(users)
            .bind(Self::window(now).as_micros())
            .execute(&self.db)
            .await?;
        Ok(())
    }

    /// The newest failures of a workspace, before a place in their order, of one user if one is named.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn page(
        &self,
        ws: WorkspaceId,
        stretch: Stretch,
        user: Option<Uuid>,
    ) -> Result<Vec<SignInFailure>, OpsError> {
        let rows = sqlx::query(include_str!("sql/sign_in_failure_page.sql"))
            .bind(ws.0)
            .bind(stretch.before.0)
            .bind(stretch.before.1)
            .bind(stretch.from)
            .bind(user)
            .bind(i64::from(stretch.limit))
            .fetch_all(&self.db)
            .await?;
        rows.iter()
            .map(|row| {
                Ok(SignInFailure {
                    user: row.try_get("user_id")?,
                    since: Timestamp::from_micros(row.try_get("window_us")?),
                    times: u32::try_from(row.try_get::<i32, _>("times")?).unwrap_or(0),
                })
            })
            .collect()
    }
}
