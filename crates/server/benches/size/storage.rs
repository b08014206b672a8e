//! How large the tables and indexes are, how much of them is dead, and what autovacuum did.

use sqlx::{Connection, PgConnection, Row};

use crate::desk::Desk;

const TABLES: &str = "
select n.nspname || '.' || c.relname, pg_relation_size(c.oid), pg_indexes_size(c.oid),
       coalesce(pg_total_relation_size(nullif(c.reltoastrelid, 0)), 0), coalesce(s.n_live_tup, 0), coalesce(s.n_dead_tup, 0),
       coalesce(s.n_tup_hot_upd, 0), coalesce(s.n_tup_upd, 0), coalesce(s.autovacuum_count, 0), coalesce(s.autoanalyze_count, 0)
  from pg_class as c
  join pg_namespace as n on n.oid = c.relnamespace
  left join pg_stat_user_tables as s on s.relid = c.oid
 where c.relkind = 'r' and n.nspname <> all(array['pg_catalog', 'information_schema']) and pg_relation_size(c.oid) > 65536
 order by pg_total_relation_size(c.oid) desc";

/// How much of each table is dead or free, looked at page by page where the visibility map does not tell.
const LOOSENESS: &str = "
select n.nspname || '.' || c.relname, t.table_len, t.dead_tuple_percent, t.approx_free_percent
  from pg_class as c
  join pg_namespace as n on n.oid = c.relnamespace
 cross join lateral pgstattuple_approx(c.oid) as t
 where c.relkind = 'r' and n.nspname <> all(array['pg_catalog', 'information_schema']) and pg_relation_size(c.oid) > 1048576
 order by t.table_len desc";

const INDEXES: &str = "
select n.nspname || '.' || c.relname, pg_relation_size(c.oid), i.avg_leaf_density, i.leaf_fragmentation
  from pg_class as c
  join pg_namespace as n on n.oid = c.relnamespace
  join pg_am as a on a.oid = c.relam and a.amname = 'btree'
 cross join lateral pgstatindex(c.oid::regclass) as i
 where c.relkind = 'i' and n.nspname <> all(array['pg_catalog', 'information_schema', 'pg_toast']) and pg_relation_size(c.oid) > 1048576
 order by pg_relation_size(c.oid) desc";

pub async fn describe(desk: &Desk) {
    let data = desk.data.clone();
    let attached = tokio::task::spawn_blocking(move || local_postgres::attach(&data)).await;
    let url = attached.unwrap().unwrap().url("ledgerdesk");
    let mut owner = PgConnection::connect(&url).await.unwrap();
    println!(
        "\n| table | MB | indexes MB | toast MB | live rows | dead rows | updates | of them HOT | autovacuum | autoanalyze |"
    );
    println!("|---|---:|---:|---:|---:|---:|---:|---:|---:|---:|");
    for row in sqlx::query(TABLES).fetch_all(&mut owner).await.unwrap() {
        let number = |index| row.get::<i64, _>(index);
        let megabytes = |index| number(index) as f64 / 1e6;
        println!(
            "| {} | {:.1} | {:.1} | {:.1} | {} | {} | {} | {} | {} | {} |",
            row.get::<String, _>(0),
            megabytes(1),
            megabytes(2),
            megabytes(3),
            number(4),
            number(5),
            number(7),
            number(6),
            number(8),
            number(9),
        );
    }
    let extension = "create extension if not exists pgstattuple with schema public";
    if sqlx::query(extension).execute(&mut owner).await.is_err() {
        return println!("\nThe extension pgstattuple is not there: no density of indexes.");
    }
    println!("\n| table | MB | dead % | free % |\n|---|---:|---:|---:|");
    for row in sqlx::query(LOOSENESS).fetch_all(&mut owner).await.unwrap() {
        let size = row.get::<i64, _>(1) as f64 / 1e6;
        let (dead, free): (f64, f64) = (row.get(2), row.get(3));
        println!("| {} | {size:.1} | {dead:.1} | {free:.1} |", row.get::<String, _>(0));
    }
    println!("\n| index | MB | leaf density % | fragmentation % |\n|---|---:|---:|---:|");
    for row in sqlx::query(INDEXES).fetch_all(&mut owner).await.unwrap() {
        let size = row.get::<i64, _>(1) as f64 / 1e6;
        let (density, fragmented): (f64, f64) = (row.get(2), row.get(3));
        println!("| {} | {size:.1} | {density:.0} | {fragmented:.0} |", row.get::<String, _>(0));
    }
}
