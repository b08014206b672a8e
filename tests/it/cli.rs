//! The command line beside a running server and without one, its exit codes and its answers as JSON.

use std::io::{BufRead, BufReader, Read};
use std::process::Stdio;

use testkit::Program;

const ADD: [&str; 7] = ["user", "add", "--email", "anna@example.org", "--name", "Anna", "--role"];

fn add(role: &'static str) -> Vec<&'static str> {
    ADD.into_iter().chain([role]).collect()
}

#[test]
fn commands_work_without_a_server_and_leave_none_behind() {
    let program = Program::fresh();
    let added = program.run(&[&add("agent")[..], &["--json"]].concat()).json();
    assert_eq!(added["id"].as_str().map(str::len), Some(36));
    let token = program.run(&["token", "create", "--email", "anna@example.org"]).ok();
    assert!(token.starts_with("ldk_"));
    assert!(!program.data().join("postgres/postmaster.pid").exists());
}

#[test]
fn a_command_that_is_refused_says_why_and_a_wrong_one_how_it_is_used() {
    let program = Program::fresh();
    let _serving = program.serve();
    program.run(&add("agent")).ok();
    let again = program.run(&add("agent")).failed(1);
    assert!(again.contains("another user has this address"), "{again}");
    let unknown = program.run(&["token", "create", "--email", "nobody@example.org"]).failed(1);
    assert!(unknown.contains("there is no user nobody@example.org"), "{unknown}");
    let wrong = program.run(&add("emperor")).failed(2);
    assert!(wrong.contains("super-admin"), "{wrong}");
    let bad = program.run(&["--workspace", "here", "log", "tail"]).failed(2);
    assert!(bad.contains("workspace"), "{bad}");
    let elsewhere = "00000000-0000-7000-8000-000000000000";
    program.run(&["--workspace", elsewhere, "log", "tail"]).failed(1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_password_from_stdin_lets_its_user_sign_in() {
    let program = Program::fresh();
    let serving = program.serve();
    let arguments = [&add("agent")[..], &["--password-stdin"]].concat();
    program.run_with_input(&arguments, "correct horse battery\n").ok();
    let body =
        serde_json::json!({ "email": "anna@example.org", "password": "correct horse battery" });
    serving.client(None).post("/api/v1/session", body).await.ok();
    program.run_with_input(&arguments, "").failed(2);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_made_beside_a_running_server_works_at_once() {
    let program = Program::fresh();
    let serving = program.serve();
    // More than once, because a server looks around by itself now and then.
    for name in ["anna", "ben", "carl"] {
        let email = format!("{name}@example.org");
        let user = ["user", "add", "--email", &email, "--name", name, "--role", "agent"];
        let id = program.run(&user).ok();
        let token = program.run(&["token", "create", "--email", &email]).ok();
        let me = serving.client(Some(&token)).get("/api/v1/me").await.ok();
        assert_eq!((&me["id"], &me["email"]), (&id.into(), &email.into()));
    }
}

#[test]
fn the_log_is_shown_as_stored_and_opened_for_the_operator() {
    let program = Program::fresh();
    let _serving = program.serve();
    program.run(&add("agent")).ok();
    let lines = program.run(&["log", "tail", "--json", "--limit", "100"]).ok();
    let events: Vec<serde_json::Value> =
        lines.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(events[0]["type"], "WorkspaceCreated");
    let added = events.iter().find(|event| event["type"] == "UserAdded").unwrap();
    assert!(!lines.contains("anna@example.org"), "names and addresses are sealed");
    let position = added["position"].as_str().unwrap();
    let shown = program.run(&["log", "show", position, "--json"]).json();
    assert_eq!(shown["payload"]["email"], "anna@example.org");
    assert_eq!(shown["payload"]["name"], "Anna");
    program.run(&["log", "show", "9999"]).failed(1);
    program.run(&["log", "show"]).failed(2);
}

#[test]
fn a_followed_log_shows_what_is_written_meanwhile() {
    let program = Program::fresh();
    let _serving = program.serve();
    let mut command = program.command(&["log", "tail", "--follow", "--limit", "1"]);
    let mut tail = command.stdout(Stdio::piped()).spawn().unwrap();
    let mut lines = BufReader::new(tail.stdout.take().unwrap()).lines();
    assert!(lines.next().unwrap().unwrap().contains("DefaultPipelineChanged"));
    program.run(&add("agent")).ok();
    assert!(lines.next().unwrap().unwrap().contains("UserAdded"));
    tail.kill().unwrap();
    tail.wait().unwrap();
}

#[test]
fn a_reader_that_has_seen_enough_gets_no_complaint() {
    let program = Program::fresh();
    let _serving = program.serve();
    let mut command = program.command(&["log", "tail", "--follow"]);
    let mut tail = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    drop(tail.stdout.take());
    program.run(&add("agent")).ok();
    let mut complaint = String::new();
    tail.stderr.take().unwrap().read_to_string(&mut complaint).unwrap();
    assert!(tail.wait().unwrap().success());
    assert_eq!(complaint, "");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_changed_event_is_found_and_named() {
    let program = Program::fresh();
    let serving = program.serve();
    program.run(&add("agent")).ok();
    let untouched = program.run(&["log", "verify", "--json"]).json();
    assert_eq!(untouched["findings"], serde_json::json!([]));
    let mut owner = program.owner().await;
    let change = "update es.event set type = 'PipelineBurnt' where pos = 2";
    sqlx::query(change).execute(&mut owner).await.unwrap();
    let output = program.run(&["log", "verify"]);
    assert_eq!(output.code, 3);
    assert!(output.stdout.contains("The first difference is at position 2"), "{}", output.stdout);
    drop(serving);
}

#[test]
fn the_doctor_finds_nothing_on_a_fresh_server_and_open_keys_on_a_careless_one() {
    let program = Program::fresh();
    let _serving = program.serve();
    let report = program.run(&["doctor", "--json"]).json();
    for finding in report["findings"].as_array().unwrap() {
        // How full the disk of this machine is, is not the matter of this test.
        assert!(finding["level"] == "ok" || finding["check"] == "disk space", "{finding}");
    }
    use std::os::unix::fs::PermissionsExt;
    let keys = program.data().join("keys/master.key");
    std::fs::set_permissions(&keys, std::fs::Permissions::from_mode(0o644)).unwrap();
    let output = program.run(&["doctor"]);
    assert_eq!(output.code, 1, "{}", output.stdout);
    assert!(output.stdout.contains("chmod 600"), "{}", output.stdout);
}

#[test]
fn the_doctor_changes_nothing_where_nothing_is() {
    let program = Program::fresh();
    let output = program.run(&["doctor"]);
    assert!(output.stdout.contains("the first `ledgerdesk serve` makes it"), "{}", output.stdout);
    assert_eq!(std::fs::read_dir(program.data()).unwrap().count(), 0);
}

#[test]
fn every_view_is_listed_with_how_far_it_is() {
    let program = Program::fresh();
    let _serving = program.serve();
    let listed = program.run(&["projection", "list", "--json"]).json();
    let names: Vec<_> =
        listed["items"].as_array().unwrap().iter().map(|one| one["name"].clone()).collect();
    for name in ["inbox", "thread", "timeline", "drafts", "lookup", "traces", "tally", "audit"] {
        assert!(names.iter().any(|listed| listed == name), "{name} is missing in {names:?}");
    }
}

#[test]
fn every_command_shows_an_example() {
    let program = Program::fresh();
    let commands: [&[&str]; 18] = [
        &["serve"],
        &["user", "add"],
        &["token", "create"],
        &["import", "mbox"],
        &["import", "eml"],
        &["import", "ndjson"],
        &["export"],
        &["backup"],
        &["log", "tail"],
        &["log", "show"],
        &["log", "head"],
        &["log", "verify"],
        &["ticket", "show"],
        &["ticket", "diff"],
        &["report", "tickets"],
        &["projection", "list"],
        &["audit"],
        &["doctor"],
    ];
    for command in commands {
        let help = program.run(&[command, &["--help"]].concat()).ok();
        assert!(help.contains("ledgerdesk ") && help.contains("Example"), "{command:?}: {help}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_operator_sees_a_ticket_as_it_was_and_what_happened_since_z04_z10() {
    let program = Program::fresh();
    let serving = program.serve();
    program.run(&add("super-admin")).ok();
    let token = program.run(&["token", "create", "--email", "anna@example.org"]).ok();
    let client = serving.client(Some(&token));
    let ticket = client.open_ticket("Printer").await;
    client.patch(&ticket.at(""), serde_json::json!({ "name": "Fire" })).await.ok();
    client.comment(&ticket, "Use water").await;
    client.set_status(&ticket, "Closed").await;
    let now = program.run(&["ticket", "show", "1", "--json"]).json();
    let then = program.run(&["ticket", "show", "1", "--as-of", "version:1", "--json"]).json();
    assert_eq!((&now["name"], &then["name"]), (&"Fire".into(), &"Printer".into()));
    assert_eq!((&then["status"], &then["as_of"]["version"]), (&"New".into(), &1.into()));
    assert_eq!(then["thread"], serde_json::json!([]));
    let text = program.run(&["ticket", "show", "1", "--as-of", "version:1"]).ok();
    assert!(text.contains("Ticket 1: Printer") && text.contains("as of"), "{text}");
    let diff = program.run(&["ticket", "diff", "1", "--from", "version:1"]).ok();
    for line in ["Printer → Fire", "New → Closed", "by Anna at", "comment", "Use water"] {
        assert!(diff.contains(line), "{line} is missing:\n{diff}");
    }
    let told = program.run(&["ticket", "diff", "1", "--from", "version:1", "--json"]).json();
    assert_eq!(told, client.get(&ticket.at("/diff?from=version:1")).await.ok());
    let garbage = program.run(&["ticket", "show", "1", "--as-of", "yesterday"]).failed(2);
    assert!(garbage.contains("--as-of") && garbage.contains("version:7"), "{garbage}");
    let future = program.run(&["ticket", "show", "1", "--as-of", "version:99"]).failed(1);
    assert!(future.contains("lies in the future"), "{future}");
    let position = now["position"].as_str().unwrap();
    let place = format!("position:{position}");
    let asked = ["report", "tickets", "--as-of", &place, "--by", "status_category", "--json"];
    let report = testkit::eventually("the numbers are counted", || async {
        let found = program.run(&asked);
        (found.code == 0).then(|| found.json())
    })
    .await;
    assert_eq!(report["breakdowns"][0]["groups"][0]["value"], "closed");
    assert_eq!((&report["tickets"], &report["known_at"]), (&1.into(), &position.into()));
}
