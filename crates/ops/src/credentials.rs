//! Who may sign in with which password. The address is stored as a keyed hash, the password as an Argon2id hash.

use std::net::IpAddr;

use decider::{Timestamp, WorkspaceId};
use sqlx::{PgPool, Row};
use uuid::Uuid;
use vault::Vault;

use crate::attempts::Attempt;
use crate::error::OpsError;
use crate::password::Passwords;
use crate::sign_in_failures::SignInFailures;

/// One address may sign in to so many workspaces.
const WORKSPACES_MAX: i64 = 8;

/// Credentials of all workspaces. Cheap to clone.
#[derive(Clone)]
pub struct Credentials {
    db: PgPool,
    vault: Vault,
    passwords: Passwords,
    failures: SignInFailures,
}

/// Who has signed in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Login {
    /// The workspace.
    pub ws: WorkspaceId,
    /// The user.
    pub user: Uuid,
}

impl Credentials {
    pub(crate) fn new(db: PgPool, vault: Vault) -> Self {
        let failures = SignInFailures::new(db.clone());
        Self { db, vault, passwords: Passwords::new(), failures }
    }

    /// Sets how a user signs in; replaces what was there.
    ///
    /// # Errors
    /// [`OpsError::LoginTaken`], [`OpsError::PasswordTooLong`], or when something broke.
    pub async fn set_password(
        &self,
        login: Login,
        email: &str,
        password: &str,
        now: Timestamp,
    ) -> Result<(), OpsError> {
        let hash = self.passwords.hash(password).await?;
        sqlx::query(include_str!("sql/credential_set.sql"))
            .bind(login.ws.0)
            .bind(login.user)
            .bind(login_mac(&self.vault, email))
            .bind(hash)
            .bind(now.as_micros())
            .execute(&self.db)
            .await
            .map_err(taken)?;
        Ok(())
    }

    /// Changes the address a user signs in with; answers whether the user has a password at all.
    ///
    /// # Errors
    /// [`OpsError::LoginTaken`], or when the database does not answer.
    pub async fn set_login(&self, login: Login, email: &str) -> Result<bool, OpsError> {
        let done = sqlx::query(include_str!("sql/credential_set_login.sql"))
            .bind(login.ws.0)
            .bind(login.user)
            .bind(login_mac(&self.vault, email))
            .execute(&self.db)
            .await
            .map_err(taken)?;
        Ok(done.rows_affected() > 0)
    }

    /// The user can no longer sign in with a password.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn remove(&self, login: Login) -> Result<(), OpsError> {
        sqlx::query(include_str!("sql/credential_remove.sql"))
            .bind(login.ws.0)
            .bind(login.user)
            .execute(&self.db)
            .await?;
        Ok(())
    }

    /// Who this is, if the password is right. An unknown account takes as long as a wrong password and answers the same. Where
    /// one address has accounts in several workspaces, the password decides.
    ///
    /// # Errors
    /// [`OpsError::TooMany`] after ten failures within a quarter of an hour, per account and per address.
    pub async fn verify(
        &self,
        email: &str,
        password: &str,
        address: Option<IpAddr>,
        now: Timestamp,
    ) -> Result<Option<Login>, OpsError> {
        let attempt = Attempt::begin(&self.db, &self.vault, email, address, now).await?;
        let (accounts, hashes) = self.accounts_of(email).await?;
        let found = match self.passwords.find(password, hashes).await {
            Ok(found) => found.and_then(|index| accounts.get(index).copied()),
            Err(error) => {
                attempt.withdraw(&self.db).await?;
                return Err(error);
            }
        };
        match found {
            Some(_) => attempt.succeed(&self.db).await?,
            None => self.failures.add(&accounts, now).await?,
        }
        Ok(found)
    }

    /// The accounts of an address: for the record of what was refused, never for an answer.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn accounts(&self, email: &str) -> Result<Vec<Login>, OpsError> {
        Ok(self.accounts_of(email).await?.0)
    }

    async fn accounts_of(&self, email: &str) -> Result<(Vec<Login>, Vec<String>), OpsError> {
        let rows = sqlx::query(include_str!("sql/credential_by_login.sql"))
            .bind(login_mac(&self.vault, email))
            .bind(WORKSPACES_MAX)
            .fetch_all(&self.db)
            .await?;
        let mut accounts = Vec::with_capacity(rows.len());
        let mut hashes = Vec::with_capacity(rows.len());
        for row in rows {
            accounts
                .push(Login { ws: WorkspaceId(row.try_get("ws")?), user: row.try_get("user_id")? });
            hashes.push(row.try_get("password_hash")?);
        }
        Ok((accounts, hashes))
    }
}

/// One hash for all workspaces: who signs in does not say to which.
pub(crate) fn login_mac(vault: &Vault, email: &str) -> Vec<u8> {
    let normalised = email.trim().to_lowercase();
    vault.mac(WorkspaceId(Uuid::nil()), "login", normalised.as_bytes()).to_vec()
}

/// The only unique key a statement here can hit besides its own is that of the address.
fn taken(error: sqlx::Error) -> OpsError {
    let duplicate = error
        .as_database_error()
        .and_then(sqlx::error::DatabaseError::code)
        .is_some_and(|code| code == "23505");
    if duplicate { OpsError::LoginTaken } else { OpsError::Database(error) }
}
