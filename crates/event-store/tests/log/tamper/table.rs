//! The tables of the log as the catalogue describes them, and single values in them: a new column is met without being named here.

use rand::RngExt;
use rand::rngs::StdRng;
use sqlx::{AssertSqlSafe, PgConnection, Row};
use uuid::Uuid;

/// Microseconds of a day.
const DAY: i64 = 86_400_000_000;

/// A column.
#[derive(Clone, Debug)]
pub struct Column {
    pub name: String,
    pub kind: String,
    pub nullable: bool,
}

/// A table.
#[derive(Clone, Debug)]
pub struct Table {
    pub name: String,
    pub columns: Vec<Column>,
}

/// Every table of schema es with every column.
pub async fn tables(connection: &mut PgConnection) -> Vec<Table> {
    let rows = sqlx::query(
        "select c.table_name::text, c.column_name::text, c.data_type::text, c.is_nullable = 'YES'
           from information_schema.columns c
           join information_schema.tables t using (table_schema, table_name)
          where c.table_schema = 'es' and t.table_type = 'BASE TABLE'
          order by c.table_name, c.ordinal_position",
    )
    .fetch_all(connection)
    .await
    .unwrap();
    let mut tables: Vec<Table> = Vec::new();
    for row in rows {
        let name: String = row.get(0);
        if tables.last().is_none_or(|table| table.name != name) {
            tables.push(Table { name, columns: Vec::new() });
        }
        let column = Column { name: row.get(1), kind: row.get(2), nullable: row.get(3) };
        tables.last_mut().unwrap().columns.push(column);
    }
    tables
}

/// Lets go of the keys: who owns the tables can do that as well.
pub async fn drop_keys(connection: &mut PgConnection) {
    let rows = sqlx::query(
        "select c.conrelid::regclass::text, quote_ident(c.conname) from pg_constraint c
          where c.connamespace = 'es'::regnamespace and c.contype in ('p', 'u')",
    )
    .fetch_all(&mut *connection)
    .await
    .unwrap();
    assert!(rows.len() >= 5, "the tables have keys");
    for row in rows {
        let (table, name): (String, String) = (row.get(0), row.get(1));
        run(connection, format!("alter table {table} drop constraint {name}")).await.unwrap();
    }
    run(connection, "drop index es.commit_last_pos".to_owned()).await.unwrap();
}

/// Runs a statement; answers how many rows it met.
pub async fn run(connection: &mut PgConnection, statement: String) -> Result<u64, sqlx::Error> {
    let done = sqlx::raw_sql(AssertSqlSafe(statement)).execute(connection).await?;
    Ok(done.rows_affected())
}

/// A row: where it lies, and to which commit of which workspace it belongs.
#[derive(Clone, Debug, PartialEq)]
pub struct Place {
    pub ctid: String,
    pub ws: Uuid,
    /// The commit, or a number before the first or behind the last.
    pub commit: i64,
    /// The position of an event.
    pub position: Option<i64>,
}

/// Rows of a table in their order.
pub async fn places(connection: &mut PgConnection, table: &str) -> Vec<Place> {
    let (commit, position) = match table {
        "event" => (
            // Seen from the commits as they were written.
            "coalesce((select b.no from pg_temp.before b where b.ws = t.ws and t.pos between b.first_pos and b.last_pos limit 1),
                      case when t.pos < 1 then 0 else 1000000000 end)",
            "t.pos",
        ),
        "workspace" => ("0::bigint", "null::bigint"),
        _ => ("t.no", "null::bigint"),
    };
    let statement = format!(
        "select t.ctid::text, t.ws, {commit}, {position} from es.{table} t order by 2, 3, 4, t.ctid"
    );
    let rows = sqlx::query(AssertSqlSafe(statement)).fetch_all(connection).await.unwrap();
    rows.iter()
        .map(|row| Place {
            ctid: row.get(0),
            ws: row.get(1),
            commit: row.get(2),
            position: row.get(3),
        })
        .collect()
}

impl Column {
    /// The bytes of a value as the database sends it; none for null.
    pub async fn read(
        &self,
        connection: &mut PgConnection,
        table: &str,
        ctid: &str,
    ) -> Option<Vec<u8>> {
        let send = match self.kind.as_str() {
            "uuid" => "uuid_send",
            "bigint" => "int8send",
            "integer" => "int4send",
            "smallint" => "int2send",
            "text" => "textsend",
            "bytea" => "byteasend",
            "timestamp with time zone" => "timestamptz_send",
            other => panic!("teach this test the type {other} of es.{table}.{}", self.name),
        };
        let statement =
            format!("select {send}({}) from es.{table} where ctid = '{ctid}'", self.name);
        let row = sqlx::query(AssertSqlSafe(statement)).fetch_one(connection).await.unwrap();
        row.get(0)
    }

    /// A value in SQL from its bytes; none where no value has these bytes.
    pub fn value(&self, bytes: &[u8]) -> Option<String> {
        let whole = |width: usize| {
            let mut wide = [0; 8];
            wide[8 - width..].copy_from_slice(bytes);
            i64::from_be_bytes(wide) << (64 - 8 * width) >> (64 - 8 * width)
        };
        Some(match self.kind.as_str() {
            "uuid" => format!("'{}'::uuid", Uuid::from_slice(bytes).ok()?),
            "bigint" => format!("('{}')::bigint", whole(8)),
            "integer" => format!("('{}')::integer", whole(4)),
            "smallint" => format!("('{}')::smallint", whole(2)),
            "text" => {
                let text = std::str::from_utf8(bytes).ok().filter(|text| !text.contains('\0'))?;
                format!("E'{}'", text.replace('\\', "\\\\").replace('\'', "''"))
            }
            "bytea" => {
                let digits: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
                format!("'\\x{digits}'::bytea")
            }
            _ => match whole(8) {
                i64::MAX => "'infinity'::timestamptz".to_owned(),
                i64::MIN => "'-infinity'::timestamptz".to_owned(),
                micros => format!(
                    "timestamptz '2000-01-01 00:00:00+00' + ({}) * interval '24 hours' + ({}) * interval '1 microsecond'",
                    micros / DAY,
                    micros % DAY
                ),
            },
        })
    }

    /// Another value than this: one bit flipped, a bit added to nothing, or null where that may be.
    pub fn other(&self, chance: &mut StdRng, bytes: Option<&[u8]>) -> Option<String> {
        let Some(bytes) = bytes else {
            return Some(match self.kind.as_str() {
                "uuid" => format!("'{}'::uuid", Uuid::from_u128(chance.random())),
                _ => format!(
                    "timestamptz '2001-01-01 00:00:00+00' + {} * interval '1 second'",
                    chance.random_range(0..1_000_000)
                ),
            });
        };
        if self.nullable && chance.random_ratio(1, 4) {
            return Some("null".to_owned());
        }
        let mut bytes = bytes.to_vec();
        if bytes.is_empty() {
            bytes.push(b'x');
        } else {
            let bit = chance.random_range(0..bytes.len() * 8);
            bytes[bit / 8] ^= 1 << (bit % 8);
        }
        self.value(&bytes)
    }
}
