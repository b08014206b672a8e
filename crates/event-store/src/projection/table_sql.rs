//! The one place where statements with dynamic names are built. Names are constants of the program, and quoted.

use std::sync::Arc;

use sqlx::AssertSqlSafe;

use super::column::Column;
use super::rows::TableDef;

/// A view is compared in so many parts, less one, where it differs at all: a power of two, less one.
pub(super) const PARTS_MASK: u32 = 1023;

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
    /// Takes new rows in binary form.
    pub copy: Arc<str>,
    /// How many rows there are, and two sums over their hashes, whatever their order.
    pub checksum: Arc<str>,
    /// The same for each of a thousand parts, by the hash of the key.
    pub part_checksums: Arc<str>,
    /// The keys and hashes of the rows of one part.
    pub part_rows: Arc<str>,
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
        let copy = format!(
            "copy {place} (ws, {}) from stdin (format binary)",
            list(table.columns, |column| quoted(column.name))
        );
        let sums = "count(*) as rows, coalesce(sum(hash_record_extended(t, 1)), 0)::text as one, \
                    coalesce(sum(hash_record_extended(t, 2)), 0)::text as two";
        let key = list(keys, |key| format!("t.{}", quoted(key.name)));
        let part = format!("(hash_record_extended(row({key}), 3) & {PARTS_MASK})::integer");
        let checksum = format!("select {sums} from {place} as t where t.ws = $1");
        let part_checksums = format!(
            "select {part} as part, {sums} from {place} as t where t.ws = $1 group by 1 order by 1"
        );
        let key_text = list(keys, |key| format!("t.{}::text", quoted(key.name)));
        let part_rows = format!(
            "select array[{key_text}] as key, hash_record_extended(t, 1) as one, hash_record_extended(t, 2) as two \
             from {place} as t where t.ws = $1 and {part} = $2"
        );
        Self {
            prefetch: prefetch.into(),
            upsert: upsert.into(),
            delete: delete.into(),
            read_all: read_all.into(),
            copy: copy.into(),
            checksum: checksum.into(),
            part_checksums: part_checksums.into(),
            part_rows: part_rows.into(),
        }
    }
}

/// A statement that this module built.
pub(super) fn safe(sql: &Arc<str>) -> AssertSqlSafe<Arc<str>> {
    AssertSqlSafe(Arc::clone(sql))
}

/// Keeps the tables of a schema from being written anew until the end of the transaction; whoever reads or writes rows is not
/// concerned.
pub(super) fn keep_tables(schema: &str, tables: &[TableDef]) -> AssertSqlSafe<String> {
    let place = |table: &TableDef| format!("{}.{}", quoted(schema), quoted(table.name));
    let places = joined(tables.iter().map(place), ", ");
    AssertSqlSafe(format!("lock table {places} in access share mode"))
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
