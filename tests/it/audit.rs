//! The audit log (Z02): who changed what, who signed in, what left, what was refused.

use serde_json::{Value, json};
use testkit::{Client, Helpdesk, Program};

use crate::erasure::{completed, erase, on_request};
use crate::people::{colleague, text};

const AUDIT: &str = "/api/v1/admin/audit";

async fn entries(desk: &Helpdesk, query: &str) -> Vec<Value> {
    desk.catch_up().await;
    desk.get(&format!("{AUDIT}{query}")).await.ok()["items"].as_array().unwrap().clone()
}

fn of<'a>(entries: &'a [Value], kind: &str) -> &'a Value {
    let found = entries.iter().find(|entry| entry["kind"] == kind);
    found.unwrap_or_else(|| panic!("no {kind} in {entries:#?}"))
}

async fn sign_in(client: &Client, email: &str, password: &str) -> u16 {
    let body = json!({ "email": email, "password": password });
    client.post("/api/v1/session", body).await.status.as_u16()
}

#[tokio::test(flavor = "multi_thread")]
async fn changes_of_settings_and_users_show_who_what_and_the_values_before_and_after_z02() {
    let desk = Helpdesk::start().await;
    let ben = colleague(&desk, "Ben", "agent").await;
    let path = format!("/api/v1/users/{}", ben.id);
    desk.patch(&path, json!({ "role": "light_agent" })).await.ok();
    desk.patch("/api/v1/workspace", json!({ "assign_on_first_reply": false })).await.ok();
    desk.post("/api/v1/tokens", json!({ "name": "CI" })).await.status(201);
    let all = entries(&desk, "").await;
    let role = of(&all, "UserRoleChanged");
    assert_eq!(role["summary"], "Role of Ben changed from agent to light_agent");
    assert_eq!((&role["from"], &role["to"]), (&json!("agent"), &json!("light_agent")));
    assert_eq!(role["actor"]["id"], json!(desk.admin_id().0.to_string()));
    assert_eq!((&role["target"]["kind"], &role["target"]["name"]), (&json!("user"), &json!("Ben")));
    assert!(role["token"].is_string(), "by which token: {role}");
    let assign = of(&all, "AssignOnFirstReplyChanged");
    assert_eq!((&assign["from"], &assign["to"]), (&json!(true), &json!(false)));
    assert_eq!(of(&all, "TokenCreated")["to"]["secret"], "***");
    assert!(!json!(all).to_string().contains("ldk_"), "no secret is shown");
    let instants: Vec<_> = all.iter().map(|entry| text(&entry["at"])).collect();
    assert!(instants.is_sorted_by(|a, b| a >= b), "the newest first");
    // By kind, by target, by actor, by period.
    let some = entries(&desk, "?kind=UserRoleChanged,TokenCreated").await;
    let expected = ["TokenCreated", "UserRoleChanged"].map(|kind| json!(kind));
    assert!(some.iter().all(|entry| expected.contains(&entry["kind"])), "{some:#?}");
    assert!(expected.iter().all(|kind| some.iter().any(|entry| entry["kind"] == *kind)));
    let about = entries(&desk, &format!("?target={}", ben.id)).await;
    assert!(about.iter().all(|entry| entry["target"]["id"] == json!(ben.id)) && about.len() >= 2);
    let by_ben = entries(&desk, &format!("?actor=user:{}", ben.id)).await;
    assert!(by_ben.iter().all(|entry| entry["kind"] == "UserSignedIn"), "{by_ben:#?}");
    let from = text(&role["at"]);
    let since = entries(&desk, &format!("?from={from}&kind=UserRoleChanged")).await;
    assert_eq!(since.len(), 1);
    assert!(entries(&desk, &format!("?until={from}&kind=UserRoleChanged")).await.is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn it_is_for_administrators_and_who_is_refused_stands_in_it_x04_z02() {
    let desk = Helpdesk::start().await;
    let ben = colleague(&desk, "Ben", "agent").await;
    let carla = colleague(&desk, "Carla", "account_admin").await;
    for _ in 0..3 {
        let refused = ben.get(AUDIT).await.status(403);
        assert_eq!(refused["missing_right"], "audit.read");
    }
    carla.get(AUDIT).await.ok();
    let all = entries(&desk, "?kind=RequestRefused").await;
    let times: i64 = all.iter().map(|entry| entry["times"].as_i64().unwrap()).sum();
    assert_eq!(times, 3, "{all:#?}");
    assert!(all.len() <= 2, "those of one minute are one entry");
    assert_eq!(all[0]["actor"]["name"], "Ben");
    assert_eq!(all[0]["to"]["path"], AUDIT);
    assert_eq!(all[0]["to"]["code"], "forbidden");
    // Looking at it stands in it, once for a while, however often and far one pages.
    for _ in 0..3 {
        carla.get(AUDIT).await.ok();
    }
    let looks = entries(&desk, &format!("?kind=AuditLogRead&actor=user:{}", carla.id)).await;
    assert!((1..=2).contains(&looks.len()), "{looks:#?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn signing_in_and_out_and_failing_to_is_told_without_what_was_typed_z02_x08() {
    let desk = Helpdesk::start().await;
    let (email, password) = (testkit::ADMIN_EMAIL, testkit::ADMIN_PASSWORD);
    let browser = desk.anonymous();
    assert_eq!(sign_in(&browser, email, password).await, 200);
    browser.delete("/api/v1/session").await.status(204);
    for typed in ["tpyo-one", "tpyo-two"] {
        assert_eq!(sign_in(&desk.anonymous(), email, typed).await, 401);
    }
    assert_eq!(sign_in(&desk.anonymous(), "stranger@example.org", "tpyo-three").await, 401);
    let all = entries(&desk, "").await;
    let signed_in = of(&all, "UserSignedIn");
    assert_eq!(signed_in["to"]["address"], "127.0.0.1");
    assert_eq!(signed_in["target"]["id"], json!(desk.admin_id().0.to_string()));
    of(&all, "UserSignedOut");
    let failed: Vec<_> = all.iter().filter(|entry| entry["kind"] == "SignInFailed").collect();
    let times: i64 = failed.iter().map(|entry| entry["times"].as_i64().unwrap()).sum();
    assert_eq!(times, 2, "a stranger's failures are nobody's: {failed:#?}");
    assert!(failed[0]["actor"].is_null());
    let shown = json!(all).to_string();
    assert!(!shown.contains("tpyo") && !shown.contains("stranger"));
    let stored = "select string_agg(convert_from(payload, 'utf8'), '') from es.event";
    let mut owner = desk.database().owner().await;
    let stored: String = sqlx::query_scalar(stored).fetch_one(&mut owner).await.unwrap();
    assert!(!stored.contains("127.0.0.1"), "the address is sealed");
}

#[tokio::test(flavor = "multi_thread")]
async fn guessing_passwords_does_not_fill_the_log_z02() {
    let desk = Helpdesk::start().await;
    let before = desk.head().await.0;
    let guess = async |count: u32| {
        for _ in 0..count {
            sign_in(&desk.anonymous(), testkit::ADMIN_EMAIL, "wrong").await;
        }
    };
    guess(25).await;
    // It is written beside the answers.
    let deadline = std::time::Instant::now() + std::time::Duration::from_secs(20);
    while entries(&desk, "?kind=SignInsRefused").await.is_empty() {
        assert!(std::time::Instant::now() < deadline, "the refusals were not recorded");
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
    }
    guess(5).await;
    let refused = entries(&desk, "?kind=SignInsRefused").await;
    assert!((1..=2).contains(&refused.len()), "once for a quarter of an hour: {refused:#?}");
    let looks = 2;
    assert!(desk.head().await.0 <= before + 2 + looks, "thirty guesses, a few events");
}

#[tokio::test(flavor = "multi_thread")]
async fn it_is_paged_without_gaps_over_all_its_sources_z02() {
    let desk = Helpdesk::start().await;
    let ben = colleague(&desk, "Ben", "agent").await;
    for round in 0..4 {
        let label = json!({ "key": format!("p{round}"), "label": "P", "type": "text" });
        desk.post("/api/v1/properties", label).await.status(201);
        ben.get(&format!("{AUDIT}?limit={}", round + 1)).await.status(403);
        ben.post("/api/v1/channels", json!({ "name": "x", "address": "x@y.example" })).await;
        sign_in(&desk.anonymous(), testkit::ADMIN_EMAIL, "wrong").await;
    }
    entries(&desk, "").await; // the look is recorded before the pages are compared
    let all = entries(&desk, "?limit=200").await;
    assert!(all.len() > 10);
    let (mut paged, mut cursor) = (Vec::new(), String::new());
    loop {
        let page = desk.get(&format!("{AUDIT}?limit=3{cursor}")).await.ok();
        paged.extend(page["items"].as_array().unwrap().iter().cloned());
        match page["next_cursor"].as_str() {
            Some(next) => cursor = format!("&cursor={next}"),
            None => break,
        }
    }
    let looks = |entry: &&Value| entry["kind"] != "AuditLogRead";
    let (paged, all): (Vec<_>, Vec<_>) =
        (paged.iter().filter(looks).collect(), all.iter().filter(looks).collect());
    assert_eq!(paged, all);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_timeline_and_the_audit_log_leave_as_files_and_that_stands_in_it_z01_z02() {
    let desk = Helpdesk::start().await;
    let ticket = desk.open_ticket("=HYPERLINK(\"http://evil.example\")").await;
    for n in 0..230 {
        let priority = if n % 2 == 0 { "high" } else { "low" };
        desk.patch(&ticket.at(""), json!({ "priority": priority })).await.ok();
    }
    desk.patch(&ticket.at(""), json!({ "tags": ["=1+1", "a,\"b"] })).await.ok();
    desk.catch_up().await;
    let lines = desk.get(&ticket.at("/timeline?format=ndjson")).await;
    assert_eq!(lines.header("content-type"), Some("application/x-ndjson"));
    let text_of = lines.text();
    let lines: Vec<Value> =
        text_of.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(lines.len(), 232);
    assert_eq!(lines[0]["kind"], "TicketCreated");
    let mut versions = lines.iter().map(|line| line["version"].as_u64().unwrap());
    assert!(versions.all(|version| (1..=232).contains(&version)));
    let table = desk.get(&ticket.at("/timeline?format=csv&kind=TagsChanged,TicketCreated")).await;
    assert!(table.header("content-type").unwrap().starts_with("text/csv"));
    let disposition = table.header("content-disposition").unwrap().to_owned();
    assert!(disposition.starts_with("attachment") && disposition.ends_with(".csv\""));
    let table = table.text();
    assert_eq!(table.matches("\r\n").count(), 3, "{table}");
    assert!(table.starts_with("position,version,at,"));
    assert!(table.contains("\"Tags added =1+1, a,\"\"b\""), "{table}");
    let exported = entries(&desk, &format!("?ticket={}", ticket.id)).await;
    assert_eq!(exported.len(), 2);
    assert_eq!(exported[0]["summary"], "The timeline of a ticket exported as a table, in part");
    let audit = desk.get(&format!("{AUDIT}?format=csv&kind=DataExported")).await.text();
    // Its own export may be in it already.
    assert!((3..=4).contains(&audit.matches("\r\n").count()), "{audit}");
    let all = entries(&desk, "?kind=DataExported").await;
    assert_eq!(all[0]["to"]["data"], "audit_log");
    desk.get(&ticket.at("/timeline?format=pdf")).await.status(400);
    desk.get(&ticket.at("/timeline?kind=Levitated")).await.status(400);
}

#[tokio::test(flavor = "multi_thread")]
async fn who_had_somebody_forgotten_and_words_redacted_stands_in_it_z02_z06() {
    let desk = Helpdesk::start().await;
    let ticket = desk.open_ticket("Printer").await;
    desk.comment(&ticket, "Card 4111").await;
    desk.catch_up().await;
    let comment = text(&desk.thread(&ticket).await[0]["id"]);
    let path = ticket.at(&format!("/comments/{comment}/redact"));
    let redacted = desk.post(&path, json!({ "passages": ["4111"] })).await.status(202);
    completed(&desk, &text(&redacted["certificate"]["id"])).await;
    let maria = json!({ "name": "Maria", "emails": ["maria@example.org"] });
    let maria = text(&desk.post("/api/v1/contacts", maria).await.status(201)["id"]);
    let certificate = erase(&desk, &maria, on_request()).await;
    let asked = entries(&desk, "?kind=ErasureRequested").await;
    let told: Vec<_> = asked.iter().map(|entry| text(&entry["summary"])).collect();
    let expected = [
        "Erasure of a contact asked for (request of person)",
        "Redaction of a comment asked for (misplaced)",
    ];
    assert_eq!(told, expected);
    assert_eq!(asked[0]["actor"]["id"], json!(desk.admin_id().0.to_string()));
    assert_eq!(asked[0]["target"], json!({ "kind": "contact", "id": maria, "name": null }));
    assert_eq!(asked[1]["ticket_id"], json!(ticket.id));
    let about = entries(&desk, &format!("?target={maria}")).await;
    assert_eq!(about.len(), 1, "{about:#?}");
    let ends = entries(&desk, "?kind=ErasureKeysDestroyed,ErasureCompleted").await;
    let end = text(&certificate["id"]);
    let of_this: Vec<_> = ends.iter().filter(|entry| entry["target"]["id"] == json!(end)).collect();
    assert_eq!(of_this.len(), 2, "{ends:#?}");
    assert_eq!(
        (&of_this[0]["cause"], &of_this[0]["target"]["kind"]),
        (&json!(end), &json!("erasure"))
    );
    assert!(!json!([asked, ends]).to_string().contains("4111"));
}

#[test]
fn the_operator_reads_it_on_the_command_line_z02() {
    let program = Program::fresh();
    let _serving = program.serve();
    let user = ["user", "add", "--email", "anna@example.org", "--name", "Anna", "--role", "agent"];
    program.run(&user).ok();
    let deadline = std::time::Instant::now() + std::time::Duration::from_secs(20);
    let added = loop {
        let told = program.run(&["audit", "--json", "--kind", "UserAdded"]).ok();
        let lines = told.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
        let mut lines = lines.filter(|entry| entry["to"]["name"] == "Anna");
        if let Some(added) = lines.next() {
            break added;
        }
        assert!(std::time::Instant::now() < deadline, "{told}");
    };
    assert_eq!(added["to"]["email"], "anna@example.org");
    let table = program.run(&["audit", "--csv", "--limit", "3"]).ok();
    assert!(table.starts_with("position,at,actor_kind"), "{table}");
    let told = program.run(&["audit", "--kind", "UserAdded"]).ok();
    assert!(told.contains("“Anna” added as agent"), "{told}");
    program.run(&["audit", "--kind", "Levitated"]).failed(2);
    program.run(&["audit", "--csv", "--json"]).failed(2);
}
