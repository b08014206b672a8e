//! The limit of failed attempts to sign in, shared by all nodes. An attempt is recorded before it is tried, so that many at
//! once do not slip through.

use std::net::IpAddr;

use decider::{Timestamp, WorkspaceId};
use sqlx::{PgPool, Row};
use uuid::Uuid;
use vault::Vault;

use crate::credentials::login_mac;
use crate::error::OpsError;

const ATTEMPTS_MAX: i64 = 10;
pub const WINDOW_S: i64 = 15 * 60;

/// Nobody knows the workspace before the account is known.
const EVERYWHERE: WorkspaceId = WorkspaceId(Uuid::nil());

/// One attempt, counted against its account and its address.
pub struct Attempt {
    id: Uuid,
    account: Vec<u8>,
    buckets: Vec<Vec<u8>>,
}

impl Attempt {
    /// Records an attempt, or refuses it.
    pub async fn begin(
        db: &PgPool,
        vault: &Vault,
        email: &str,
        address: Option<IpAddr>,
        now: Timestamp,
    ) -> Result<Self, OpsError> {
        let login = login_mac(vault, email);
        let account = vault.mac(EVERYWHERE, "attempt-account", &login).to_vec();
        let mut buckets = vec![account.clone()];
        if let Some(network) = address.map(network_of) {
            buckets.push(vault.mac(EVERYWHERE, "attempt-address", &network).to_vec());
        }
        let attempt = Self { id: Uuid::now_v7(), account, buckets };
        sqlx::query(include_str!("sql/attempt_insert.sql"))
            .bind(EVERYWHERE.0)
            .bind(&attempt.buckets)
            .bind(attempt.id)
            .bind(now.as_micros())
            .execute(db)
            .await?;
        match attempt.wait_s(db, now).await? {
            None => Ok(attempt),
            Some((retry_after_s, account)) => {
                // A refused attempt does not prolong the wait.
                attempt.withdraw(db).await?;
                Err(OpsError::TooMany { retry_after_s, account })
            }
        }
    }

    /// The attempt succeeded: the account starts afresh, the address is not charged.
    pub async fn succeed(self, db: &PgPool) -> Result<(), OpsError> {
        self.withdraw(db).await?;
        sqlx::query(include_str!("sql/attempt_clear.sql"))
            .bind(EVERYWHERE.0)
            .bind(&self.account)
            .execute(db)
            .await?;
        Ok(())
    }

    /// The attempt was not tried for reasons of our own: it does not count.
    pub async fn withdraw(&self, db: &PgPool) -> Result<(), OpsError> {
        sqlx::query(include_str!("sql/attempt_withdraw.sql"))
            .bind(EVERYWHERE.0)
            .bind(&self.buckets)
            .bind(self.id)
            .execute(db)
            .await?;
        Ok(())
    }

    /// How long to wait, and whether the account has to.
    async fn wait_s(&self, db: &PgPool, now: Timestamp) -> Result<Option<(u64, bool)>, OpsError> {
        let rows = sqlx::query(include_str!("sql/attempt_count.sql"))
            .bind(EVERYWHERE.0)
            .bind(&self.buckets)
            .bind(now.plus_seconds(-WINDOW_S).as_micros())
            // What lies further ahead was counted while a clock was wrong.
            .bind(now.plus_seconds(WINDOW_S).as_micros())
            .fetch_all(db)
            .await?;
        let (mut wait, mut account) = (None, false);
        for row in rows {
            let attempts: i64 = row.try_get("attempts")?;
            let oldest = Timestamp::from_micros(row.try_get("oldest_us")?);
            if attempts > ATTEMPTS_MAX {
                let free_at = oldest.plus_seconds(WINDOW_S);
                let seconds = (free_at.as_micros() - now.as_micros()).div_euclid(1_000_000) + 1;
                wait = wait.max(Some(u64::try_from(seconds).unwrap_or(1)));
                account |= row.try_get::<Vec<u8>, _>("bucket")? == self.account;
            }
        }
        Ok(wait.map(|seconds| (seconds, account)))
    }
}

/// The address, or the network of a version 6 address: one customer has the whole of it.
fn network_of(address: IpAddr) -> Vec<u8> {
    match address.to_canonical() {
        IpAddr::V4(four) => four.octets().to_vec(),
        IpAddr::V6(six) => six.octets()[..8].to_vec(),
    }
}
