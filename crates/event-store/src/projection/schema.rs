//! Version-named schemas: each build of a view has its own, so that two binaries can work side by side and a view can be built
//! anew beside itself.

use std::sync::Arc;

use sqlx::{AssertSqlSafe, Connection, PgConnection, PgPool, Row};

use super::fold::ProjectionType;
use super::rebuild::{self, Build, BuildState};
use super::table_sql::quoted;

/// A log of more events is not folded batch by batch at a start: the view is built in bulk, and read when it is complete.
const AT_ONCE_EVENTS_MAX: u64 = 20_000;

/// The schemas that readers look in: they use unqualified names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SearchPath(Arc<str>);

impl SearchPath {
    /// Of the schemas of these projections.
    #[must_use]
    pub fn of(projections: &[ProjectionType]) -> Self {
        let names: Vec<_> =
            projections.iter().map(|projection| quoted(&projection.schema_name())).collect();
        Self(names.join(", ").into())
    }

    /// The value of the setting `search_path`.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Sets it on a connection; for a pool's `after_connect`.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn set_on(&self, connection: &mut PgConnection) -> Result<(), sqlx::Error> {
        let sql = format!("set search_path to {}", self.0);
        sqlx::raw_sql(AssertSqlSafe(sql)).execute(&mut *connection).await?;
        Ok(())
    }
}

/// Where the views of this program are.
#[derive(Clone, Debug)]
pub struct Places {
    /// Each view at the build that readers see, or, where it is only being built, at that one.
    pub present: Vec<ProjectionType>,
    /// Those of them that are being built: not fit to be read.
    pub building: Vec<ProjectionType>,
    /// Every build that is kept up to date.
    pub(super) followed: Vec<ProjectionType>,
}

impl Places {
    /// Of the views of this program among all builds. A view without any build stands at its first.
    #[must_use]
    pub fn among(builds: &[Build], projections: &[ProjectionType]) -> Self {
        let (mut present, mut building, mut followed) = (Vec::new(), Vec::new(), Vec::new());
        for projection in projections {
            let mine = || builds.iter().filter(|build| build.is_of(projection));
            followed.extend(
                mine()
                    .filter(|build| build.state.is_followed())
                    .map(|build| projection.at_build(build.build)),
            );
            let active = mine().find(|build| build.state == BuildState::Active);
            // An older program may have been told that a newer one took over: it goes on where it was.
            let replaced = || mine().rfind(|build| build.state == BuildState::Ready);
            let unfinished = || mine().find(|build| build.state.is_building());
            match active.or_else(replaced) {
                Some(found) => present.push(projection.at_build(found.build)),
                None => {
                    let build = unfinished().map_or(1, |build| build.build);
                    present.push(projection.at_build(build));
                    building.extend(unfinished().map(|build| projection.at_build(build.build)));
                }
            }
        }
        Self { present, building, followed }
    }

    /// Where readers look.
    #[must_use]
    pub fn search_path(&self) -> SearchPath {
        SearchPath::of(&self.present)
    }
}

/// Makes the tables of views that have none yet, and answers where readers find them: at once, however much has to be folded.
/// Older versions keep their tables for a way back.
///
/// # Errors
/// When the database fails or a schema's SQL is wrong.
pub async fn prepare(
    pool: &PgPool,
    projections: &[ProjectionType],
) -> Result<SearchPath, sqlx::Error> {
    Ok(prepare_as(pool, projections, Reading::AtOnce).await?.search_path())
}

/// The same for a server: a view that is new to a log of some size, or of which there is an older version, is only planned; it
/// is to be rebuilt and not to be read until then.
///
/// # Errors
/// When the database fails or a schema's SQL is wrong.
pub async fn prepare_to_serve(
    pool: &PgPool,
    projections: &[ProjectionType],
) -> Result<Places, sqlx::Error> {
    prepare_as(pool, projections, Reading::WhenComplete).await
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Reading {
    AtOnce,
    WhenComplete,
}

async fn prepare_as(
    pool: &PgPool,
    projections: &[ProjectionType],
    reading: Reading,
) -> Result<Places, sqlx::Error> {
    let mut connection = pool.acquire().await?;
    let mut transaction = connection.begin().await?;
    rebuild::lock(&mut transaction).await?;
    let known = rebuild::builds_on(&mut transaction).await?;
    for projection in projections {
        prepare_one(&mut transaction, projection, (&known, reading)).await?;
    }
    let places = Places::among(&rebuild::builds_on(&mut transaction).await?, projections);
    transaction.commit().await?;
    Ok(places)
}

/// The schemas that hold tables of a view: of every version and build, whatever it is for, except those that are retired. One that
/// is made later begins with an empty table and with the keys there are then.
///
/// # Errors
/// When the database fails.
pub async fn schemas_of(pool: &PgPool, name: &str) -> Result<Vec<String>, sqlx::Error> {
    let rows =
        sqlx::query(include_str!("sql/build_schemas.sql")).bind(name).fetch_all(pool).await?;
    rows.iter().map(|row| row.try_get("schema_name")).collect()
}

/// Uses the tables of one schema until the end of the transaction.
///
/// # Errors
/// When the database fails.
pub async fn enter_schema(connection: &mut PgConnection, schema: &str) -> Result<(), sqlx::Error> {
    let sql = format!("set local search_path to {}", quoted(schema));
    sqlx::raw_sql(AssertSqlSafe(sql)).execute(connection).await?;
    Ok(())
}

async fn prepare_one(
    connection: &mut PgConnection,
    projection: &ProjectionType,
    (known, reading): (&[Build], Reading),
) -> Result<(), sqlx::Error> {
    let mine = || known.iter().filter(|build| build.is_of(projection));
    let of_state = |state| mine().filter(move |build| build.state == state);
    if of_state(BuildState::Active).next().is_none() {
        // What was complete and never seen comes first, then what was seen last.
        let ready = of_state(BuildState::Ready)
            .min_by_key(|build| (build.replaced_for.unwrap_or(0), u32::MAX - build.build));
        let unfinished = mine().any(|build| build.state.is_building());
        match (ready, reading) {
            (Some(build), _) => {
                let ready = projection.at_build(build.build);
                rebuild::activate(connection, &ready).await?;
            }
            (None, Reading::WhenComplete) if unfinished => return Ok(()),
            (None, Reading::WhenComplete) if is_large(connection, projection, known).await? => {
                rebuild::create(connection, *projection, BuildState::Planned).await?;
                return Ok(());
            }
            (None, _) => {
                rebuild::create(connection, *projection, BuildState::Active).await?;
            }
        }
    }
    rebuild::replace_older(connection, projection).await
}

/// Whether a view would show half of its rows for long, or already has them all in an older version.
async fn is_large(
    connection: &mut PgConnection,
    projection: &ProjectionType,
    known: &[Build],
) -> Result<bool, sqlx::Error> {
    let has_older = known
        .iter()
        .any(|build| build.name == projection.name && build.version < projection.version);
    Ok(has_older || rebuild::log_size(connection).await? > AT_ONCE_EVENTS_MAX)
}
