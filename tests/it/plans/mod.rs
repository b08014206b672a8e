//! No hot statement of the program reads a whole table, however it is planned: with values, for any values, or while the log
//! was still empty.

mod files;
mod fixture;
mod plan;

use sqlx::{AssertSqlSafe, PgConnection};
use testkit::Helpdesk;

use fixture::{FEW, MANY, enlarge};
use plan::{Prepared, faults, run};

/// What the engine sets while it writes; it only looks up by key there.
const WRITING: &str =
    "set enable_seqscan = off; set enable_hashjoin = off; set enable_mergejoin = off";
/// What the append sets for itself.
const APPENDING: &str = "set enable_sort = off";
/// What every connection of the service sets.
const USUAL: &str =
    "set enable_seqscan = off; reset enable_hashjoin; reset enable_mergejoin; reset enable_sort";

/// The settings under which a statement runs.
fn settings(name: &str) -> &'static str {
    if name.starts_with("append ") {
        APPENDING
    } else if name.ends_with(" upsert") || name.ends_with(" delete") {
        WRITING
    } else {
        USUAL
    }
}

/// After so many uses Postgres may keep one plan for all values.
const USES: usize = 7;

async fn owner_of(desk: &Helpdesk) -> PgConnection {
    let mut owner = desk.database().owner().await;
    let path =
        "select string_agg(quote_ident(schema_name), ', ') from proj.build where state = 'active'";
    let path = run(&mut owner, path).await;
    run(&mut owner, &format!("set search_path to {path}; set jit = off")).await;
    owner
}

/// What `es.append` looks up, as the function says it now.
async fn append_look_ups(owner: &mut PgConnection) -> Vec<(String, String)> {
    let body =
        "select prosrc from pg_proc where proname = 'append' and pronamespace = 'es'::regnamespace";
    let body = run(owner, body).await;
    let parameters = [
        ("p_ws", "$1::uuid"),
        ("c_cmd", "$2::uuid[]"),
        ("c_hash", "$3::bytea[]"),
        ("g_stream", "$2::uuid[]"),
        ("g_version", "$3::integer[]"),
        ("r_scope", "$2::text[]"),
        ("r_mac", "$3::bytea[]"),
        ("r_seq", "$4::integer[]"),
    ];
    let mut found = Vec::new();
    for statement in body.split(';') {
        let Some(start) = statement.find("select ") else { continue };
        let Some((columns, rest)) = statement[start..].split_once(" into ") else { continue };
        let Some((_, rest)) = rest.split_once(" from ") else { continue };
        let mut sql = format!("{columns} from {rest}");
        for (name, parameter) in parameters {
            sql = sql.replace(name, parameter);
        }
        found.push((format!("append look-up {}", found.len() + 1), sql));
    }
    assert_eq!(found.len(), 4, "head, repeated ids, versions and natural keys: {found:?}");
    found
}

/// Every hot statement: those of files, and those that are built from the columns of a view's table.
async fn statements(owner: &mut PgConnection) -> Vec<(String, String)> {
    let built = append_look_ups(owner).await.into_iter().chain(testkit::view_statements());
    built.chain(files::hot()).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn every_connection_of_the_service_keeps_to_indexes() {
    let desk = Helpdesk::start().await;
    let pools = &desk.service().pools;
    for pool in [&pools.append, &pools.read, &pools.project, &pools.ops] {
        let setting: String =
            sqlx::query_scalar("show enable_seqscan").fetch_one(pool).await.unwrap();
        assert_eq!(setting, "off");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn no_hot_statement_is_planned_to_read_a_whole_table() {
    let mut desk = Helpdesk::start().await;
    let ws = desk.ws().0;
    desk.stop().await;
    let mut owner = owner_of(&desk).await;
    enlarge(&mut owner, ws, MANY).await;
    run(&mut owner, "analyze").await;
    let mut wrong = Vec::new();
    for (name, sql) in statements(&mut owner).await {
        let prepared = Prepared::new(&mut owner, &name, &sql).await;
        run(&mut owner, USUAL).await;
        run(&mut owner, settings(&name)).await;
        for mode in ["force_custom_plan", "force_generic_plan"] {
            run(&mut owner, &format!("set plan_cache_mode = {mode}")).await;
            let plan = prepared.plan(&mut owner, ws).await;
            wrong.extend(
                faults(&name, &plan).iter().map(|fault| format!("{name} ({mode}) {fault}")),
            );
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[tokio::test(flavor = "multi_thread")]
async fn no_statement_keeps_a_bad_plan_from_the_time_when_the_tables_were_empty() {
    grown(false).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn no_statement_keeps_a_bad_plan_from_the_time_when_the_tables_were_small() {
    grown(true).await;
}

/// Plans are made and kept while the tables are empty or small; then the tables grow.
async fn grown(few: bool) {
    let mut desk = Helpdesk::start().await;
    let ws = desk.ws().0;
    desk.stop().await;
    let mut owner = owner_of(&desk).await;
    let mut filler = owner_of(&desk).await;
    // Statistics come later than rows: until then the plan must do.
    let tables = "select format('alter table %I.%I set (autovacuum_enabled = off)', schemaname, tablename) from pg_tables \
                  where schemaname <> all(array['pg_catalog', 'information_schema', 'public'])";
    let off = run(&mut filler, tables).await;
    for statement in off.lines() {
        sqlx::raw_sql(AssertSqlSafe(statement.to_owned())).execute(&mut filler).await.unwrap();
    }
    if few {
        enlarge(&mut filler, ws, FEW).await;
        run(&mut filler, "analyze").await;
    }
    let mut prepared = Vec::new();
    let excused = |name: &str| files::UNTIL_ANALYZED.iter().any(|(known, _)| *known == name);
    for (name, sql) in statements(&mut owner).await.into_iter().filter(|(name, _)| !excused(name)) {
        let statement = Prepared::new(&mut owner, &name, &sql).await;
        run(&mut owner, USUAL).await;
        run(&mut owner, settings(&name)).await;
        for _ in 0..USES {
            statement.plan(&mut owner, ws).await;
        }
        prepared.push((name, statement));
    }
    enlarge(&mut filler, ws, MANY).await;
    let mut wrong = Vec::new();
    for (name, statement) in prepared {
        run(&mut owner, USUAL).await;
        run(&mut owner, settings(&name)).await;
        let plan = statement.plan(&mut owner, ws).await;
        wrong.extend(faults(&name, &plan).iter().map(|fault| format!("{name} {fault}")));
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
