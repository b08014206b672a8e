//! The database: reachable, new enough, up to date, and the application's role kept from changing the log.

use std::time::Duration;

use decider::WorkspaceId;
use sqlx::postgres::{PgConnectOptions, PgPoolOptions};
use sqlx::{Connection, PgConnection, PgPool, Row};

use super::Finding;
use crate::cli::projection_list;
use crate::config::Config;
use crate::database::{APP_ROLE, MIGRATIONS, Place, Starter, take_role};
use crate::service::now;

/// A clock that differs by more is worth a word; by more than the second, it has to be mended.
const SKEW: (Duration, Duration) = (Duration::from_millis(500), Duration::from_secs(30));
/// A log whose newest event is further ahead was written while a clock was wrong.
const AHEAD_MAX_S: i64 = 60;
/// A view further behind than this is not following.
const LAG_EVENTS_MAX: u64 = 1_000;
const REACH_TIMEOUT: Duration = Duration::from_secs(10);

pub async fn look(config: &Config) -> Vec<Finding> {
    const CHECK: &str = "database";
    let place = if config.database.url.is_none() && !has_cluster(config) {
        return vec![Finding::ok(CHECK, "not there yet; the first `ledgerdesk serve` makes it")];
    } else {
        Place::open(config, Starter::Command).await
    };
    let place = match place {
        Ok(place) => place,
        Err(error) => {
            return vec![broken(CHECK, &error, "mend this first; everything else needs it")];
        }
    };
    let findings = in_place(config, &place).await;
    place.stop().await;
    findings
}

fn has_cluster(config: &Config) -> bool {
    ["postgres", "postgres.location"].iter().any(|name| config.data.join(name).exists())
}

async fn in_place(config: &Config, place: &Place) -> Vec<Finding> {
    const CHECK: &str = "database";
    let mut findings = Vec::new();
    let application = match place.application(APP_ROLE).await {
        Ok(application) => application,
        Err(error) => {
            let advice =
                "is the server running, is the URL right, and was `ledgerdesk serve` started once?";
            return vec![broken(CHECK, &error, advice)];
        }
    };
    let role = application.role;
    let options = PgPoolOptions::new().max_connections(2).acquire_timeout(REACH_TIMEOUT);
    let options = options.after_connect(move |connection, _| {
        Box::pin(async move {
            match role {
                Some(role) => take_role(connection, role).await,
                None => Ok(()),
            }
        })
    });
    let pool = options.connect_lazy_with(application.options);
    let checks: [(&'static str, Result<Finding, sqlx::Error>); 8] = [
        (CHECK, version(&pool).await),
        ("encoding", encoding(&pool).await),
        ("clock", clock(&pool).await),
        ("time of the log", time_of_log(&pool).await),
        ("migrations", migrations(place.owner()).await),
        ("rights on the log", rights(&pool).await),
        ("log and views", log_and_views(&pool).await),
        ("views", views(&pool).await),
    ];
    for (check, outcome) in checks {
        findings.push(
            outcome.unwrap_or_else(|error| broken(check, &error, "start `ledgerdesk serve` once")),
        );
    }
    findings.push(keys(config, &pool).await);
    pool.close().await;
    findings
}

async fn version(pool: &PgPool) -> Result<Finding, sqlx::Error> {
    let row =
        sqlx::query(include_str!("../../database/sql/server_version.sql")).fetch_one(pool).await?;
    let version: String = row.try_get("version")?;
    if row.try_get::<i32, _>("number")? / 10_000 < crate::database::MAJOR_MIN {
        let advice = "move to Postgres 15 or newer";
        return Ok(Finding::fail("database", format!("Postgres {version} is too old"), advice));
    }
    Ok(Finding::ok("database", format!("reachable, Postgres {version}")))
}

async fn encoding(pool: &PgPool) -> Result<Finding, sqlx::Error> {
    let row = sqlx::query(include_str!("sql/encoding.sql")).fetch_one(pool).await?;
    let encoding: String = row.try_get("encoding")?;
    Ok(match encoding.as_str() {
        "UTF8" => Finding::ok("encoding", encoding),
        _ => Finding::fail("encoding", encoding, "use a database with encoding UTF8"),
    })
}

async fn clock(pool: &PgPool) -> Result<Finding, sqlx::Error> {
    let before = now().as_micros();
    let row = sqlx::query(include_str!("sql/clock.sql")).fetch_one(pool).await?;
    let middle = before.midpoint(now().as_micros());
    let skew = Duration::from_micros(row.try_get::<i64, _>("micros")?.abs_diff(middle));
    let seen = format!("this machine and the database differ by {} ms", skew.as_millis());
    Ok(match skew {
        skew if skew > SKEW.1 => Finding::fail(
            "clock",
            seen,
            "set both clocks by NTP: sessions and links expire by them",
        ),
        skew if skew > SKEW.0 => Finding::warn("clock", seen, "set both clocks by NTP"),
        _ => Finding::ok("clock", seen),
    })
}

/// Recording times never run backwards, so a clock that was far ahead once is remembered.
async fn time_of_log(pool: &PgPool) -> Result<Finding, sqlx::Error> {
    const CHECK: &str = "time of the log";
    let row = sqlx::query(include_str!("sql/ahead.sql")).fetch_one(pool).await?;
    let Some(ahead) = row.try_get::<Option<i64>, _>("seconds")?.filter(|s| *s > AHEAD_MAX_S) else {
        return Ok(Finding::ok(CHECK, "its newest event is not later than now"));
    };
    let seen = format!("its newest event was recorded {ahead} s later than now");
    let advice = "a clock was ahead. Set the clocks by NTP; events are recorded with this time until it has come. From a day on \
                  they are shown with the server's time instead";
    Ok(Finding::warn(CHECK, seen, advice))
}

/// Only the owner may see which were done.
async fn migrations(owner: &PgConnectOptions) -> Result<Finding, sqlx::Error> {
    const CHECK: &str = "migrations";
    let mut connection = PgConnection::connect_with(owner).await?;
    let rows = sqlx::query(include_str!("sql/migrations.sql")).fetch_all(&mut connection).await?;
    connection.close().await?;
    let mut applied = Vec::new();
    for row in rows {
        let version: i64 = row.try_get("version")?;
        if !row.try_get::<bool, _>("success")? {
            let seen = format!("migration {version} was begun and not finished");
            return Ok(Finding::fail(CHECK, seen, "restore the backup, or finish it by hand"));
        }
        applied.push(version);
    }
    let ours = || {
        event_store::migrate::MIGRATIONS
            .iter()
            .chain(MIGRATIONS.iter().flat_map(|list| list.iter()))
    };
    let missing = ours().filter(|(version, ..)| !applied.contains(version)).count();
    let newer =
        applied.iter().filter(|version| !ours().any(|(known, ..)| known == *version)).count();
    if newer > 0 {
        let seen = format!("the database has {newer} that this program does not know");
        return Ok(Finding::fail(CHECK, seen, "use the newer program that made them"));
    }
    if missing > 0 {
        return Ok(Finding::warn(
            CHECK,
            format!("{missing} to do"),
            "the next start of the server does them",
        ));
    }
    Ok(Finding::ok(CHECK, format!("all {} done", applied.len())))
}

async fn rights(pool: &PgPool) -> Result<Finding, sqlx::Error> {
    const CHECK: &str = "rights on the log";
    let row = sqlx::query(include_str!("sql/who.sql")).fetch_one(pool).await?;
    let name: String = row.try_get("name")?;
    let advice = format!(
        "let the application connect as {APP_ROLE} or as a member of it, and name the owner in DATABASE_OWNER_URL: \
         until then nothing but this program keeps it from changing the log"
    );
    let rows = sqlx::query(include_str!("sql/rights.sql")).fetch_all(pool).await?;
    let excess: Vec<String> = rows.iter().map(|row| row.try_get(0)).collect::<Result<_, _>>()?;
    if !excess.is_empty() {
        let seen = format!("{name} may do more than read and append: {}", excess.join(", "));
        return Ok(Finding::warn(CHECK, seen, advice));
    }
    // Not only what the catalogue says: it is tried, on no row at all.
    for attempt in [
        include_str!("sql/try_insert.sql"),
        include_str!("sql/try_update.sql"),
        include_str!("sql/try_delete.sql"),
    ] {
        let refused = match sqlx::query(attempt).execute(pool).await {
            Ok(_) => false,
            Err(sqlx::Error::Database(error)) if error.code().as_deref() == Some("42501") => true,
            Err(error) => return Err(error),
        };
        if !refused {
            return Ok(Finding::warn(CHECK, format!("{name} can change the log"), advice));
        }
    }
    Ok(Finding::ok(
        CHECK,
        format!("{name} can read and append, and cannot insert, update or delete"),
    ))
}

/// A view that has folded what the log does not hold: one of the two was set back.
async fn log_and_views(pool: &PgPool) -> Result<Finding, sqlx::Error> {
    const CHECK: &str = "log and views";
    let rows = sqlx::query(include_str!("sql/views_ahead.sql")).fetch_all(pool).await?;
    let ahead: Result<Vec<String>, sqlx::Error> = rows
        .iter()
        .map(|row| {
            Ok(format!("{} at commit {}", row.try_get::<String, _>(0)?, row.try_get::<i64, _>(1)?))
        })
        .collect();
    let ahead = ahead?;
    if ahead.is_empty() {
        return Ok(Finding::ok(CHECK, "every view stands at a commit of the log"));
    }
    Ok(Finding::fail(
        CHECK,
        format!("the log was set back beneath its views: {}", ahead.join(", ")),
        "find out who or what took commits away: `ledgerdesk log verify --against` with the heads you keep; then restore \
         log and views together, from one backup",
    ))
}

async fn views(pool: &PgPool) -> Result<Finding, sqlx::Error> {
    const CHECK: &str = "views";
    let reader = event_store::log::LogReader::new(pool.clone());
    let workspaces =
        sqlx::query(include_str!("../../database/sql/workspaces.sql")).fetch_all(pool).await?;
    let (mut views, mut behind, mut quarantined) = (0, Vec::new(), 0);
    for row in workspaces {
        let ws = WorkspaceId(row.try_get(0)?);
        let head = reader.head(ws).await.map_or(decider::LogPosition(0), |head| head.position);
        for build in projection_list::builds(pool, ws, head).await? {
            if build.state != "active" {
                continue;
            }
            views += 1;
            quarantined += build.quarantined;
            if build.lag > LAG_EVENTS_MAX {
                behind.push(format!("{} by {}", build.name, build.lag));
            }
        }
    }
    if quarantined > 0 {
        let seen = format!("{quarantined} streams are left out: their rows are stale");
        return Ok(Finding::fail(
            CHECK,
            seen,
            "see `ledgerdesk projection list` and the server's log for the cause",
        ));
    }
    if !behind.is_empty() {
        let seen = format!("behind: {}", behind.join(", "));
        return Ok(Finding::warn(
            CHECK,
            seen,
            "start the server, or look at its log for what stops it",
        ));
    }
    Ok(Finding::ok(CHECK, format!("{views} up to date")))
}

async fn keys(config: &Config, pool: &PgPool) -> Finding {
    const CHECK: &str = "key file and database";
    if !config.key_file.exists() {
        return Finding::warn(
            CHECK,
            "no key file to compare",
            "restore it if this database was used before",
        );
    }
    match vault::Vault::open(pool.clone(), &config.key_file).await {
        Ok(_) => Finding::ok(CHECK, "they belong together"),
        Err(error) => {
            broken(CHECK, &error, "restore the key file that this database was sealed with")
        }
    }
}

/// A failed check with its whole chain of causes.
fn broken(check: &'static str, error: &dyn std::error::Error, advice: &str) -> Finding {
    let mut seen = error.to_string();
    let mut next = error.source();
    while let Some(cause) = next {
        let text = cause.to_string();
        if !seen.ends_with(&text) {
            seen = format!("{seen}: {text}");
        }
        next = cause.source();
    }
    Finding::fail(check, seen, advice)
}
