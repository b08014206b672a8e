//! Sessions of the browser: a random token in a cookie, its hash here.

use std::sync::Arc;
use std::time::Duration;

use decider::{Timestamp, WorkspaceId};
use sqlx::{PgPool, Row};
use uuid::Uuid;
use vault::BoundedCache;

use crate::error::OpsError;
use crate::secret::{Secret, hash_of};

pub(crate) const IDLE_S: i64 = 14 * 24 * 3600;
pub(crate) const LIFE_S: i64 = 90 * 24 * 3600;
const SEEN_EVERY_S: i64 = 60;
pub(crate) const CACHED_MAX: usize = 4_096;
/// A session revoked on another node is noticed here after this time at the latest.
pub(crate) const CACHED_FOR: Duration = Duration::from_secs(5);

/// Sessions of all workspaces. Cheap to clone.
#[derive(Clone)]
pub struct Sessions {
    db: PgPool,
    cache: Arc<BoundedCache<[u8; 32], Session>>,
}

/// A valid session.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Session {
    /// The workspace it is bound to.
    pub ws: WorkspaceId,
    /// Who has signed in.
    pub user: Uuid,
    /// When.
    pub created_at: Timestamp,
    /// Last use, to the minute.
    pub seen_at: Timestamp,
}

impl Session {
    fn is_valid(&self, now: Timestamp) -> bool {
        self.seen_at.plus_seconds(IDLE_S) > now && self.created_at.plus_seconds(LIFE_S) > now
    }
}

impl Sessions {
    pub(crate) fn new(db: PgPool) -> Self {
        Self { db, cache: Arc::new(BoundedCache::new(CACHED_MAX, CACHED_FOR)) }
    }

    /// A new session; the secret goes into the cookie.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn create(
        &self,
        ws: WorkspaceId,
        user: Uuid,
        now: Timestamp,
    ) -> Result<Secret, OpsError> {
        let secret = Secret::random("");
        sqlx::query(include_str!("sql/session_insert.sql"))
            .bind(ws.0)
            .bind(hash_of(secret.expose()).as_slice())
            .bind(user)
            .bind(now.as_micros())
            .execute(&self.db)
            .await?;
        Ok(secret)
    }

    /// The session of a token, unless it was revoked, unused for 14 days or begun 90 days ago. Usually costs no query.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn resolve(&self, token: &str, now: Timestamp) -> Result<Option<Session>, OpsError> {
        let hash = hash_of(token);
        if let Some(session) = self.cache.get(&hash)
            && session.seen_at.plus_seconds(SEEN_EVERY_S) > now
        {
            return Ok(Some(session).filter(|session| session.is_valid(now)));
        }
        let epoch = self.cache.epoch();
        let Some(session) = self.read(hash).await?.filter(|session| session.is_valid(now)) else {
            return Ok(None);
        };
        let session = self.see(hash, session, now).await?;
        self.cache.insert_since(epoch, [(hash, session)]);
        Ok(Some(session))
    }

    /// Whether [`Self::resolve`] would answer the session; asking is no use of it.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn is_valid(&self, token: &str, now: Timestamp) -> Result<bool, OpsError> {
        let session = self.read(hash_of(token)).await?;
        Ok(session.is_some_and(|session| session.is_valid(now)))
    }

    /// Ends one session.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn revoke(&self, token: &str) -> Result<(), OpsError> {
        let hash = hash_of(token);
        sqlx::query(include_str!("sql/session_revoke.sql"))
            .bind(hash.as_slice())
            .execute(&self.db)
            .await?;
        self.cache.remove([&hash]);
        Ok(())
    }

    /// Ends all sessions of a user, or all but the one with the token `keep`. Answers how many.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn revoke_all(
        &self,
        ws: WorkspaceId,
        user: Uuid,
        keep: Option<&str>,
    ) -> Result<u64, OpsError> {
        let keep = keep.map(hash_of).unwrap_or_default();
        let done = sqlx::query(include_str!("sql/session_revoke_user.sql"))
            .bind(ws.0)
            .bind(user)
            .bind(keep.as_slice())
            .execute(&self.db)
            .await?;
        self.cache.remove_where(|session| session.ws == ws && session.user == user);
        Ok(done.rows_affected())
    }

    async fn read(&self, hash: [u8; 32]) -> Result<Option<Session>, OpsError> {
        let row = sqlx::query(include_str!("sql/session_by_token.sql"))
            .bind(hash.as_slice())
            .fetch_optional(&self.db)
            .await?;
        let Some(row) = row else { return Ok(None) };
        Ok(Some(Session {
            ws: WorkspaceId(row.try_get("ws")?),
            user: row.try_get("user_id")?,
            created_at: Timestamp::from_micros(row.try_get("created_at_us")?),
            seen_at: Timestamp::from_micros(row.try_get("seen_at_us")?),
        }))
    }

    async fn see(
        &self,
        hash: [u8; 32],
        session: Session,
        now: Timestamp,
    ) -> Result<Session, OpsError> {
        if session.seen_at.plus_seconds(SEEN_EVERY_S) > now {
            return Ok(session);
        }
        sqlx::query(include_str!("sql/session_touch.sql"))
            .bind(session.ws.0)
            .bind(hash.as_slice())
            .bind(now.as_micros())
            .execute(&self.db)
            .await?;
        Ok(Session { seen_at: now, ..session })
    }
}
