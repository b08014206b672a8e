//! API tokens: a secret with the prefix `ldk_`, its hash here.

use std::sync::Arc;

use decider::{Timestamp, WorkspaceId};
use sqlx::postgres::PgRow;
use sqlx::{PgPool, Row};
use uuid::Uuid;
use vault::BoundedCache;

use crate::error::OpsError;
use crate::secret::{Secret, hash_of};
use crate::sessions::{CACHED_FOR, CACHED_MAX};

const PREFIX: &str = "ldk_";
const USED_EVERY_S: i64 = 60;
const LISTED_MAX: i64 = 1_000;

/// API tokens of all workspaces. Cheap to clone.
#[derive(Clone)]
pub struct ApiTokens {
    db: PgPool,
    cache: Arc<BoundedCache<[u8; 32], ApiToken>>,
}

/// A valid token.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ApiToken {
    /// The workspace it is bound to.
    pub ws: WorkspaceId,
    /// Its id.
    pub id: Uuid,
    /// Whose it is.
    pub user: Uuid,
    used_at: Option<Timestamp>,
}

/// A token to make. `label` says what it is for.
#[derive(Clone, Debug)]
pub struct NewApiToken {
    /// The workspace.
    pub ws: WorkspaceId,
    /// Its id.
    pub id: Uuid,
    /// Whose it is.
    pub user: Uuid,
    /// What it is for.
    pub label: String,
}

/// A line in the list of tokens.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ApiTokenRow {
    /// Its id.
    pub id: Uuid,
    /// Whose it is.
    pub user: Uuid,
    /// What it is for.
    pub label: String,
    /// When it was made.
    pub created_at: Timestamp,
    /// Last use, to the minute.
    pub used_at: Option<Timestamp>,
    /// Since when it is no longer valid.
    pub revoked_at: Option<Timestamp>,
}

impl ApiToken {
    fn is_due(&self, now: Timestamp) -> bool {
        self.used_at.is_none_or(|used_at| used_at.plus_seconds(USED_EVERY_S) <= now)
    }
}

impl ApiTokens {
    pub(crate) fn new(db: PgPool) -> Self {
        Self { db, cache: Arc::new(BoundedCache::new(CACHED_MAX, CACHED_FOR)) }
    }

    /// Makes a token; the secret is shown once.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn create(&self, token: &NewApiToken, now: Timestamp) -> Result<Secret, OpsError> {
        let secret = Secret::random(PREFIX);
        sqlx::query(include_str!("sql/token_insert.sql"))
            .bind(token.ws.0)
            .bind(token.id)
            .bind(hash_of(secret.expose()).as_slice())
            .bind(token.user)
            .bind(&token.label)
            .bind(now.as_micros())
            .execute(&self.db)
            .await?;
        Ok(secret)
    }

    /// The token, unless it was revoked. Usually costs no query.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn resolve(
        &self,
        secret: &str,
        now: Timestamp,
    ) -> Result<Option<ApiToken>, OpsError> {
        if !secret.starts_with(PREFIX) {
            return Ok(None);
        }
        let hash = hash_of(secret);
        if let Some(token) = self.cache.get(&hash)
            && !token.is_due(now)
        {
            return Ok(Some(token));
        }
        let epoch = self.cache.epoch();
        let Some(token) = self.read(hash).await? else { return Ok(None) };
        let token = self.see(token, now).await?;
        self.cache.insert_since(epoch, [(hash, token)]);
        Ok(Some(token))
    }

    /// Whether a token was made and not revoked since; asking is no use of it.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn is_valid(&self, ws: WorkspaceId, id: Uuid) -> Result<bool, OpsError> {
        let row = sqlx::query(include_str!("sql/token_is_valid.sql"))
            .bind(ws.0)
            .bind(id)
            .fetch_one(&self.db)
            .await?;
        Ok(row.try_get(0)?)
    }

    /// Ends a token; answers whether it was valid until now.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn revoke(
        &self,
        ws: WorkspaceId,
        id: Uuid,
        now: Timestamp,
    ) -> Result<bool, OpsError> {
        let revoked = self.end(include_str!("sql/token_revoke.sql"), ws, id, now).await?;
        self.cache.remove_where(|token| token.ws == ws && token.id == id);
        Ok(revoked > 0)
    }

    /// Ends all tokens of a user; answers how many.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn revoke_all(
        &self,
        ws: WorkspaceId,
        user: Uuid,
        now: Timestamp,
    ) -> Result<u64, OpsError> {
        let revoked = self.end(include_str!("sql/token_revoke_user.sql"), ws, user, now).await?;
        self.cache.remove_where(|token| token.ws == ws && token.user == user);
        Ok(revoked)
    }

    /// All tokens of a workspace, revoked ones included, oldest first.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn list(&self, ws: WorkspaceId) -> Result<Vec<ApiTokenRow>, OpsError> {
        let rows = sqlx::query(include_str!("sql/token_list.sql"))
            .bind(ws.0)
            .bind(LISTED_MAX)
            .fetch_all(&self.db)
            .await?;
        rows.iter().map(row_of).collect()
    }

    async fn end(
        &self,
        statement: &'static str,
        ws: WorkspaceId,
        id: Uuid,
        now: Timestamp,
    ) -> Result<u64, OpsError> {
        let done = sqlx::query(statement)
            .bind(ws.0)
            .bind(id)
            .bind(now.as_micros())
            .execute(&self.db)
            .await?;
        Ok(done.rows_affected())
    }

    async fn read(&self, hash: [u8; 32]) -> Result<Option<ApiToken>, OpsError> {
        let row = sqlx::query(include_str!("sql/token_by_token.sql"))
            .bind(hash.as_slice())
            .fetch_optional(&self.db)
            .await?;
        let Some(row) = row else { return Ok(None) };
        Ok(Some(ApiToken {
            ws: WorkspaceId(row.try_get("ws")?),
            id: row.try_get("token_id")?,
            user: row.try_get("user_id")?,
            used_at: instant(&row, "used_at_us")?,
        }))
    }

    async fn see(&self, token: ApiToken, now: Timestamp) -> Result<ApiToken, OpsError> {
        if !token.is_due(now) {
            return Ok(token);
        }
        sqlx::query(include_str!("sql/token_touch.sql"))
            .bind(token.ws.0)
            .bind(token.id)
            .bind(now.as_micros())
            .execute(&self.db)
            .await?;
        Ok(ApiToken { used_at: Some(now), ..token })
    }
}

fn row_of(row: &PgRow) -> Result<ApiTokenRow, OpsError> {
    Ok(ApiTokenRow {
        id: row.try_get("token_id")?,
        user: row.try_get("user_id")?,
        label: row.try_get("label")?,
        created_at: Timestamp::from_micros(row.try_get("created_at_us")?),
        used_at: instant(row, "used_at_us")?,
        revoked_at: instant(row, "revoked_at_us")?,
    })
}

fn instant(row: &PgRow, column: &str) -> Result<Option<Timestamp>, OpsError> {
    Ok(row.try_get::<Option<i64>, _>(column)?.map(Timestamp::from_micros))
}
