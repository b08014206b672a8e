//! The statements of a `schema.sql`, apart: a rebuild makes the tables first and the indexes when the rows are in.

/// More memory of the database for sorting index entries; Postgres takes it as it needs it.
pub(super) const INDEXING: &str =
    "set local maintenance_work_mem = '128MB'; set local synchronous_commit = off";

/// The tables with their keys, and the indexes that only readers need.
pub(super) struct Ddl {
    pub(super) tables: Vec<String>,
    pub(super) indexes: Vec<String>,
}

/// Sorts the statements. An index is made unless it is there: the work may have been cut off after it.
pub(super) fn sorted(schema_sql: &str) -> Ddl {
    let (mut tables, mut indexes) = (Vec::new(), Vec::new());
    for statement in statements(schema_sql) {
        let words: Vec<_> = statement.split_whitespace().take(3).map(str::to_lowercase).collect();
        let words: Vec<_> = words.iter().map(String::as_str).collect();
        match words.as_slice() {
            ["create", "index", ..] => {
                indexes.push(unless_there(&statement, "index"));
            }
            ["create", "unique", "index"] => {
                indexes.push(unless_there(&statement, "unique index"));
            }
            _ => tables.push(statement),
        }
    }
    Ddl { tables, indexes }
}

fn unless_there(statement: &str, what: &str) -> String {
    let mut rest = statement;
    for _ in 0..=what.split(' ').count() {
        rest = rest.trim_start().split_once(char::is_whitespace).map_or("", |(_, rest)| rest);
    }
    format!("create {what} if not exists {}", rest.trim_start())
}

/// The statements, without comments. A semicolon in quotes ends none.
fn statements(sql: &str) -> Vec<String> {
    let (mut found, mut present, mut quote) = (Vec::new(), String::new(), None);
    let mut characters = sql.chars().peekable();
    while let Some(character) = characters.next() {
        match (quote, character) {
            (None, '-') if characters.peek() == Some(&'-') => {
                characters.by_ref().find(|next| *next == '\n');
                present.push('\n');
            }
            (None, ';') => found.push(std::mem::take(&mut present)),
            (None, '\'' | '"') => {
                quote = Some(character);
                present.push(character);
            }
            (Some(open), closing) => {
                quote = (open != closing).then_some(open);
                present.push(closing);
            }
            (None, other) => present.push(other),
        }
    }
    found.push(present);
    found.retain(|statement| !statement.trim().is_empty());
    found.iter().map(|statement| statement.trim().to_owned()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tables_come_first_and_indexes_later_whatever_stands_in_comments_and_quotes() {
        let ddl = sorted(
            "create table a (x text default ';', -- a; comment\n y int);\n-- by x; and y\ncreate index a_x on a (x);\n\
             CREATE UNIQUE  INDEX a_y\n on a (y) where x <> '--;';\n",
        );
        assert_eq!(ddl.tables, ["create table a (x text default ';', \n y int)"]);
        assert_eq!(
            ddl.indexes,
            [
                "create index if not exists a_x on a (x)",
                "create unique index if not exists a_y\n on a (y) where x <> '--;'",
            ]
        );
    }
}
