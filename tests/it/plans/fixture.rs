//! Every table large: rows are invented from the types of the columns, so that a new table cannot be forgotten. Where the
//! spread of values decides the plan, the rows say so themselves.

use sqlx::{AssertSqlSafe, PgConnection, Row};

/// Rows of every table that is large.
pub const MANY: u32 = 12_000;
/// Rows of every table that is still small.
pub const FEW: u32 = 300;

/// Tables that stay small however much happens, and why.
pub const SMALL: [(&str, &str); 8] = [
    ("es.workspace", "one row per workspace"),
    ("vault.check", "one row"),
    ("ops.setup_token", "one row per workspace"),
    ("proj.build", "one row per version of a view"),
    ("proj.quarantine", "one row per stream that could not be folded; read once at the start"),
    ("proj.checkpoint", "pruned to two hundred rows per view"),
    ("inbox_status", "one row per status"),
    ("inbox_pipeline", "one row per pipeline"),
];

/// Indexes that stay small, and why.
pub const SMALL_INDEXES: [(&str, &str); 2] = [
    ("upload_unused", "files that wait for their message; swept after a day"),
    ("erasure_at_work", "erasures that have not come to their end; that takes seconds"),
];

/// What a column holds where its type does not say enough. `n` counts the rows.
const VALUES: [(&str, &str); 23] = [
    // Streams of twenty events.
    ("es.event.stream", "md5('t' || n % 1500)::uuid"),
    ("es.event.version", "1 + n / 1500"),
    ("es.event.kind", "case when n % 1000 = 0 then 'user' else 'ticket' end"),
    ("es.event.at", "timestamptz '2026-01-01' + n * interval '1 second'"),
    ("es.commit.last_pos", "n * 3"),
    ("es.command.no", "n / 3"),
    ("es.claim.no", "n / 3"),
    ("vault.assignment.kind", "case when n % 6 = 0 then 'ticket' else 'content' end"),
    // Five in a hundred are open, owners unevenly spread, one rare tag.
    (
        "inbox_ticket.status",
        "md5('s' || case when n % 20 = 0 then n / 20 % 2 else 2 + n % 2 end)::uuid",
    ),
    (
        "inbox_ticket.owner_user",
        "case when n % 3 > 0 then md5('u' || least(n % 50, n % 7))::uuid end",
    ),
    ("inbox_ticket.owner_team", "null"),
    ("inbox_ticket.priority", "n % 5"),
    (
        "inbox_ticket.tags",
        "case when n % 5000 = 0 then array['rare'] else array['tag' || n % 9] end",
    ),
    ("inbox_ticket.contacts", "array[md5('k' || n % 9000)::uuid]"),
    ("inbox_mention.user_id", "md5('u' || n % 50)::uuid"),
    ("thread_item.ticket", "md5('t' || n % 3000)::uuid"),
    ("thread_copy.ticket", "md5('t' || n % 3000)::uuid"),
    ("timeline_entry.ticket", "md5('t' || n % 3000)::uuid"),
    ("draft_open.user_id", "md5('u' || n % 50)::uuid"),
    ("ops.upload.used_at_us", "case when n % 3 > 0 then n end"),
    ("ops.erasure.done", "n % 1000 > 0"),
    ("ops.api_token.revoked_at_us", "case when n % 3 = 0 then n end"),
    ("lookup_person.kind", "case when n % 100 = 0 then 'user' else 'contact' end"),
];

/// Fills every table but the small ones. The statuses are there already: a small table read as a whole.
pub async fn enlarge(owner: &mut PgConnection, ws: uuid::Uuid, count: u32) {
    let from = 100_000 + count;
    let statuses = "insert into inbox_status (ws, status, pipeline, category, name)
        select $1, md5('s' || n)::uuid, md5('p')::uuid, (array['open', 'waiting', 'closed', 'closed'])[n + 1], 'Status ' || n
          from generate_series(0, 3) as n on conflict do nothing";
    sqlx::query(statuses).bind(ws).execute(&mut *owner).await.unwrap();
    for (table, columns) in tables(owner).await {
        if SMALL.iter().any(|(small, _)| *small == table) {
            continue;
        }
        let names = columns.iter().map(|(name, _)| format!("\"{name}\""));
        let values = columns.iter().map(|(name, kind)| value(&table, name, kind));
        let insert = format!(
            "insert into {table} ({}) select {} from generate_series({from}, {from} + {count}) as n on conflict do nothing",
            names.collect::<Vec<_>>().join(", "),
            values.collect::<Vec<_>>().join(", "),
        );
        let inserted =
            sqlx::query(AssertSqlSafe(insert.clone())).bind(ws).execute(&mut *owner).await;
        let rows = inserted.unwrap_or_else(|error| panic!("{insert}: {error}")).rows_affected();
        assert!(rows > u64::from(count) / 2, "{table} got {rows} rows");
    }
}

fn value(table: &str, name: &str, kind: &str) -> String {
    let place = format!("{table}.{name}");
    if let Some((_, value)) = VALUES.iter().find(|(known, _)| *known == place) {
        return (*value).to_owned();
    }
    match (name, kind) {
        ("ws", _) => "$1".to_owned(),
        (_, "uuid") => format!("md5('{name}' || n)::uuid"),
        (_, "text") => format!("'{name}' || n % 10000"),
        (_, "bigint" | "integer") => "n".to_owned(),
        (_, "smallint") => "(n % 3)::smallint".to_owned(),
        (_, "boolean") => "n % 2 = 0".to_owned(),
        (_, "bytea") => format!("sha256(('{name}' || n)::bytea)"),
        (_, "jsonb") => "'{}'".to_owned(),
        (_, "text[]") => "array['x' || n % 100]".to_owned(),
        (_, "uuid[]") => format!("array[md5('{name}' || n)::uuid]"),
        (_, "timestamp with time zone") => "now()".to_owned(),
        _ => panic!("{place} has a type that the fixture cannot invent: {kind}"),
    }
}

/// All tables with their columns; those of views by their bare names, as readers write them.
async fn tables(owner: &mut PgConnection) -> Vec<(String, Vec<(String, String)>)> {
    let sql = "select case when n.nspname = any(array['es', 'vault', 'ops', 'proj']) then n.nspname || '.' else '' end || c.relname,
                      array_agg(a.attname::text order by a.attnum), array_agg(format_type(a.atttypid, null) order by a.attnum)
                 from pg_class as c
                 join pg_namespace as n on n.oid = c.relnamespace
                 join pg_attribute as a on a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped
                where c.relkind = 'r' and n.nspname <> all(array['pg_catalog', 'information_schema', 'public'])
                group by n.nspname, c.relname order by 1";
    let rows = sqlx::query(sql).fetch_all(owner).await.unwrap();
    rows.iter()
        .map(|row| {
            let (names, kinds): (Vec<String>, Vec<String>) = (row.get(1), row.get(2));
            (row.get(0), names.into_iter().zip(kinds).collect())
        })
        .collect()
}
