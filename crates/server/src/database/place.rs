//! Where the database is: in the private Postgres of the data folder, or on a server of one's own.

use sqlx::postgres::PgConnectOptions;
use sqlx::{ConnectOptions, Connection, Row};

use super::pools::Application;
use super::private::{self, Private};
use super::{DatabaseError, Starter};
use crate::config::Config;
use crate::secret::Secret;

/// Where the database is, and how its owner and the application get there.
pub struct Place {
    owner: PgConnectOptions,
    application: PgConnectOptions,
    private: Option<Private>,
}

impl Place {
    /// Finds or starts the server; whether the database itself is there is not looked at.
    pub async fn open(config: &Config, starter: Starter) -> Result<Self, DatabaseError> {
        if let Some(place) = Self::given(config)? {
            return Ok(place);
        }
        let data = config.data.clone();
        let opened = tokio::task::spawn_blocking(move || private::open(&data, starter)).await;
        let private = opened.map_err(|_| DatabaseError::Stopping)??;
        let owner = options(private.url())?;
        let application = owner.clone().username(super::APP_ROLE);
        Ok(Self { owner, application, private: Some(private) })
    }

    /// The given server; none when the private one is to be used.
    pub fn given(config: &Config) -> Result<Option<Self>, DatabaseError> {
        let Some(url) = &config.database.url else { return Ok(None) };
        let application = options(url.expose())?;
        let owner = config.database.owner_url.as_ref().map(Secret::expose);
        let owner = owner.map_or_else(|| Ok(application.clone()), options)?;
        Ok(Some(Self { owner, application, private: None }))
    }

    pub fn owner(&self) -> &PgConnectOptions {
        &self.owner
    }

    /// How the application connects, and as which role it works.
    pub async fn application(&self, role: &'static str) -> Result<Application, DatabaseError> {
        if self.application.get_username() == role {
            return Ok(Application { options: self.application.clone(), role: None });
        }
        let mut connection = connect(&self.application).await?;
        let row = sqlx::query(include_str!("sql/role_membership.sql"))
            .bind(role)
            .fetch_optional(&mut connection)
            .await
            .map_err(DatabaseError::Prepare)?;
        connection.close().await.ok();
        let member = row.is_some_and(|row| row.try_get(0).unwrap_or(false));
        if !member {
            tracing::warn!(
                "the database user is no member of {role}, so nothing but this program keeps it from changing the log; \
                 `ledgerdesk doctor` says what to do"
            );
        }
        Ok(Application { options: self.application.clone(), role: member.then_some(role) })
    }

    /// Stops the private Postgres if this process started it.
    pub async fn stop(self) {
        let Some(private) = self.private else { return };
        match tokio::task::spawn_blocking(move || private.stop()).await {
            Ok(Ok(())) => {}
            Ok(Err(error)) => {
                let error = &error as &dyn std::error::Error;
                tracing::warn!(error, "the private Postgres did not shut down cleanly");
            }
            Err(_) => tracing::warn!("the private Postgres could not be told to shut down"),
        }
    }
}

/// Connects once.
pub async fn connect(options: &PgConnectOptions) -> Result<sqlx::PgConnection, DatabaseError> {
    options
        .connect()
        .await
        .map_err(|source| DatabaseError::Connect { database: shown(options), source })
}

/// A database's name and place, without user and password.
pub fn shown(options: &PgConnectOptions) -> String {
    let database = options.get_database().unwrap_or("(default)");
    match options.get_socket() {
        Some(_) => format!("{database} (private)"),
        None => format!("{database} on {}:{}", options.get_host(), options.get_port()),
    }
}

fn options(url: &str) -> Result<PgConnectOptions, DatabaseError> {
    let options: PgConnectOptions = url.parse().map_err(DatabaseError::Url)?;
    Ok(options.application_name("ledgerdesk").disable_statement_logging())
}
