//! A plan as Postgres explains it, and what is wrong with it.

use serde_json::Value;
use sqlx::{AssertSqlSafe, PgConnection, Row};

use super::fixture::{SMALL, SMALL_INDEXES};

/// No hot statement is estimated to cost more; a look-up costs about 8.
pub const COST_MAX: f64 = 1_500.0;

/// Statements that may be estimated higher, to what, and why.
const COSTS: [(&str, f64, &str); 3] = [
    (
        "crates/event-store/src/log/sql/directory_after.sql",
        20_000.0,
        "a recursion is estimated at a hundred rounds; it takes as many as the directory has commits",
    ),
    (
        "projections/src/tally/counts.sql",
        20_000.0,
        "a sum over spans of time; what was recorded after a position is estimated as a third of everything",
    ),
    (
        "projections/src/tally/counts_early.sql",
        20_000.0,
        "counts what was recorded before a position, and is only asked where that is little",
    ),
];
/// What Postgres adds for a table that it can only read as a whole, though it should not: the small ones.
const DISABLED: f64 = 1e10;

/// A statement that was prepared as `name`.
pub struct Prepared {
    pub name: String,
    kinds: Vec<String>,
}

impl Prepared {
    pub async fn new(owner: &mut PgConnection, name: &str, sql: &str) -> Self {
        let name = name.replace(|c: char| !c.is_ascii_alphanumeric(), "_");
        run(owner, &format!("prepare {name} as {sql}")).await;
        let kinds = "select coalesce(parameter_types::text[], '{}') from pg_prepared_statements where name = $1";
        let row = sqlx::query(kinds).bind(&name).fetch_one(owner).await.unwrap();
        Self { name, kinds: row.get(0) }
    }

    /// The plan it has now for values of which there are a few.
    pub async fn plan(&self, owner: &mut PgConnection, ws: uuid::Uuid) -> Value {
        let values = self.kinds.iter().enumerate().map(|(index, kind)| sample(index, kind, ws));
        let values = values.collect::<Vec<_>>().join(", ");
        let call = if values.is_empty() { String::new() } else { format!("({values})") };
        let text = run(owner, &format!("explain (format json) execute {}{call}", self.name)).await;
        serde_json::from_str::<Value>(&text).unwrap()[0]["Plan"].take()
    }
}

fn sample(index: usize, kind: &str, ws: uuid::Uuid) -> String {
    match (index, kind) {
        (0, "uuid") => format!("'{ws}'"),
        (_, "uuid") => "md5('u3')::uuid".to_owned(),
        (_, "uuid[]") => {
            let ids = (1..=10).map(|n| format!("'{}'", uuid::Uuid::from_u128(n)));
            format!("array[{}]::uuid[]", ids.collect::<Vec<_>>().join(", "))
        }
        (_, "text[]") => "array['open', 'waiting']".to_owned(),
        (_, "text") => "'contact'".to_owned(),
        (_, "bigint" | "integer" | "smallint") => "51".to_owned(),
        (_, "boolean") => "true".to_owned(),
        (_, list) if list.ends_with("[]") => format!("'{{}}'::{list}"),
        _ => format!("null::{kind}"),
    }
}

/// Runs a statement and answers its first column.
pub async fn run(owner: &mut PgConnection, sql: &str) -> String {
    let rows = sqlx::raw_sql(AssertSqlSafe(sql.to_owned())).fetch_all(owner).await;
    let rows = rows.unwrap_or_else(|error| panic!("{sql}: {error}"));
    rows.iter().map(|row| row.get_unchecked::<String, _>(0)).collect::<Vec<_>>().join("\n")
}

/// Everything that is wrong with a plan.
pub fn faults(name: &str, plan: &Value) -> Vec<String> {
    let mut faults = Vec::new();
    look(plan, false, &mut faults);
    let cost = plan["Total Cost"].as_f64().unwrap_or(f64::MAX) % DISABLED;
    let excused = COSTS.iter().find(|(known, _, _)| *known == name);
    if cost > excused.map_or(COST_MAX, |(_, most, _)| *most) {
        faults.push(format!("is estimated to cost {cost}"));
    }
    faults
}

fn look(plan: &Value, is_limited: bool, faults: &mut Vec<String>) {
    let node = plan["Node Type"].as_str().unwrap_or_default();
    let table = plan["Relation Name"].as_str().filter(|table| !is_small(table));
    match (node, table) {
        ("Seq Scan", Some(table)) => faults.push(format!("reads all of {table}")),
        ("Hash Join" | "Merge Join", _) if reads_large(plan) => {
            faults.push(format!("joins a large table by {node}"));
        }
        ("Index Scan" | "Index Only Scan", Some(table)) if !is_limited => {
            // Every row of a workspace has the same one: that alone is no restriction.
            let condition = plan["Index Cond"].as_str().unwrap_or_default();
            let index = plan["Index Name"].as_str().unwrap_or_default();
            let is_restricted = !condition.is_empty()
                && (condition.contains(" AND ") || !condition.contains("ws ="));
            if !is_restricted && !SMALL_INDEXES.iter().any(|(small, _)| *small == index) {
                faults.push(format!("reads all of the index {index} of {table}"));
            }
        }
        _ => {}
    }
    // What reads in the order of the index stops early; what sorts first does not.
    let is_limited = match node {
        "Limit" => true,
        "Sort" | "Aggregate" | "Hash" => false,
        _ => is_limited,
    };
    for inner in plan["Plans"].as_array().into_iter().flatten() {
        look(inner, is_limited, faults);
    }
}

fn reads_large(plan: &Value) -> bool {
    let own = plan["Relation Name"].as_str().is_some_and(|table| !is_small(table));
    own || plan["Plans"].as_array().into_iter().flatten().any(reads_large)
}

fn is_small(table: &str) -> bool {
    SMALL.iter().any(|(small, _)| small.rsplit('.').next() == Some(table))
}
