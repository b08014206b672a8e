//! Where readers look for the tables of the views. A switch to another version reaches every connection before its next use.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use sqlx::postgres::PgPoolOptions;

use super::pools::{Trust, alive, begin_session};

/// A connection made while the path changed may have read it before: for so long after a change they count as made before it.
const WHILE_CHANGING: Duration = Duration::from_millis(200);

/// The path all reading connections follow. Cheap to clone.
#[derive(Clone)]
pub struct SearchPath {
    present: Arc<Mutex<Present>>,
}

struct Present {
    path: String,
    since: Instant,
}

impl Default for SearchPath {
    fn default() -> Self {
        // Nothing was led elsewhere by a change before the first.
        let since = Instant::now().checked_sub(WHILE_CHANGING).unwrap_or_else(Instant::now);
        let present = Present { path: "public".to_owned(), since };
        Self { present: Arc::new(Mutex::new(present)) }
    }
}

impl SearchPath {
    /// Sets the path, quoted as SQL wants it; connections made before are replaced before their next use.
    pub fn set(&self, path: &str) {
        let mut present = self.lock();
        if present.path != path {
            *present = Present { path: path.to_owned(), since: Instant::now() };
        }
    }

    /// The path.
    #[must_use]
    pub fn get(&self) -> String {
        self.lock().path.clone()
    }

    /// Lets the connections of a pool follow this path.
    pub(super) fn followed_by(
        &self,
        options: PgPoolOptions,
        role: Option<&'static str>,
        trust: Trust,
    ) -> PgPoolOptions {
        let (fresh, older) = (self.clone(), self.clone());
        options
            .after_connect(move |connection, _| {
                let path = fresh.get();
                Box::pin(async move {
                    begin_session(connection, role).await?;
                    sqlx::query(include_str!("sql/set_search_path.sql"))
                        .bind(path)
                        .execute(connection)
                        .await
                        .map(drop)
                })
            })
            .before_acquire(move |connection, about| {
                let made_since = older.lock().since.elapsed() > about.age + WHILE_CHANGING;
                let trusted = trust.covers(about.idle_for);
                Box::pin(async move { Ok(made_since && alive(connection, trusted).await?) })
            })
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Present> {
        // Nothing panics while holding the lock.
        self.present.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
