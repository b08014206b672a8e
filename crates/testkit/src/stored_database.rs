//! A database as an earlier build left it, with its key file and objects, in a form that needs nothing but Postgres: what `COPY`
//! writes of each table. The views are left out, since they are folded anew.

use std::collections::BTreeMap;
use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use futures_util::TryStreamExt;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use sqlx::migrate::Migrate;
use sqlx::{AssertSqlSafe, PgConnection, Row};

/// How strongly it is compressed: it is written once.
const LEVEL: i32 = 19;
/// The tables that are kept: all but those of the views.
const TABLES: &str = "
select t.table_schema || '.' || t.table_name as name,
       string_agg(quote_ident(c.column_name), ', ' order by c.ordinal_position) as columns
  from information_schema.tables t
  join information_schema.columns c using (table_schema, table_name)
 where t.table_type = 'BASE TABLE'
   and (t.table_schema in ('es', 'ops', 'vault') or t.table_name = 'ledgerdesk_migration')
 group by 1
 order by 1";

/// A database, its key file and its objects.
#[derive(Serialize, Deserialize)]
pub struct StoredDatabase {
    /// The migrations it has had.
    migrations: Vec<i64>,
    tables: Vec<StoredTable>,
    /// Files of the data folder by their path in it, base64.
    files: BTreeMap<String, String>,
}

#[derive(Serialize, Deserialize)]
struct StoredTable {
    name: String,
    columns: String,
    /// What `COPY` writes, as text.
    rows: String,
}

impl StoredDatabase {
    /// Takes it from a running one, and from the folders `keys` and `objects` of its data folder.
    pub async fn take(owner: &mut PgConnection, data: &Path) -> Self {
        let migrations = sqlx::query_scalar("select version from ledgerdesk_migration order by 1")
            .fetch_all(&mut *owner)
            .await
            .unwrap();
        let mut tables = Vec::new();
        for row in sqlx::query(TABLES).fetch_all(&mut *owner).await.unwrap() {
            let (name, columns): (String, String) = (row.get(0), row.get(1));
            let copy = format!("copy (select {columns} from {name} order by 1, 2) to stdout");
            let rows: Vec<_> =
                owner.copy_out_raw(&copy).await.unwrap().try_collect().await.unwrap();
            let rows = String::from_utf8(rows.concat()).unwrap();
            tables.push(StoredTable { name, columns, rows });
        }
        let mut files = BTreeMap::new();
        for folder in ["keys", "objects"] {
            collect(data, &data.join(folder), &mut files);
        }
        Self { migrations, tables, files }
    }

    /// Reads the file that [`StoredDatabase::write`] wrote.
    #[must_use]
    pub fn read(path: &Path) -> Self {
        Self::read_json(path)
    }

    /// Writes it into one file.
    pub fn write(&self, path: &Path) {
        Self::write_json(self, path);
    }

    /// Reads compressed JSON.
    #[must_use]
    pub fn read_json<T: DeserializeOwned>(path: &Path) -> T {
        let file = std::fs::File::open(path).unwrap();
        serde_json::from_reader(zstd::Decoder::new(file).unwrap()).unwrap()
    }

    /// Writes compressed JSON.
    pub fn write_json<T: Serialize>(value: &T, path: &Path) {
        let mut encoder = zstd::Encoder::new(std::fs::File::create(path).unwrap(), LEVEL).unwrap();
        serde_json::to_writer(&mut encoder, value).unwrap();
        encoder.finish().unwrap();
    }

    /// Puts it into an empty database and an empty data folder: the tables as the migrations it has had made them, and not one
    /// migration more.
    pub async fn put(&self, owner: &mut PgConnection, data: &Path) {
        let lists = [event_store::migrate::MIGRATIONS, vault::MIGRATIONS, ops::MIGRATIONS];
        let known: BTreeMap<i64, &str> =
            lists.iter().flat_map(|list| list.iter().map(|(no, _, sql)| (*no, *sql))).collect();
        owner.ensure_migrations_table("public.ledgerdesk_migration").await.unwrap();
        for number in &self.migrations {
            let sql = known.get(number).unwrap_or_else(|| panic!("migration {number} is gone"));
            sqlx::raw_sql(AssertSqlSafe((*sql).to_owned())).execute(&mut *owner).await.unwrap();
        }
        for StoredTable { name, columns, rows } in &self.tables {
            let copy = format!("copy {name} ({columns}) from stdin");
            let mut copy = owner.copy_in_raw(&copy).await.unwrap();
            copy.send(rows.as_bytes()).await.unwrap();
            copy.finish().await.unwrap();
        }
        for (name, content) in &self.files {
            let path = data.join(name);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            let mut file = std::fs::OpenOptions::new();
            let mut file = file.write(true).create_new(true).mode(0o600).open(path).unwrap();
            file.write_all(&STANDARD.decode(content).unwrap()).unwrap();
        }
    }
}

fn collect(data: &Path, folder: &Path, files: &mut BTreeMap<String, String>) {
    let Ok(entries) = std::fs::read_dir(folder) else { return };
    for path in entries.map(|entry| entry.unwrap().path()) {
        if path.is_dir() {
            collect(data, &path, files);
        } else {
            let name = path.strip_prefix(data).unwrap().to_str().unwrap().to_owned();
            files.insert(name, STANDARD.encode(std::fs::read(&path).unwrap()));
        }
    }
}
