//! Views are rebuilt without stopping (Z05): no read fails, what was killed goes on, what differs is named.

use std::process::{Child, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use reqwest::Method;
use serde_json::{Value, json};
use sqlx::{AssertSqlSafe, Connection, PgConnection};
use testkit::{Client, Helpdesk, OwnPostgres, Program, eventually};

const PATIENCE: Duration = Duration::from_secs(90);
const PAUSE: Duration = Duration::from_millis(10);
const VIEWS: [&str; 8] =
    ["inbox", "thread", "timeline", "drafts", "lookup", "traces", "tally", "audit"];

/// The builds of a view with their stages, as the list tells them.
async fn stages(client: &Client, name: &str) -> Vec<(u64, String)> {
    let listed = client.get("/api/v1/admin/projections").await.ok();
    let of_view = listed["items"].as_array().unwrap().iter().filter(|row| row["name"] == name);
    let stage =
        |row: &Value| (row["build"].as_u64().unwrap(), row["stage"].as_str().unwrap().to_owned());
    of_view.map(stage).collect()
}

async fn until_stage(client: &Client, name: &str, build: u64, stage: &str) {
    eventually("the build is there", || async {
        stages(client, name).await.contains(&(build, stage.to_owned())).then_some(())
    })
    .await;
}

/// Reads lists and threads without a pause, and counts; a read that fails ends the test.
async fn read_on(client: Client, path: String, ended: Arc<AtomicBool>, reads: Arc<AtomicU64>) {
    while !ended.load(Ordering::Relaxed) {
        let answer = client.get(&path).await;
        assert_eq!(answer.status.as_u16(), 200, "{path}: {}", answer.text());
        reads.fetch_add(1, Ordering::Relaxed);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn under_load_no_read_fails_while_views_are_rebuilt_switched_and_switched_back_z05() {
    let desk = Helpdesk::start().await;
    let ticket = desk.open_ticket("The first").await;
    desk.add_contact(&ticket, "anna@example.org").await;
    desk.reply(&ticket, "Use water").await;
    desk.catch_up().await;
    let (ended, reads) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicU64::new(0)));
    let paths = [
        "/api/v1/views/open/tickets".to_owned(),
        "/api/v1/views/counts".to_owned(),
        ticket.at("/thread"),
        ticket.at("/timeline"),
    ];
    let readers: Vec<_> = paths
        .into_iter()
        .map(|path| {
            let client = desk.anonymous().with_token(Some(desk.admin_token()));
            tokio::spawn(read_on(client, path, Arc::clone(&ended), Arc::clone(&reads)))
        })
        .collect();
    for name in ["inbox", "thread", "timeline"] {
        let at = |what: &str| format!("/api/v1/admin/projections/{name}/{what}");
        desk.post(&at("rebuild"), json!({})).await.status(202);
        until_stage(&desk, name, 2, "ready").await;
        for (what, seen) in [("switch", 2), ("rollback", 1), ("rollback", 2)] {
            let led = desk.post(&at(what), json!({})).await.ok();
            assert_eq!(led["build"], seen, "{led}");
            let before = reads.load(Ordering::Relaxed);
            // What is written now is read from whatever build readers are at.
            let written =
                desk.post("/api/v1/tickets", json!({ "name": format!("{name} {what}") })).await;
            let position = written.header("log-position").unwrap().to_owned();
            eventually("the new ticket is in the list", || async {
                let request = desk.request(reqwest::Method::GET, "/api/v1/views/open/tickets");
                let page = desk.send(request.header("log-position", &position)).await;
                let fresh = page.header("log-stale").is_none();
                let newest = page.ok()["items"][0]["name"].clone();
                fresh.then(|| assert_eq!(newest, format!("{name} {what}")))
            })
            .await;
            eventually("readers have read on", || async {
                (reads.load(Ordering::Relaxed) > before + 200).then_some(())
            })
            .await;
        }
    }
    ended.store(true, Ordering::Relaxed);
    for reader in readers {
        reader.await.unwrap();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_done_with_a_view_is_refused_and_said_z05() {
    let desk = Helpdesk::start().await;
    let at = |name: &str, what: &str| format!("/api/v1/admin/projections/{name}/{what}");
    let unknown = desk.post(&at("inbx", "rebuild"), json!({})).await;
    assert!(unknown.text().contains("there are: inbox, thread"), "{}", unknown.text());
    assert_eq!(unknown.refused(404), "unknown_view");
    for (what, code) in
        [("switch", "build_not_ready"), ("rollback", "no_way_back"), ("abort", "nothing_to_abort")]
    {
        assert_eq!(desk.post(&at("inbox", what), json!({})).await.refused(409), code);
    }
    desk.post(&at("inbox", "rebuild"), json!({})).await.status(202);
    until_stage(&desk, "inbox", 2, "ready").await;
    assert_eq!(desk.post(&at("inbox", "rebuild"), json!({})).await.refused(409), "build_waiting");
    desk.post(&at("inbox", "abort"), json!({})).await.ok();
    assert_eq!(stages(&desk, "inbox").await, [(1, "active".to_owned())]);
    let agent = desk.user("Ben", "agent").await;
    assert_eq!(agent.post(&at("inbox", "rebuild"), json!({})).await.refused(403), "forbidden");
}

#[tokio::test(flavor = "multi_thread")]
async fn work_on_a_view_is_done_once_for_each_key_and_recorded_w02_z02() {
    let desk = Helpdesk::start().await;
    let with = async |what: &str, body: Value, (name, value): (&'static str, &'static str)| {
        let path = format!("/api/v1/admin/projections/inbox/{what}");
        desk.write_with(Method::POST, &path, body, &[(name, value)]).await
    };
    let seen = with("rebuild", json!({}), ("if-match", "\"1\"")).await;
    assert_eq!(seen.refused(400), "invalid_if_match");
    let rebuild = ("idempotency-key", "rebuild it");
    let begun = with("rebuild", json!({}), rebuild).await.status(202);
    until_stage(&desk, "inbox", 2, "ready").await;
    assert_eq!(with("rebuild", json!({}), rebuild).await.status(202), begun);
    let switch = ("idempotency-key", "switch it");
    let switched = with("switch", json!({}), switch).await.ok();
    assert_eq!((&switched["name"], &switched["build"]), (&json!("inbox"), &json!(2)));
    // Whoever lost the answer asks again; nothing is switched twice, and the words of the key are not taken for others.
    assert_eq!(with("switch", json!({}), switch).await.ok(), switched);
    let forced = with("switch", json!({ "force": true }), switch).await;
    assert_eq!(forced.refused(409), "idempotency_key_reused");
    assert_eq!(with("rollback", json!({}), switch).await.refused(409), "idempotency_key_reused");
    let seen = eventually("the audit log has both", || async {
        let page = desk.get("/api/v1/admin/audit?kind=ViewMaintained").await.ok();
        let items = page["items"].as_array().unwrap().clone();
        (items.len() == 2).then_some(items)
    })
    .await;
    let works: Vec<&Value> = seen.iter().map(|entry| &entry["to"]["work"]).collect();
    assert_eq!(works, [&json!("switch"), &json!("rebuild")]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_row_edited_by_hand_is_named_over_http_z05() {
    let desk = Helpdesk::start().await;
    let ticket = desk.open_ticket("Printer on fire").await;
    desk.catch_up().await;
    let mut owner = desk.database().owner().await;
    sqlx::query("update inbox_v2.inbox_ticket set priority = 4").execute(&mut owner).await.unwrap();
    desk.post("/api/v1/admin/projections/inbox/verify", json!({})).await.status(202);
    let found = eventually("the view is verified", || async {
        let listed = desk.get("/api/v1/admin/projections").await.ok();
        let rows = listed["items"].as_array().unwrap();
        let verified = rows.iter().find(|row| row["name"] == "inbox").unwrap()["verified"].clone();
        (!verified.is_null()).then_some(verified)
    })
    .await;
    let expected = json!([{ "table": "inbox_ticket", "key": format!("ticket={}", ticket.id), "what": "changed" }]);
    assert_eq!(found["differences"], expected);
}

/// A database on a Postgres of its own with invented history, and the program on it.
pub struct Rebuilds {
    pub program: Program,
    url: String,
    _postgres: OwnPostgres,
}

impl Rebuilds {
    pub fn start(tickets: &str) -> Self {
        let postgres = OwnPostgres::start();
        let url = postgres.url("ledgerdesk");
        let program = Program::fresh().with("DATABASE_URL", &url);
        program.run(&["generate", "--tickets", tickets, "--agents", "5"]).ok();
        Self { program, url, _postgres: postgres }
    }

    /// A token of somebody who may write.
    pub fn token(&self) -> String {
        let user = ["user", "add", "--email", "ada@example.org", "--name", "Ada"];
        self.program.run(&[&user[..], &["--role", "super-admin"]].concat()).ok();
        let token = self.program.run(&["token", "create", "--email", "ada@example.org"]).ok();
        token.trim().to_owned()
    }

    pub async fn database(&self) -> PgConnection {
        PgConnection::connect(&self.url).await.unwrap()
    }

    pub fn rebuild(&self, name: &str) -> Child {
        let mut command = self.program.command(&["projection", "rebuild", name]);
        command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap()
    }
}

/// Waits until the newest build of a view is in a state.
pub async fn until_state(
    looker: &mut PgConnection,
    (view, state): (&str, &str),
    child: &mut Child,
) {
    let deadline = Instant::now() + PATIENCE;
    let newest = "select coalesce((select state from proj.build where name = $1 order by build desc limit 1), '')";
    loop {
        let asked = sqlx::query_scalar(newest).bind(view).fetch_one(&mut *looker);
        let present: String = asked.await.unwrap();
        if present == state {
            return;
        }
        assert!(child.try_wait().unwrap().is_none(), "it ended in {present} before {state}");
        assert!(Instant::now() < deadline, "it stays {present}, not {state}");
        tokio::time::sleep(PAUSE).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn killed_in_each_state_under_live_writes_the_same_command_completes_the_build_z05() {
    let rebuilds = tokio::task::block_in_place(|| Rebuilds::start("600"));
    let serving = tokio::task::block_in_place(|| rebuilds.program.serve());
    let session = serving.client(Some(&rebuilds.token()));
    let ended = Arc::new(AtomicBool::new(false));
    let writer = tokio::spawn({
        let ended = Arc::clone(&ended);
        async move {
            while !ended.load(Ordering::Relaxed) {
                session.post("/api/v1/tickets", json!({ "name": "meanwhile" })).await.status(201);
            }
        }
    });
    let mut looker = rebuilds.database().await;
    let ws: uuid::Uuid =
        sqlx::query_scalar("select ws from es.workspace").fetch_one(&mut looker).await.unwrap();
    let lease = format!("select pg_advisory_xact_lock(hashtextextended('{ws}/inbox_v2_b2', 11))");
    // The keys are made by altering tables, before; only making an index waits for this lock.
    let wait = "create function public.wait() returns event_trigger language plpgsql \
                    as 'begin perform pg_advisory_xact_lock_shared(4711); end'; \
                create event trigger wait on ddl_command_start when tag in ('CREATE INDEX') \
                    execute function public.wait()";
    sqlx::raw_sql(wait).execute(&mut looker).await.unwrap();
    // Each lock lets the build come to one state and no further.
    let locks = [
        ("copying", "lock table proj.checkpoint in share mode"),
        ("copying", "lock table inbox_v2_b2.inbox_ticket in share mode"),
        ("indexing", "select pg_advisory_xact_lock(4711)"),
        ("catching_up", lease.as_str()),
        ("verifying", "lock table inbox_v2.inbox_pipeline in access exclusive mode"),
    ];
    for (state, lock) in locks {
        let mut holder = rebuilds.database().await;
        let mut held = holder.begin().await.unwrap();
        sqlx::raw_sql(AssertSqlSafe(lock.to_owned())).execute(&mut *held).await.unwrap();
        let mut child = rebuilds.rebuild("inbox");
        until_state(&mut looker, ("inbox", state), &mut child).await;
        child.kill().unwrap();
        child.wait().unwrap();
        held.rollback().await.unwrap();
    }
    let run = |arguments: &[&str]| tokio::task::block_in_place(|| rebuilds.program.run(arguments));
    let rebuilt = run(&["projection", "rebuild", "inbox", "--json"]).json();
    assert_eq!((&rebuilt["build"], &rebuilt["differences"]), (&json!(2), &json!([])), "{rebuilt}");
    assert!(rebuilt["rows_compared"].as_u64().unwrap() > 600, "{rebuilt}");
    run(&["projection", "switch", "inbox"]).ok();
    run(&["projection", "verify", "inbox"]).ok();
    run(&["projection", "rollback", "inbox"]).ok();
    ended.store(true, Ordering::Relaxed);
    writer.await.unwrap();
    drop(serving);
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_server_every_view_is_rebuilt_verified_switched_and_retired_z05() {
    let rebuilds = tokio::task::block_in_place(|| Rebuilds::start("300"));
    let run = |arguments: &[&str]| tokio::task::block_in_place(|| rebuilds.program.run(arguments));
    let wrong = run(&["projection", "rebuild", "inbx"]).failed(2);
    assert!(wrong.contains("there is no view inbx; there are: inbox, thread"), "{wrong}");
    run(&["projection", "rebuild"]).failed(2);
    // The views exist once a server has been started.
    drop(tokio::task::block_in_place(|| rebuilds.program.serve()));
    let lines = run(&["projection", "rebuild", "--all", "--switch", "--json"]).ok();
    assert_eq!(lines.lines().count(), VIEWS.len(), "{lines}");
    for line in lines.lines() {
        let rebuilt: Value = serde_json::from_str(line).unwrap();
        assert_eq!((&rebuilt["state"], &rebuilt["differences"]), (&json!("active"), &json!([])));
    }
    run(&["projection", "verify", "--all"]).ok();
    let mut owner = rebuilds.database().await;
    let edit = "update thread_v2_b2.thread_item set occurred_at = occurred_at + 1 where ctid = (select ctid from thread_v2_b2.thread_item limit 1)
                returning format('ticket=%s item=%s', ticket, item)";
    let edited: String = sqlx::query_scalar(edit).fetch_one(&mut owner).await.unwrap();
    let output = run(&["projection", "verify", "thread"]);
    assert_eq!(output.code, 3, "{output:?}");
    assert!(
        output.stdout.contains(&format!("thread_item: the row {edited} differs")),
        "{output:?}"
    );
    let soon = run(&["projection", "retire", "thread"]).failed(1);
    assert!(soon.contains("stays for a way back"), "{soon}");
    run(&["projection", "retire", "thread", "--now"]).ok();
    let listed = run(&["projection", "list"]).ok();
    assert_eq!(listed.lines().filter(|line| line.starts_with("thread")).count(), 1, "{listed}");
    run(&["projection", "rollback", "thread"]).failed(1);
    run(&["projection", "rollback", "inbox"]).ok();
}

/// Makes the inbox one of an older version, as a newer program finds it.
async fn age(owner: &mut PgConnection) {
    for sql in [
        "alter schema inbox_v2 rename to inbox_v0",
        "update proj.build set version = 0, schema_name = 'inbox_v0' where name = 'inbox'",
        "update proj.checkpoint set schema_name = 'inbox_v0' where schema_name = 'inbox_v2'",
    ] {
        sqlx::query(sql).execute(&mut *owner).await.unwrap();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_changed_view_answers_503_until_it_is_built_and_tickets_open_z05() {
    let mut desk = Helpdesk::start().await;
    let ticket = desk.open_ticket("Printer on fire").await;
    desk.catch_up().await;
    desk.stop().await;
    let mut owner = desk.database().owner().await;
    age(&mut owner).await;
    // Somebody else holds the right to build it.
    let claim = "select pg_advisory_lock(hashtextextended('rebuild of inbox', 11))";
    sqlx::query(claim).execute(&mut owner).await.unwrap();
    desk.restart().await;
    let list = desk.get("/api/v1/views/open/tickets").await;
    assert!(list.header("retry-after").is_some());
    assert_eq!(list.refused(503), "view_building");
    assert_eq!(desk.ticket(&ticket).await["name"], "Printer on fire");
    desk.get(&ticket.at("/thread")).await.ok();
    owner.close().await.unwrap();
    eventually("the list is built", || async {
        let list = desk.get("/api/v1/views/open/tickets").await;
        (list.status == 200).then(|| assert_eq!(list.ok()["items"][0]["name"], "Printer on fire"))
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_prepared_upgrade_is_read_from_the_first_request_on_z05() {
    let rebuilds = tokio::task::block_in_place(|| Rebuilds::start("200"));
    let run = |arguments: &[&str]| tokio::task::block_in_place(|| rebuilds.program.run(arguments));
    drop(tokio::task::block_in_place(|| rebuilds.program.serve()));
    age(&mut rebuilds.database().await).await;
    let prepared = run(&["projection", "prepare"]).ok();
    assert!(
        prepared.contains("inbox 2: built") && prepared.contains("thread 2: there already"),
        "{prepared}"
    );
    let serving = tokio::task::block_in_place(|| rebuilds.program.serve());
    let token = tokio::task::block_in_place(|| rebuilds.token());
    let listed = serving.client(Some(&token)).get("/api/v1/views/closed/tickets").await.ok();
    assert!(!listed["items"].as_array().unwrap().is_empty());
    drop(serving);
}

#[tokio::test(flavor = "multi_thread")]
async fn in_the_background_a_row_edited_by_hand_is_found_and_counted_z05() {
    let desk = Helpdesk::start().await;
    let ticket = desk.open_ticket("Printer on fire").await;
    for n in 0..10 {
        desk.comment(&ticket, &format!("Still burning, {n}")).await;
    }
    desk.catch_up().await;
    let mut owner = desk.database().owner().await;
    sqlx::query("update inbox_v2.inbox_ticket set priority = 4").execute(&mut owner).await.unwrap();
    eventually("the row is found", || async {
        let metrics = desk.get("/metrics").await.text();
        metrics
            .lines()
            .any(|line| {
                line.starts_with("ledgerdesk_projection_scrub_differences_total")
                    && line.contains("inbox")
            })
            .then_some(())
    })
    .await;
}
