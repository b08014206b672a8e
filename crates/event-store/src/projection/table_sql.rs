//! The one place where statements with dynamic names are built. Names are constants of the program, and quoted.

use std::sync::Arc;

use sqlx::AssertSqlSafe;

use super::column::Column;
use super::rows::TableDef;

/// The statements of one table. `$1` is the workspace; the others are one array per column.
#[derive(Clone, Debug)]
pub struct TableSql {
    /// Reads the rows with these keys.
    pub prefetch: Arc<str>,
    /// Adds or replaces rows.
    pub upsert: Arc<str>,
    /// Deletes the rows with these keys.
    pub delete: Arc<str>,
    /// Reads all rows.
    pub read_all: Arc<str>,
}

impl TableSql {
    /// The statements of a table in a schema.
    #[must_use]
    pub fn new(schema: &str, table: &TableDef) -> Self {
        let place = format!("{}.{}", quoted(schema), quoted(table.name));
        let (keys, rest) = table.columns.split_at(table.keys);
        let key_names = list(keys, |key| quoted(key.name));
        let key_unnest = unnest(keys);
        let read = list(table.columns, read_column);
        let same_key =
            joined(keys.iter().map(|key| format!("t.{0} = u.{0}", quoted(key.name))), " and ");
        // `offset 0` keeps the look-up a look-up: joined freely, unnest and a big table become a hash join.
        let prefetch = format!(
            "select r.* from {key_unnest} cross join lateral \
             (select {read} from {place} as t where t.ws = $1 and {same_key} offset 0) as r"
        );
        let on_conflict = if rest.is_empty() {
            "nothing".to_owned()
        } else {
            let sets = list(rest, |column| format!("{0} = excluded.{0}", quoted(column.name)));
            format!("update set {sets}")
        };
        let upsert = format!(
            "insert into {place} as t (ws, {}) select $1::uuid, {} from {} on conflict (ws, {key_names}) do {on_conflict}",
            list(table.columns, |column| quoted(column.name)),
            list(table.columns, write_column),
            unnest(table.columns),
        );
        // By place: a join would look for them in whatever index seemed as good while the table was small.
        let delete = format!(
            "delete from {place} where ctid = any(array(select r.ctid from {key_unnest} cross join lateral \
             (select t.ctid from {place} as t where t.ws = $1 and {same_key} offset 0) as r))"
        );
        let read_all = format!("select {read} from {place} as t where t.ws = $1");
        Self {
            prefetch: prefetch.into(),
            upsert: upsert.into(),
            delete: delete.into(),
            read_all: read_all.into(),
        }
    }
}

/// A statement that this module built.
pub(super) fn safe(sql: &Arc<str>) -> AssertSqlSafe<Arc<str>> {
    AssertSqlSafe(Arc::clone(sql))
}

/// An identifier in quotes.
pub(super) fn quoted(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

fn unnest(columns: &[Column]) -> String {
    let arrays = joined(
        columns
            .iter()
            .enumerate()
            .map(|(index, column)| format!("${}::{}[]", index + 2, column.sql.wire)),
        ", ",
    );
    format!("unnest({arrays}) as u({})", list(columns, |column| quoted(column.name)))
}

fn read_column(column: &Column) -> String {
    let name = quoted(column.name);
    if column.sql.read_as_text { format!("t.{name}::text as {name}") } else { format!("t.{name}") }
}

fn write_column(column: &Column) -> String {
    let name = quoted(column.name);
    if column.sql.wire == column.sql.name {
        format!("u.{name}")
    } else {
        format!("u.{name}::{}", column.sql.name)
    }
}

fn list(columns: &[Column], write: impl Fn(&Column) -> String) -> String {
    joined(columns.iter().map(write), ", ")
}

fn joined(parts: impl Iterator<Item = String>, separator: &str) -> String {
    parts.collect::<Vec<_>>().join(separator)
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;
    use crate::projection::{Json, Row};

    crate::row! {
        struct Sample in "sample" {
            key { ticket: Uuid, no: i32 }
            tags: Vec<String>,
            name: Option<Json<String>>,
        }
    }

    #[test]
    fn every_value_is_bound_and_every_name_is_quoted() {
        let def = TableDef { name: Sample::TABLE, keys: Sample::KEYS, columns: Sample::COLUMNS };
        let sql = TableSql::new("inbox_v1", &def);
        assert_eq!(
            &*sql.upsert,
            "insert into \"inbox_v1\".\"sample\" as t (ws, \"ticket\", \"no\", \"tags\", \"name\") \
             select $1::uuid, u.\"ticket\", u.\"no\", u.\"tags\"::text[], u.\"name\"::jsonb \
             from unnest($2::uuid[], $3::integer[], $4::text[], $5::text[]) as u(\"ticket\", \"no\", \"tags\", \"name\") \
             on conflict (ws, \"ticket\", \"no\") do update set \"tags\" = excluded.\"tags\", \"name\" = excluded.\"name\""
        );
        assert_eq!(
            &*sql.delete,
            "delete from \"inbox_v1\".\"sample\" where ctid = any(array(select r.ctid \
             from unnest($2::uuid[], $3::integer[]) as u(\"ticket\", \"no\") cross join lateral \
             (select t.ctid from \"inbox_v1\".\"sample\" as t where t.ws = $1 and t.\"ticket\" = u.\"ticket\" \
             and t.\"no\" = u.\"no\" offset 0) as r))"
        );
    }
}
