//! No list reads a whole table: the plans of all statements on a fixture that is large enough to tell.

use sqlx::postgres::PgArguments;
use sqlx::{Arguments, AssertSqlSafe, PgConnection, Row};
use uuid::Uuid;

use super::database::Database;
use super::log::{ANNA, id};
use crate::inbox::statement;
use crate::inbox::{Direction, Filter, Sort, Visible};

const ROWS: i32 = 30_000;

/// 5 % open, owners unevenly spread, one rare tag; threads, timelines, drafts, people to go with them.
const FIXTURE: [&str; 16] = [
    "insert into inbox_status select $1, md5('s' || n)::uuid, md5('p')::uuid,
            (array['open', 'waiting', 'closed', 'closed'])[n + 1], 'Status ' || n from generate_series(0, 3) as n",
    "insert into inbox_pipeline select $1, md5('p')::uuid, 'Support', array(select md5('s' || n)::uuid from generate_series(0, 3) as n), false from generate_series(1, 1) where $2 > 0",
    "insert into inbox_ticket
     select $1, md5('t' || n)::uuid, n, '{}', md5('p')::uuid,
            md5('s' || case when n % 20 = 0 then n / 20 % 2 else 2 + n % 2 end)::uuid, (n % 5)::smallint, 'c' || n % 7, 'email',
            case when n % 3 > 0 then md5('u' || least(n % 50, n % 7))::uuid end, null,
            case when n % 5000 = 0 then array['rare'] else array['tag' || n % 9] end, array[md5('k' || n % 9000)::uuid],
            null, true, false, n, n * 7919::bigint % 1000003, null, null, null, null, 1
       from generate_series(1, $2) as n",
    "insert into inbox_mention select $1, md5('u' || n % 5)::uuid, md5('t' || n)::uuid, n from generate_series(1, $2) as n",
    "insert into thread_item
     select $1, md5('t' || n % 3000)::uuid, md5('m' || n)::uuid, 'message', 'incoming', null, null, n, n, '{}', null, null,
            null, null, null, false, null, null from generate_series(1, $2) as n",
    "insert into thread_copy
     select $1, md5('t' || n % 3000)::uuid, n, null, null, n, '{}' from generate_series(1, $2) as n",
    "insert into timeline_entry
     select $1, md5('t' || n % 3000)::uuid, n, 1, n, n, 'system:x', 'TicketCreated', '{}', null, $1, null, null from generate_series(1, $2) as n",
    "insert into audit_entry
     select $1, n, n, 'user:' || n % 50, null, 'UserRoleChanged', 'user', md5('u' || n % 50)::uuid, md5('u' || n % 50)::uuid,
            null, null, md5('c' || n)::uuid, '{}' from generate_series(1, $2) as n",
    "insert into draft_open
     select $1, md5('d' || n)::uuid, md5('t' || n % 9000)::uuid, md5('u' || n % 50)::uuid, 'reply', n, n from generate_series(1, $2) as n",
    "insert into lookup_person
     select $1, md5('k' || n)::uuid, 'contact', 'Name ' || n, 'name ' || n, '[]', '[]', null, true from generate_series(1, $2) as n",
    "insert into lookup_term select $1, md5('k' || n)::uuid, s::smallint, case s when 0 then 'name' || n else 'x' || n || s end
       from generate_series(1, $2) as n, generate_series(0, 1) as s",
    "insert into trace_ticket
     select $1, md5('k' || n % 9000)::uuid, md5('t' || n)::uuid, n from generate_series(1, $2) as n",
    "insert into trace_erasure
     select $1, md5('e' || n)::uuid, 'contact', md5('k' || n)::uuid, null, 'other', 'system:x', n, n, n,
            case when n % 1000 > 0 then n end from generate_series(1, $2) as n",
    "insert into tally_ticket select $1, md5('t' || n)::uuid, n from generate_series(1, $2) as n",
    "insert into tally_change (ws, position, effect_at, late, status_from, status_to)
     select $1, n, n, n % 20 = 0, md5('s' || n % 3)::uuid, md5('s' || n % 4)::uuid from generate_series(1, $2) as n",
    "insert into tally_span select $1, (n % 3)::smallint, (n % 7 + 1)::smallint, n / 100, md5('v' || n)::uuid, 1 from generate_series(1, $2) as n",
];

/// Tables that are small by nature.
const SMALL: [&str; 2] = ["inbox_status", "inbox_pipeline"];

async fn large(database: &Database) {
    for sql in FIXTURE {
        let query = sqlx::query(sql).bind(database.ws.0);
        let query = if sql.contains("$2") { query.bind(ROWS) } else { query };
        query.execute(&database.pool).await.unwrap();
    }
    sqlx::query("insert into lookup_email select ws, person, 1, 'a' || person from lookup_person")
        .execute(&database.pool)
        .await
        .unwrap();
    sqlx::query("analyze").execute(&database.pool).await.unwrap();
}

/// Refuses a plan that reads a whole table, first with the values, then as it is planned for any values.
async fn looks_up(connection: &mut PgConnection, sql: &str, arguments: PgArguments) {
    for mode in ["force_custom_plan", "force_generic_plan"] {
        sqlx::raw_sql(AssertSqlSafe(format!("set plan_cache_mode = {mode}")))
            .execute(&mut *connection)
            .await
            .unwrap();
        let explain = AssertSqlSafe(format!("explain (costs off) {sql}"));
        let rows =
            sqlx::query_with(explain, arguments.clone()).fetch_all(&mut *connection).await.unwrap();
        let plan: Vec<String> = rows.iter().map(|row| row.get(0)).collect();
        let whole = plan
            .iter()
            .filter(|line| line.contains("Seq Scan on"))
            .any(|line| !SMALL.iter().any(|table| line.contains(table)));
        assert!(!whole, "{mode}: {sql}\n{}", plan.join("\n"));
    }
}

macro_rules! arguments {
    ($($value:expr),* $(,)?) => {{
        let mut arguments = PgArguments::default();
        $(arguments.add($value).unwrap();)*
        arguments
    }};
}

#[tokio::test]
async fn no_statement_reads_a_whole_table() {
    let database = Database::new().await;
    large(&database).await;
    let mut connection = database.pool.acquire().await.unwrap();
    let (ws, user) = (database.ws.0, ANNA.0);
    let (open, high, top) = (vec!["open", "waiting"], i64::MAX, Uuid::max());
    let page = || arguments![ws, open.clone(), high, top, 51_i64];
    let tickets: Vec<Uuid> = (0..50).map(id).collect();
    let lines = || {
        let kinds = vec!["StatusChanged"];
        let said = vec!["CommentAdded"];
        arguments![
            ws, user, 0_i64, 51_i64, "user:x", kinds, 0_i64, high, high, said, 9_i64, 5_i64, 9_i64
        ]
    };
    let terms = || (vec!["a"], vec!["b"]);
    let statements = [
        (include_str!("../inbox/page_by_status.sql"), page()),
        (include_str!("../inbox/page_unassigned.sql"), page()),
        (
            include_str!("../inbox/page_owned.sql"),
            arguments![ws, open.clone(), high, top, 51_i64, user],
        ),
        (
            include_str!("../inbox/page_mentions.sql"),
            arguments![ws, user, high, top, 51_i64, Some(user)],
        ),
        (include_str!("../inbox/counts.sql"), arguments![ws, user, 1_000_i64]),
        (include_str!("../inbox/counts_owned.sql"), arguments![ws, user, 1_000_i64]),
        (include_str!("../inbox/tickets.sql"), arguments![ws, tickets.clone()]),
        (include_str!("../inbox/facets/start_tickets.sql"), arguments![ws, Uuid::nil(), 5_000_i64]),
        (include_str!("../inbox/facets/start_mentions.sql"), arguments![ws, user, user, 5_000_i64]),
        (include_str!("../inbox/facets/start_pipelines.sql"), arguments![ws]),
        (include_str!("../inbox/facets/of_contacts.sql"), arguments![ws, vec![id(1)], 10_001_i64]),
        (
            include_str!("../thread/page.sql"),
            arguments![ws, user, 0_i64, 0_i64, Uuid::nil(), 51_i64, high, 20_000_i64, 5_i64],
        ),
        (include_str!("../thread/find.sql"), arguments![ws, user, user]),
        (include_str!("../thread/copies.sql"), arguments![ws, user, 51_i64]),
        (include_str!("../timeline/page.sql"), lines()),
        (include_str!("../timeline/page_back.sql"), lines()),
        (include_str!("../drafts/page.sql"), arguments![ws, user, high, top, 51_i64]),
        (include_str!("../drafts/find.sql"), arguments![ws, user, user, "reply"]),
        (include_str!("../drafts/on_tickets.sql"), arguments![ws, user, tickets.clone()]),
        (include_str!("../drafts/count.sql"), arguments![ws, user, 1_000_i64]),
        (include_str!("../lookup/people.sql"), arguments![ws, tickets.clone()]),
        (include_str!("../lookup/by_email.sql"), arguments![ws, "a", 51_i64]),
        (
            include_str!("../lookup/page.sql"),
            arguments![ws, "contact", "name 7", Uuid::nil(), 51_i64],
        ),
        (
            include_str!("../lookup/search.sql"),
            arguments![ws, "name", "name~", terms().0, terms().1, 2_000_i64, None::<&str>, 10_i64],
        ),
    ];
    for (sql, arguments) in statements.into_iter().chain(of_numbers(ws)).chain(of_records(ws)) {
        looks_up(&mut connection, sql, arguments).await;
    }
    drop(connection);
    database.remove().await;
}

/// The audit log, and who is to be forgotten.
fn of_records(ws: Uuid) -> [(&'static str, PgArguments); 8] {
    let (user, high) = (ANNA.0, i64::MAX);
    let kinds = vec!["UserRoleChanged"];
    [
        (
            include_str!("../audit/page.sql"),
            arguments![ws, high, 0_i64, high, "user:x", kinds, user, user, 51_i64],
        ),
        (include_str!("../traces/tickets_of.sql"), arguments![ws, user, Uuid::nil(), 100_i64]),
        (include_str!("../traces/page.sql"), arguments![ws, high, 51_i64]),
        (include_str!("../traces/pending.sql"), arguments![ws, 0_i64, 51_i64]),
        (include_str!("../lookup/remembered.sql"), arguments![ws, user]),
        (include_str!("../lookup/forget_person.sql"), arguments![ws, user]),
        (include_str!("../lookup/forget_email.sql"), arguments![ws, user]),
        (include_str!("../lookup/forget_term.sql"), arguments![ws, user]),
    ]
}

fn of_numbers(ws: Uuid) -> [(&'static str, PgArguments); 4] {
    let counts = |numbers: &[i64]| {
        let mut arguments = arguments![ws, vec![2_i16, 3]];
        numbers.iter().for_each(|number| arguments.add(number).unwrap());
        arguments
    };
    [
        (include_str!("../tally/counts.sql"), counts(&[29_000, 29_900, 10, 20, 5, 9, 4, 28_990])),
        (include_str!("../tally/counts_early.sql"), counts(&[29_000, 500])),
        (include_str!("../tally/late_after.sql"), arguments![ws, 29_000_i64, 100_i64]),
        (include_str!("../tally/restated.sql"), arguments![ws, 29_000_i64, 29_900_i64, 29_500_i64]),
    ]
}

/// Most free queries come from memory; these are sent while there is no index yet, and by contact always.
#[tokio::test]
async fn the_usual_order_and_contacts_need_no_whole_table() {
    let database = Database::new().await;
    large(&database).await;
    let mut connection = database.pool.acquire().await.unwrap();
    let all = Filter::default;
    let newest = (Sort::Activity, Direction::Descending);
    let oldest = (Sort::Activity, Direction::Ascending);
    let of_contact = || Filter { contacts: vec![id(1).into()], ..all() };
    for (filter, order) in [
        (all(), newest),
        (all(), oldest),
        (Filter { owners: vec![ANNA], ..all() }, newest),
        (Filter { owned: Some(false), ..all() }, newest),
        (of_contact(), newest),
        (of_contact(), (Sort::Created, Direction::Descending)),
        (of_contact(), (Sort::Priority, Direction::Ascending)),
        (of_contact(), (Sort::Number, Direction::Descending)),
    ] {
        let who = (database.ws, Visible::Everything);
        let mut sql = statement(who, &filter, order, None, 51);
        let (text, arguments) =
            (sql.sql().as_str().to_owned(), sqlx::Execute::take_arguments(&mut sql.build()));
        looks_up(&mut connection, &text, arguments.unwrap().unwrap()).await;
    }
    drop(connection);
    database.remove().await;
}
